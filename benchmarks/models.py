"""The ONNX and IR files of a case, from seeded weights, and what they mean in double."""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compress_mlir import onnx_functions, reference

from . import cases

MNIST = pathlib.Path(__file__).resolve().parents[1] / "examples" / "mnist" / "models"
OPSET = 15
NUM_INPUTS = 8
INT4_BLOCK = 32


def tensor_info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def save_model(path, nodes, input_shape, output_shape, constants, domains=(), light=None, kind=TensorProto.FLOAT):
    """A network of input x and output y; the first extent of both shapes is the batch n. `light` adds light weights to a graph."""
    graph = helper.make_graph(nodes, "g", [tensor_info("x", ["n"] + input_shape, kind)], [tensor_info("y", ["n"] + output_shape, kind)],
                              [numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in constants.items()])
    if light:
        weights = onnx_functions.LightWeights(graph)
        light(weights)
        weights.finish()
    opsets = [helper.make_opsetid("", OPSET)] + [helper.make_opsetid(domain, 1) for domain in domains]
    model = onnx_functions.add_functions(helper.make_model(graph, opset_imports=opsets))
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def quantize_blocks(weight):
    """(codes -7 to 7, scales): symmetric, one scale per output and block of inputs; the last block is filled with zeros."""
    rows, cols = weight.shape
    blocks = -(-cols // INT4_BLOCK)
    padded = np.pad(weight, ((0, 0), (0, blocks * INT4_BLOCK - cols))).reshape(rows, blocks, INT4_BLOCK)
    scales = np.abs(padded).max(2, keepdims=True) / 7
    scales = np.where(scales > 0, scales, 1).astype(np.float32)
    return np.rint(padded / scales), scales


class Network:
    """One or several equal layers, fully connected or convolutions, of a case; weights are drawn from a seed."""
    input_name, output_name = "x", "y"

    def __init__(self, case):
        self.case = case
        taps = (case.taps, case.taps) if case.height else ()
        rng = np.random.default_rng(0)
        rows, cols = (-(-case.rows // case.k), -(-case.cols // case.k)) if case.k else (case.rows, case.cols)
        shape = (rows, cols) + ((case.k,) if case.k else ()) + taps
        # Outputs of about unit variance; ReLU halves the power between layers.
        scale = np.sqrt((2 if case.depth > 1 else 1) / (case.cols * case.taps**len(taps)))
        self.weights = [(rng.standard_normal(shape, np.float32) * np.float32(scale)) for _ in range(case.depth)]
        if case.quantized_peer == "ort-int4":
            # What the file says, so that each peer has the same layer: rounding these again changes nothing.
            self.weights = [(codes * scales).reshape(rows, -1)[:, :cols] for codes, scales in map(quantize_blocks, self.weights)]
        self.pads = case.taps // 2
        self.input_shape, self.output_shape = [case.cols], [case.rows]
        if taps:
            self.input_shape += [case.height, case.width]
            self.output_shape += [(extent + 2 * self.pads - case.taps) // case.stride + 1 for extent in (case.height, case.width)]

    def dense_weights(self):
        """Yields one at a time: a stack of them is large."""
        for weight in self.weights:
            yield reference.circulant(weight, self.case.rows, self.case.cols) if self.case.k else weight

    def port_shape(self, shape):
        """`shape` of the input or the output, without the batch, as the library has it."""
        return shape

    def numbers(self, values):
        """What an input, or the numbers of an output, stand for."""
        return values

    def conv_attributes(self):
        return dict(pads=[self.pads] * 4, strides=[self.case.stride] * 2, kernel_shape=[self.case.taps] * 2)

    def write(self, path):
        """The case as compress-compile gets it."""
        case = self.case
        return self._write(path, self.weights, [dict(rows=case.rows, cols=case.cols)] * case.depth if case.k else None)

    def write_dense(self, path):
        return self._write(path, self.dense_weights(), None)

    def _write(self, path, weights, circulant):
        nodes, constants, value = [], {}, "x"
        for i, weight in enumerate(weights):
            constants[f"w{i}"] = weight.astype(np.float32, copy=False)
            name = f"w{i}"
            if circulant:
                name = f"dense{i}"
                nodes.append(helper.make_node("Circulant", [f"w{i}"], [name], domain="compress", **circulant[i]))
            result = "y" if i == self.case.depth - 1 else f"z{i}"
            nodes.append(helper.make_node("Conv", [value, name], [result], **self.conv_attributes()) if self.case.height else
                         helper.make_node("Gemm", [value, name], [result], transB=1))
            value = result
            if result != "y":
                nodes.append(helper.make_node("Relu", [result], [f"a{i}"]))
                value = f"a{i}"
        return save_model(path, nodes, self.input_shape, self.output_shape, constants)

    def inputs(self):
        return np.random.default_rng(1).standard_normal([NUM_INPUTS, self.case.batch] + self.input_shape, np.float32)


class ByteConv(Network):
    """A convolution whose input and output are bytes with channels last: numbers over a scale, plus 128, of channels first."""
    first, last = [0, 3, 1, 2], [0, 2, 3, 1]

    def __init__(self, case):
        super().__init__(case)
        self.floats = super().inputs()
        self.x_scale = np.float32(np.abs(self.floats).max() / 127)
        self.y_scale = np.float32(5 / 127)  # outputs have about unit variance

    def port_shape(self, shape):
        return shape[1:] + shape[:1]

    def inputs(self):
        codes = np.clip(np.rint(self.floats / self.x_scale) + 128, 0, 255).astype(np.uint8)
        return np.ascontiguousarray(np.moveaxis(codes, 2, -1))

    def numbers(self, codes):
        """What an input of inputs(), or the bytes of an output, stand for."""
        scale = self.x_scale if codes.ndim == 4 else self.y_scale
        codes = codes.reshape([self.case.batch] + self.port_shape(self.output_shape)) if codes.ndim < 4 else codes
        return np.moveaxis((codes.astype(np.float64) - 128) * scale, -1, 1)


class Pow2(Network):
    """A layer of powers of two in 4 bits, a zero among them, and a scale for each output: codes nearest to the weights."""
    bits, raw = 4, [15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7]  # by what they stand for
    table = np.array([sign * magnitude for sign in (1, -1) for magnitude in (0, *2.0**np.arange(-6, 1))])

    def __init__(self, case):
        super().__init__(case)
        weight = self.weights[0]
        self.scales = self.scales_of(weight)
        numbers = self.table[self.raw]
        nearest = np.searchsorted((numbers[1:] + numbers[:-1]) / 2, weight / self.scales)
        self.codes = np.array(self.raw, np.uint8)[nearest]
        self.weights = [(self.table[self.codes] * self.scales).astype(np.float32)]

    def scales_of(self, weight):
        return np.abs(weight).max(1, keepdims=True)

    def write(self, path):
        nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)]
        return save_model(path, nodes, self.input_shape, self.output_shape, {},
                          light=lambda light: light.dequantize("w", self.codes, self.bits, self.table, self.scales))


class Ternary(Pow2):
    """The same of -1, 0 and 1; the scale is the mean of the magnitudes over 0.7 of their mean (TWN, arXiv 1605.04711)."""
    bits, raw = 2, [3, 0, 1]
    table = np.array([0.0, 1.0, -2.0, -1.0])

    def scales_of(self, weight):
        magnitude = np.abs(weight)
        kept = magnitude > 0.7 * magnitude.mean(1, keepdims=True)
        return ((magnitude * kept).sum(1, keepdims=True) / np.maximum(kept.sum(1, keepdims=True), 1)).astype(np.float32)


class Int4Multipliers(Network):
    """4-bit integers in groups of 32 inputs, or a few less where these do not fill them; a group's scale is an integer from 1 to 15
    times the scale of its output (as in QServe, arXiv 2405.04532): what is multiplied as one group is an int8 weight."""
    bits, most = 4, 15

    def __init__(self, case):
        super().__init__(case)
        weight = self.weights[0]
        blocks = -(-case.cols // INT4_BLOCK)
        group = -(-case.cols // blocks)
        blocks = -(-case.cols // group)
        padded = np.pad(weight, ((0, 0), (0, blocks * group - case.cols))).reshape(case.rows, blocks, group)
        largest = np.abs(padded).max(2) / 7
        self.scales = largest.max(1, keepdims=True) / self.most
        self.multipliers = np.clip(np.rint(largest / self.scales), 1, self.most).astype(np.uint8)
        steps = (self.multipliers * self.scales)[:, :, None]
        numbers = np.clip(np.rint(padded / steps), -8, 7)
        self.codes = (numbers.astype(np.int8) & 15).astype(np.uint8).reshape(case.rows, -1)[:, :case.cols]
        exact = numbers.astype(np.float64) * self.multipliers[:, :, None] * self.scales[:, :, None]
        self.weights = [exact.reshape(case.rows, -1)[:, :case.cols]]

    def write(self, path):
        def light(weights):
            integers = list(range(16))
            weights.dequantize("scales", self.multipliers, self.bits, integers, self.scales)
            weights.dequantize("w", self.codes, self.bits, integers[:8] + [i - 16 for i in integers[8:]], "scales")
        nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)]
        return save_model(path, nodes, self.input_shape, self.output_shape, {}, light=light)


class SmartDeal(Network):
    """Coefficients, powers of two or 0 in 4 bits, times a 3 x 3 basis of each output and slice of at most 192 rows (SmartDeal, arXiv
    2101.01163). Half of the rows are zero, the same ones for 32 outputs next to each other where these divide the outputs."""
    columns, most_rows, share, sparsity = 3, 192, 32, 0.5

    def __init__(self, case):
        super().__init__(case)
        rng = np.random.default_rng(2)
        units = -(-case.cols // self.columns)
        slices = -(-units // self.most_rows)
        rows = -(-units // slices)
        groups = case.rows // self.share if case.rows % self.share == 0 else case.rows
        raw = np.delete(np.arange(16, dtype=np.uint8), 8)[1:]  # of the table of Pow2, but for its zeros
        kept = rows - int(rows * self.sparsity)
        order = rng.permuted(np.broadcast_to(np.arange(rows), (groups, slices, rows)), axis=2)
        self.mask = (order < kept)[..., None]
        self.shape = case.rows, slices, rows, self.columns
        self.codes = rng.choice(raw, (int(self.mask.sum()), case.rows // groups, 1, 1, self.columns))
        noise = rng.standard_normal((case.rows, slices, self.columns, self.columns))
        self.basis = ((np.eye(self.columns) + 0.3 * noise) / np.sqrt(case.cols)).astype(np.float32)
        coefficients = np.zeros((groups, slices, rows, case.rows // groups, self.columns))
        coefficients[self.mask[..., 0]] = Pow2.table[self.codes][:, :, 0, 0]
        coefficients = np.moveaxis(coefficients, 3, 1).reshape(self.shape)
        self.weights = [(coefficients @ self.basis).reshape(case.rows, -1)[:, :case.cols]]

    def write(self, path):
        def light(weights):
            values = weights.dequantize("values", self.codes, Pow2.bits, Pow2.table, np.ones((1,) * 5, np.float32))
            coefficients = weights.unpack("coefficients", values, self.mask, self.shape)
            weights.factorized("w", coefficients, weights.tensor("basis", self.basis), batch=2, collapse=[[0], [1, 2, 3]],
                               expand=[[self.case.rows], [self.case.cols]])
        nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)]
        return save_model(path, nodes, self.input_shape, self.output_shape, {}, light=light)


class Escalate(Network):
    """Kernels that are ternary combinations of basis kernels in 8 bits (ESCALATE, MICRO 2021), a scale for each output and basis kernel:
    what `--compress 'escalate(bases=6, sparsity=0.9)'` makes. Zeros are drawn one by one, or for integers as many for each scale."""
    bases, sparsity = 6, 0.9

    def __init__(self, case):
        super().__init__(case)
        rng = np.random.default_rng(2)
        bases = min(self.bases, case.taps**2)
        shape = case.rows, case.cols, bases
        signs = rng.choice(np.array([-1, 1], np.int8), shape)
        if case.precision == "i8":
            kept = case.cols - int(case.cols * self.sparsity)
            order = rng.permuted(np.broadcast_to(np.arange(case.cols)[:, None], shape), axis=1)
            self.signs = signs * (order < kept)
        else:
            self.signs = signs * (rng.random(shape) >= self.sparsity)
        spread = np.sqrt(case.cols * (1 - self.sparsity) * bases)
        self.scales = (rng.uniform(0.5, 1.5, (case.rows, 1, bases)) / spread).astype(np.float32)
        kernels = rng.standard_normal((bases, case.taps, case.taps))
        kernels /= np.linalg.norm(kernels, axis=(1, 2), keepdims=True)
        self.basis_scale = np.float32(np.abs(kernels).max() / 127)
        self.basis = np.rint(kernels / self.basis_scale).astype(np.int8)
        self.weights = [np.tensordot(self.signs * self.scales.astype(np.float64), self.basis * np.float64(self.basis_scale), 1)]

    def write(self, path):
        def light(weights):
            coefficients = weights.dequantize("coefficients", self.signs & 3, Ternary.bits, Ternary.table, self.scales)
            weights.factorized("w", coefficients, weights.int8("basis", self.basis, self.basis_scale))
        nodes = [helper.make_node("Conv", ["x", "w"], ["y"], **self.conv_attributes())]
        return save_model(path, nodes, self.input_shape, self.output_shape, {}, light=light)

    @property
    def operations(self):
        """Multiply-adds of the basis count as two, and so does an addition, which takes the place of one; of 16 bits, twice as many fit."""
        (height, width), pixels = self.input_shape[1:], self.case.batch * np.prod(self.output_shape[1:])
        additions = 2 * np.count_nonzero(self.signs) * self.case.batch * height * width
        return additions / (2 if self.case.precision == "i8" else 1) + 2 * self.case.rows * self.basis.size * pixels


class TernaryConv(Network):
    """Kernels of -1, 0 and 1 times a scale of each output; zeros are drawn one by one."""
    sparsity = Escalate.sparsity

    def __init__(self, case):
        super().__init__(case)
        rng = np.random.default_rng(2)
        shape = self.weights[0].shape
        self.signs = rng.choice(np.array([-1, 1], np.int8), shape) * (rng.random(shape) >= self.sparsity)
        spread = np.sqrt(case.cols * case.taps**2 * (1 - self.sparsity))
        self.scales = (rng.uniform(0.5, 1.5, (case.rows, 1, 1, 1)) / spread).astype(np.float32)
        self.weights = [self.signs * self.scales.astype(np.float64)]

    def write(self, path):
        nodes = [helper.make_node("Conv", ["x", "w"], ["y"], **self.conv_attributes())]
        return save_model(path, nodes, self.input_shape, self.output_shape, {},
                          light=lambda light: light.dequantize("w", self.signs & 3, Ternary.bits, Ternary.table, self.scales))

    @property
    def operations(self):
        """As of Escalate, at the pixels of the result."""
        additions = 2 * np.count_nonzero(self.signs) * self.case.batch * np.prod(self.output_shape[1:])
        return additions / (2 if self.case.precision == "i8" else 1)


class Mnist:
    """The trained networks of examples/mnist: ours is the circulant one, the peer's the dense one."""
    input_name, output_name = "image", "logits"
    input_shape, output_shape = [1, 28, 28], [10]

    def __init__(self, case):
        self.case = case

    port_shape, numbers = Network.port_shape, Network.numbers

    def write(self, path):
        return MNIST / "mnist_circulant.onnx"

    def write_dense(self, path):
        return MNIST / "mnist_dense.onnx"

    def inputs(self):
        return np.random.default_rng(1).standard_normal([NUM_INPUTS, self.case.batch] + self.input_shape, np.float32)


class LightMnist(Mnist):
    """A trained light network of examples/mnist. ONNX Runtime gets the same file, whose functions it folds into dense floats."""

    def write(self, path):
        return MNIST / f"{self.case.kind.replace('-', '_', 1)}.onnx"

    write_dense = write


class Rfft:
    """Real transforms, rows of k numbers to rows of k slots; IR, as ONNX's DFT is of opset 17 and gives complex numbers."""
    input_name, output_name = "x", "y"

    def __init__(self, case):
        self.case, self.input_shape, self.output_shape = case, [case.k], [case.k]

    port_shape, numbers = Network.port_shape, Network.numbers

    def write(self, path):
        k = self.case.k
        rows, planes, folded = f"tensor<?x{k}xf32>", f"tensor<{k}x?x1xf32>", f"tensor<{k}x?xf32>"
        path = path.with_suffix(".mlir")
        path.write_text(f"""\
func.func @main(%x: {rows}) -> {rows} {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : {rows}
  %i = tensor.empty(%n) : {planes}
  %s = compress.rfft dim = 1 ins(%x : {rows}) outs(%i : {planes}) -> {planes}
  %f = tensor.collapse_shape %s [[0], [1, 2]] : {planes} into {folded}
  %e = tensor.empty(%n) : {rows}
  %y = linalg.transpose ins(%f : {folded}) outs(%e : {rows}) permutation = [1, 0]
  return %y : {rows}
}}
""")
        return path

    def inputs(self):
        return np.random.default_rng(1).standard_normal([NUM_INPUTS, self.case.batch, self.case.k], np.float32)

    def exact(self, x):
        spectrum = np.fft.rfft(x.astype(np.float64))
        k = self.case.k
        slots = [spectrum[:, 0].real] + [spectrum[:, k // 2].real] * (k % 2 == 0)
        for f in range(1, (k + 1) // 2):
            slots += [spectrum[:, f].real, spectrum[:, f].imag]
        return np.stack(slots, 1)


def network(case):
    light = {f"mnist-{network}": LightMnist for network in cases.NETWORKS}
    if case.channels_last:
        return ByteConv(case)
    return {**light, "rfft": Rfft, "mnist-circulant": Mnist, "pow2-fc": Pow2, "ternary-fc": Ternary,
            "smartdeal-fc": SmartDeal, "int4mult-fc": Int4Multipliers,
            "escalate-conv": Escalate, "ternary-conv": TernaryConv}.get(case.kind, Network)(case)


# The meaning of an ONNX file ---------------------------------------------------------------------------------------------


class Evaluator:
    """Runs an ONNX file in double, and keeps what each product was, as the roofline counts it.

    `products`: (rows, cols, taps, k, inputs, outputs) with k = 0 for dense and the numbers of samples times pixels.
    """

    def __init__(self, path):
        self.graph = onnx.load(str(path)).graph
        self.constants = {i.name: numpy_helper.to_array(i) for i in self.graph.initializer}
        self.products = []

    def __call__(self, x):
        self.products = []
        values = {self.graph.input[0].name: x.astype(np.float64), **self.constants}
        for node in self.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            values[node.output[0]] = getattr(self, node.op_type)(*(values[name] for name in node.input), **attributes)
        return values[self.graph.output[0].name]

    def Circulant(self, c, rows, cols):
        return c.astype(np.float64), rows, cols

    def CirculantSpectrum(self, slots, rows, cols):
        k = slots.shape[2]
        real = 2 - k % 2
        bins = np.zeros(slots.shape[:2] + (k // 2 + 1,) + slots.shape[3:], complex)
        bins[:, :, 0] = slots[:, :, 0]
        if real == 2:
            bins[:, :, k // 2] = slots[:, :, 1]
        bins[:, :, 1:(k + 1) // 2] = slots[:, :, real::2] + 1j * slots[:, :, real + 1::2]
        return np.fft.irfft(bins, k, axis=2), rows, cols

    def Cast(self, x, **_):
        return x.astype(np.float64)

    def DequantizeLinear(self, codes, scales, axis=1):
        shape = [-1 if scales.ndim and d == axis else 1 for d in range(codes.ndim)]
        return codes.astype(np.float64) * scales.reshape(shape)

    def Dequantize(self, codes, scales, shape, bits, table, group):
        raw = np.unpackbits(codes, bitorder="little")[:np.prod(shape) * bits].reshape(-1, bits)
        raw = np.packbits(np.pad(raw, ((0, 0), (0, 8 - bits))), axis=1, bitorder="little").reshape(shape)
        for axis, (extent, count) in enumerate(zip(shape, group)):
            scales = np.repeat(scales, count, axis).take(range(extent), axis)
        return np.asarray(table, np.float64)[raw] * scales

    def Unpack(self, values, mask, shape, mask_shape, perm):
        places = np.unpackbits(mask, bitorder="little")[:np.prod(mask_shape)].astype(bool)
        boxes = np.zeros((len(places),) + values.shape[1:])
        boxes[places] = values
        return boxes.reshape(list(mask_shape) + list(values.shape[1:])).transpose(perm).reshape(shape)

    def Factorized(self, coefficients, basis, left, right, merged, cropped, split, perm, **_):
        product = np.matmul(coefficients.astype(np.float64).reshape(left), basis.astype(np.float64).reshape(right)).reshape(merged)
        return product[tuple(slice(extent) for extent in cropped)].reshape(split).transpose(perm)

    def Gemm(self, x, w, bias=0.0, transB=0, **_):
        assert transB == 1
        rows, cols, k = (w[1], w[2], w[0].shape[2]) if isinstance(w, tuple) else (*w.shape, 0)
        self.products.append((rows, cols, 1, k, len(x), len(x)))
        return (circulant_product(w[0], rows, x) if k else x @ w.astype(np.float64).T) + bias

    def Conv(self, x, w, bias=None, pads=(0, 0, 0, 0), strides=(1, 1), **_):
        k = w[0].shape[2] if isinstance(w, tuple) else 0
        w = reference.circulant(*w) if k else w.astype(np.float64)
        x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::strides[0], ::strides[1]]
        y = np.moveaxis(np.tensordot(windows, w, ((1, 4, 5), (1, 2, 3))), 3, 1)
        pixels_in, pixels_out = len(x) * x.shape[2] * x.shape[3], len(y) * y.shape[2] * y.shape[3]
        self.products.append((*w.shape[:2], w.shape[2] * w.shape[3], k, pixels_in, pixels_out))
        return y if bias is None else y + bias[:, None, None]

    def Relu(self, x):
        return np.maximum(x, 0)

    def Flatten(self, x, **_):
        return x.reshape(len(x), -1)

    def MaxPool(self, x, kernel_shape, strides, **_):
        assert list(kernel_shape) == list(strides)
        n, c, h, w = x.shape
        a, b = kernel_shape
        return x[:, :, :h // a * a, :w // b * b].reshape(n, c, h // a, a, w // b, b).max((3, 5))


def circulant_product(c, rows, x):
    """x times the transpose of the matrix of `c`, by FFT in double."""
    p, q, k = c.shape
    padded = np.pad(x, ((0, 0), (0, q * k - x.shape[1]))).reshape(len(x), q, k)
    spectrum = np.einsum("pqf,bqf->bpf", np.fft.rfft(c), np.fft.rfft(padded), optimize=True)
    return np.fft.irfft(spectrum, k).reshape(len(x), p * k)[:, :rows]
