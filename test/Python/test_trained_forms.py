"""compress_mlir.forms: what a layer computes with, in training, is what its codes stand for, by the NumPy reference; exported, the
library and ONNX Runtime compute the same. Gradients go straight through, and codes keep to their codebook."""
import json
import sys

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import compress_mlir  # noqa: E402
from compress_mlir import coded_forms, export, forms, onnx_functions, reference, structured_forms  # noqa: E402
from compress_mlir.nn import BlockCirculantConv2d, BlockCirculantLinear  # noqa: E402
from conftest import ROOT  # noqa: E402

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402


def times(scales, numbers):
    return scales.astype(float) * numbers


def smartdeal(codes, shape):
    q = np.zeros(codes["mask"].shape)
    q[codes["mask"]] = codes["signs"] * np.exp2(codes["low"] + codes["exponents"].astype(float))
    return times(codes["scales"], q).reshape(shape[0], -1)[:, :int(np.prod(shape[1:]))].reshape(shape)


def escalate(codes, shape):
    coefficients = times(codes["scales"], codes["signs"])
    return reference.factorized(coefficients, times(codes["basis_scale"], codes["basis"]), shape)


def spectrum(codes, shape):
    each = codes["scales"].reshape([-1] + [1] * (len(shape) - 3))
    return reference.slots_to_time(times(each, codes["numbers"]), 2)


def numbers(codes, shape):
    return times(codes["scales"], codes["numbers"])


def signs(codes, shape):
    return times(codes["scales"], codes["signs"])


def groups(codes, shape):
    """Each group of inputs has a step: a scale, or a multiplier times the scale of the output."""
    steps = times(codes["scales"], codes.get("multipliers", 1))
    length = -(-shape[1] // steps.shape[1])
    return np.repeat(steps, length, 1)[:, :shape[1]] * codes["numbers"]


def powers(codes, shape):
    return times(codes["scales"], np.array(coded_forms.PowersOfTwo.TABLE)[codes["raw"]])


def bases(codes, shape):
    product = codes["powers"].astype(float) @ times(codes["basis_scales"], codes["basis"])
    return product.reshape(shape[0], -1)[:, :int(np.prod(shape[1:]))].reshape(shape)


def columns(codes, shape):
    weight = np.zeros((shape[0], int(np.prod(shape[1:]))))
    weight[:, codes["columns"].reshape(-1)] = times(codes.get("scales", np.ones(1)), codes["values"]).T
    return weight.reshape(shape)


def factors(codes, shape):
    return (codes["left"].astype(float) @ codes["right"]).reshape(shape)


def thinned(build):
    """A layer whose second output, and a third of whose columns, are zero."""
    layer = build()
    layer.weight.data[1] = 0
    layer.weight.data.reshape(len(layer.weight), -1)[:, ::3] = 0
    return layer


DENSE = (lambda: nn.Linear(37, 11), lambda: nn.Conv2d(5, 7, 3))
THINNED = tuple(lambda build=build: thinned(build) for build in DENSE)
CIRCULANT = tuple(lambda k=k: BlockCirculantLinear(37, 11, k) for k in (1, 2, 5, 8)) + (lambda: BlockCirculantConv2d(5, 7, 3, 4),)
# form, layers, what its codes stand for
CASES = {
    "uniform4": (lambda: forms.Uniform(4), DENSE, numbers),
    "uniform8": (lambda: forms.Uniform(8), DENSE, numbers),
    "uniform3": (lambda: forms.Uniform(3), DENSE, numbers),
    "ternary": (lambda: forms.Ternary(0.6), DENSE, signs),
    "smartdeal": (lambda: forms.SmartDeal(0.7), DENSE, smartdeal),
    "smartdeal-slices": (lambda: forms.SmartDeal(0.4, rows=5), DENSE, smartdeal),  # that do not divide an output
    "escalate": (lambda: ternary_stage(forms.Escalate(4, 0.7)), DENSE[1:], escalate),
    "ternary-2bits": (lambda: forms.Ternary(0.4, mask=False), DENSE, signs),
    "escalate-balanced": (lambda: ternary_stage(forms.Escalate(4, 0.7, balanced=True)), DENSE[1:], escalate),
    "groups": (lambda: coded_forms.GroupedUniform(4, 8), DENSE[:1], groups),
    "groups3": (lambda: coded_forms.GroupedUniform(3, 10), DENSE[:1], groups),
    "multipliers": (lambda: coded_forms.GroupedUniform(4, 8, multipliers=True), DENSE[:1], groups),
    "pow2": (coded_forms.PowersOfTwo, DENSE, powers),
    "bases-slices": (lambda: coded_forms.SmartDealBases(0.4, rows=5), DENSE, bases),
    "bases-layer": (lambda: coded_forms.SmartDealBases(0.7, "layer"), DENSE, bases),
    "bases-vectors": (lambda: coded_forms.SmartDealBases(0.5, share=4), (lambda: nn.Linear(37, 12), lambda: nn.Conv2d(5, 8, 3)), bases),
    "bases-vectors-alone": (lambda: coded_forms.SmartDealBases(0.5, share=4), DENSE, bases),  # 4 do not divide the outputs
    "masked": (structured_forms.Masked, THINNED, columns),
    "masked8": (lambda: structured_forms.Masked(bits=8), THINNED, columns),
    "masked-nothing": (lambda: structured_forms.Masked(bits=8), DENSE, columns),
    "lowrank": (lambda: structured_forms.LowRank(0.6), DENSE, factors),
    "lowrank-full": (lambda: structured_forms.LowRank(1.0), DENSE, factors),
    "spectrum4": (lambda: forms.Spectrum(4), CIRCULANT, spectrum),
    "spectrum8": (lambda: forms.Spectrum(8), CIRCULANT, spectrum),
}


def ternary_stage(form):
    form.stage = "ternary"
    return form


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)



@pytest.mark.parametrize("name", CASES)
def test_weights_in_training_are_what_the_codes_stand_for(name):
    make, layers, meaning = CASES[name]
    for build in layers:
        layer = build()
        form = forms.attach(layer, make())
        expected = meaning(form.codes(*forms.originals(layer)), tuple(layer.weight.shape))
        np.testing.assert_allclose(layer.weight.detach().numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["uniform4", "ternary", "spectrum4", "groups", "multipliers", "pow2", "masked-nothing"])
def test_gradients_go_straight_through(name):
    make, layers, _ = CASES[name]
    for build in layers:
        layer = build()
        forms.attach(layer, make())
        upstream = torch.randn(layer.weight.shape)
        layer.weight.backward(upstream)
        assert torch.equal(forms.originals(layer)[0].grad, upstream)


def test_gradients_of_smartdeal_are_those_of_the_product():
    """W = mask * q s: dC = mask * s dW, ds = sum q dW."""
    layer = nn.Linear(8, 3)
    form = forms.attach(layer, forms.SmartDeal(0.5))
    c, s = forms.originals(layer)
    upstream = torch.randn(3, 8)
    layer.weight.backward(upstream)
    scale = s.detach().half().float()
    torch.testing.assert_close(c.grad, form.mask * scale * upstream[:, None])
    torch.testing.assert_close(s.grad, (form.round(c) * form.mask * upstream[:, None]).sum(-1, keepdim=True).detach())


def test_gradients_of_bases_are_those_of_the_product():
    """W = (mask * Q) B: dC = mask * dW B^T, dB = (mask * Q)^T dW (SmartDeal, section on training)."""
    layer = nn.Linear(12, 3)
    form = forms.attach(layer, coded_forms.SmartDealBases(0.5))
    c, basis = forms.originals(layer)
    upstream = torch.randn(3, 12)
    layer.weight.backward(upstream)
    numbers, scale = form.split_basis(basis)
    q, dw = (form.round(c) * form.mask).detach(), upstream.reshape(3, 1, 4, 3)
    torch.testing.assert_close(c.grad, form.mask * (dw @ (numbers * scale).transpose(-1, -2)))
    torch.testing.assert_close(basis.grad, q.transpose(-1, -2) @ dw)


@pytest.mark.parametrize("basis", ["slice", "layer"])
def test_bases_are_no_worse_than_a_fit_of_their_codes(basis):
    """For the codes that it ends with, B is that of least squares, up to the ridge; and it fits better than B = I, powers of two alone."""
    layer = nn.Linear(90, 20)
    weight = layer.weight.detach().clone()
    form = coded_forms.SmartDealBases(0.3, basis)
    form.shape = tuple(weight.shape)
    q, b = form.project(weight, 0.3)
    a = form.slices(weight)
    residual = a - q @ b
    left = q.reshape(1, 1, -1, 3) if basis == "layer" else q
    normal = left.transpose(-1, -2) @ residual.reshape(left.shape)
    assert normal.abs().max() <= 2e-3 * (left.transpose(-1, -2) @ left).abs().max()
    assert residual.norm() < (a - form.round(a) * form.mask).norm()


@pytest.mark.parametrize("shape", [(8, 30), (8, 4, 3, 3)])
def test_vectors_of_zeros_are_shared_and_as_many_in_each_slice(shape):
    form = coded_forms.SmartDealBases(0.5, share=4, rows=6)
    form.shape = shape
    q, _ = form.project(torch.randn(shape), 0.5)
    rows = (q != 0).reshape(2, 4, *q.shape[1:])
    assert torch.equal(rows, rows[:, :1].expand_as(rows)) and torch.equal(rows, rows[..., :1].expand_as(rows))
    counts = rows[:, 0, :, :, 0].sum(2)
    assert bool((counts == q.shape[2] - q.shape[2] // 2).all())


def test_shared_rows_are_multiplied_in_bytes(tmp_path, compile_and_load):
    """The kernel of scripts/bench's smartdeal-fc takes what the form exports: it wants a code that is 0 and numbers that are bytes."""
    layer = nn.Linear(192, 64)
    forms.attach(layer, coded_forms.SmartDealBases(0.5, share=32))
    layer.bias.data = layer.bias.data.half().float()
    export.to_onnx(nn.Sequential(layer), torch.zeros(2, 192), tmp_path / "light.onnx")
    report = tmp_path / "report.json"
    compress_mlir.compile(tmp_path / "light.onnx", tmp_path, precision="i8", report=report, force="basis_dot")
    found = [row["text"] for row in json.loads(report.read_text())["layers"] if row["pass"] == "select"]
    assert any(row.startswith("compress.factorized: basis_dot") for row in found), found


def test_shared_rows_stay_packed_in_the_library(tmp_path):
    """What the library holds beside the file's codes: where each output begins, 2 bytes, and bases of 3 x 3 in bytes whole."""
    stored, file = library_and_file_bytes(nn.Linear(784, 64), coded_forms.SmartDealBases(0.5, share=32), tmp_path)
    assert stored <= 1.03 * file


def test_group_multipliers_stay_in_4_bits_in_the_library(tmp_path):
    stored, file = library_and_file_bytes(nn.Linear(784, 256), coded_forms.GroupedUniform(multipliers=True), tmp_path)
    assert stored <= 1.02 * file


@pytest.mark.parametrize("build, shape", [(lambda: nn.Linear(784, 96), (2, 784)), (lambda: nn.Conv2d(20, 50, 5), (2, 20, 12, 12))])
def test_columns_that_are_left_stay_codes_in_the_library(build, shape, tmp_path):
    """Beside the file's codes there is where each column is read from: 2 bytes for one of 784 inputs, and 3 for a tap of one of 20 channels."""
    stored, file = library_and_file_bytes(thinned(build), structured_forms.Masked(bits=8), tmp_path, shape)
    assert stored <= 1.15 * file


def library_and_file_bytes(layer, form, folder, shape=None):
    """Bytes of the weights of a layer of `form`, of the library of fewest bytes and of the ONNX file's tensors."""
    forms.attach(layer, form)
    layer.bias.data = layer.bias.data.half().float()
    export.to_onnx(nn.Sequential(layer), torch.zeros(shape or (2, layer.in_features)), folder / "light.onnx")
    compress_mlir.compile(folder / "light.onnx", folder, objective="bytes", report=folder / "report.json")
    stored = json.loads((folder / "report.json").read_text())["weight_bytes"]
    file = onnx_functions.tensor_bytes(onnx.load(str(folder / "light.onnx")))
    print(f"{stored} bytes in the library, {file} in the file")
    return stored, file


def test_balanced_coefficients_are_the_largest_of_each_group():
    w = torch.randn(5, 20, 3)
    form = forms.BalancedTernary(0.8)
    signs, scales = form.split(w)
    assert bool(((signs != 0).sum(1) == 4).all())
    for k in range(5):
        for m in range(3):
            expected = np.sort(np.abs(w[k, :, m].numpy()))[-4:]
            kept = w[k, :, m][signs[k, :, m] != 0]
            np.testing.assert_array_equal(np.sort(kept.abs().numpy()), expected)
            assert torch.equal(kept.sign(), signs[k, :, m][signs[k, :, m] != 0])
            np.testing.assert_allclose(scales[k, 0, m], expected.mean(), rtol=1e-3)
    form.refresh(w, 0.5)
    assert bool(((form.split(w)[0] != 0).sum(1) == 12).all())


def test_powers_of_two_with_a_zero_are_the_nearest_of_the_table():
    x = torch.linspace(-1, 1, 4001)
    table = np.array(coded_forms.PowersOfTwo.TABLE)
    distance = np.abs(x.numpy()[:, None] - table)
    assert np.array_equal(np.abs(coded_forms.PowersOfTwo().nearest(x).numpy() - x.numpy()), distance.min(1).astype(np.float32))


def test_zero_is_rounded_to_the_least_power():
    """It was the largest one, by the exponent 0 of zero."""
    form = forms.SmartDeal(0)
    form.high = 2
    assert float(form.round(torch.zeros(1))) == 2.0**-5


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.72])
def test_smartdeal_keeps_the_largest_and_codes_stay_in_the_window(sparsity):
    layer = nn.Linear(64, 50)
    weight = layer.weight.detach().clone()
    form = forms.attach(layer, forms.SmartDeal(sparsity))
    kept = form.mask.reshape(50, 64) > 0
    assert abs(1 - kept.float().mean() - sparsity) < 0.01
    assert weight.abs()[kept].min() >= weight.abs()[~kept].max() if sparsity else kept.sum() >= kept.numel() - 1
    c, _ = forms.originals(layer)
    for scale in (1e-6, 1.0, 1e6):
        exponents = form.round(c * scale).abs().log2()
        assert form.high - 7 <= exponents.min() and exponents.max() <= form.high and torch.equal(exponents, exponents.round())


def test_powers_of_two_are_the_nearest_of_the_window():
    form = forms.SmartDeal(0)
    form.high = 0
    x = torch.linspace(-2, 2, 4001)
    x = x[x != 0]
    expected = reference.nearest_power_of_two(x.numpy().astype(float), -7, 0, zero=False)
    ties = np.isin(np.abs(x.numpy()), 0.75 * np.exp2(np.arange(-8, 3)))
    assert np.array_equal(form.round(x).numpy()[~ties], expected[~ties])


def test_escalate_with_all_bases_and_no_zeros_is_the_weight():
    layer = nn.Conv2d(4, 6, 3)
    weight = layer.weight.detach().clone()
    forms.attach(layer, forms.Escalate(9, 0.0))
    torch.testing.assert_close(layer.weight.detach(), weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 16])
def test_slots_are_the_half_spectrum(k):
    c = torch.randn(2, 3, k, 2, 2)
    form = forms.Spectrum(8)
    np.testing.assert_allclose(reference.slots_to_time(form.slots(c).numpy(), 2), c.numpy(), atol=1e-5)
    torch.testing.assert_close(form.time(form.slots(c)), c, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make,reason", [
    (lambda: forms.Uniform(9), "bits must be 2 to 8"), (lambda: forms.Ternary(1.0), "sparsity must be in"),
    (lambda: forms.SmartDeal(-0.1), "sparsity must be in"), (lambda: forms.BalancedTernary(1), "sparsity must be in"),
    (lambda: coded_forms.SmartDealBases(0.5, "output"), "basis must be"), (lambda: coded_forms.SmartDealBases(1.5), "sparsity must be in"),
    (lambda: coded_forms.GroupedUniform(8), "bits must be 2 to 7"), (lambda: structured_forms.Masked(bits=4), "bits must be None or 8"),
    (lambda: structured_forms.LowRank(0), "energy must be in"), (lambda: structured_forms.LowRank(rank=0), "rank must be at least 1"),
    (lambda: forms.attach(nn.Conv2d(2, 2, 3), coded_forms.GroupedUniform()), "a form of a matrix"),
])
def test_bad_arguments_are_refused(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()


def network(name):
    """A layer of the form between others, and its input's shape."""
    make, layers, _ = CASES[name]
    layer = layers[-1]()
    is_convolution = isinstance(layer, (nn.Conv2d, BlockCirculantConv2d))
    nn.init.normal_(layer.bias)
    forms.attach(layer, make())
    # A bias is stored in f16: the network has such a one.
    layer.bias.data = layer.bias.data.half().float()
    return nn.Sequential(layer, nn.ReLU()), (2, 5, 6, 6) if is_convolution else (2, 37)


@pytest.mark.parametrize("name", CASES)
def test_exported_networks_compute_the_same(name, tmp_path, compile_and_load):
    model, shape = network(name)
    path = tmp_path / "light.onnx"
    export.to_onnx(model, torch.zeros(shape), path)
    assert not [t.name for t in onnx.load(str(path)).graph.initializer if t.name == "0.weight"]
    x = torch.randn(shape)
    expected = model(x).detach().numpy()
    bound = dict(rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(compile_and_load(path).run({"input": x.numpy()})["output"], expected, **bound)
    library = peers.runtime("ort-fp32")
    if library:
        theirs = onnx_runtime.Session(path, library, ["output"]).run({"input": x.numpy()})["output"]
        np.testing.assert_allclose(theirs, expected, **bound)


def test_bytes_of_a_file_are_those_of_packed_codes(tmp_path):
    """50 x 64 numbers of which 30 % are kept: a bit each, 4 bits for each kept, f16 scales and biases, a table of 16 and a scale of 1."""
    layer = nn.Linear(64, 50)
    form = forms.attach(layer, forms.SmartDeal(0.7))
    export.to_onnx(nn.Sequential(layer), torch.zeros(2, 64), tmp_path / "light.onnx")
    kept = int(form.mask.sum())
    expected = 50 * 64 // 8 + -(-kept // 2) + 2 * 50 + 2 * 50 + 4 * 16 + 2
    assert onnx_functions.tensor_bytes(onnx.load(str(tmp_path / "light.onnx"))) == expected
