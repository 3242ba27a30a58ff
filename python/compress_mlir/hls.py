"""HLS projects (`compress-compile --target hls`, docs/HLS.md) from Python: numbers of their ports, and a vendor's report beside ours.

    report = hls.read_report("project")
    numbers = hls.quantize(x, report["input"])          # int64, what the input port takes for x
    y = hls.dequantize(numbers, report["result"])       # float64, what numbers of the result port stand for

    python3 -m compress_mlir.hls project                # what the report says, a line per step
    python3 -m compress_mlir.hls project csynth.xml     # a synthesis report of Vitis HLS, model against vendor
"""
import json
import pathlib
import sys
import xml.etree.ElementTree

import numpy as np

RESOURCES = {"DSP": "dsp", "BRAM_18K": "bram18", "LUT": "lut", "FF": "ff"}


def read_report(project):
    """The report.json of a project: a folder, or the file itself. Raises ValueError if it is none."""
    path = pathlib.Path(project)
    path = path / "report.json" if path.is_dir() else path
    report = json.loads(path.read_text())
    if not isinstance(report, dict) or not {"input", "result", "steps"} <= report.keys():
        raise ValueError(f"'{path}' is no report of an HLS project: expects input, result and steps")
    return report


def quantize(x, port):
    """The integers that `port` (of a report: bits N, fraction F) takes for the real numbers `x`: int64 of its shape, the nearest
    multiples of 2^-F, ties to even, limited to N bits. Raises ValueError for numbers that are not finite."""
    x = np.asarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a number is not finite")
    limit = 2.0**(port["bits"] - 1)
    return np.clip(np.rint(np.ldexp(x, port["fraction"])), -limit, limit - 1).astype(np.int64)


def dequantize(numbers, port):
    """The real numbers, float64, that integers of `port` stand for: times 2^-F."""
    return np.ldexp(np.asarray(numbers, dtype=np.float64), -port["fraction"])


def beats(numbers, port):
    """What an AXI4-Stream port transfers for one sample of integers, of the port's shape: (data, last), numbers in row-major order, or
    in that of the dimensions `order`, one or `beat_numbers` in a beat, the first lowest; data as unsigned integers of `beat_bits` bits,
    last a bool array that is true at the last beat. Raises ValueError if a number does not fit the port, or the port is no stream."""
    if "beat_bits" not in port:
        raise ValueError("the port is no stream: the project has --hls-ports memory")
    numbers = np.asarray(numbers, dtype=np.int64)
    if "order" in port:
        numbers = numbers.reshape(port["shape"]).transpose(port["order"])
    numbers = numbers.reshape(-1)
    limit = 2**(port["bits"] - 1)
    if ((numbers < -limit) | (numbers >= limit)).any():
        raise ValueError(f"a number does not fit {port['bits']} bits")
    count, slot = _beats_of(port)
    rows = np.zeros((-(-numbers.size // count), count), dtype=np.uint64)
    rows.reshape(-1)[:numbers.size] = numbers.astype(np.uint64) & np.uint64(2**slot - 1)
    last = np.zeros(len(rows), dtype=bool)
    last[-1:] = True
    return np.bitwise_or.reduce(rows << (np.arange(count, dtype=np.uint64) * np.uint64(slot)), axis=1), last


def _beats_of(port):
    """Numbers of a beat, bits of each in it."""
    count = port.get("beat_numbers", 1)
    return count, port["beat_bits"] // count


def from_beats(data, port):
    """The integers, int64, of beats of a stream, of one sample where a beat holds several: the sign is bit `bits - 1` of each, and the
    last beat may hold fewer."""
    bits, (count, slot) = port["bits"], _beats_of(port)
    data = np.asarray(data, dtype=np.uint64)
    if count > 1:
        parts = data.reshape(-1, 1) >> (np.arange(count, dtype=np.uint64) * np.uint64(slot))
        data = parts.reshape(-1)[:int(np.prod(port["shape"]))]
    low = data & np.uint64(2**bits - 1)
    return (low.astype(np.int64) ^ 2**(bits - 1)) - 2**(bits - 1)


# --- a vendor's report -----------------------------------------------------------------------------------------------------------

# DSP was DSP48E before Vitis HLS.
FORMER = {"DSP": "DSP48E"}


def _number(node, path):
    text = node.findtext(path) or node.findtext(FORMER.get(path, path))
    try:
        return int(text)
    except (TypeError, ValueError):
        return None  # missing, or 'undef' where the vendor's tool does not know


def read_csynth(path):
    """What csynth.xml of Vitis HLS says of the top function: a dict of top, part, clock_ns (asked for and estimated), latency
    (cycles: least, most), interval (least, most) and resources (used, available by DSP, BRAM_18K, LUT, FF); None for what the file
    does not say. Raises ValueError if the file is no such report."""
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except xml.etree.ElementTree.ParseError as error:
        raise ValueError(f"'{path}' is no XML: {error}") from None
    timing, area = root.find("PerformanceEstimates/SummaryOfOverallLatency"), root.find("AreaEstimates/Resources")
    if root.tag != "profile" or timing is None or area is None:
        raise ValueError(f"'{path}' is no synthesis report: expects profile with PerformanceEstimates and AreaEstimates")

    def seconds(name):
        text = root.findtext(name)
        return float(text) if text else None

    available = root.find("AreaEstimates/AvailableResources")
    return {
        "top": root.findtext("UserAssignments/TopModelName"),
        "part": root.findtext("UserAssignments/Part"),
        "clock_ns": {"asked": seconds("UserAssignments/TargetClockPeriod"),
                     "estimated": seconds("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")},
        "latency": (_number(timing, "Best-caseLatency"), _number(timing, "Worst-caseLatency")),
        "interval": (_number(timing, "Interval-min"), _number(timing, "Interval-max")),
        "resources": {name: {"used": _number(area, name),
                             "available": None if available is None else _number(available, name)} for name in RESOURCES},
    }


def compare(report, vendor):
    """Rows (what, model, vendor): numbers of a report beside those of read_csynth; None where one of them does not say."""
    modelled = report.get("model", {})

    def ours(name):
        value = modelled.get(name)
        return value["value"] if isinstance(value, dict) else value

    rows = [("latency, cycles", ours("latency"), vendor["latency"][1]), ("interval, cycles", ours("interval"), vendor["interval"][1])]
    rows += [(name, ours(key), vendor["resources"][name]["used"]) for name, key in RESOURCES.items()]
    for name, key in RESOURCES.items():
        rows.append((f"{name} of the part", report["budget"][key]["value"], vendor["resources"][name]["available"]))
    return rows


def _cell(value):
    return "-" if value is None else str(value)


def _print(rows):
    widths = [max(len(_cell(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(_cell(value).ljust(width) for value, width in zip(row, widths)).rstrip())


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        report = read_report(arguments[0])
        if len(arguments) == 2:
            _print([("", "model", "vendor")] + compare(report, read_csynth(arguments[1])))
            return 0
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    columns = ("multiplications", "shift_products", "roundings", "rom_bits")
    _print([("step", *columns)] + [(step["name"], *(step[column]["value"] for column in columns)) for step in report["steps"]])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
