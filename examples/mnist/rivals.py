"""What ONNX Runtime offers for the same topology: a dense network's file in int8 (QLinearConv and QGemm between bytes, ranges of calibration images,
weights with a scale per output) and in int4 (MatMulNBits in groups of 32 for matrices; it has no int4 convolution).

Networks are chains of Conv, Gemm, Relu, MaxPool and Flatten, as examples/mnist trains them; others are refused.
"""
import numpy as np
import onnx
from onnx import helper, numpy_helper

GROUP = 32
LAYERS = ("Conv", "Gemm")
MICROSOFT = "com.microsoft"


class Chain:
    """The nodes of a dense network's file, and its constants."""

    def __init__(self, path):
        self.model = onnx.load(str(path))
        self.nodes = list(self.model.graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}
        self.input, self.output = self.model.graph.input[0].name, self.model.graph.output[0].name
        for before, node in zip([None] + self.nodes, self.nodes):
            follows = node.input[0] == (before.output[0] if before else self.input)
            if node.op_type not in (*LAYERS, "Relu", "MaxPool", "Flatten") or not follows:
                raise ValueError(f"'{path}' is no chain of layers: {node.op_type} '{node.name}'")

    def save(self, path, nodes, constants):
        graph = self.model.graph
        del graph.node[:], graph.initializer[:]
        graph.node.extend(nodes)
        graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items())
        self.model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
        onnx.save(self.model, str(path))
        return path


def ranges(path, session_of, images, folder):
    """The largest magnitude of the input, and the largest value of each layer's output, on `images`. `session_of(path, names)` opens a file
    whose `run(feeds)` gives tensors by name."""
    model = onnx.load(str(path))
    names = [node.output[0] for node in model.graph.node if node.op_type in LAYERS]
    kept = {value.name for value in model.graph.output}
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names if name not in kept)
    watched = folder / f"{path.stem}.watched.onnx"
    onnx.save(model, str(watched))
    values = session_of(watched, names).run({model.graph.input[0].name: images})
    return float(np.abs(images).max()), {name: (float(value.min()), float(value.max())) for name, value in values.items()}


def write_int8(path, out, session_of, images):
    """Writes the int8 file of the dense network `path`; `images` calibrate it. All between the first rounding and the last is bytes: behind a
    ReLU the least byte is 0, so that rounding to bytes is the ReLU, also where pooling lies between."""
    chain = Chain(path)
    largest, found = ranges(path, session_of, images, out.parent)
    constants = {"x.scale": np.float32(largest / 127), "x.zero": np.uint8(128)}
    nodes = [helper.make_node("QuantizeLinear", [chain.input, "x.scale", "x.zero"], ["x.codes"])]
    value, scale = "x.codes", "x"
    for i, node in enumerate(chain.nodes):
        if node.op_type == "Relu":
            continue
        if node.op_type not in LAYERS:
            nodes.append(helper.make_node(node.op_type, [value], [f"{i}.codes"]))
            nodes[-1].attribute.extend(node.attribute)
            value = f"{i}.codes"
            continue
        low, high = found[node.output[0]]
        relu = any(later.op_type == "Relu" for later in chain.nodes[i:])
        least = 0.0 if relu else min(low, 0.0)
        step = np.float32(max(high - least, 1e-6) / 255)
        weight, bias = (chain.constants[name] for name in node.input[1:3])
        each = np.maximum(np.abs(weight).reshape(len(weight), -1).max(1), 1e-12).astype(np.float32) / 127
        codes = np.rint(weight / each.reshape((-1,) + (1,) * (weight.ndim - 1))).astype(np.int8)
        constants.update({f"{i}.w": codes, f"{i}.ws": each, f"{i}.wz": np.zeros(len(each), np.int8), f"{i}.scale": step,
                          f"{i}.zero": np.uint8(round(-least / step)),
                          f"{i}.b": np.rint(bias / (constants[scale + ".scale"] * each)).astype(np.int32)})
        operands = [value, scale + ".scale", scale + ".zero", f"{i}.w", f"{i}.ws", f"{i}.wz"]
        if node.op_type == "Conv":
            nodes.append(helper.make_node("QLinearConv", operands + [f"{i}.scale", f"{i}.zero", f"{i}.b"], [f"{i}.codes"]))
            nodes[-1].attribute.extend(node.attribute)
        else:
            nodes.append(helper.make_node("QGemm", operands + [f"{i}.b", f"{i}.scale", f"{i}.zero"], [f"{i}.codes"], domain=MICROSOFT,
                                          transB=1))
        value, scale = f"{i}.codes", str(i)
    nodes.append(helper.make_node("DequantizeLinear", [value, scale + ".scale", scale + ".zero"], [chain.output]))
    return chain.save(out, nodes, constants)


def write_int4(path, out):
    """Writes the file whose matrices are in int4, with scales of 32 inputs; convolutions stay as they are."""
    chain = Chain(path)
    constants, nodes = dict(chain.constants), []
    for i, node in enumerate(chain.nodes):
        if node.op_type != "Gemm":
            nodes.append(node)
            continue
        weight = constants.pop(node.input[1])
        rows, cols = weight.shape
        blocks = -(-cols // GROUP)
        padded = np.pad(weight, ((0, 0), (0, blocks * GROUP - cols))).reshape(rows, blocks, GROUP)
        scales = np.maximum(np.abs(padded).max(2), 1e-12).astype(np.float32) / 7
        codes = (np.clip(np.rint(padded / scales[..., None]), -8, 7) + 8).astype(np.uint8)
        constants.update({f"{i}.w": codes[:, :, ::2] | codes[:, :, 1::2] << 4, f"{i}.s": scales.reshape(-1)})
        nodes.append(helper.make_node("MatMulNBits", [node.input[0], f"{i}.w", f"{i}.s"], [f"{i}.product"], domain=MICROSOFT, K=cols, N=rows,
                                      bits=4, block_size=GROUP, accuracy_level=4))
        nodes.append(helper.make_node("Add", [f"{i}.product", node.input[2]], list(node.output)))
    return chain.save(out, nodes, constants)
