"""PyTorch models with light layers to ONNX: each light weight is made by nodes of model-local functions, from what is stored.

The file runs in ONNX Runtime as it is, and compress-compile recognises the nodes. docs/LightONNX.md is the contract.
"""
import copy
import io
import warnings

import numpy as np
import onnx

from .onnx_functions import OPSET, LightWeights, add_functions


def to_onnx(model, sample, path, input_name="input", output_name="output"):
    """Writes `model` in evaluation mode to `path`; `sample` is an input whose leading extent stands for any batch.

    Weights that have a form of compress_mlir.forms become its codes; biases of these layers are stored in f16.
    """
    import torch
    from .forms import form_of
    from .nn import BlockCirculantConv2d, BlockCirculantLinear

    plain = _without_forms(model).eval()
    is_light = any(isinstance(layer, (BlockCirculantConv2d, BlockCirculantLinear)) for layer in plain.modules())
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch 1.13 knows no shapes of custom ops; their types are set in compress_mlir.nn
        torch.onnx.export(plain, sample, buffer, opset_version=OPSET, input_names=[input_name],
                          output_names=[output_name], dynamic_axes={input_name: {0: "batch"}, output_name: {0: "batch"}},
                          custom_opsets={"compress": 1} if is_light else None)
    onnx_model = onnx.load_model_from_string(buffer.getvalue())
    weights = LightWeights(onnx_model.graph)
    for name, layer in model.named_modules():
        if form_of(layer) is not None:
            _store_codes(weights, name, layer)
    weights.finish()
    add_functions(onnx_model)
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, str(path))


def _without_forms(model):
    """A copy of the model whose weights are plain tensors of the same values."""
    import torch
    from torch.nn.utils import parametrize
    plain = copy.deepcopy(model)
    for layer in list(plain.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            # A copy shares its class with the model: parametrize.remove_parametrizations would change the model too.
            weight = layer.weight.detach()
            layer.__class__ = parametrize.type_before_parametrizations(layer)
            del layer._modules["parametrizations"]
            layer.weight = torch.nn.Parameter(weight)
    return plain


def _store_codes(weights, name, layer):
    """The codes of a layer's form in place of its weight, and its bias in f16."""
    from .forms import Spectrum, form_of, originals
    form, weight = form_of(layer), name + ".weight"
    made = form.nodes(weights, weight + "_light", *originals(layer))
    for node in weights.graph.node:
        if node.op_type == "Circulant" and node.input[0] == weight and isinstance(form, Spectrum):
            node.op_type = "CirculantSpectrum"
    weights.replace(weight, made)
    if layer.bias is not None:
        weights.replace(name + ".bias", weights.tensor(name + ".bias_light", layer.bias.detach().numpy().astype(np.float16)))
