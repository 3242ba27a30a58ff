"""Prints rows, and writes them as JSON."""
import json
import math

COLUMNS = (("case", 38), ("ours_us", 10), ("peer", 15), ("peer_us", 10), ("ratio", 8), ("load", 5), ("asked", 6),
           ("ratio_median", 12), ("err", 8), ("peer_err", 8))
TEXT = ("case", "peer")
PLACES = {"ours_us": ".2f", "peer_us": ".2f", "ratio": ".2f", "load": ".2f", "asked": "g", "ratio_median": ".2f", "err": ".1e",
          "peer_err": ".1e"}


def cell(row, name, width):
    value = row[name]
    text = "-" if value is None else value if name in TEXT else format(value, PLACES[name])
    return f"{text:{width}}" if name in TEXT else f"{text:>{width}}"


def print_machine(machine):
    peaks = ", ".join(f"{name} {value / 1e9:.0f} G/s" for name, value in machine["peak_flops"].items() if value)
    levels = ", ".join(f"{level['name']} " + (f"({level['bytes'] // 1024} KiB) " if level["bytes"] else "")
                       + f"{level['read_bytes_per_s'] / 1e9:.1f} GB/s" for level in machine["levels"])
    print(f"# one thread, peaks measured now: multiply-adds as two: {peaks}; reads: {levels}")


def print_header():
    print(" ".join(f"{name:{width}}" if name in TEXT else f"{name:>{width}}" for name, width in COLUMNS) + "  note", flush=True)


def print_case(rows):
    """The rows of one case, and below them its floor and its sweep."""
    for row in rows:
        status = "FAILED: " if row["status"] == "failed" else ""
        print(" ".join(cell(row, name, width) for name, width in COLUMNS) + f"  {status}{row['note']}".rstrip())
    first = rows[0]
    if first["floor_us"] is not None:
        print(f"    floor_us {first['floor_us']:.3g}  percent {first['percent']:.0f}  ({first['floor']}; "
              f"weights {first['weights_bytes']} bytes)")
    if first["sweep_gb_per_s"] is not None:
        print(f"    sweep {first['sweep_bytes'] / 1e6:.0f} MB before each run, read back at {first['sweep_gb_per_s']:.1f} GB/s")
    print(end="", flush=True)


def finite(value):
    """JSON has no infinities; they are said as null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path, rows):
    path.write_text(json.dumps([{key: finite(value) for key, value in row.items()} for row in rows], indent=1) + "\n")


def summary(rows):
    """One line: how many rows are under what is asked, lost, unsupported, failed."""
    def count(holds, of=rows):
        return sum(bool(holds(row)) for row in of)

    timed = [row for row in rows if row["ratio"] is not None]
    return (f"# {len(rows)} rows: {len(timed)} with a ratio, of which {count(lambda r: r['ratio'] < 1, timed)} are losses and "
            f"{count(lambda r: r['asked'] is not None and r['ratio'] < r['asked'], timed)} are under what is asked; "
            f"{count(lambda r: r['status'] == 'unsupported')} unsupported, {count(lambda r: r['status'] == 'failed')} failed")
