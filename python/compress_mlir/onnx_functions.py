"""The model-local functions of light ONNX files, and nodes that call them. docs/LightONNX.md is the contract.

One function of domain `compress` for each op of the dialect that stands for a dense weight, so that nodes compose as ops do. Bodies are
standard ONNX whose size does not depend on the weight, and which means the same in all opsets from 13 on; compress-compile knows the
nodes by name.

    weights = LightWeights(model.graph)
    signs = weights.dequantize("signs", raw_codes, bits=1, table=[-1, 1], scales=[[[1.0]]])
    weights.replace("conv2.weight", weights.unpack("coefficients", signs, mask))
    add_functions(model)
"""
import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

DOMAIN, VERSION = "compress", 1
OPSET, OLDEST_OPSET = 15, 13


class _Body:
    """The nodes of a function."""

    def __init__(self):
        self.nodes, self.known = [], {}

    def op(self, kind, inputs, output=None, **attributes):
        """A node; returns the name of its result. An attribute `name="@other"` is that of the call."""
        output = output or f"t{len(self.nodes)}"
        references = {key: value[1:] for key, value in attributes.items() if isinstance(value, str) and value[0] == "@"}
        node = helper.make_node(kind, inputs, [output], **{k: v for k, v in attributes.items() if k not in references})
        kinds = {"value_floats": onnx.AttributeProto.FLOATS, "value_int": onnx.AttributeProto.INT}
        for key, name in references.items():
            node.attribute.append(onnx.AttributeProto(name=key, ref_attr_name=name,
                                                      type=kinds.get(key, onnx.AttributeProto.INTS)))
        self.nodes.append(node)
        return output

    def constant(self, values, dtype=np.int64):
        """A constant; the same one twice is one node."""
        array = np.asarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = self.op("Constant", [], value=numpy_helper.from_array(array))
        return self.known[key]

    def ints(self, name):
        """The attribute `name` of the call, a list of integers, as a tensor."""
        return self.op("Constant", [], value_ints="@" + name)

    def int(self, name):
        """The attribute `name` of the call, an integer, as a tensor of one."""
        return self.op("Reshape", [self.op("Constant", [], value_int="@" + name), self.constant([1])])

    def binary(self, kind, a, b):
        return self.op(kind, [a, b])

    def slice(self, x, start, end, axis=None):
        return self.op("Slice", [x, start, end] + ([] if axis is None else [self.constant([axis])]))

    def concat(self, *parts):
        return self.op("Concat", list(parts), axis=0)

    def product(self, x):
        return self.op("ReduceProd", [x], keepdims=1)

    def interleave(self, a, b):
        """a0, b0, a1, b1, … of two vectors."""
        pair = self.op("Concat", [self.op("Unsqueeze", [v, self.constant([1])]) for v in (a, b)], axis=1)
        return self.op("Reshape", [pair, self.constant([-1])])

    def bits(self, packed, count):
        """The first `count` bits of bytes, the lowest of a byte first, as int32."""
        column = self.op("Unsqueeze", [self.op("Cast", [packed], to=onnx.TensorProto.INT32), self.constant([1])])
        powers = self.constant([1 << i for i in range(8)], np.int32)
        bit = self.binary("Mod", self.binary("Div", column, powers), self.constant(2, np.int32))
        return self.slice(self.op("Reshape", [bit, self.constant([-1])]), self.constant([0]), count)

    def function(self, name, inputs, result, attributes):
        return helper.make_function(DOMAIN, name, inputs, [result], self.nodes, [helper.make_opsetid("", OPSET)], attributes)


def _circulant_of(body, c, result):
    """W[i*k + r, j*k + s, …] = c[i, j, (r - s) mod k, …], cropped to rows x cols."""
    shape = body.op("Shape", [c])
    p, q, k = (body.op("Gather", [shape, body.constant([i])]) for i in range(3))
    taps = body.slice(shape, body.constant([3]), body.constant([2**31 - 1]), 0)
    # (r - s) mod k as a k x k table, computed in the function.
    scalar = body.op("Squeeze", [k])
    steps = body.op("Range", [body.constant(0), scalar, body.constant(1)])
    difference = body.binary("Sub", *(body.op("Unsqueeze", [steps, body.constant([axis])]) for axis in (1, 0)))
    blocks = body.op("Gather", [c, body.binary("Mod", difference, scalar)], axis=2)  # p q r s taps
    flat = body.op("Reshape", [blocks, body.concat(p, q, k, k, body.constant([-1]))])
    matrix = body.op("Transpose", [flat], perm=[0, 2, 1, 3, 4])  # p r q s T
    whole = body.op("Reshape", [matrix, body.concat(body.binary("Mul", p, k), body.binary("Mul", q, k), taps)])
    ends = body.concat(body.int("rows"), body.int("cols"))
    return body.op("Slice", [whole, body.constant([0, 0]), ends, body.constant([0, 1])], result)


def circulant_function():
    """compress.Circulant: a matrix or kernel of circulant blocks, from the first column of each."""
    body = _Body()
    return body.function("Circulant", ["c"], _circulant_of(body, "c", "w"), ["rows", "cols"])


def circulant_spectrum_function():
    """compress.CirculantSpectrum: the same from the half-spectra of the first columns, k real slots each."""
    body = _Body()
    f32 = onnx.TensorProto.FLOAT
    one, two = body.constant(1), body.constant(2)
    shape = body.op("Shape", ["s"])
    k = body.op("Squeeze", [body.op("Gather", [shape, body.constant([2])])])
    times = body.op("Range", [body.constant(0), k, one])
    # Slots: Re 0; for even k Re k/2; then Re f, Im f. For odd k they are counted from 1, so that Im is odd for both.
    shifted = body.binary("Add", times, body.binary("Mod", k, two))
    pair = body.binary("Div", shifted, two)
    # 1 at the one or two real slots, whose frequency is 0 or k/2.
    is_real = body.op("Cast", [body.binary("Equal", pair, body.constant(0))], to=onnx.TensorProto.INT64)
    half = body.binary("Mul", body.binary("Mul", is_real, times), body.binary("Div", k, two))
    frequency = body.binary("Add", pair, half)
    imaginary = body.binary("Mul", body.binary("Sub", one, is_real), body.binary("Mod", shifted, two))
    scale = body.op("Cast", [body.binary("Sub", two, is_real)], to=f32)
    size = body.op("Cast", [k], to=f32)
    # cos(2 pi (f t mod k) / k), and for Im -sin(x) = cos(x + pi/2).
    column = lambda x: body.op("Unsqueeze", [x, body.constant([1])])
    turn = body.binary("Mod", body.binary("Mul", column(frequency), times), k)
    angle = body.binary("Div", body.binary("Mul", body.op("Cast", [turn], to=f32), body.constant(2 * math.pi, np.float32)), size)
    quarter = body.binary("Mul", body.op("Cast", [column(imaginary)], to=f32), body.constant(math.pi / 2, np.float32))
    waves = body.op("Cos", [body.binary("Add", angle, quarter)])
    inverse = body.binary("Mul", waves, column(body.binary("Div", scale, size)))  # slots x times
    flat = body.op("Reshape", ["s", body.concat(body.slice(shape, body.constant([0]), body.constant([3]), 0), body.constant([-1]))])
    last = body.op("MatMul", [body.op("Transpose", [flat], perm=[0, 1, 3, 2]), inverse])
    c = body.op("Reshape", [body.op("Transpose", [last], perm=[0, 1, 3, 2]), shape])
    return body.function("CirculantSpectrum", ["s"], _circulant_of(body, c, "w"), ["rows", "cols"])


def dequantize_function():
    """compress.Dequantize: codes of 1 to 8 bits, a bit stream, in a table, times scales of groups."""
    body = _Body()
    shape, group, bits = body.ints("shape"), body.ints("group"), body.int("bits")
    count = body.product(shape)
    stream = body.bits("codes", body.binary("Mul", count, bits))
    grid = body.op("Reshape", [stream, body.concat(count, bits)])
    powers = body.slice(body.constant([1 << i for i in range(8)], np.int32), body.constant([0]), bits)
    codes = body.op("ReduceSum", [body.binary("Mul", grid, powers), body.constant([1])], keepdims=0)
    values = body.op("Reshape", [body.op("Gather", [body.op("Constant", [], value_floats="@table"), codes]), shape])
    # Each scale as often as its group is long, along all dimensions at once.
    counts = body.op("Shape", ["scales"])
    ones = body.binary("Div", group, group)
    apart = body.op("Reshape", ["scales", body.interleave(counts, ones)])
    repeated = body.op("Expand", [apart, body.interleave(counts, group)])
    whole = body.op("Reshape", [repeated, body.binary("Mul", counts, group)])
    scales = body.slice(whole, body.binary("Sub", shape, shape), shape)
    result = body.op("Mul", [values, scales], "w")
    return body.function("Dequantize", ["codes", "scales"], result, ["shape", "bits", "table", "group"])


def factorized_function():
    """compress.Factorized: a product of two factors, reshaped."""
    body = _Body()
    left = body.op("Reshape", ["coefficients", body.ints("left")])
    right = body.op("Reshape", ["basis", body.ints("right")])
    merged = body.op("Reshape", [body.op("MatMul", [left, right]), body.ints("merged")])
    ends = body.ints("cropped")
    cropped = body.slice(merged, body.binary("Sub", ends, ends), ends)
    split = body.op("Reshape", [cropped, body.ints("split")])
    result = body.op("Transpose", [split], "w", perm="@perm")
    return body.function("Factorized", ["coefficients", "basis"], result,
                         ["batch", "collapse", "expand", "left", "right", "merged", "cropped", "split", "perm"])


def unpack_function():
    """compress.Unpack: boxes of values between zeros, their places from the bits of a mask."""
    body = _Body()
    mask_shape, shape = body.ints("mask_shape"), body.ints("shape")
    bits = body.bits("mask", body.product(mask_shape))
    places = body.binary("Mul", bits, body.op("CumSum", [bits, body.constant(0)]))  # 0 is the box of zeros
    first = body.slice(body.op("Shape", ["values"]), body.constant([1]), body.constant([2**31 - 1]), 0)
    zero = body.op("ConstantOfShape", [body.concat(body.constant([1]), first)])
    boxes = body.op("Gather", [body.op("Concat", [zero, "values"], axis=0), places])
    apart = body.op("Reshape", [boxes, body.concat(mask_shape, body.binary("Div", shape, mask_shape))])
    result = body.op("Reshape", [body.op("Transpose", [apart], perm="@perm"), shape], "w")
    return body.function("Unpack", ["values", "mask"], result, ["mask_shape", "shape", "perm"])


FUNCTIONS = {"Circulant": circulant_function, "CirculantSpectrum": circulant_spectrum_function,
             "Dequantize": dequantize_function, "Factorized": factorized_function, "Unpack": unpack_function}


def add_functions(model):
    """Gives an ONNX model the functions that its nodes of domain `compress` call, in the model's opset; returns it."""
    used = sorted({node.op_type for node in model.graph.node if node.domain == DOMAIN})
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=OPSET)
    if used and opset < OLDEST_OPSET:
        raise ValueError(f"the model's opset is {opset}, and light weights need {OLDEST_OPSET} or later")
    domains = [entry for entry in model.opset_import if entry.domain != DOMAIN]
    others = [function for function in model.functions if function.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(domains)
    del model.functions[:]
    model.functions.extend(others)
    if used:
        model.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
        for name in used:
            function = FUNCTIONS[name]()
            function.opset_import[0].version = opset
            model.functions.append(function)
        model.ir_version = max(model.ir_version, 8)
    return model


def pack_bits(codes, bits):
    """Codes from 0 to 2^bits - 1, in row-major order, as the bytes of a bit stream, the lowest bit of a byte first."""
    codes = np.asarray(codes).reshape(-1).astype(np.uint8)
    if codes.size and int(codes.max()) >> bits:
        raise ValueError(f"a code of {bits} bits is {int(codes.max())}")
    return np.packbits(np.unpackbits(codes[:, None], axis=1, bitorder="little")[:, :bits].reshape(-1), bitorder="little")


class LightWeights:
    """Makes the nodes of light weights in a graph, before the nodes that are there.

    Each method returns the name of a float tensor of the shape that it stands for; names given to them must be new.
    """

    def __init__(self, graph):
        self.graph, self.nodes, self.shapes = graph, [], {}
        for tensor in graph.initializer:
            self.shapes[tensor.name] = tuple(tensor.dims)

    def tensor(self, name, array):
        """An initializer of any type; float16 is read as float through a Cast."""
        array = np.ascontiguousarray(array)
        if array.dtype == np.float16:
            self.graph.initializer.append(numpy_helper.from_array(array, name + "_f16"))
            return self._node("Cast", [name + "_f16"], name, array.shape, "", to=onnx.TensorProto.FLOAT)
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        self.shapes[name] = array.shape
        return name

    def _node(self, kind, inputs, name, extents, domain=DOMAIN, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        self.shapes[name] = tuple(int(extent) for extent in extents)
        return name

    def circulant(self, name, params, rows, cols, spectrum=False):
        """`params` (a name) is p x q x k x taps…: first columns, or their half-spectra."""
        return self._node("CirculantSpectrum" if spectrum else "Circulant", [params], name,
                          (rows, cols) + self.shapes[params][3:], rows=rows, cols=cols)

    def dequantize(self, name, codes, bits, table, scales):
        """`codes` is an array of raw codes, `scales` one of float32 or float16 and the same rank, or the name of such a tensor.

        A scale serves ceil(extent / scales) codes along each dimension.
        """
        codes = np.asarray(codes)
        counts = self.shapes[scales] if isinstance(scales, str) else np.shape(scales)
        group = [-(-n // s) for n, s in zip(codes.shape, counts)]
        if len(table) != 1 << bits or counts != tuple(-(-n // g) for n, g in zip(codes.shape, group)):
            raise ValueError("the table has 2^bits numbers, and scales divide the codes into equal groups but for the last")
        inputs = [self.tensor(name + "_codes", pack_bits(codes, bits)),
                  scales if isinstance(scales, str) else self.tensor(name + "_scales", np.asarray(scales))]
        return self._node("Dequantize", inputs, name, codes.shape, shape=list(codes.shape), bits=bits,
                          table=[float(value) for value in table], group=group)

    def int8(self, name, codes, scales, axis=None):
        """The standard DequantizeLinear: int8 codes, one scale of float32 or float16, or one for each entry of dimension `axis`."""
        scales = np.asarray(scales)
        scales = scales if scales.dtype == np.float16 else scales.astype(np.float32)
        inputs = [self.tensor(name + "_codes", np.asarray(codes, np.int8)),
                  self.tensor(name + "_scales", scales.reshape(()) if axis is None else scales.reshape(-1))]
        return self._node("DequantizeLinear", inputs, name, np.shape(codes), "", axis=axis or 0)

    def factorized(self, name, coefficients, basis, batch=0, collapse=None, expand=None, order=None):
        """compress.factorized of two names; `collapse` lists lists of dimensions of the product, `expand` lists of extents."""
        c, b = self.shapes[coefficients], self.shapes[basis]
        outer, inner = c[batch:-1], b[batch + 1:]
        product = c[:batch] + outer + inner
        collapse = collapse or [[d] for d in range(len(product))]
        merged = [math.prod(product[d] for d in group) for group in collapse]
        extents = expand or [[n] for n in merged]
        split = [n for group in extents for n in group]
        order = list(order) if order else list(range(len(split)))
        perm = [order.index(d) for d in range(len(split))]
        return self._node("Factorized", [coefficients, basis], name, [split[p] for p in perm], batch=batch,
                          collapse=[len(group) for group in collapse], expand=[len(group) for group in extents],
                          left=list(c[:batch]) + [math.prod(outer), c[-1]], right=list(b[:batch]) + [c[-1], math.prod(inner)],
                          merged=merged, cropped=[math.prod(group) for group in extents], split=split, perm=perm)

    def unpack(self, name, values, mask, shape=None):
        """`values` (a name) is set entries x box…, `mask` a bool array whose extents divide those of `shape` (by default its own)."""
        mask = np.asarray(mask, bool)
        rank, shape = mask.ndim, tuple(shape or mask.shape)
        expected = (int(mask.sum()),) + tuple(n // m for n, m in zip(shape, mask.shape))
        if self.shapes[values] != expected:
            raise ValueError(f"'{values}' is {self.shapes[values]}, and should be {expected}")
        inputs = [values, self.tensor(name + "_mask", pack_bits(mask, 1))]
        perm = [d for pair in zip(range(rank), range(rank, 2 * rank)) for d in pair]
        return self._node("Unpack", inputs, name, shape, mask_shape=list(mask.shape), shape=list(shape), perm=perm)

    def replace(self, initializer, name):
        """All that reads `initializer`, which goes, reads `name` instead. Call `finish` when all is made."""
        if self.shapes[initializer] != self.shapes[name]:
            raise ValueError(f"'{initializer}' is {self.shapes[initializer]}, '{name}' is {self.shapes[name]}")
        for node in self.graph.node:
            for i, used in enumerate(node.input):
                if used == initializer:
                    node.input[i] = name
        kept = [tensor for tensor in self.graph.initializer if tensor.name != initializer]
        inputs = [value for value in self.graph.input if value.name != initializer]
        for field, values in ((self.graph.initializer, kept), (self.graph.input, inputs)):
            del field[:]
            field.extend(values)

    def finish(self):
        """Puts the nodes made so far in front of the graph's."""
        nodes = self.nodes + list(self.graph.node)
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        self.nodes = []


def tensor_bytes(model):
    """Bytes of the tensors that an ONNX file holds: initializers, constants, and the tables of its light weights."""
    def one(tensor):
        return len(tensor.raw_data) or numpy_helper.to_array(tensor).nbytes

    total = sum(one(tensor) for tensor in model.graph.initializer)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                total += one(attribute.t)
            elif node.domain == DOMAIN and attribute.name == "table":
                total += 4 * len(attribute.floats)
    return total
