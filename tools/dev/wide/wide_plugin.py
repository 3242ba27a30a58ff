"""A plugin of pytest for tools/dev/run-wide: tests whose libraries run on another machine.

The tests run twice. First ("record") each call of a library runs here, compiled for AVX2, and is written down as a job for the library
that is compiled for the other machine alone. Then ("compare") a call returns what that machine made of the job, and the test says if it is right.
"""
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from compress_mlir import native

JOBS, PASS, CPU = (os.environ[f"COMPRESS_WIDE_{name}"] for name in ("JOBS", "PASS", "CPU"))
_JOBS = pathlib.Path(JOBS)
_run = native.Library.run
_test, _calls, _differences = None, 0, {}
# Parameters by which tests choose another processor.
_TARGETS = ("target_cpu", "vector_lanes")


def _is_elsewhere(value):
    return isinstance(value, dict) and any(name in value for name in _TARGETS)


def pytest_collection_modifyitems(config, items):
    kept = [item for item in items if not any(_is_elsewhere(v) for v in getattr(item, "callspec", None) and item.callspec.params.values() or ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_collection_finish(session):
    """Machines that have what a test asks for, and tiles without an emulator."""
    import conftest
    import tile_emulator
    conftest.need_to_run = lambda target_cpu: None
    tile_emulator.need_to_run = conftest.need_to_run
    tile_emulator.Emulator = _Hardware
    for item in session.items:
        for name, value in (("need_to_run", conftest.need_to_run), ("Emulator", _Hardware)):
            if hasattr(item.module, name):
                setattr(item.module, name, value)


class _Hardware:
    """tile_emulator.Emulator where instructions are not counted."""
    GRANTED, ASK_THE_SYSTEM = 0, 1
    is_emulating = False

    def choose(self, library, **_):
        return 1, None

    def counted_run(self, library, feeds):
        return library.run(feeds), None


def pytest_runtest_setup(item):
    global _test, _calls
    _test, _calls = item.nodeid, 0


def _record(feeds, path):
    folder = _JOBS / str(len(list(_JOBS.glob("*"))))
    folder.mkdir(parents=True)
    shutil.copy(path, folder)
    arguments = [path.name]
    for number, (name, value) in enumerate(feeds.items()):
        np.save(folder / f"{number}.npy", np.ascontiguousarray(value))
        arguments += ["--input", f"{name}={number}.npy"]
    (folder / "arguments").write_text("\n".join(arguments + ["--output-dir", "out"]) + "\n")
    (_JOBS.parent / "keys.json").open("a").write(json.dumps([f"{_test}#{_calls}", folder.name]) + "\n")


def _recorded(results):
    """What the other machine made of this call."""
    keys = dict(json.loads(line) for line in (_JOBS.parent / "keys.json").read_text().splitlines())
    folder = _JOBS.parent / "results" / keys[f"{_test}#{_calls}"]
    status = (folder / "status").read_text() if (folder / "status").exists() else "missing"
    if status != "0":
        log = (folder / "log").read_text() if (folder / "log").exists() else ""
        pytest.fail(f"job {folder.name} ended with status {status} on {CPU}: {log}")
    found = {name: np.load(folder / f"{name.replace('/', '_')}.npy") for name in results}
    for name, here in results.items():
        assert found[name].shape == here.shape and found[name].dtype == here.dtype
        a, b = found[name].astype(np.float64), here.astype(np.float64)
        off = np.linalg.norm(np.nan_to_num(a - b)) / (np.linalg.norm(np.nan_to_num(b)) or 1)
        _differences[_test] = max(_differences.get(_test, 0), off)
    return found


def run(library, feeds):
    global _calls
    path = pathlib.Path(library._library._name)
    wide = path.parent / ".wide" / path.name
    results = _run(library, feeds)
    if not wide.parent.exists() or not all(np.size(value) for value in feeds.values()):
        return results
    _calls += 1
    if PASS == "record":
        _record(feeds, wide)
        return results
    return _recorded(results)


native.Library.run = run


def pytest_runtest_logreport(report):
    if PASS == "compare" and (report.when == "call" or report.failed):
        off = _differences.get(report.nodeid)
        text = "nothing ran there" if off is None else f"differs from this machine by {off:.1e}"
        name = report.nodeid.split("/")[-1]
        print(f"\n{CPU}  {name}  {text}  {'ok' if report.passed else report.outcome}")
