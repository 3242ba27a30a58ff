"""Compiles models with compress-compile, and runs the libraries with NumPy. Running needs no MLIR."""
import ctypes
import os
import pathlib
import shutil
import subprocess

import numpy as np

# ONNX TensorProto.DataType, as the libraries number element types.
_DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
_ABI_VERSION = 1
_ALIGNMENT = 64


class CompileError(RuntimeError):
    """compress-compile refused a model; the text is its report."""


class LibraryError(RuntimeError):
    """A library cannot be loaded, or refused a call."""


def _find_compiler():
    given = os.environ.get("COMPRESS_COMPILE")
    if given:
        return given
    build = pathlib.Path(__file__).resolve().parents[2] / "build-dev" / "bin" / "compress-compile"
    found = shutil.which("compress-compile") or (str(build) if build.exists() else None)
    if not found:
        raise CompileError("compress-compile is not on PATH; build it with scripts/quickstart, or set COMPRESS_COMPILE")
    return found


def compile(path, out_dir, name=None, target_cpu=None, expand=False, reference=False, force=None, batch=None,
            max_batch=None, vector_lanes=None, report=None, compress=None, calibration=None,
            drop_dead_channels=False, machine=None, target_triple=None, precision=None, max_error=None, profile=False,
            objective=None, shapes=None, activations=None):
    """Compiles the ONNX or IR file `path` into `out_dir`; returns the path of the shared library.

    The options are those of `compress-compile --help`; `target_cpu` is one name, or several separated by commas; `shapes` is a dict
    of inputs, such as {"x": (None, 3, 48, 320)}, where None is the batch. Raises CompileError with the compiler's report.
    """
    path = pathlib.Path(path)
    if name is None:
        name = "".join(c if c.isalnum() or c == "_" else "_" for c in path.stem)
        name = name if name and not name[0].isdigit() else "model_" + name
    command = [_find_compiler(), str(path), "-o", str(out_dir), "--name", name, "--quiet"]
    command += ["--expand"] * expand + ["--reference"] * reference + ["--drop-dead-channels"] * drop_dead_channels
    command += ["--profile"] * profile
    for option, value in (("--target-cpu", target_cpu), ("--target-triple", target_triple), ("--force", force),
                          ("--batch", batch), ("--max-batch", max_batch), ("--vector-lanes", vector_lanes),
                          ("--report", report), ("--compress", compress), ("--calibration", calibration),
                          ("--machine", machine), ("--objective", objective), ("--precision", precision),
                          ("--max-error", max_error), ("--activations", activations)):
        command += [option, str(value)] if value is not None else []
    for tensor, shape in (shapes or {}).items():
        command += ["--shape", f"{tensor}=" + "x".join("?" if extent is None else str(extent) for extent in shape)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode != 0:
        raise CompileError(done.stderr.strip() or f"compress-compile ended with status {done.returncode}")
    return pathlib.Path(out_dir) / f"lib{name}.so"


class _TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64))]


class Tensor:
    """An input or output: `name`, `dtype` (NumPy) and `shape`, where None is the batch."""

    def __init__(self, info):
        self.name = info.name.decode()
        self.dtype = np.dtype(_DTYPES[info.dtype])
        self.shape = tuple(None if info.dims[i] < 0 else info.dims[i] for i in range(info.rank))

    def __repr__(self):
        return f"{self.name}: {self.dtype} {list(self.shape)}"


class Library:
    """A compiled network. `inputs` and `outputs` are lists of Tensor. Threads may share it."""

    def __init__(self, path):
        path = pathlib.Path(path)
        if not (path.name.startswith("lib") and path.suffix == ".so"):
            raise LibraryError(f"'{path}' is not named lib<name>.so")
        self.name = path.name[3:-3]
        try:
            self._library = ctypes.CDLL(str(path.resolve()))
        except OSError as error:
            raise LibraryError(f"cannot load the library: {error}") from None
        version = self._function("abi_version", ctypes.c_int32)()
        if version != _ABI_VERSION:
            raise LibraryError(f"'{path}' has ABI version {version}, but this package knows {_ABI_VERSION}")
        self._workspace_bytes = self._function("workspace_bytes", ctypes.c_size_t, ctypes.c_int64)
        self._error = self._function("error", ctypes.c_char_p, ctypes.c_int)
        self.inputs, self.outputs = self._tensors("inputs"), self._tensors("outputs")
        pointers = [ctypes.c_void_p] * (len(self.inputs) + len(self.outputs) + 1)
        self._run = self._function("run", ctypes.c_int, ctypes.c_int64, *pointers)

    def _function(self, suffix, result, *arguments):
        try:
            function = getattr(self._library, f"{self.name}_{suffix}")
        except AttributeError:
            raise LibraryError(f"lib{self.name}.so has no function {self.name}_{suffix}; "
                               "was it made by compress-compile, and not renamed?") from None
        function.restype, function.argtypes = result, list(arguments)
        return function

    def _tensors(self, suffix):
        count = ctypes.c_size_t()
        rows = self._function(suffix, ctypes.POINTER(_TensorInfo), ctypes.POINTER(ctypes.c_size_t))(ctypes.byref(count))
        return [Tensor(rows[i]) for i in range(count.value)]

    def workspace_bytes(self, batch):
        """Bytes of scratch memory that `run` needs for `batch` samples."""
        return self._workspace_bytes(batch)

    def _check(self, tensor, value):
        value = np.asarray(value)
        if value.dtype != tensor.dtype:
            raise TypeError(f"input '{tensor.name}' expects {tensor.dtype}, but got {value.dtype}")
        fits = value.ndim == len(tensor.shape) and all(e in (None, g) for e, g in zip(tensor.shape, value.shape))
        if not fits:
            raise ValueError(f"input '{tensor.name}' expects shape {list(tensor.shape)}, but got {list(value.shape)}")
        return np.ascontiguousarray(value)

    def run(self, feeds):
        """Computes the outputs, a dict of arrays by name, of `feeds`, a dict of arrays by name."""
        names = [tensor.name for tensor in self.inputs]
        if set(feeds) != set(names):
            raise KeyError(f"expects inputs {names}, but got {sorted(feeds)}")
        arrays = [self._check(tensor, feeds[tensor.name]) for tensor in self.inputs]
        batches = {a.shape[0] for a, t in zip(arrays, self.inputs) if t.shape and t.shape[0] is None}
        if len(batches) > 1:
            raise ValueError(f"the inputs have different batches: {sorted(batches)}")
        batch = batches.pop() if batches else (arrays[0].shape[0] if arrays and arrays[0].ndim else 1)
        results = [np.empty([batch if e is None else e for e in t.shape], t.dtype) for t in self.outputs]
        room = np.empty(self.workspace_bytes(batch) + _ALIGNMENT, np.uint8)
        workspace = -(-room.ctypes.data // _ALIGNMENT) * _ALIGNMENT
        code = self._run(batch, *(a.ctypes.data for a in arrays), *(r.ctypes.data for r in results), workspace)
        if code != 0:
            raise LibraryError(f"{self.name}_run: {self._error(code).decode()}")
        return {tensor.name: result for tensor, result in zip(self.outputs, results)}


def load(path):
    """Loads a library that `compile` made."""
    return Library(path)
