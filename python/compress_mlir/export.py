"""PyTorch models with block-circulant layers to ONNX: each weight is a node of a model-local function.

The file runs in ONNX Runtime as it is, and compress-compile recognises the nodes. docs/LightONNX.md is the contract.
"""
import io
import warnings

import onnx

from .onnx_functions import OPSET, add_functions


def to_onnx(model, sample, path, input_name="input", output_name="output"):
    """Writes `model` in evaluation mode to `path`; `sample` is an input whose leading extent stands for any batch."""
    import torch
    from .nn import BlockCirculantConv2d, BlockCirculantLinear

    is_light = any(isinstance(layer, (BlockCirculantConv2d, BlockCirculantLinear)) for layer in model.modules())
    was_training = model.training
    model.eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch 1.13 knows no shapes of custom ops; their types are set in compress_mlir.nn
        torch.onnx.export(model, sample, buffer, opset_version=OPSET, input_names=[input_name],
                          output_names=[output_name], dynamic_axes={input_name: {0: "batch"}, output_name: {0: "batch"}},
                          custom_opsets={"compress": 1} if is_light else None)
    model.train(was_training)
    onnx_model = add_functions(onnx.load_model_from_string(buffer.getvalue()))
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, str(path))
