"""Quantized ONNX graphs: compiled libraries against what ONNX says in integers, against ONNX Runtime where it is there, and refusals."""
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT
import compress_mlir
from compress_mlir.native import _find_compiler
import quantized_graphs as quantized

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402


def compare(graphs, results, expected, what):
    """Prints the rate of elements that differ; fails if one is off by more than a step."""
    differing = total = 0
    worst = {}
    for name, step in graphs.steps.items():
        differ, count, largest = quantized.off_by(results[name], expected[name], step)
        differing, total = differing + differ, total + count
        if largest > 1:
            worst[name] = largest
    print(f"{what}: {graphs.count} graphs, {differing} of {total} elements differ ({100 * differing / total:.4f} %)")
    nodes = {name: [node.op_type for node in graphs.nodes if node.name.startswith(name.split("_")[0] + "_")] for name in worst}
    assert not worst, {name: (worst[name], nodes[name]) for name in worst}


@pytest.mark.parametrize("family", quantized.KINDS)
def test_200_graphs_are_right_within_a_step(family, rng, tmp_path, compile_and_load):
    graphs = quantized.draw(rng, family)
    model, path = graphs.model(), tmp_path / "graphs.onnx"
    onnx.save(model, str(path))
    results = compile_and_load(path).run(graphs.feeds)
    compare(graphs, results, quantized.evaluate(model, graphs.feeds), f"{family} against NumPy")
    library = peers.runtime("ort-int8")
    if library:  # scripts/fetch-peers gets it
        session = onnx_runtime.Session(path, library, graphs.steps, quantized.ORT_OPTIMIZATIONS.get(family, 99))
        compare(graphs, results, session.run(graphs.feeds), f"{family} against ONNX Runtime")


def test_there_are_200_graphs():
    assert sum(sum(kinds.values()) for kinds in quantized.KINDS.values()) == 200
