"""The documentation does what it says: README commands run, and compress-opt lists every pass. (test_house.py checks descriptions.)"""
import os
import pathlib
import re
import subprocess

import pytest

from compress_mlir.native import _find_compiler
from conftest import ROOT

BUILD = pathlib.Path(_find_compiler()).resolve().parents[1]


def blocks(language):
    text = (ROOT / "README.md").read_text()
    return [b for b in re.findall(rf"```{language}\n(.*?)```", text, re.S) if "scripts/" not in b]


def run(command, folder, **kwargs):
    """In a copy of the tree's layout, so that nothing is written into it."""
    for name in ("examples", "python"):
        if not (folder / name).exists():
            os.symlink(ROOT / name, folder / name)
    if not (folder / "build-dev").exists():
        os.symlink(BUILD, folder / "build-dev")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.skipif("asan" in BUILD.name, reason="a stock mlir-opt cannot load sanitized code")
def test_readme_shell_commands_run_in_order(tmp_path):
    commands = blocks("sh")
    assert len(commands) == 3
    for block in commands:
        run(["bash", "-euo", "pipefail", "-c", block.replace("/tmp/layer.mlir", str(tmp_path / "layer.mlir"))], tmp_path)


def test_readme_python_runs(tmp_path):
    (block,) = blocks("python")
    assert "(3, 10)" in run(["/usr/bin/python3", "-c", block], tmp_path).stdout


def test_every_pass_is_listed():
    names = []
    for path in (ROOT / "include").rglob("Passes.td"):
        names += re.findall(r'Pass<"([a-z0-9-]+)"', path.read_text())
    help_text = subprocess.run([str(BUILD / "bin" / "compress-opt"), "--help"], capture_output=True, text=True).stdout
    for name in names + ["compress-to-affine", "compress-to-llvm", "compress-package", "compress-lower"]:
        assert f"--{name}" in help_text
