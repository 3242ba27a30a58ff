"""The recipes of examples/mnist: each runs from the start to an ONNX file, on few images; and training by bucket switching."""
import types

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
import recipes  # noqa: E402
import residual  # noqa: E402
from compress_mlir import export, forms, onnx_functions  # noqa: E402
from training import BATCH, layers  # noqa: E402


@pytest.fixture(scope="module")
def data():
    """One batch of noise."""
    torch.manual_seed(0)
    images, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    return types.SimpleNamespace(images=images, labels=labels, held_out=(images, labels))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


def stored_bytes(model, path):
    export.to_onnx(model, torch.zeros(2, 1, 28, 28), path, "image", "logits")
    return onnx_functions.tensor_bytes(onnx.load(str(path)))


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_recipe_makes_a_file_and_goes_on_from_its_checkpoint(name, data, work, monkeypatch):
    model = recipes.make(work, name, 0, data)
    expected = model(data.images)
    recipe = recipes.RECIPES[name]
    if any(forms.form_of(layer) for layer in layers(model)) and not isinstance(recipe, recipes.Masked):
        start = recipes.load(work, recipes.RECIPES[name].start, 0)
        light, dense = (stored_bytes(network, work / "network.onnx") for network in (model, start))
        print(f"{name}: {light} bytes, {dense} bytes before")
        assert light < dense / 3.5
    monkeypatch.setattr(recipes, "Run", None)  # nothing is trained again
    assert torch.equal(recipes.make(work, name, 0, data)(data.images), expected)


def test_a_seed_decides_all(data, tmp_path):
    results = [recipes.make(tmp_path / str(i), "mlp", seed, data)(data.images) for i, seed in enumerate((1, 1, 2))]
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_the_wanted_zeros_are_reached(data, work):
    model = recipes.make(work, "cnn-escalate", 0, data)
    coefficients = [forms.form_of(layer).codes(*forms.originals(layer))["signs"] for layer in (model[3], model[6], model[10])]
    for signs, zeros in zip(coefficients, (0.85, 0.85, 0.6)):
        assert abs(np.mean(signs == 0) - zeros) < 0.005
    model = recipes.make(work, "mlp-smartdeal", 0, data)
    for layer, zeros in zip((model[1], model[3], model[5]), (0.72, 0.72, 0.3)):
        assert abs(1 - forms.form_of(layer).mask.mean() - zeros) < 0.03  # equal magnitudes go together


def test_switching_goes_one_exponent_where_the_counter_reaches_the_bar():
    """Three pushes the same way of a bar of 3: up where the push has the code's sign, down else; the window's ends hold."""
    layer = torch.nn.Linear(6, 1)
    form = forms.attach(layer, forms.SmartDeal(0))
    codes, scale = forms.originals(layer)
    form.high = 0
    codes.data.copy_(torch.tensor([0.25, -0.25, 1.0, 2.0**-7, 0.5, 0.0]).reshape(1, 1, 6))
    form.mask.copy_(torch.tensor([1.0, 1, 1, 1, 1, 0]).reshape(1, 1, 6))
    switching = forms.BucketSwitching([layer], bar=3, momentum=0.0)
    gradient = torch.tensor([-1.0, -1, -1, 1, 0, 1]).reshape(1, 1, 6)
    for step in range(3):
        assert switching.switched == 0
        codes.grad = gradient.clone()
        switching.step()
        assert codes.grad is None
    assert torch.equal(codes.data.flatten(), torch.tensor([0.5, -0.125, 1.0, 2.0**-7, 0.5, 0.0]))
    assert switching.switched == 4
    switching.raise_bar()
    assert switching.bar == 6


def test_codes_that_leave_the_codebook_are_seen():
    layer = torch.nn.Linear(6, 2)
    forms.attach(layer, forms.SmartDeal(0.5))
    switching = forms.BucketSwitching([layer])
    codes = forms.originals(layer)[0]
    codes.data.mul_(1.1)
    codes.grad = torch.zeros_like(codes)
    with pytest.raises(RuntimeError, match="has left the codebook"):
        switching.step()


def test_switching_trains_without_leaving_the_codebook(data, work):
    model = recipes.make(work, "mlp-switching", 0, data)
    for layer in (model[1], model[3], model[5]):
        form, codes = forms.form_of(layer), forms.originals(layer)[0].detach()
        exponents = codes[form.mask > 0].abs().log2()
        assert torch.equal(exponents, exponents.round()) and not codes[form.mask == 0].any()
        assert exponents.max() <= form.high and exponents.min() > form.high - form.window



def test_alternating_trains_one_factor_at_a_time():
    """Two turns an epoch of 4 steps: coefficients in steps 0 and 1, the basis in 2 and 3. The other one keeps its numbers, with momentum too."""
    torch.manual_seed(0)
    recipe = recipes.Escalate("cnn", bases=4, sparsity=0.8, last_sparsity=0.5, epochs=1, turns=2)
    layer = torch.nn.Conv2d(3, 4, 3)
    form = forms.attach(layer, forms.Escalate(4, 0.8))
    originals = forms.originals(layer)
    freeze = recipe.freezing(types.SimpleNamespace(steps=4), [(form, originals)])
    optimizer = torch.optim.SGD(originals, lr=0.1, momentum=0.9, nesterov=True)
    changed = []
    for _ in range(8):
        before = [x.detach().clone() for x in originals]
        optimizer.zero_grad()
        layer(torch.randn(2, 3, 5, 5)).square().mean().backward()
        freeze()
        optimizer.step()
        changed.append([not torch.equal(x, old) for x, old in zip(originals, before)])
    coefficients, basis = [True, False], [False, True]
    assert changed == [coefficients, coefficients, basis, basis] * 2


def test_masks_of_a_recipe_stay(data, work):
    """Groups that the lasso has made zero are zero in the network that is trained on."""
    lasso = recipes.make(work, "dense-lasso", 0, data)
    for layer in layers(lasso)[:3]:
        layer.weight.data[1::3] = 0
    thinned = work / "thinned"
    thinned.mkdir()
    torch.save(lasso.state_dict(), recipes.checkpoint(thinned, "dense-lasso", 0))
    torch.save(recipes.load(work, "dense", 0).state_dict(), recipes.checkpoint(thinned, "dense", 0))
    model = recipes.make(thinned, "dense-ssl", 0, data)
    for layer, before in zip(layers(model), layers(lasso)):
        assert not layer.weight[before.weight == 0].any()
    small = recipes.finished("dense-ssl", model)
    assert [len(layer.weight) for layer in layers(small)] == [11, 43, 341, 10]  # 5 of 16, 21 of 64 and 171 of 512 less
    torch.testing.assert_close(small(data.images), model(data.images), rtol=1e-4, atol=1e-4)


def test_blocks_of_zeros_are_taken_out():
    torch.manual_seed(0)
    model = residual.network(3)
    model[4].convolution.weight.data.zero_()
    small = recipes.Blocks("residual", 1, 0.1).build(model)
    x = torch.randn(2, 1, 28, 28)
    assert len(residual.convolutions(small)) == 2
    torch.testing.assert_close(small(x), model(x))  # its bias is zero, too
