"""compress-mlir for Python: compile light networks to native libraries, run them, train and export them.

    import compress_mlir
    library = compress_mlir.compile("mnist.onnx", "out")      # needs compress-compile
    logits = compress_mlir.load(library).run({"image": x})["logits"]   # needs NumPy only
    light = compress_mlir.obtain("mnist.onnx", "out", "default: int8") # the same, with light weights

`compress_mlir.nn` has block-circulant layers for PyTorch, `compress_mlir.export` writes them to ONNX.
"""
from .native import CompileError, Library, LibraryError, compile, load
from .light import Obtained, obtain

__all__ = ["CompileError", "Library", "LibraryError", "Obtained", "compile", "load", "obtain"]
