"""What docs/Accuracy.md is made of: means and losses of rows, plots, and the files that ONNX Runtime gets as rivals."""
import sys
import xml.etree.ElementTree as xml

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import figures  # noqa: E402
import mnist  # noqa: E402
import plots  # noqa: E402
import recipes  # noqa: E402
import residual  # noqa: E402
import rivals  # noqa: E402
from conftest import ROOT  # noqa: E402

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402


def row(recipe, seed, accuracy, size):
    return dict(recipe=recipe, seed=seed, accuracy=accuracy, tensor_bytes=size, weight_bytes=size, least_bytes=size, different=seed, seconds=60.0)


ROWS = [row("mlp", 0, 98.0, 1000), row("mlp", 1, 98.2, 1000), row("mlp", 2, 98.4, 1000), row("mlp-int4-groups", 0, 97.9, 100),
        row("mlp-int4-groups", 1, 98.0, 100), row("mlp-int4-multipliers", 1, 97.5, 50), row("mlp-pow2", 7, 90.0, 50)]


def test_losses_are_those_of_common_seeds():
    groups, multipliers = figures.summaries(ROWS)[1:]
    assert groups["seeds"] == [0, 1] and groups["accuracy"] == pytest.approx(97.95) and groups["lost"] == pytest.approx(0.15)
    assert (groups["least"], groups["most"], groups["factor"], groups["different"]) == (97.9, 98.0, 10, 1)
    # Against the dense network of seed 1, and against the free form of seed 1. mlp-pow2 has a seed that no dense network has.
    assert multipliers["lost"] == pytest.approx(0.7) and multipliers["lost_against_free"] == pytest.approx(0.5)


def test_every_recipe_is_in_one_table_and_free_forms_are_recipes():
    members = [name for _, names in figures.FAMILIES.values() for name in names]
    assert sorted(members) == sorted([*recipes.RECIPES, *figures.OBTAINED]) and set(figures.FREE) | set(figures.FREE.values()) <= set(members)
    text = figures.table(ROWS)
    assert "| `mlp-int4-multipliers` | 1 | 97.50 | +0.70 | +0.50 (`mlp-int4-groups`) | 50 | 20.0x |" in text


def test_plots_have_a_point_for_each_network():
    timed = {"mlp": dict(us={"1": dict(ours=10.0)}), "mlp-int4-groups": dict(us={"1": dict(ours=5.0)})}
    root = xml.fromstring(plots.plot(figures.summaries(ROWS), timed))
    circles = [element for element in root if element.tag.endswith("circle")]
    assert len(circles) == 3 + 2
    fewer, more = (float(circle.get("cx")) for circle in (circles[1], circles[0]))  # 100 bytes, 1000 bytes
    assert fewer < more and float(circles[0].get("cy")) < float(circles[1].get("cy"))  # more accurate is higher
    curve = xml.fromstring(plots.curves({"a": [["projection", 97.0], ["epoch", 98.0]], "b": [], "c": [["epoch", 98.5]]}))
    assert len([element for element in curve if element.tag.endswith("circle")]) == 3


def test_names_of_plots_do_not_cover_each_other():
    """Four points at one place, one at another: the first stays, the others are a line of text apart, up and down."""
    names = [("a", "", 10.0, 100.0)] * 4 + [("b", "", 200.0, 100.0)]
    places = plots.apart(names)
    assert places[0] == places[4] == 100 and np.diff(sorted(places[:4])).min() >= 11 and np.abs(np.array(places) - 100).max() <= 24


def with_biases(model):
    """PyTorch writes equal biases as one."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.fixture(params=["lenet", "cnn", "small", "mlp"])
def dense(request, tmp_path):
    torch.manual_seed(0)
    build = {"lenet": lambda: mnist.lenet(False), "cnn": mnist.cnn, "small": mnist.small, "mlp": mnist.mlp}[request.param]
    figures.write_onnx(with_biases(build()), tmp_path / "dense.onnx")
    return tmp_path / "dense.onnx"


@pytest.mark.skipif(not peers.runtime("ort-fp32"), reason="scripts/fetch-peers gets ONNX Runtime")
def test_rivals_compute_the_dense_network_in_fewer_bits(dense, rng):
    """4 bits in groups of 32 are a tenth off in each of at most 3 matrices, 8 bits a hundredth in each layer; a wrong scale or order is 1 off."""
    library, images = peers.runtime("ort-fp32"), rng.standard_normal((50, 1, 28, 28)).astype(np.float32)
    session = lambda path, names: onnx_runtime.Session(path, library, names)
    run = lambda path: session(path, ["logits"]).run({"image": images})["logits"]
    exact = run(dense)
    for file, bound in ((rivals.write_int8(dense, dense.with_name("int8.onnx"), session, images), 0.05),
                        (rivals.write_int4(dense, dense.with_name("int4.onnx")), 0.3)):
        error = np.linalg.norm(run(file) - exact) / np.linalg.norm(exact)
        print(f"{file.name}: {error:.3f}, {file.stat().st_size} bytes of {dense.stat().st_size}")
        assert 0 < error < bound
    assert (dense.with_name("int8.onnx")).stat().st_size < 0.5 * dense.stat().st_size


def test_rivals_of_what_is_no_chain_are_refused(tmp_path):
    figures.write_onnx(with_biases(residual.network(1)), tmp_path / "residual.onnx")
    with pytest.raises(ValueError, match="is no chain of layers: Add"):
        rivals.write_int4(tmp_path / "residual.onnx", tmp_path / "int4.onnx")
