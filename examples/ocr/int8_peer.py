"""The network as ONNX Runtime runs it in int8: convolutions as QLinearConv, products with constants as QLinearMatMul, activations in 8
bits by the ranges of calibration lines, weights with a scale for each output; batch normalizations behind convolutions folded first. Files are brought to opset 13."""
import numpy as np
import onnx
from onnx import helper, numpy_helper


class Graph:
    """A model, changed in place: constants as arrays by name, producers and consumers by tensor."""

    def __init__(self, path):
        self.model = onnx.load(str(path))
        self.nodes = list(self.model.graph.node)
        self.constants = {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in self.nodes if n.op_type == "Constant"}

    def users(self, name):
        return [n for n in self.nodes if name in n.input]

    def add(self, name, array):
        self.constants[name] = array
        self.model.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def save(self, path):
        del self.model.graph.node[:]
        self.model.graph.node.extend(self.nodes)
        onnx.save(self.model, str(path))


def fold_batch_normalizations(graph):
    for conv in [n for n in graph.nodes if n.op_type == "Conv"]:
        users = graph.users(conv.output[0])
        if len(users) != 1 or users[0].op_type != "BatchNormalization":
            continue
        scale, bias, mean, variance = (graph.constants[i] for i in users[0].input[1:5])
        epsilon = next((a.f for a in users[0].attribute if a.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        weight = graph.constants[conv.input[1]]
        offset = graph.constants[conv.input[2]] if len(conv.input) > 2 else 0
        conv.input[1] = graph.add(conv.name + ".folded", (weight * factor[:, None, None, None]).astype(np.float32))
        del conv.input[2:]
        conv.input.append(graph.add(conv.name + ".bias", ((offset - mean) * factor + bias).astype(np.float32)))
        conv.output[0] = users[0].output[0]
        graph.nodes.remove(users[0])


def use_opset_13(graph):
    """What are attributes in opset 9 are operands. Softmax, whose meaning has changed too, is along the last dimension here."""
    graph.model.opset_import[0].version = 13
    kinds = {"Slice": (("starts", np.int64), ("ends", np.int64), ("axes", np.int64)), "Squeeze": (("axes", np.int64),),
             "Clip": (("min", np.float32), ("max", np.float32))}
    for node in [n for n in graph.nodes if n.op_type in kinds]:
        values = {a.name: list(a.ints) or a.f for a in node.attribute}
        del node.attribute[:]
        for key, dtype in kinds[node.op_type]:
            node.input.append(graph.add(f"{node.name}.{key}", np.array(values[key], dtype)))


def layers(graph):
    """Convolutions, and products with a constant."""
    return [n for n in graph.nodes if n.op_type == "Conv" or (n.op_type == "MatMul" and n.input[1] in graph.constants)]


def quantize(graph, ranges):
    """Replaces layers; `ranges` has (least, most) of their inputs and outputs."""
    def scale_of(name):
        low, high = min(ranges[name][0], 0), max(ranges[name][1], 0)
        scale = max(high - low, 1e-6) / 255
        return (graph.add(name + ".scale", np.float32(scale).reshape(())),
                graph.add(name + ".zero", np.uint8(np.clip(round(-low / scale), 0, 255)).reshape(())), scale)

    scales = {name: scale_of(name) for name in ranges}
    quantized = {}
    for node in layers(graph):
        x, y, weight = node.input[0], node.output[0], graph.constants[node.input[1]]
        others = tuple(range(1, weight.ndim)) if node.op_type == "Conv" else (0,)
        largest = np.abs(weight).max(others)
        step = np.where(largest > 0, largest, 1).astype(np.float32) / 127
        shape = (-1, 1, 1, 1) if node.op_type == "Conv" else (1, -1)
        codes = np.clip(np.rint(weight / step.reshape(shape)), -127, 127).astype(np.int8)
        at = graph.nodes.index(node)
        new = []
        if x not in quantized:
            quantized[x] = x + ".codes"
            new.append(helper.make_node("QuantizeLinear", [x, *scales[x][:2]], [quantized[x]]))
        operands = [quantized[x], *scales[x][:2], graph.add(node.name + ".w", codes), graph.add(node.name + ".step", step),
                    graph.add(node.name + ".none", np.zeros(step.shape, np.int8)), *scales[y][:2]]
        if node.op_type == "Conv" and len(node.input) > 2:
            bias = np.clip(np.rint(graph.constants[node.input[2]] / (scales[x][2] * step)), -2**31, 2**31 - 128).astype(np.int32)
            operands.append(graph.add(node.name + ".b", bias))
        product = helper.make_node("QLinear" + node.op_type, operands, [y + ".sum"], name=node.name)
        product.attribute.extend(node.attribute)
        new += [product, helper.make_node("DequantizeLinear", [y + ".sum", *scales[y][:2]], [y])]
        graph.nodes[at:at + 1] = new


def make(path, out, session_of, images):
    """Writes the int8 file `out`. `session_of(path, names)` runs a file and returns tensors by name."""
    graph = Graph(path)
    fold_batch_normalizations(graph)
    names = sorted({name for n in layers(graph) for name in (n.input[0], n.output[0])} - {i.name for i in graph.model.graph.input})
    kept = list(graph.model.graph.output)
    graph.model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    graph.save(out)
    run = session_of(out, names)
    ranges = {"x": (float(images.min()), float(images.max()))}
    for image in images:
        for name, value in run({"x": image[None]}).items():
            low, high = ranges.get(name, (0.0, 0.0))
            ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    del graph.model.graph.output[:]
    graph.model.graph.output.extend(kept)
    quantize(graph, ranges)
    graph.save(out)
