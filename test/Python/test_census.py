"""The number of transforms of a circulant layer is what the mathematics says: q in, p out, none for weights."""
import pathlib
import re
import subprocess

import numpy as np
import pytest

import compress_mlir
from compress_mlir.native import _find_compiler
from conftest import ROOT

OPT = pathlib.Path(_find_compiler()).parent / "compress-opt"
INPUTS = ROOT / "test" / "Integration" / "Inputs"


def opt(passes, text):
    done = subprocess.run([str(OPT), f"--pass-pipeline=builtin.module({passes})", "--mlir-print-debuginfo"], input=text,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("name,expected", [("circulant-fc", 8 + 6), ("circulant-conv", 9 * 7 * 2 + 4 * 3 * 3)])
def test_transforms_as_said_and_as_executed(name, expected, tmp_path):
    text = (INPUTS / f"{name}.mlir").read_text()
    selected = opt("compress-select{force=spectral},compress-fold-weights,canonicalize,"
                   "func.func(compress-results-to-destinations),eliminate-empty-tensors,"
                   "one-shot-bufferize{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map},"
                   "func.func(test-compress-mark-transforms)", text)
    said = [int(count) for count in re.findall(r"remark: transforms: (\d+)", selected.stderr)]
    print(f"{name}: {said} transforms per sample, {expected} expected")
    assert len(said) == 2 and sum(said) == expected  # the layer's own; weight transforms are gone
    counted = opt("convert-compress-copies-to-linalg,convert-compress-to-affine,"
                  "func.func(convert-linalg-to-affine-loops),func.func(test-compress-count-transforms)", selected.stdout)
    (tmp_path / "counted.mlir").write_text(counted.stdout)
    library = compress_mlir.load(compress_mlir.compile(tmp_path / "counted.mlir", tmp_path))
    shape = [e for e in library.inputs[0].shape]
    results = library.run({"x": np.ones(shape, np.float32)})
    print(f"{name}: {int(results['transforms'][0])} transforms executed")
    assert int(results["transforms"][0]) == expected
    # The counted code is the layer: every weight is 1/8 and every input 1.
    if name == "circulant-fc":
        np.testing.assert_allclose(results["y"], np.full((1, 384), 64.0), rtol=1e-5)
