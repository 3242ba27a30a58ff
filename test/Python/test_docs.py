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
    env = dict(os.environ, XDG_CACHE_HOME=str(folder / "cache"))
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.skipif("asan" in BUILD.name, reason="a stock mlir-opt cannot load sanitized code")
def test_readme_shell_commands_run_in_order(tmp_path):
    commands = blocks("sh")
    assert len(commands) == 5
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
    for name in names + ["compress-to-affine", "compress-to-llvm", "compress-to-buffers", "compress-to-loops", "compress-package",
                         "compress-lower"]:
        assert f"--{name}" in help_text


@pytest.mark.parametrize("document,lines", [("Tutorial", 15), ("Obtain", 9), ("LightONNX", 3)])
def test_document_runs_and_prints_what_it_says(tmp_path, document, lines):
    """The sh blocks, in one shell; a text block holds lines that what ran before it prints, `…` for text left out."""
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```", (ROOT / "docs" / f"{document}.md").read_text(), re.S | re.M)
    script = "".join(f"{text}\necho '=== block'\n" for kind, text in blocks if kind == "sh")
    (tmp_path / "repo").mkdir()
    for name, target in (("build-dev", BUILD), ("python", ROOT / "python"), ("examples", ROOT / "examples")):
        os.symlink(target, tmp_path / "repo" / name)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, text=True, timeout=300, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=dict(os.environ, REPO=str(tmp_path / "repo")))
    assert done.returncode == 0, done.stdout
    printed = iter(done.stdout.split("=== block\n"))
    said = 0
    for kind, text in blocks:
        if kind == "sh":
            output = next(printed)
            continue
        for line in text.strip("\n").splitlines():
            said += 1
            assert re.search(".*".join(map(re.escape, re.split(r"\s*…\s*", line.strip()))), output), f"'{line}' is not in\n{output}"
    assert said >= lines
