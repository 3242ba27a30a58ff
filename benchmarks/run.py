"""Compiles a case, runs it beside its peers in one process, and judges the outputs: one row per peer."""
import json
import os
import pathlib
import subprocess

import numpy as np

from compress_mlir.native import _find_compiler

from . import models, peers, roofline

SWEEP_L2 = 24 << 20
SWEEP_DRAM = 600 << 20


class Refused(RuntimeError):
    """compress-compile took no such model or option; the text is its first error. `crashed`: it ended by a signal."""
    crashed = False


class DriverError(RuntimeError):
    """The timing program failed, or is not there."""


def driver():
    path = pathlib.Path(_find_compiler()).resolve().parent / "library-benchmark"
    if not path.exists():
        raise DriverError(f"'{path}' is missing; build it with: ninja -C build-dev compress-compile library-benchmark")
    return path


def run_driver(*arguments):
    done = subprocess.run([str(driver()), *map(str, arguments)], capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise DriverError(done.stderr.strip() or f"library-benchmark ended with status {done.returncode}")
    return json.loads(done.stdout)


def measure_machine():
    return run_driver("--machine")


def relative_error(result, exact):
    return float(np.linalg.norm(result.astype(np.float64) - exact) / (np.linalg.norm(exact) or 1))


class Bench:
    """Cases in one folder for scratch: models are written and libraries are compiled once."""

    def __init__(self, folder, machine, rounds, seconds, only_peers=None):
        self.folder, self.machine, self.rounds, self.seconds = pathlib.Path(folder), machine, rounds, seconds
        self.only_peers = only_peers
        self.made = {}
        self.compiled = {}

    # Files ---------------------------------------------------------------------------------------------------------------------

    def model(self, case, network, which):
        """The file of a case's layer as ours, as the dense network, or as a peer runs it."""
        key = case.layer, which
        if key not in self.made:
            path = self.folder / f"{case.layer}.{which}.onnx"
            self.made[key] = network.write(path) if which == "ours" else peers.write(which, network, path)
        return self.made[key]

    def compile(self, model, precision, batch=None, target_cpu=""):
        """(library, weight bytes) by compress-compile with default options; raises Refused."""
        key = model, precision, batch, target_cpu
        if key not in self.compiled:
            self.compiled[key] = self._compile(*key)
        if isinstance(self.compiled[key], Refused):
            raise self.compiled[key]
        return self.compiled[key]

    def _compile(self, model, precision, batch, target_cpu):
        name = "m" + str(len(self.compiled))
        report = self.folder / f"{name}.json"
        command = [str(_find_compiler()), str(model), "-o", str(self.folder), "--name", name, "--quiet", "--report", str(report)]
        command += ["--precision", precision] if precision else []
        command += ["--batch", str(batch)] if batch else []
        command += ["--target-cpu", target_cpu] if target_cpu else []
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            at = next((i for i, line in enumerate(lines) if "error" in line or "nknown" in line), 0)
            # The tool lists what it cannot import below the error: the first says enough.
            listed = at + 1 < len(lines) and lines[at + 1].startswith("  ") and "cannot be imported" in lines[at]
            said = f"{lines[at]}: {lines[at + 1].strip()}" if listed else lines[at] if lines else f"status {done.returncode}"
            refused = Refused(said.strip().replace(str(_find_compiler()), "compress-compile").replace(str(self.folder) + "/", ""))
            refused.crashed = done.returncode < 0
            return refused
        return self.folder / f"lib{name}.so", int(json.loads(report.read_text())["weight_bytes"])

    def compile_ours(self, case, network):
        """An int8 or int4 case is the quantized file as it is, an int8 one at its batch: that shares one scale. If it is refused,
        the float file with --precision i8."""
        if not case.quantized_peer:
            return (*self.compile(self.model(case, network, "ours"), case.precision, target_cpu=case.target_cpu), "")
        batch = case.batch if case.quantized_peer == "ort-int8" else None
        try:
            return (*self.compile(self.model(case, network, case.quantized_peer), "", batch), "quantized file")
        except Refused as first:
            try:
                return (*self.compile(self.model(case, network, "ours"), "i8"), "float file, --precision i8")
            except Refused as second:
                raise Refused(f"quantized file: {first}; float file: {second}") from None

    # Contestants ---------------------------------------------------------------------------------------------------------------

    def contestant(self, peer, case, network):
        """The driver's words for a peer. Raises Refused, FileNotFoundError (no library of the peer) or ValueError."""
        if peer in peers.OURS_DENSE:
            return ["library", self.compile(self.model(case, network, "ort-fp32"), peers.OURS_DENSE[peer])[0]]
        library = peers.runtime(peer)
        if not library:
            raise FileNotFoundError(f"{peer} is missing; scripts/fetch-peers gets it")
        if peer == "fftw":
            return ["fftw", case.k, case.batch, library]
        return ["ort", self.model(case, network, peer), library]

    def gather(self, case, network, row):
        """{name: driver's words} of all that can run, ours first, and {name: why not} of the others. Completes `row`."""
        contestants, notes = {}, {}
        try:
            library, row["weights_bytes"], row["source"] = self.compile_ours(case, network)
            contestants["ours"] = ["library", library]
        except Refused as why:
            row["status"] = "failed" if why.crashed else "unsupported"
            notes["ours"] = f"compress-compile crashed: {why}" if why.crashed else f"unsupported: {why}"
        for peer in case.peers if self.only_peers is None else self.only_peers:
            try:
                contestants[peer] = self.contestant(peer, case, network)
            except Refused as why:
                notes[peer] = f"peer unsupported: {why}"
            except (FileNotFoundError, ValueError) as why:
                notes[peer] = str(why)
        return contestants, notes

    # Timing --------------------------------------------------------------------------------------------------------------------

    def sweep_bytes(self, case):
        return {"": 0, "l2cold": SWEEP_L2, "dramcold": max(SWEEP_DRAM, self.machine["last_cache_bytes"] * 5 // 4)}[case.cold]

    def time(self, case, network, inputs, contestants):
        """The driver's figures by contestant, and the bandwidths of the sweeps."""
        data = self.folder / "inputs.bin"
        inputs.tofile(data)
        lines = [["batch", case.batch], ["type", inputs.dtype.name], ["input", network.input_name, data, len(inputs), *inputs.shape[1:]],
                 ["output", network.output_name, case.batch, *network.port_shape(network.output_shape)], ["rounds", self.rounds],
                 ["seconds", self.seconds], ["sweep", self.sweep_bytes(case)]]
        lines += [["contestant", name, *words] for name, words in contestants.items()]
        listing = self.folder / "case.txt"
        listing.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        figures = run_driver(listing, self.folder)
        return {entry["name"]: entry for entry in figures["contestants"]}, figures["sweep_gb_per_s"]

    def exact(self, case, network, dense, x):
        """What the contestants should have given, in double, and the products that our network is made of."""
        if hasattr(network, "exact"):
            return network.exact(x), []
        evaluate = models.Evaluator(self.model(case, network, "ort-fp32" if dense else "ours"))
        return evaluate(network.numbers(x)), evaluate.products

    def run(self, case):
        """The rows of a case."""
        network = models.network(case)
        common = dict(case=case.name, ours_us=None, peer="-", peer_us=None, ratio=None, load=None, ratio_median=None, err=None,
                      peer_err=None, weights_bytes=None, asked=None, floor_us=None, percent=None, floor="", sweep_gb_per_s=None,
                      sweep_bytes=self.sweep_bytes(case), status="ok", note="", source="", plan="")
        contestants, notes = self.gather(case, network, common)
        inputs = network.inputs()
        timed, sweeps = {}, []
        try:
            timed, sweeps = self.time(case, network, inputs, contestants) if contestants else ({}, [])
        except DriverError as why:  # a library may crash; the next case gets a process of its own
            timed = {name: dict(error=f"nothing was timed: {why}") for name in contestants}
        common["load"] = round(os.getloadavg()[0], 2)
        common["sweep_gb_per_s"] = round(float(np.median(sweeps)), 2) if sweeps else None
        exact = {}
        for name, entry in timed.items():
            if entry["error"]:
                notes[name] = f"failed: {entry['error']}"
                continue
            # MNIST's dense network is another one than ours; elsewhere both mean the same.
            key = entry["last_input"], case.kind == "mnist-circulant" and name != "ours"
            if key not in exact:
                exact[key] = self.exact(case, network, key[1], inputs[key[0]])
            result = network.numbers(np.fromfile(self.folder / f"{name}.out", inputs.dtype))
            entry["err"] = relative_error(result.ravel(), exact[key][0].ravel())
        products = next((products for (_, dense), (_, products) in exact.items() if not dense), [])
        self.judge_ours(case, common, timed.get("ours"), notes.get("ours", ""), products, network, max(sweeps, default=0) * 1e9)
        names = [name for name in {**timed, **notes} if name != "ours"]
        order = case.peers if self.only_peers is None else self.only_peers
        return [self.row(case, dict(common), peer, timed, notes) for peer in sorted(names, key=order.index)] or [common]

    def judge_ours(self, case, row, entry, note, products, network, best_sweep):
        if entry is None or entry["error"]:
            row["note"] = note
            row["status"] = "failed" if entry else row["status"]
            return
        row.update(ours_us=min(entry["min_us"]), err=entry["err"], note=row["source"])
        if not entry["err"] <= case.bound:
            row.update(status="failed", note=f"wrong output: error {entry['err']:.1e} is over {case.bound:.0e}")
        row.update(roofline.floor(case, self.machine, products, row["weights_bytes"], network, row["ours_us"], best_sweep))

    def row(self, case, row, peer, timed, notes):
        """The row of a peer, from the one of ours."""
        row.update(peer=peer, asked=case.asked(peer))
        said = [row["note"]] if row["note"] else []
        entry = timed.get(peer)
        if entry is None or entry["error"]:
            said.append(notes[peer])
        else:
            row.update(peer_us=min(entry["min_us"]), peer_err=entry["err"], plan=entry["remark"])
            said += [entry["remark"]] if peer == "fftw" else []
            if peer in peers.OURS_DENSE and not entry["err"] <= {"": 1e-5, "bf16": 4e-3, "i8": 2e-2}[peers.OURS_DENSE[peer]]:
                row["status"] = "failed"
                said.append(f"wrong output of {peer}: error {entry['err']:.1e}")
            if row["ours_us"] is not None:
                row["ratio"] = row["peer_us"] / row["ours_us"]
                row["ratio_median"] = float(np.median(entry["median_us"]) / np.median(timed["ours"]["median_us"]))
                said += [text for holds, text in (
                    (row["ratio_median"] < 0.9 * row["ratio"], "noisy: the median ratio is under 0.9 of it"),
                    (row["ratio"] < 1, "a loss"),
                    (row["asked"] is not None and row["ratio"] < row["asked"], "under what is asked")) if holds]
        row["note"] = "; ".join(said)
        return row
