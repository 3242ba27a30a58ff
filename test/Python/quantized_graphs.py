"""Random graphs of quantized ops, and what ONNX says that they compute: integers exactly, floats in double or in the order of the file."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INT4 = 22  # the onnx package is older than the type
OPSETS = {"weights": 21}
# ONNX Runtime rounds the activations of products with such weights to 8 bits, unless it is told to leave them.
ORT_OPTIMIZATIONS = {"weights": 1}


# What the ops mean ---------------------------------------------------------------------------------------------------------------

def saturated(numbers, dtype):
    """Rounded floats (float32 or wider) as integers."""
    limits = np.iinfo(dtype)
    return np.clip(numbers, limits.min, limits.max).astype(dtype)


def along(values, axis, rank):
    """One number, or one per entry of `axis`, so that it broadcasts."""
    values = np.asarray(values)
    return values.reshape(()) if values.size == 1 else values.reshape([-1 if d == axis else 1 for d in range(rank)])


def windows(x, w, fill, pads, strides, dilations):
    """x around each place of a convolution: sample, channel, places…, taps…."""
    spatial = w.ndim - 2
    padded = np.pad(x, [(0, 0), (0, 0)] + list(zip(pads[:spatial], pads[spatial:])), constant_values=fill)
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilations)]
    view = np.lib.stride_tricks.sliding_window_view(padded, reach, tuple(range(2, 2 + spatial)))
    return view[(slice(None),) * 2 + tuple(slice(None, None, s) for s in strides) + tuple(slice(None, None, d) for d in dilations)]


def convolved(x, w, wide, group=1, pads=None, strides=None, dilations=None, **_):
    """The convolution of numbers, summed in `wide`."""
    spatial = w.ndim - 2
    view = windows(x, w, 0, pads or [0] * 2 * spatial, strides or [1] * spatial, dilations or [1] * spatial).astype(wide)
    parts = []
    for xs, ws in zip(np.split(view, group, 1), np.split(w.astype(wide), group, 0)):
        taps = tuple(range(xs.ndim - spatial, xs.ndim))
        parts.append(np.moveaxis(np.tensordot(xs, ws, ((1,) + taps, tuple(range(1, ws.ndim)))), -1, 1))
    return np.concatenate(parts, 1)


def wrapped(sums):
    return sums.astype(np.int64).astype(np.int32)


def minus(codes, zero, axis):
    return codes.astype(np.int64) - along(0 if zero is None else zero, axis, codes.ndim).astype(np.int64)


class Ops:
    """A method per op, by its name; operands that are not given are None."""

    def QuantizeLinear(self, x, scale, zero=None, axis=1):
        zero = np.uint8(0) if zero is None else zero
        ratio = np.rint(x.astype(np.float32) / along(scale, axis, x.ndim))
        return saturated(ratio.astype(np.float64) + along(zero, axis, x.ndim).astype(np.float64), zero.dtype)

    def DequantizeLinear(self, x, scale, zero=None, axis=1, block_size=0):
        if block_size:
            scale, zero = (np.repeat(v, block_size, axis).take(range(x.shape[axis]), axis) for v in (scale, np.zeros_like(scale) if zero is None else zero))
            return (x - zero.astype(np.int64)).astype(np.float32) * scale
        return minus(x, zero, axis).astype(np.float32) * along(scale, axis, x.ndim)

    def DynamicQuantizeLinear(self, x):
        low, high = min(np.float32(0), x.min()), max(np.float32(0), x.max())
        scale = np.float32(1) if low == high else (high - low) / np.float32(255)
        zero = saturated(np.rint(-low / scale), np.uint8)
        return self.QuantizeLinear(x, scale, zero), scale, zero

    def MatMulInteger(self, a, b, a_zero=None, b_zero=None):
        return wrapped(minus(a, a_zero, -1) @ minus(b, b_zero, b.ndim - 1))

    def ConvInteger(self, x, w, x_zero=None, w_zero=None, **attributes):
        return wrapped(convolved(minus(x, x_zero, -1), minus(w, w_zero, 0), np.int64, **attributes))

    def _requantized(self, sums, multiplier, zero, axis):
        numbers = np.rint(sums.astype(np.float32) * along(multiplier, axis, sums.ndim)).astype(np.float64)
        return saturated(numbers + float(zero), zero.dtype)

    def QLinearMatMul(self, a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
        sums = self.MatMulInteger(a, b, a_zero, b_zero)
        return self._requantized(sums, a_scale * b_scale / y_scale, y_zero, sums.ndim - 1)

    def QLinearConv(self, x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias=None, **attributes):
        sums = self.ConvInteger(x, w, x_zero, w_zero, **attributes)
        if bias is not None:
            sums = sums + bias.reshape([-1] + [1] * (w.ndim - 2))
        return self._requantized(sums, x_scale * w_scale / y_scale, y_zero, 1)

    def QGemm(self, a, a_scale, a_zero, b, b_scale, b_zero, c=None, y_scale=None, y_zero=None, transB=0, alpha=1.0):
        sums = wrapped(minus(a, a_zero, -1) @ minus(b.T if transB else b, b_zero, 1))
        sums = sums if c is None else sums + c
        scale = np.float32(alpha) * a_scale * b_scale
        return sums.astype(np.float32) * scale if y_scale is None else self._requantized(sums, scale / y_scale, y_zero, 1)

    def MatMulIntegerToFloat(self, a, b, a_scale, b_scale, a_zero=None, b_zero=None, bias=None):
        y = self.MatMulInteger(a, b, a_zero, b_zero).astype(np.float32) * (a_scale * b_scale)
        return y if bias is None else y + bias

    def DynamicQuantizeMatMul(self, x, b, b_scale, b_zero=None, bias=None):
        codes, scale, zero = self.DynamicQuantizeLinear(x)
        return self.MatMulIntegerToFloat(codes, b, scale, b_scale, zero, b_zero, bias)

    def MatMulNBits(self, x, packed, scales, zeros=None, _=None, bias=None, N=0, K=0, bits=4, block_size=32, **__):
        blocks = -(-K // block_size)

        def unpack(values, count):
            rows = np.asarray(values).reshape(N, -1)
            codes = np.stack([rows & 15, rows >> 4], -1).reshape(N, -1) if bits == 4 else rows
            return codes[:, :count].astype(np.float64)
        codes = unpack(packed, blocks * block_size)[:, :K]
        middle = np.full((N, blocks), float(1 << (bits - 1))) if zeros is None else unpack(zeros, blocks)
        spread = [np.repeat(v, block_size, 1)[:, :K] for v in (middle, scales.reshape(N, blocks).astype(np.float64))]
        y = x.astype(np.float64) @ ((codes - spread[0]) * spread[1]).T
        return y if bias is None else y + bias

    def MatMul(self, a, b):
        return a.astype(np.float64) @ b.astype(np.float64)

    def Gemm(self, a, b, c=0.0, transB=0, **_):
        return a.astype(np.float64) @ (b.T if transB else b).astype(np.float64) + c

    def Conv(self, x, w, bias=None, **attributes):
        y = convolved(x, w, np.float64, **attributes)
        return y if bias is None else y + bias.reshape([-1] + [1] * (w.ndim - 2))

    def MaxPool(self, x, kernel_shape, strides=None, pads=None, dilations=None):
        lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
        rank = len(kernel_shape)
        view = windows(x, np.empty((0, 0, *kernel_shape)), lowest, pads or [0] * 2 * rank, strides or [1] * rank, dilations or [1] * rank)
        return view.max(tuple(range(-rank, 0)))

    def Cast(self, x, to):
        return x.astype(helper.mapping.TENSOR_TYPE_TO_NP_TYPE[to])

    def Mul(self, a, b):
        return a * b

    def Add(self, a, b):
        return a + b

    def Relu(self, x):
        return np.maximum(x, 0)

    def Reshape(self, x, shape):
        return x.reshape(shape)

    def Transpose(self, x, perm):
        return x.transpose(perm)


def constant_of(tensor):
    if tensor.data_type != INT4:
        return numpy_helper.to_array(tensor)
    raw = np.frombuffer(tensor.raw_data, np.uint8)
    codes = np.stack([raw & 15, raw >> 4], -1).reshape(-1)[:int(np.prod(tensor.dims))].astype(np.int8)
    return np.where(codes > 7, codes - 16, codes).astype(np.int8).reshape(tensor.dims)


def evaluate(model, feeds):
    """Every value of a graph, by name."""
    values = {**feeds, **{t.name: constant_of(t) for t in model.graph.initializer}}
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        results = getattr(Ops(), node.op_type)(*(values[n] if n else None for n in node.input), **attributes)
        results = results if isinstance(results, tuple) else (results,)
        values.update(zip(node.output, results))
    return values


# Random graphs -------------------------------------------------------------------------------------------------------------------

class Graphs:
    """Some graphs in one model; names start with the graph's number. `steps` has, for each output, how far it may be off."""

    def __init__(self, rng, opset=15):
        self.rng, self.opset = rng, opset
        self.nodes, self.inputs, self.outputs, self.constants, self.feeds, self.steps = [], [], [], [], {}, {}
        self.count = 0

    def name(self, text):
        return f"g{self.count}_{text}"

    def node(self, op, inputs, results, domain="", **attributes):
        self.nodes.append(helper.make_node(op, [self.name(i) if i else "" for i in inputs], [self.name(r) for r in results],
                                           name=self.name(op + "_" + results[0]), domain=domain, **attributes))

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), self.name(name)))

    def int4(self, name, codes):
        flat = np.append(codes.reshape(-1), np.zeros(codes.size % 2, np.int8)).astype(np.uint8) & 15
        self.constants.append(TensorProto(name=self.name(name), data_type=INT4, dims=codes.shape,
                                          raw_data=(flat[::2] | flat[1::2] << 4).tobytes()))

    def input(self, name, value):
        value = np.asarray(value)
        self.feeds[self.name(name)] = value
        self.inputs.append(helper.make_tensor_value_info(self.name(name), helper.mapping.NP_TYPE_TO_TENSOR_TYPE[value.dtype], value.shape))

    def output(self, name, dtype, step):
        """`step` 0: exactly; a number: by one step of a quantized result; "float": by rounding."""
        self.outputs.append(helper.make_tensor_value_info(self.name(name), helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)], None))
        self.steps[self.name(name)] = step

    def model(self):
        graph = helper.make_graph(self.nodes, "g", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)])
        model.ir_version = 10 if self.opset > 17 else 8
        return model

    # Draws -----------------------------------------------------------------------------------------------------------------------

    def pick(self, *values):
        return values[self.rng.integers(len(values))]

    def integers(self, dtype, *shape):
        limits = np.iinfo(dtype)
        return self.rng.integers(limits.min, limits.max + 1, shape).astype(dtype)

    def scale(self, *shape):
        return (0.001 + 0.05 * self.rng.random(shape)).astype(np.float32)

    def floats(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def result_scale(self, terms, x_scale, w_scale):
        """So that sums of random codes fill the range, and some saturate."""
        return np.float32(x_scale * np.mean(w_scale) * 5500 * np.sqrt(terms) / 45)

    def weights(self, shape, axis, zero=None, per_channel=None):
        """(codes, scales, zero points) of weights; axis numbers the results."""
        dtype = self.pick(np.int8, np.uint8)
        channels = shape[axis] if (self.pick(False, True) if per_channel is None else per_channel) else 0
        zeros = np.asarray(self.integers(dtype, *([channels] if channels else []))) if zero is None else \
            np.full([channels] if channels else [], zero + (128 if dtype == np.uint8 else 0), dtype)
        return self.integers(dtype, *shape), self.scale(*([channels] if channels else [])), zeros

    def conv(self):
        """(shape of x, shape of w, attributes)."""
        rank, group = self.pick(1, 2, 2, 2), self.pick(1, 1, 2, 4)
        channels, filters = group * self.pick(1, 2, 3), group * self.pick(1, 3, 4)
        taps = [self.pick(1, 2, 3) for _ in range(rank)]
        attributes = dict(group=group, strides=[self.pick(1, 2) for _ in range(rank)], dilations=[self.pick(1, 1, 2) for _ in range(rank)],
                          pads=[int(self.rng.integers(0, 2)) for _ in range(2 * rank)], kernel_shape=taps)
        return (self.pick(1, 2), channels, *(self.pick(7, 9, 14, 18) for _ in range(rank))), (filters, channels // group, *taps), attributes


K = (3, 31, 33, 16, 64)
N = (1, 5, 8, 24, 33)


def matmul_integer(g):
    """Sums of 32 bits: weights of both signs, zero points in them, a stack of matrices."""
    k, n, x = g.pick(*K), g.pick(*N), g.pick(np.int8, np.uint8)
    w, _, zero = g.weights([k, n], 1)
    g.input("x", g.integers(x, *g.pick([3, k], [1, k], [2, 3, k])))
    g.constant("w", w)
    g.constant("xz", g.integers(x))
    g.constant("wz", zero)
    g.node("MatMulInteger", ["x", "w", g.pick("xz", ""), g.pick("wz", "")], ["y"])
    g.output("y", np.int32, 0)


def conv_integer(g):
    x_shape, w_shape, attributes = g.conv()
    w, _, zero = g.weights(w_shape, 0, zero=None, per_channel=False)
    g.input("x", g.integers(np.uint8, *x_shape))
    g.constant("w", w)
    g.constant("xz", g.integers(np.uint8))
    g.constant("wz", zero)
    g.node("ConvInteger", ["x", "w", "xz", g.pick("wz", "")], ["y"], **attributes)
    g.output("y", np.int32, 0)


def dynamic(g):
    """What quantize_dynamic makes of a MatMul."""
    k, n = g.pick(*K), g.pick(*N)
    w, scale, zero = g.weights([k, n], 1, zero=g.pick(0, 3))
    g.input("x", g.floats(g.pick(1, 3, 4), k) + g.pick(0, 1, 5))
    for name, value in (("w", w), ("ws", scale), ("wz", zero), ("bias", g.floats(n))):
        g.constant(name, value)
    g.node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    g.node("MatMulInteger", ["q", "w", "z", "wz"], ["i"])
    g.node("Cast", ["i"], ["f"], to=TensorProto.FLOAT)
    g.node("Mul", ["s", "ws"], ["m"])
    g.node("Mul", ["f", "m"], ["p"])
    g.node("Add", ["p", "bias"], ["y"])
    g.output("y", np.float32, "float")


def qlinear_matmul(g):
    """In one sign; zero points of weights in the middle, or elsewhere for all."""
    k, n, x = g.pick(*K), g.pick(*N), g.pick(np.int8, np.uint8)
    per_channel = g.pick(False, True)
    w, scale, zero = g.weights([k, n], 1, zero=g.pick(0, 5), per_channel=per_channel)
    if x == np.int8:  # ONNX Runtime has no product of integers with sign and of those without
        w, zero = w.view(np.int8), np.asarray((zero.astype(np.int64) - (128 if zero.dtype == np.uint8 else 0)).astype(np.int8))
    g.input("x", g.integers(x, *g.pick([3, k], [2, 3, k])))
    x_scale = g.scale()
    for name, value in (("xs", x_scale), ("xz", g.integers(x)), ("w", w), ("ws", scale), ("wz", zero),
                        ("ys", g.result_scale(k, x_scale, scale)), ("yz", g.integers(x))):
        g.constant(name, value)
    g.node("QLinearMatMul", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"])
    g.output("y", x, 0)


def qlinear_conv(g):
    x_shape, w_shape, attributes = g.conv()
    x = g.pick(np.int8, np.uint8)
    w, scale, zero = g.weights(w_shape, 0, zero=0)
    if x == np.int8:
        w, zero = w.view(np.int8), np.zeros(zero.shape, np.int8)
    g.input("x", g.integers(x, *x_shape))
    x_scale, terms = g.scale(), int(np.prod(w_shape[1:]))
    for name, value in (("xs", x_scale), ("xz", g.integers(x)), ("w", w), ("ws", scale), ("wz", zero),
                        ("ys", g.result_scale(terms, x_scale, scale)), ("yz", g.integers(x)),
                        ("b", g.rng.integers(-3000, 3000, w_shape[0]).astype(np.int32))):
        g.constant(name, value)
    pooled = len(x_shape) == 4 and g.pick(False, True)
    g.node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"] + g.pick(["b"], []), ["c" if pooled else "y"], **attributes)
    if pooled:
        g.node("MaxPool", ["c"], ["y"], kernel_shape=[2, 2], strides=g.pick([1, 1], [2, 2]), pads=g.pick([0] * 4, [0, 1, 1, 0]))
    g.output("y", x, 0)


def qdq_layer(g, w, axis, terms, op, w_name="wd", **attributes):
    """x, rounded; a layer; its result, rounded: what quantize_static makes. `w` is (codes, scale, zero)."""
    codes, scale, zero = w
    dtype = g.pick(np.uint8, np.int8)
    x_scale = np.float32(3 / 127)
    y_scale = np.float32(np.sqrt(terms) * 75 * np.mean(scale) * 3 / 127)
    results = codes.shape[axis]
    for name, value in (("xs", x_scale), ("xz", g.integers(dtype)), ("w", codes), ("ws", scale), ("wz", zero), ("ys", y_scale),
                        ("yz", g.integers(dtype)), ("b", g.rng.integers(-900, 900, results).astype(np.int32)),
                        ("bs", np.full(scale.shape, x_scale, np.float32) * scale), ("bz", np.zeros(scale.shape, np.int32))):
        g.constant(name, value)
    g.node("QuantizeLinear", ["x", "xs", "xz"], ["xq"])
    g.node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"])
    g.node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=axis)
    g.node("DequantizeLinear", ["b", "bs", "bz"], ["bd"], axis=0)
    if op == "MatMul":
        g.node(op, ["xd", "wd"], ["p"])
        g.node("Add", ["p", "bd"], ["r"])
    else:
        g.node(op, ["xd", "wd", "bd"], ["r"], **attributes)
    g.node("QuantizeLinear", ["r", "ys", "yz"], ["yq"])
    if g.pick(True, False):
        g.output("yq", dtype, 1)
    else:
        g.node("DequantizeLinear", ["yq", "ys", "yz"], ["y"])
        g.output("y", np.float32, float(y_scale))


def qdq_fc(g):
    k, n, op = g.pick(*K), g.pick(*N), g.pick("Gemm", "MatMul")
    turned = op == "Gemm" and g.pick(False, True)
    g.input("x", g.floats(g.pick(1, 3, 4), k))
    shape, axis = ([n, k], 0) if turned else ([k, n], 1)
    qdq_layer(g, g.weights(shape, axis, zero=g.pick(0, 0, 7)), axis, k, op, **(dict(transB=1) if turned else {}))


def qdq_conv(g):
    x_shape, w_shape, attributes = g.conv()
    g.input("x", g.floats(*x_shape))
    qdq_layer(g, g.weights(w_shape, 0, zero=0), 0, int(np.prod(w_shape[1:])), "Conv", **attributes)


def weights_only(g):
    """Float activations; weights of 8 bits with any zero points."""
    k, n = g.pick(*K), g.pick(*N)
    codes, scale, zero = g.weights([k, n], 1)
    g.input("x", g.floats(g.pick(1, 3), k))
    for name, value in (("w", codes), ("ws", scale), ("wz", zero)):
        g.constant(name, value)
    g.node("DequantizeLinear", ["w", "ws", "wz"], ["wd"])
    g.node("MatMul", ["x", "wd"], ["y"])
    g.output("y", np.float32, "float")


def weights_of_4_bits(g):
    """DequantizeLinear of opset 21: blocks along the sum."""
    k, n, block = g.pick(*K), g.pick(*N), g.pick(16, 32)
    blocks = -(-k // block)
    codes = g.rng.integers(-8, 8, (k, n)).astype(np.int8)
    g.input("x", g.floats(g.pick(1, 3), k))
    g.int4("w", codes)
    g.constant("ws", g.scale(blocks, n))
    g.int4("wz", g.rng.integers(-8, 8, (blocks, n)).astype(np.int8))
    g.node("DequantizeLinear", ["w", "ws"] + g.pick(["wz"], []), ["wd"], axis=0, block_size=block)
    g.node("MatMul", ["x", "wd"], ["y"])
    g.output("y", np.float32, "float")


def matmul_nbits(g):
    k, n, block = g.pick(*K), g.pick(*N), g.pick(16, 32)
    blocks = -(-k // block)
    g.input("x", g.floats(*g.pick([1, k], [3, k], [2, 3, k])))
    g.constant("w", g.integers(np.uint8, n, blocks, block // 2))
    g.constant("ws", g.scale(n * blocks))
    g.constant("wz", g.integers(np.uint8, n * -(-blocks // 2)))
    g.node("MatMulNBits", ["x", "w", "ws"] + g.pick(["wz"], []), ["y"], domain="com.microsoft", K=k, N=n, bits=4, block_size=block)
    g.output("y", np.float32, "float")


def qgemm(g):
    k, n, turned, has_result = g.pick(*K), g.pick(*N), g.pick(0, 1), g.pick(True, False)
    w, scale, zero = g.weights([n, k] if turned else [k, n], 1 - turned, zero=0)
    g.input("x", g.integers(np.uint8, 3, k))
    x_scale = g.scale()
    for name, value in (("xs", x_scale), ("xz", g.integers(np.uint8)), ("w", w), ("ws", scale), ("wz", zero),
                        ("b", g.rng.integers(-3000, 3000, n).astype(np.int32)), ("ys", g.result_scale(k, x_scale, scale)),
                        ("yz", g.integers(np.uint8))):
        g.constant(name, value)
    g.node("QGemm", ["x", "xs", "xz", "w", "ws", "wz", "b"] + (["ys", "yz"] if has_result else []), ["y"], domain="com.microsoft",
           transB=turned)
    g.output("y", np.uint8 if has_result else np.float32, 0 if has_result else "float")


def to_float(g):
    """What ONNX Runtime makes of the graphs of `dynamic`."""
    k, n = g.pick(*K), g.pick(*N)
    w, scale, zero = g.weights([k, n], 1, zero=g.pick(0, 3))
    g.input("x", g.floats(3, k))
    for name, value in (("w", w), ("ws", scale), ("wz", zero), ("bias", g.floats(n))):
        g.constant(name, value)
    if g.pick(True, False):
        g.node("DynamicQuantizeMatMul", ["x", "w", "ws", "wz"] + g.pick(["bias"], []), ["y"], domain="com.microsoft")
    else:
        g.node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
        g.node("MatMulIntegerToFloat", ["q", "w", "s", "ws", "z", "wz"] + g.pick(["bias"], []), ["y"], domain="com.microsoft")
    g.output("y", np.float32, "float")


# Kind: how many of 200.
KINDS = {"qop": {matmul_integer: 20, conv_integer: 20, qlinear_matmul: 20, qlinear_conv: 24, dynamic: 16},
         "qdq": {qdq_fc: 20, qdq_conv: 20}, "nbits": {matmul_nbits: 30, qgemm: 6, to_float: 6}, "weights": {weights_only: 10, weights_of_4_bits: 8}}


def draw(rng, family):
    """The graphs of a family, in one model."""
    graphs = Graphs(rng, OPSETS.get(family, 15))
    for kind, count in KINDS[family].items():
        for _ in range(count):
            kind(graphs)
            graphs.count += 1
    return graphs


def off_by(result, expected, step):
    """(elements that differ, of how many, the largest difference over what is allowed)."""
    assert result.shape == expected.shape, (result.shape, expected.shape)
    difference = np.abs(result.astype(np.float64) - expected.astype(np.float64))
    if step == "float":
        allowed = 2.0**-18 * (np.abs(expected).max(initial=1e-3))
        return int((difference > allowed).sum()), difference.size, float(difference.max(initial=0) / allowed)
    differs = difference > (step * 1e-3 if isinstance(step, float) else 0)
    return int(differs.sum()), difference.size, float(difference.max(initial=0) / (step * 1.001 or 0.5))
