"""Every raw code of every number code, folded and executed, is the number that NumPy's formula gives, exactly.

Zero points too: each code minus each of some zero points. test/Unit/Dialect has the definitions on numbers, and rounding to codes.
"""
import numpy as np
import pytest

from compress_mlir import reference
from test_meaning import Node, Text, results


def codes():
    """(text, bits, takes zeros, numbers)"""
    for bits in range(1, 9):
        raw = np.arange(2**bits)
        yield f"#compress.uniform<bits = {bits}, unsigned_codes = true>", bits, True, raw.astype(float)
        if bits >= 2:
            yield f"#compress.uniform<bits = {bits}>", bits, True, np.where(raw < 2 ** (bits - 1), raw, raw - 2.0**bits)
    for bits in range(2, 7):
        raw, half = np.arange(2**bits), 2 ** (bits - 1)
        sign, m = np.where(raw >= half, -1.0, 1.0), raw % half
        yield f"#compress.pow2<bits = {bits}, min_exponent = -9>", bits, False, sign * 2.0 ** (m - 9)
        yield (f"#compress.pow2<bits = {bits}, min_exponent = -126, zero = true>", bits, False,
               np.where(m == 0, 0.0, sign * 2.0 ** (m - 127.0)))
        yield f"#compress.pow2<bits = {bits}, min_exponent = {128 - half}>", bits, False, sign * 2.0 ** (m + 128.0 - half)
    yield "#compress.ternary", 2, False, np.array([0.0, 1.0, -2.0, -1.0])
    for size in (2, 3, 7, 16, 200):
        table = np.linspace(-3, 5, size).astype(np.float32).astype(float)
        bits = int(np.ceil(np.log2(size)))
        yield f"#compress.codebook<{table.tolist()}>", bits, False, table[np.minimum(np.arange(2**bits), size - 1)]


def stored(raw, bits):
    value = np.where(raw < 2 ** (bits - 1), raw, raw - 2.0**bits)
    return Node(f"i{bits}", value, None)


def cases(element):
    for text, bits, takes_zeros, numbers in codes():
        raw = np.arange(2**bits)
        one = Node(element, np.ones(1), None)
        yield Node(element, numbers, None, 0, "dequantize", (stored(raw, bits), one), f"code({text})")
        if not takes_zeros:
            continue
        zeros = raw[:: max(1, len(raw) // 8)]
        table = numbers[None, :] - numbers[zeros][:, None]
        scales = np.tile(2.0 ** np.arange(len(zeros))[:, None], (1, 1))
        operands = stored(np.tile(raw, (len(zeros), 1)), bits), Node(element, scales, None), stored(zeros[:, None], bits)
        yield Node(element, table * scales, None, 0, "dequantize", operands, f"code({text})")


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_raw_codes_are_their_numbers(element, tmp_path, compile_and_load):
    nodes = list(cases(element))
    for constant in (True, False):
        text = Text(nodes, constant)
        model = tmp_path / "codes.mlir"
        model.write_text(text.text)
        for node, found in zip(nodes, results(compile_and_load(model, expand=True), text.feeds, len(nodes))):
            np.testing.assert_array_equal(found, node.value, err_msg=f"{node.attributes} constant={constant}")


def test_reference_decodes_the_same():
    for text, bits, _, numbers in codes():
        raw = np.arange(2**bits)
        if "uniform" in text:
            np.testing.assert_array_equal(reference.decode_uniform(raw, bits, "unsigned" in text), numbers)
        if "pow2" in text:
            low = int(text.split("min_exponent = ")[1].split(",")[0].strip(">"))
            np.testing.assert_array_equal(reference.decode_pow2(raw, bits, low, "zero" in text), numbers)
