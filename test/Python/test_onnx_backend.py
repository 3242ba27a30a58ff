"""The official ONNX backend tests of the ops that the importer takes: compiled libraries against the published outputs.

A model that the compiler refuses counts only if its reason is one that is expected here; everything else must be right.
"""
import pathlib

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import compress_mlir

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
OPS = {"Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "Div", "Dropout", "Flatten",
       "Gather", "Gemm", "GlobalAveragePool", "Identity", "LeakyRelu", "MatMul", "MaxPool", "Mul", "Pad", "Relu", "Reshape",
       "Shape", "Sigmoid", "Softmax", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"}
# What the importer does not promise: other element types, operands that are constants in practice, training.
EXPECTED_REFUSALS = [
    "element type", "no tensor of known rank", "they do not train", "networks do not train", "which is not supported",
    "only elements of a shape", "is a constant or a shape", "arithmetic on bools", "mode '", "indices of the maxima",
    "one or two spatial dimensions", "an extent of 0",
]


def models():
    found = []
    for suite in ("node", "simple", "pytorch-converted", "pytorch-operator"):
        for path in sorted((DATA / suite).glob("*/model.onnx")):
            model = onnx.load(path)
            kinds = {node.op_type for node in model.graph.node}
            opset = max((e.version for e in model.opset_import if e.domain in ("", "ai.onnx")), default=0)
            if kinds and kinds <= OPS and opset >= 7 and (path.parent / "test_data_set_0").exists():
                found.append(path)
    return found


def read(path):
    proto = onnx.TensorProto()
    proto.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(proto)


def with_constant_settings(model, data):
    """The published models pass shapes, axes, pads and bounds as inputs; in networks they are constants."""
    settings = {name for node in model.graph.node if node.op_type in ("Reshape", "Squeeze", "Unsqueeze", "Pad", "Clip")
                for name in node.input[1:] if name}
    for i, value in enumerate(model.graph.input):
        if value.name in settings:
            model.graph.initializer.append(numpy_helper.from_array(read(data / f"input_{i}.pb"), value.name))
    return model


def run(path, folder):
    """None if the outputs are right, otherwise the refusal; a wrong output fails."""
    data = path.parent / "test_data_set_0"
    model = with_constant_settings(onnx.load(path), data)
    folder.mkdir(exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    try:
        library = compress_mlir.load(compress_mlir.compile(folder / "model.onnx", folder))
    except compress_mlir.CompileError as error:
        return str(error)
    constants = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input]
    feeds = {name: read(data / f"input_{i}.pb") for i, name in enumerate(names) if name not in constants}
    results = library.run(feeds)
    for i, value in enumerate(model.graph.output):
        expected = read(data / f"output_{i}.pb")
        assert results[value.name].dtype == expected.dtype
        np.testing.assert_allclose(results[value.name], expected, rtol=1e-3, atol=1e-5, err_msg=str(path))
    return None


def test_there_are_models():
    assert len(models()) > 150, "install libonnx-testdata"


@pytest.mark.parametrize("part", range(8))
def test_outputs_are_those_that_onnx_publishes(part, tmp_path):
    passed, refused, unexpected = 0, {}, {}
    for i, path in enumerate(models()[part::8]):
        refusal = run(path, tmp_path / str(i))
        if refusal is None:
            passed += 1
        elif any(reason in refusal for reason in EXPECTED_REFUSALS):
            refused[path.parent.name] = refusal
        else:
            unexpected[path.parent.name] = refusal
    print(f"{passed} passed, {len(refused)} refused as documented: {sorted(refused)}")
    assert not unexpected, unexpected
    assert passed > len(refused), refused
