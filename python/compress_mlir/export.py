"""PyTorch models with block-circulant layers to ONNX: each weight is a node of one model-local function.

The file runs in ONNX Runtime as it is, and compress-compile recognises the nodes. docs/CirculantONNX.md is the contract.
"""
import io
import warnings

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 15


def circulant_function():
    """The function compress.Circulant in standard ops of opset 15; its size does not grow with the matrix.

    W[i*k + r, j*k + s, ...] = c[i, j, (r - s) mod k, ...], cropped to rows x cols.
    """
    nodes = []

    def op(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def ints(name, values):
        return op("Constant", [], name, value=numpy_helper.from_array(np.asarray(values, np.int64), name))

    def attribute_value(name):
        node = helper.make_node("Constant", [], [name + "_value"])
        reference = onnx.AttributeProto(name="value_int", ref_attr_name=name, type=onnx.AttributeProto.INT)
        node.attribute.append(reference)
        nodes.append(node)
        return op("Unsqueeze", [name + "_value", "first"], name)

    for name, values in (("first", [0]), ("second", [1]), ("third", [2]), ("fourth", [3]), ("rest", [-1]),
                         ("end", [2**31 - 1]), ("zero", 0), ("one", 1)):
        ints(name, values)
    op("Shape", ["c"], "shape")
    p, q, k = (op("Gather", ["shape", at], name) for at, name in (("first", "p"), ("second", "q"), ("third", "k")))
    taps = op("Slice", ["shape", "fourth", "end", "first"], "taps")
    # (r - s) mod k as a k x k table, computed in the function.
    steps = op("Range", ["zero", op("Squeeze", [k], "k_scalar"), "one"], "steps")
    rows_of_block = op("Unsqueeze", [steps, "second"], "r")
    columns_of_block = op("Unsqueeze", [steps, "first"], "s")
    index = op("Mod", [op("Sub", [rows_of_block, columns_of_block], "difference"), "k_scalar"], "index")
    blocks = op("Gather", ["c", index], "blocks", axis=2)  # p q r s taps
    flat = op("Reshape", [blocks, op("Concat", [p, q, k, k, "rest"], "flat_shape", axis=0)], "flat")
    matrix = op("Transpose", [flat], "matrix", perm=[0, 2, 1, 3, 4])  # p r q s T
    whole_shape = op("Concat", [op("Mul", [p, k], "all_rows"), op("Mul", [q, k], "all_cols"), taps], "whole_shape", axis=0)
    whole = op("Reshape", [matrix, whole_shape], "whole")
    ends = op("Concat", [attribute_value("rows"), attribute_value("cols")], "ends", axis=0)
    op("Slice", [whole, ints("starts", [0, 0]), ends, ints("axes", [0, 1])], "w")
    return helper.make_function("compress", "Circulant", ["c"], ["w"], nodes, [helper.make_opsetid("", OPSET)],
                                ["rows", "cols"])


def add_circulant_function(model):
    """Gives an ONNX model the function that its nodes of domain `compress` call."""
    uses = any(node.domain == "compress" for node in model.graph.node)
    domains = [entry for entry in model.opset_import if entry.domain != "compress"]
    del model.opset_import[:]
    model.opset_import.extend(domains)
    if uses:
        model.opset_import.append(helper.make_opsetid("compress", 1))
        model.functions.append(circulant_function())
    model.ir_version = max(model.ir_version, 8)
    return model


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
    onnx_model = add_circulant_function(onnx.load_model_from_string(buffer.getvalue()))
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, str(path))
