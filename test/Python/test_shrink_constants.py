"""Constants that a library stores in f16: every f16 there is becomes its f32, as NumPy has it, on processors with and without F16C."""
import numpy as np
import pytest

import compress_mlir

TARGETS = [{}, {"target_cpu": "x86-64"}, {"target_cpu": "haswell"}, {"vector_lanes": 1}, {"vector_lanes": 4}]


@pytest.mark.parametrize("options", TARGETS, ids=str)
def test_every_f16_is_its_f32(options, tmp_path):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].astype(np.float32)
    path, report = tmp_path / "halves.mlir", tmp_path / "report.json"
    path.write_text(f"""func.func @main(%x: tensor<1x{halves.size}xf32> {{compress.name = "x"}}) -> (tensor<1x{halves.size}xf32> {{compress.name = "y"}}) {{
  %c = arith.constant dense<[[{", ".join(repr(float(v)) for v in halves)}]]> : tensor<1x{halves.size}xf32>
  %e = tensor.empty() : tensor<1x{halves.size}xf32>
  %y = linalg.mul ins(%x, %c : tensor<1x{halves.size}xf32>, tensor<1x{halves.size}xf32>) outs(%e : tensor<1x{halves.size}xf32>) -> tensor<1x{halves.size}xf32>
  return %y : tensor<1x{halves.size}xf32>
}}""")
    library = compress_mlir.load(compress_mlir.compile(path, tmp_path, objective="bytes", report=report, **options))
    y = library.run({"x": np.ones((1, halves.size), np.float32)})["y"]
    assert np.array_equal(y.view(np.uint32), halves.view(np.uint32)[None])  # with the sign of zero
    assert '"f16": ' in report.read_text() and '"f32": ' not in report.read_text()
