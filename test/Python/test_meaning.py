"""Every representation, and compositions of them, mean one thing on every way through the compiler.

The same random parameters go through NumPy (reference.py, in double) and, as results of one function of many cases,

    folded     constants; expanded and evaluated at compile time
    oracle     constants; expanded and computed in double
    expanded   arguments of the function, so that nothing is folded; expanded, in the model's precision
    linalg     arguments; convert-compress-to-linalg, and from there upstream alone

Bounds per entry (DESIGN section 6), eps = 2^-24, or 2^-53 for f64: eps n |W|, where |W| is the same meaning of absolute values and n
counts roundings: 1 for a scale, r + 1 for a sum of r products, k + 3 for an inverse transform by its definition.
"""
import dataclasses
import subprocess

import numpy as np
import pytest

from compress_mlir import reference
from test_tiling import OPT, build

EPS = {"f32": 2.0**-24, "f64": 2.0**-53}
LAYERS = {"fc": "matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]",
          "conv": "conv_2d_nchw_fchw {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}"}
FLOATS = {"f32": np.float32, "f64": np.float64}


@dataclasses.dataclass
class Node:
    """A value of the IR: an op over operands, or a parameter. `value` is its meaning in double."""
    element: str
    value: np.ndarray
    magnitude: np.ndarray
    roundings: int = 0
    op: str = None
    operands: tuple = ()
    attributes: str = ""

    @property
    def type(self):
        return f"tensor<{'x'.join(map(str, self.value.shape))}x{self.element}>"


class Text:
    """A function that returns the dense tensors, or layers, `cases`; parameters are constants or arguments."""

    def __init__(self, cases, constant):
        self.constant, self.lines, self.arguments, self.feeds = constant, [], [], {}
        results = [self.emit(case) for case in cases]
        types = ", ".join(f'{case.type} {{compress.name = "w{i}"}}' for i, case in enumerate(cases))
        arguments = ", ".join(self.arguments)
        # A library has an input.
        arguments = arguments or '%unused: tensor<1xf32> {compress.name = "unused"}'
        self.feeds = self.feeds or {"unused": np.zeros(1, np.float32)}
        self.text = "\n".join([f"func.func @main({arguments}) -> ({types}) {{", *self.lines,
                               f"return {', '.join(results)} : {', '.join(case.type for case in cases)}", "}"])

    def emit(self, node):
        operands = [self.emit(operand) for operand in node.operands]
        name = f"%v{len(self.lines)}"
        if node.op is None:
            return self.parameter(node, name)
        if node.op in LAYERS:
            return self.layer(node, operands, name)
        types = ", ".join(operand.type for operand in node.operands)
        self.lines.append(f"{name} = compress.{node.op} {', '.join(operands)} {node.attributes} : {types} -> {node.type}")
        return name

    def layer(self, node, operands, name):
        """A linear layer of an activation and a weight, on zeros."""
        types = ", ".join(operand.type for operand in node.operands)
        self.lines.append(f"""{name}_z = arith.constant 0.0 : {node.element}
            {name}_e = tensor.empty() : {node.type}
            {name}_f = linalg.fill ins({name}_z : {node.element}) outs({name}_e : {node.type}) -> {node.type}
            {name} = linalg.{LAYERS[node.op]} ins({', '.join(operands)} : {types}) outs({name}_f : {node.type}) -> {node.type}""")
        return name

    def parameter(self, node, name):
        if self.constant and node.attributes != "activation":
            if node.element.startswith("f"):
                data = '"0x' + node.value.astype(FLOATS[node.element]).tobytes().hex().upper() + '"'
            else:
                data = str(node.value.astype(int).tolist())
            self.lines.append(f"{name} = arith.constant dense<{data}> : {node.type}")
            return name
        argument = f"p{len(self.arguments)}"
        stored = node.element if node.element.startswith("f") else "i8"
        shape = node.type[: node.type.rindex("x") + 1]
        self.arguments.append(f'%{argument}: {shape}{stored}> {{compress.name = "{argument}"}}')
        self.feeds[argument] = node.value.astype(FLOATS.get(stored, np.int8))
        if stored == node.element:
            return "%" + argument
        rank = node.value.ndim
        loops = ", ".join(f"d{d}" for d in range(rank))
        kinds = ", ".join(['"parallel"'] * rank)
        self.lines.append(f"""{name}_e = tensor.empty() : {node.type}
            {name} = linalg.generic {{indexing_maps = [affine_map<({loops}) -> ({loops})>, affine_map<({loops}) -> ({loops})>],
                iterator_types = [{kinds}]}} ins(%{argument} : {shape}i8>) outs({name}_e : {node.type}) {{
            ^bb0(%in: i8, %out: {node.element}):
              %t = arith.trunci %in : i8 to {node.element}
              linalg.yield %t : {node.element}
            }} -> {node.type}""")
        return name


#===-- Random representations --------------------------------------------------------------------------------------===#


class Maker:
    """Draws representations; where an operand is one again, it is passed in."""

    def __init__(self, rng, element):
        self.rng, self.element = rng, element

    def extent(self, low=1, high=9):
        return int(self.rng.integers(low, high + 1))

    def floats(self, *shape):
        value = self.rng.standard_normal(shape).astype(FLOATS[self.element]).astype(float)
        return Node(self.element, value, np.abs(value))

    def make(self, op, operands, attributes, value, magnitude, roundings):
        return Node(self.element, value, magnitude, sum(o.roundings for o in operands) + roundings, op, tuple(operands), attributes)

    def circulant(self, params, spectrum=False, order=None):
        p, q, k = params.value.shape[:3]
        rows, cols = p * k - self.extent(0, k - 1), q * k - self.extent(0, k - 1)
        value, magnitude = params.value, params.magnitude
        if spectrum:
            scale = np.full(k, 2 / k)
            scale[: 2 - k % 2] = 1 / k
            value = reference.slots_to_time(value, 2)
            magnitude = np.repeat(np.einsum("pqk...,k->pq...", magnitude, scale)[:, :, None], k, 2)
        dense = [reference.circulant(c, rows, cols) for c in (value, magnitude)]
        text = "domain = spectrum" if spectrum else ""
        if order is not None:
            dense = [np.transpose(d, np.argsort(order)) for d in dense]
            text += f" order = {list(order)}"
        return self.make("circulant", [params], text, *dense, k + 3 if spectrum else 0)

    def code(self):
        """(text, bits, takes zeros, values of all raw codes)"""
        kind = self.rng.choice(["uniform", "unsigned", "pow2", "pow2 with zero", "ternary", "codebook"])
        bits = self.extent(2, 8)
        if kind in ("uniform", "unsigned"):
            unsigned = kind == "unsigned"
            bits = self.extent(1, 8) if unsigned else bits
            text = f"#compress.uniform<bits = {bits}{', unsigned_codes = true' if unsigned else ''}>"
            return text, bits, True, reference.decode_uniform(np.arange(2**bits), bits, unsigned).astype(float)
        if kind.startswith("pow2"):
            bits, low, zero = self.extent(2, 5), self.extent(-9, 2), kind != "pow2"
            text = f"#compress.pow2<bits = {bits}, min_exponent = {low}{', zero = true' if zero else ''}>"
            return text, bits, False, reference.decode_pow2(np.arange(2**bits), bits, low, zero)
        if kind == "ternary":
            return "#compress.ternary", 2, False, np.array([0.0, 1.0, -2.0, -1.0])
        table = np.round(self.rng.standard_normal(self.extent(2, 17)), 3)
        bits = max(1, int(np.ceil(np.log2(len(table)))))
        values = table[np.minimum(np.arange(2**bits), len(table) - 1)]
        # A table's numbers are rounded to the element type where they are decoded.
        return f"#compress.codebook<{table.tolist()}>", bits, False, values.astype(FLOATS[self.element]).astype(float)

    def dequantize(self, shape, grouping=None, code=None):
        """Scales per tensor, channel, group (that divides) or ragged group."""
        text, bits, takes_zeros, table = code or self.code()
        grouping = grouping or self.rng.choice(["tensor", "channel", "element", "ragged"])
        group = {"tensor": list(shape), "channel": [1] + list(shape[1:]), "element": [1] * len(shape),
                 "ragged": [self.extent(1, n) for n in shape]}[grouping]
        codes = self.rng.integers(0, 2**bits, shape)
        scales = self.floats(*[-(-n // g) for n, g in zip(shape, group)])
        number = lambda raw: Node(f"i{bits}", reference.decode_uniform(raw, bits).astype(float), None)
        operands, zeros, zero_values = [number(codes), scales], None, None
        if takes_zeros and self.rng.integers(2):
            zeros = self.rng.integers(0, 2**bits, scales.value.shape)
            zero_values = table[zeros]
            operands.append(number(zeros))
        value = reference.dequantize(table[codes], scales.value, group, zero_values)
        magnitude = reference.dequantize(np.abs(table[codes]), scales.magnitude, group,
                                         None if zeros is None else -np.abs(zero_values))
        tail = f" group = {group}" if grouping == "ragged" else ""
        return self.make("dequantize", operands, f"code({text}){tail}", value, magnitude, 1)

    def factorized(self, c, b, shape, batch=0, collapse=None, expand=None, order=None):
        arguments = (shape, batch, collapse, expand, order)
        text = f"batch = {batch} " if batch else ""
        text += f"collapse = {collapse} expand = {expand} " if collapse else ""
        text += f"order = {list(order)}" if order else ""
        return self.make("factorized", [c, b], text, reference.factorized(c.value, b.value, *arguments),
                         reference.factorized(c.magnitude, b.magnitude, *arguments), c.value.shape[-1] + 1)

    def low_rank_of(self, c):
        n = self.extent()
        return self.factorized(c, self.floats(c.value.shape[1], n), [c.value.shape[0], n])

    def unpack(self, mask, box, values=None):
        """`values`: makes the packed boxes, of the shape it is given."""
        mask.flat[self.rng.integers(mask.size)] = True
        packed = (values or (lambda s: self.floats(*s)))([int(mask.sum()), *box])
        shape = [m * b for m, b in zip(mask.shape, box)]
        text = "x".join(map(str, mask.shape))
        return self.make("unpack", [packed], f"mask = dense<{str(mask.tolist()).lower()}> : tensor<{text}xi1>",
                         reference.unpack(packed.value, mask, shape), reference.unpack(packed.magnitude, mask, shape), 0)

    def mask(self, *shape):
        return self.rng.integers(0, 2, shape).astype(bool)

    def slices(self, channels, rows, taps, code=None):
        """SmartDeal's: filters x slices x rows x 3 times filters x slices x 3 x 3, rows of the last slice left over."""
        out, count = self.extent(1, 4), -(-channels * taps // rows)
        shape = [out, count, rows, taps]
        c = self.dequantize(shape, "tensor", code) if code else self.floats(*shape)
        return self.factorized(c, self.floats(out, count, taps, taps), [out, channels, taps, taps], 2, [[0], [1, 2], [3]],
                               [[0], [1, 2], [3]])


    def layer(self, w):
        """A fully connected layer, or a convolution of stride 2, 1, with weight w (out x in, OIHW)."""
        if w.value.ndim == 2:
            x = self.floats(3, w.value.shape[1])
            value, magnitude = x.value @ w.value.T, x.magnitude @ w.magnitude.T
        else:
            x = self.floats(2, w.value.shape[1], w.value.shape[2] + 3, w.value.shape[3] + 2)
            windows = lambda v: np.lib.stride_tricks.sliding_window_view(v, w.value.shape[2:], (2, 3))[:, :, ::2]
            value, magnitude = (np.einsum("ncyxij,ocij->noyx", windows(a), b)
                                for a, b in ((x.value, w.value), (x.magnitude, w.magnitude)))
        x.attributes = "activation"  # never a constant
        terms = int(np.prod(w.value.shape[1:]))
        return Node(self.element, value, magnitude, w.roundings + terms + 1, "fc" if w.value.ndim == 2 else "conv", (x, w))


def representations(make):
    """(name, node): every representation, alone and composed, on shapes that divide and do not."""
    e, pow2 = make.extent, ("#compress.pow2<bits = 4, min_exponent = -8, zero = true>", 4, False,
                            reference.decode_pow2(np.arange(16), 4, -8, True))
    ternary = ("#compress.ternary", 2, False, np.array([0.0, 1.0, -2.0, -1.0]))
    byte = ("#compress.uniform<bits = 8>", 8, True, reference.decode_uniform(np.arange(256), 8).astype(float))
    for k in (1, 2, 3, 4, 5, 8):
        yield f"circulant, k {k}", make.circulant(make.floats(e(1, 3), e(1, 3), k))
        yield f"circulant spectrum, k {k}", make.circulant(make.floats(e(1, 3), e(1, 3), k), spectrum=True)
    yield "circulant, transposed", make.circulant(make.floats(2, 3, 4), order=[1, 0])
    yield "circulant, HWIO", make.circulant(make.floats(2, 1, 3, 2, 3), order=[3, 2, 0, 1])
    yield "circulant spectrum, OHWI", make.circulant(make.floats(2, 1, 4, 2, 3), spectrum=True, order=[0, 3, 1, 2])
    for grouping in ("tensor", "channel", "element", "ragged"):
        for rank in (1, 2, 4):
            yield f"dequantize by {grouping}, rank {rank}", make.dequantize([e() for _ in range(rank)], grouping)
    m, n, r = e(), e(), e(1, 4)
    yield "low rank", make.factorized(make.floats(m, r), make.floats(r, n), [m, n])
    yield "low rank, transposed", make.factorized(make.floats(m, r), make.floats(r, n), [n, m], order=[1, 0])
    yield "ESCALATE", make.factorized(make.floats(m, n, r), make.floats(r, 3, 2), [m, n, 3, 2])
    yield "ESCALATE, HWIO", make.factorized(make.floats(m, n, r), make.floats(r, 3, 2), [3, 2, n, m], order=[3, 2, 0, 1])
    yield "basis shared by the batch", make.factorized(make.floats(m, 2, 5, r), make.floats(1, 2, r, 3), [m, 2, 5, 3], 2)
    yield "scalar basis", make.factorized(make.floats(m, n, 1), make.floats(1), [m, n])
    for taps in (3, 5, 7):
        yield f"SmartDeal, {taps}x{taps}", make.slices(e(2, 6), taps * e(1, 2), taps)
    yield "SmartDeal, 1x1", make.factorized(make.floats(m, 2, 4, 3), make.floats(m, 2, 3, 3), [m, 22, 1, 1], 2, [[0], [1, 2, 3]],
                                            [[0], [1, 2, 3]])
    yield "SmartDeal, fully connected", make.factorized(make.floats(m, 1, 4, 3), make.floats(m, 1, 3, 3), [m, 10], 2,
                                                        [[0], [1, 2, 3]], [[0], [1]])
    yield "unpack rows", make.unpack(make.mask(e(), 1), [e(1, 3), e()])
    yield "unpack columns", make.unpack(make.mask(1, e()), [e(), 1])
    yield "unpack vectors", make.unpack(make.mask(3, e(), 1, 2), [4, 1, 2, 1])
    yield "unpack taps", make.unpack(make.mask(1, e(), 3, 3), [e(), 1, 1, 1])
    yield "unpack elements", make.unpack(make.mask(e(), e(), 2), [1, 1, 1])

    yield "circulant of coded spectra", make.circulant(make.dequantize([2, 3, 4], "ragged"), spectrum=True)
    yield "circulant of coded spectra, scales by slot", make.circulant(make.dequantize([2, 2, 8], code=byte), spectrum=True)
    yield "circulant of a coded convolution", make.circulant(make.dequantize([2, 1, 3, 3, 2]), order=[3, 2, 0, 1])
    yield "ternary coefficients, int8 basis", make.factorized(make.dequantize([m, n, r], "channel", ternary),
                                                              make.dequantize([r, 3, 3], "tensor", byte), [m, n, 3, 3])
    yield "SmartDeal of powers of two", make.slices(e(2, 6), 3 * e(1, 2), 3, pow2)
    yield "unpack of powers of two", make.unpack(make.mask(e(), 1), [2, e()], lambda s: make.dequantize(s, "channel", pow2))
    yield "low rank of a circulant", make.low_rank_of(make.circulant(make.floats(3, 2, 2)))
    yield "three deep: unpack of a product of codes", make.unpack(
        make.mask(3, 1), [2, n], lambda s: make.factorized(make.dequantize([*s[:2], r]), make.dequantize([r, n], "tensor"), s))
    yield "three deep: circulant of a product of codes", make.circulant(
        make.factorized(make.dequantize([2, 3, r], code=ternary), make.floats(r, 4), [2, 3, 4]), spectrum=True)
    yield "three deep: product with packed codes", make.factorized(
        make.unpack(make.mask(4, 1), [2, r], lambda s: make.dequantize(s, code=pow2)), make.floats(r, n), [8, n])


#===-- The ways through the compiler -------------------------------------------------------------------------------===#

LINALG = """builtin.module(convert-compress-to-linalg,func.func(compress-results-to-destinations),
    one-shot-bufferize{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map},
    convert-compress-copies-to-linalg,func.func(convert-linalg-to-loops),canonicalize,compress-package{name=tiled},compress-lower)"""


def results(library, feeds, count, double=False):
    if double:
        feeds = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in feeds.items()}
    found = library.run(feeds)
    return [found[f"w{i}"].astype(float) for i in range(count)]


def compare(way, names, cases, computed, eps, roundings=None):
    """Asserts that each entry is within its bound; prints the largest fraction of it."""
    used = {}
    for name, case, w in zip(names, cases, computed):
        assert w.shape == case.value.shape, (way, name)
        # The reference computes in double, too.
        bound = (eps * (roundings or case.roundings) + 2 * EPS["f64"] * (case.roundings + 8)) * case.magnitude + np.finfo(np.float32).tiny
        used[name] = float((np.abs(w - case.value) / bound).max())
    print(f"{way}: largest fraction of the bound {max(used.values()):.3f}, {max(used, key=used.get)}")
    assert all(fraction <= 1 for fraction in used.values()), (way, {n: f for n, f in used.items() if f > 1})


def build_linalg(folder):
    return build(folder, " ".join(LINALG.split()).replace(", ", ","))


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_every_way_computes_the_same(element, rng, tmp_path, compile_and_load):
    names, cases = zip(*representations(Maker(rng, element)))
    model, count = tmp_path / "model.mlir", len(cases)
    constant, argument = Text(cases, True), Text(cases, False)
    model.write_text(constant.text)
    # What is evaluated is rounded once, from double.
    compare(f"{element}, folded", names, cases, results(compile_and_load(model, expand=True), constant.feeds, count), EPS[element], 1)
    oracle = results(compile_and_load(model, reference=True), constant.feeds, count, double=True)
    compare(f"{element}, oracle", names, cases, oracle, EPS["f64"])
    model.write_text(argument.text)
    expanded = results(compile_and_load(model, expand=True), argument.feeds, count)
    compare(f"{element}, expanded", names, cases, expanded, EPS[element])
    compare(f"{element}, linalg", names, cases, results(build_linalg(tmp_path), argument.feeds, count), EPS[element])


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_layers_compute_the_same(element, rng, tmp_path, compile_and_load):
    """Consumers of representations: the oracle, the weight expanded, and rebuilt by tiles that do not divide the outputs."""
    make = Maker(rng, element)
    names, cases = zip(*[(name, make.layer(w)) for name, w in representations(make)
                         if w.value.ndim in (2, 4) and "HWI" not in name])
    model, tiled, count = tmp_path / "model.mlir", tmp_path / "tiled.mlir", len(cases)
    constant, argument = Text(cases, True), Text(cases, False)
    model.write_text(constant.text)
    oracle = results(compile_and_load(model, reference=True), constant.feeds, count, double=True)
    compare(f"{element}, oracle", names, cases, oracle, EPS["f64"])
    for text in (constant, argument):
        way = f"{element}, of {'constants' if text.constant else 'arguments'}"
        model.write_text(text.text)
        # Circulant layers by transforms have a bound of their own: test_property.py.
        selected = results(compile_and_load(model), text.feeds, count)
        others = [i for i, name in enumerate(names) if "circulant" not in name]
        compare(way + ", selected", *([part[i] for i in others] for part in (names, cases, selected)), EPS[element])
        subprocess.run([OPT, model, "--compress-expand=mode=tile tile-size=2", "-o", tiled], check=True)
        assert tiled.read_text().count("scf.for") >= 10
        compare(way + ", tiled", names, cases, results(compile_and_load(tiled), text.feeds, count), EPS[element])
    compare(f"{element}, linalg", names, cases, results(build_linalg(tmp_path), argument.feeds, count), EPS[element])
