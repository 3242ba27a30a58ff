"""Kernel ops that decode at load: packed and not, in lanes and scalars, against NumPy."""
import numpy as np
import pytest

import compress_mlir

# code attribute, bits, numbers of all raw codes
CODES = {
    "int8": ("uniform<bits = 8>", 8, [c - 256 * (c >= 128) for c in range(256)]),
    "uint8": ("uniform<bits = 8, unsigned_codes = true>", 8, list(range(256))),
    "int4": ("uniform<bits = 4>", 4, [c - 16 * (c >= 8) for c in range(16)]),
    "uint4": ("uniform<bits = 4, unsigned_codes = true>", 4, list(range(16))),
    "int3": ("uniform<bits = 3>", 3, [0, 1, 2, 3, -4, -3, -2, -1]),
    "pow2": ("pow2<bits = 4, min_exponent = -3, zero = true>", 4,
             [0] + [2.0**e for e in range(-3, 4)] + [0] + [-(2.0**e) for e in range(-3, 4)]),
    "pow2 without zero": ("pow2<bits = 3, min_exponent = -2>", 3, [.25, .5, 1, 2, -.25, -.5, -1, -2]),
    "ternary": ("ternary", 2, [0, 1, -2, -1]),
    "codebook": ("codebook<[-1.5, -0.25, 0.5, 3.0, 7.0]>", 3, [-1.5, -.25, .5, 3, 7, 7, 7, 7]),
}
# name, codes shape, group, input map and shape, weight map, init map and shape, numpy einsum over windows
LAYERS = {
    "matmul, rows are outputs": ("37x41", [1, 16], "(m, n, k) -> (m, k)", "3x41", "(m, n, k) -> (n, k)", "(m, n, k) -> (m, n)", "3x37"),
    "matmul, columns are outputs": ("41x37", [8, 1], "(m, n, k) -> (m, k)", "3x41", "(m, n, k) -> (k, n)", "(m, n, k) -> (m, n)", "3x37"),
    "matvec": ("37x41", [37, 41], "(n, k) -> (k)", "41", "(n, k) -> (n, k)", "(n, k) -> (n)", "37"),
    "conv nchw": ("9x5x3x2", [1, 5, 3, 2], "(b, o, y, x, i, u, v) -> (b, i, y * 2 + u, x + v * 2)", "2x5x9x21",
                  "(b, o, y, x, i, u, v) -> (o, i, u, v)", "(b, o, y, x, i, u, v) -> (b, o, y, x)", "2x9x4x19"),
    "conv nhwc": ("3x2x5x19", [3, 1, 2, 1], "(b, y, x, o, i, u, v) -> (b, y + u, x + v, i)", "2x5x6x5",
                  "(b, y, x, o, i, u, v) -> (u, v, i, o)", "(b, y, x, o, i, u, v) -> (b, y, x, o)", "2x3x5x19"),
    "two outputs": ("6x7x5", [1, 7, 1], "(b, k, m, y, c) -> (b, c, y)", "2x7x17", "(b, k, m, y, c) -> (k, c, m)",
                    "(b, k, m, y, c) -> (b, k, m, y)", "2x6x5x17"),
}


def dims(text):
    return tuple(int(e) for e in text.split("x"))


def apply_maps(maps, shapes, x, w, y):
    """The op's definition by plain loops over numpy index grids."""
    names = [n.strip() for n in maps[0].split("->")[0].strip(" ()").split(",")]
    results = [[e.strip() for e in m.split("->")[1].strip(" ()").split(",")] for m in maps]
    extents = {}
    for exprs, shape in ((results[2], y.shape), (results[1], w.shape)):
        extents.update({e: s for e, s in zip(exprs, shape) if e in names})
    grid = dict(zip(names, np.meshgrid(*[np.arange(extents[n]) for n in names], indexing="ij")))
    at = [tuple(eval(e, {}, grid) for e in exprs) for exprs in results]
    np.add.at(y, at[2], x[at[0]] * w[at[1]])
    return y


@pytest.mark.parametrize("constant", [True, False])
def test_decoded_products(constant, rng, tmp_path):
    functions, feeds, expected, bounds = [], {}, {}, {}
    arguments, results, body = [], [], []
    for n, (layer, code_name) in enumerate((l, c) for l in LAYERS for c in CODES):
        shape, group, x_map, x_shape, w_map, y_map, y_shape = LAYERS[layer]
        code, bits, values = CODES[code_name]
        if not constant and bits != 8:
            continue  # arguments of a C function are whole bytes
        hasZeros = code.startswith("uniform") and bool(rng.integers(2))
        raw = rng.integers(0, 2**bits, dims(shape))
        if code == "ternary":
            raw[raw == 2] = 0
        scale_shape = tuple(-(-e // g) for e, g in zip(dims(shape), group))
        scales = rng.standard_normal(scale_shape).astype(np.float32)
        zeros = rng.integers(-3, 4, scale_shape).astype(np.float32)
        x, y0 = rng.standard_normal(dims(x_shape)).astype(np.float32), rng.standard_normal(dims(y_shape)).astype(np.float32)
        s_type = "x".join(map(str, scale_shape)) + "xf32"
        signed = np.where(raw >= 2 ** (bits - 1), raw - 2**bits, raw).astype(np.int8)
        arguments += [f"%x{n}: tensor<{x_shape}xf32> {{compress.name = \"x{n}\"}}", f"%i{n}: tensor<{y_shape}xf32> {{compress.name = \"i{n}\"}}"]
        feeds[f"x{n}"], feeds[f"i{n}"] = x, y0
        if constant:
            body.append(f'%c{n} = arith.constant dense<{signed.tolist()}> : tensor<{shape}xi{bits}>')
            body.append(f'%s{n} = arith.constant dense<"0x{scales.tobytes().hex()}"> : tensor<{s_type}>')
        else:
            arguments += [f"%c{n}: tensor<{shape}xi8> {{compress.name = \"c{n}\"}}", f"%s{n}: tensor<{s_type}> {{compress.name = \"s{n}\"}}"]
            feeds[f"c{n}"], feeds[f"s{n}"] = signed, scales
        z = t = ""
        if hasZeros:
            body.append(f'%z{n} = arith.constant dense<"0x{zeros.tobytes().hex()}"> : tensor<{s_type}>')
            z, t = f", %z{n}", f", tensor<{s_type}>"
        maps = ", ".join(f"affine_map<{m}>" for m in (x_map, w_map, y_map))
        body.append(f"%y{n} = compress.coded_contract maps = [{maps}] code(#compress.{code}) group = {group} "
                    f"ins(%x{n}, %c{n}, %s{n}{z} : tensor<{x_shape}xf32>, tensor<{shape}xi{bits}>, tensor<{s_type}>{t}) "
                    f"outs(%i{n} : tensor<{y_shape}xf32>) -> tensor<{y_shape}xf32>")
        results.append((f"%y{n}", f"tensor<{y_shape}xf32>", f"y{n}"))

        def spread(a):
            for d, g in enumerate(group):
                a = np.repeat(a, g, d).take(range(dims(shape)[d]), d)
            return a.astype(np.float64)

        w = spread(scales) * (np.asarray(values, np.float64)[raw] - (spread(zeros) if hasZeros else 0))
        shapes = None
        expected[f"y{n}"] = apply_maps((x_map, w_map, y_map), shapes, x.astype(np.float64), w, y0.astype(np.float64))
        terms = w.size // max(1, np.prod([e for e, m in zip(w.shape, w_map.split("->")[1].strip(" ()").split(", ")) if m in y_map.split("->")[1]]))
        magnitude = apply_maps((x_map, w_map, y_map), shapes, np.abs(x.astype(np.float64)), np.abs(w), np.abs(y0.astype(np.float64)))
        # One rounding per term of the sum and three in decoding (number - zero, times scale): DESIGN section 6, direct form.
        zero_part = 2 * np.abs(spread(scales) * (spread(zeros) if hasZeros else 0))
        magnitude += apply_maps((x_map, w_map, y_map), shapes, np.abs(x.astype(np.float64)), zero_part, np.zeros(y0.shape))
        bounds[f"y{n}"] = 2.0**-24 * (terms + 4) * magnitude
    signature = ", ".join(f'{t} {{compress.name = "{name}"}}' for _, t, name in results)
    text = (f"func.func @main({', '.join(arguments)}) -> ({signature}) {{\n  " + "\n  ".join(body) +
            f"\n  return {', '.join(v for v, _, _ in results)} : {', '.join(t for _, t, _ in results)}\n}}\n")
    (tmp_path / "coded.mlir").write_text(text)
    for lanes in (None, 1):
        library = compress_mlir.load(compress_mlir.compile(tmp_path / "coded.mlir", tmp_path, vector_lanes=lanes))
        outputs, worst = library.run(feeds), 0.0
        for name, value in outputs.items():
            fraction = (np.abs(value - expected[name]) / bounds[name]).max()
            assert fraction <= 1, (name, fraction, lanes)
            worst = max(worst, fraction)
        print(f"{len(outputs)} products, lanes {lanes or 'native'}: {worst:.3f} of the bound")
