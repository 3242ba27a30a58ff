"""The peers: where their libraries are, and the ONNX files that they run. They come by scripts/fetch-peers."""
import ctypes.util
import os
import pathlib

import numpy as np
from onnx import TensorProto, helper

from . import models

PEERS = pathlib.Path(__file__).resolve().parents[1] / "data" / "peers"
ORT = ("ort-fp32", "ort-int8", "ort-int4")
OURS_DENSE = {"ours-dense-f32": "", "ours-dense-bf16": "bf16", "ours-dense-int8": "i8"}
NAMES = (*ORT, "fftw", *OURS_DENSE)


def runtime(peer):
    """The library that a peer runs in, or None; ORT_LIB and FFTW_LIB say others."""
    variable, name = ("FFTW_LIB", "libfftw3f.so.3") if peer == "fftw" else ("ORT_LIB", "libonnxruntime.so.1")
    if os.environ.get(variable):
        return os.environ[variable]
    if (PEERS / name).exists():
        return str(PEERS / name)
    return name if peer == "fftw" and ctypes.util.find_library("fftw3f") else None


def multiplies_bytes_exactly():
    """False where ONNX Runtime adds pairs of byte products in 16 bits, which saturate: on x86-64 without VNNI."""
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    return not {"avx2", "sse4_1"} & set(flags) or bool({"avx512_vnni", "avx_vnni"} & set(flags))


def write(peer, network, path):
    """Writes the ONNX file of a peer in ONNX Runtime; returns its path. Raises ValueError if the peer has no such operation."""
    if peer == "ort-fp32" and hasattr(network, "write_dense"):
        return network.write_dense(path)
    if not isinstance(network, models.Network):
        raise ValueError(f"{peer} has no network for {network.case.kind}")
    if peer == "ort-int8" and network.case.channels_last:
        return write_byte_conv(network, path)
    if peer == "ort-int8":
        return write_int8_conv(network, path) if network.case.height else write_int8_fc(network, path)
    if network.case.height:
        raise ValueError("ONNX Runtime has no int4 convolution")
    return write_int4(network, path)


def quantize_rows(weight):
    """(int8 codes, scales): symmetric, one scale per output."""
    scales = np.abs(weight).reshape(len(weight), -1).max(1) / 127
    scales = np.where(scales > 0, scales, 1).astype(np.float32)
    codes = np.rint(weight / scales.reshape((-1,) + (1,) * (weight.ndim - 1)))
    return codes.astype(np.int8), scales


def stack(network, path, layer, domains=()):
    """A file of the network's layers: `layer(nodes, constants, i, weight, x, y)` adds one of them."""
    nodes, constants, value = [], {}, "x"
    for i, weight in enumerate(network.dense_weights()):
        result = "y" if i == network.case.depth - 1 else f"z{i}"
        layer(nodes, constants, i, weight, value, result)
        if result != "y":
            nodes.append(helper.make_node("Relu", [result], [f"a{i}"]))
            value = f"a{i}"
    return models.save_model(path, nodes, network.input_shape, network.output_shape, constants, domains)


def write_int8_fc(network, path):
    """Dynamic quantization, in the nodes that ONNX Runtime fuses to one: what quantize_dynamic writes, a scale per output."""
    def layer(nodes, constants, i, weight, x, y):
        codes, scales = quantize_rows(weight)
        constants.update({f"w{i}": codes.T, f"s{i}": scales})
        nodes += [helper.make_node("DynamicQuantizeLinear", [x], [f"q{i}", f"qs{i}", f"qz{i}"]),
                  helper.make_node("MatMulInteger", [f"q{i}", f"w{i}", f"qz{i}"], [f"i{i}"]),
                  helper.make_node("Cast", [f"i{i}"], [f"f{i}"], to=TensorProto.FLOAT),
                  helper.make_node("Mul", [f"qs{i}", f"s{i}"], [f"qss{i}"]),
                  helper.make_node("Mul", [f"f{i}", f"qss{i}"], [y])]
    return stack(network, path, layer)


def quantized_conv(network, x_scale, y_scale):
    """(QLinearConv from xq to yq, its constants); zero points of activations are 128."""
    codes, scales = quantize_rows(next(iter(network.dense_weights())))
    middle = np.uint8(128)
    constants = {"xs": np.float32(x_scale), "xz": middle, "w": codes, "ws": scales, "wz": np.zeros(len(codes), np.int8),
                 "ys": np.float32(y_scale), "yz": middle}
    node = helper.make_node("QLinearConv", ["xq", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["yq"], **network.conv_attributes())
    return node, {name: np.asarray(value) for name, value in constants.items()}


def write_int8_conv(network, path):
    """QuantizeLinear, QLinearConv, DequantizeLinear; ranges are those of the inputs and of one exact output."""
    inputs = network.inputs()
    exact = models.Evaluator(network.write_dense(path.with_suffix(".dense.onnx")))(inputs[0])
    conv, constants = quantized_conv(network, np.abs(inputs).max() / 127, np.abs(exact).max() * 1.05 / 127)
    nodes = [helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]), conv,
             helper.make_node("DequantizeLinear", ["yq", "ys", "yz"], ["y"])]
    return models.save_model(path, nodes, network.input_shape, network.output_shape, constants)


def write_byte_conv(network, path):
    """QLinearConv between transposes, as ONNX has channels first only; ONNX Runtime, whose own operator has them last, takes both out."""
    conv, constants = quantized_conv(network, network.x_scale, network.y_scale)
    nodes = [helper.make_node("Transpose", ["x"], ["xq"], perm=network.first), conv,
             helper.make_node("Transpose", ["yq"], ["y"], perm=network.last)]
    shapes = map(network.port_shape, (network.input_shape, network.output_shape))
    return models.save_model(path, nodes, *shapes, constants, kind=TensorProto.UINT8)


def write_int4(network, path):
    """com.microsoft.MatMulNBits: blocks of 32 columns, symmetric about code 8, int8 arithmetic (accuracy_level 4)."""
    def layer(nodes, constants, i, weight, x, y):
        rows, cols = weight.shape
        codes, scales = models.quantize_blocks(weight)
        codes = (codes + 8).astype(np.uint8)
        constants.update({f"w{i}": codes[:, :, ::2] | codes[:, :, 1::2] << 4, f"s{i}": scales.reshape(-1)})
        nodes.append(helper.make_node("MatMulNBits", [x, f"w{i}", f"s{i}"], [y], domain="com.microsoft", K=cols, N=rows, bits=4,
                                      block_size=models.INT4_BLOCK, accuracy_level=4))
    return stack(network, path, layer, ["com.microsoft"])
