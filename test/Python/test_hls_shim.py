"""csim_include/, the headers that `make csim` uses in place of the vendor's: every 8-bit pattern against rational arithmetic, streams
that report a deadlock by name."""
import math
import os
import subprocess
from fractions import Fraction

import pytest

from conftest import ROOT

CXX = os.environ.get("CXX", "g++")
INCLUDE = ROOT / "lib" / "Target" / "HLS" / "package"


def build(folder, name, text, *options):
    source, program = folder / f"{name}.cpp", folder / name
    source.write_text(text)
    done = subprocess.run([CXX, "-std=c++14", "-O1", "-Wall", "-Werror", "-pthread", f"-I{INCLUDE}", *options, str(source), "-o",
                           str(program)], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return program


def run(program, *arguments):
    return subprocess.run([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


# --- fixed point ---------------------------------------------------------------------------------------------------------------

def half_up(q):
    return math.floor(q + Fraction(1, 2))


# UG1399's words for each mode, in rationals.
ROUND = {
    "AP_RND": half_up,
    "AP_RND_ZERO": lambda q: half_up(q) if q < 0 else math.ceil(q - Fraction(1, 2)),
    "AP_RND_MIN_INF": lambda q: math.ceil(q - Fraction(1, 2)),
    "AP_RND_INF": lambda q: half_up(q) if q > 0 else math.ceil(q - Fraction(1, 2)),
    "AP_RND_CONV": round,  # of a Fraction: halves to even
    "AP_TRN": math.floor,
    "AP_TRN_ZERO": math.trunc,
}


def overflow(n, width, signed, mode):
    highest = 2**(width - 1) - 1 if signed else 2**width - 1
    lowest = -highest - 1 if signed else 0
    if mode == "AP_WRAP":
        return (n - lowest) % 2**width + lowest
    if mode == "AP_SAT_SYM" and signed:
        lowest = -highest
    return n if lowest <= n <= highest else 0 if mode == "AP_SAT_ZERO" else highest if n > highest else lowest


OVERFLOW = ("AP_SAT", "AP_SAT_ZERO", "AP_SAT_SYM", "AP_WRAP")
# Results of 5 bits with 1 behind the point, of 5 with 7 (finer than the source), of 3 before the last bit of the source's point.
TARGETS = ((5, 4), (5, -2), (3, 6))


@pytest.fixture(scope="module")
def conversions(tmp_path_factory):
    """Every pattern of 8 bits, 4 of them behind the point, with and without sign, to each target in each mode; sums, products and
    comparisons of all pairs."""
    body = '#include "ap_fixed.h"\n#include <cstdio>\n'
    body += "template <typename S, typename D> void convert() {\n  for (int i = 0; i < 256; ++i)\n"
    body += '    std::printf("%lld ", D(S::from_bits(i)).raw_bits());\n  std::puts("");\n}\n'
    body += "template <typename A, typename B> void pairs() {\n  for (int i = 0; i < 256; ++i)\n    for (int j = 0; j < 256; ++j) {\n"
    body += "      A a = A::from_bits(i); B b = B::from_bits(j);\n"
    body += '      std::printf("%lld %lld %lld %d\\n", (a + b).raw_bits(), (a - b).raw_bits(), (a * b).raw_bits(),\n'
    body += "                  (a < b) + 2 * (a > b) + 4 * (a <= b) + 8 * (a >= b) + 16 * (a == b) + 32 * (a != b));\n    }\n}\n"
    body += "int main() {\n"
    for source in ("ap_fixed<8, 4>", "ap_ufixed<8, 4>"):
        for target in ("ap_fixed", "ap_ufixed"):
            for width, whole in TARGETS:
                for q in ROUND:
                    for o in OVERFLOW:
                        body += f"  convert<{source}, {target}<{width}, {whole}, {q}, {o}>>();\n"
    for b in ("ap_fixed<8, 6>", "ap_ufixed<8, 2>"):
        body += f"  pairs<ap_fixed<8, 4>, {b}>();\n"
    return iter(run(build(tmp_path_factory.mktemp("fixed"), "fixed", body + "}\n")).stdout.splitlines())


def patterns(signed, fraction):
    return [Fraction(i - 256 if signed and i > 127 else i, 2**fraction) for i in range(256)]


def test_fixed_point_on_all_patterns(conversions):
    for signed in (True, False):
        for to_signed in (True, False):
            for width, whole in TARGETS:
                for q, rounded in ROUND.items():
                    for o in OVERFLOW:
                        expected = [overflow(rounded(x * Fraction(2)**(width - whole)), width, to_signed, o) for x in patterns(signed, 4)]
                        assert [int(n) for n in next(conversions).split()] == expected, (signed, to_signed, width, whole, q, o)
    for signed, whole in ((True, 6), (False, 2)):
        fraction = max(4, 8 - whole)
        for a in patterns(True, 4):
            for b in patterns(signed, 8 - whole):
                compared = (a < b) + 2 * (a > b) + 4 * (a <= b) + 8 * (a >= b) + 16 * (a == b) + 32 * (a != b)
                expected = [(a + b) * 2**fraction, (a - b) * 2**fraction, a * b * 2**(4 + 8 - whole), compared]
                assert [int(n) for n in next(conversions).split()] == expected, (a, b)


def test_beats_keep_their_bits(tmp_path):
    text = """#include "ap_axi_sdata.h"
#include <cstdio>
int main() {
  ap_axis<16, 1, 1, 1> beat;
  for (int i = -40000; i < 40000; i += 7) {
    beat.data = i; beat.keep = -1; beat.last = i;
    std::printf("%d %d %d\\n", beat.data.to_int(), beat.keep.to_int(), beat.last.to_int());
  }
}
"""
    lines = run(build(tmp_path, "beats", text)).stdout.splitlines()
    assert [[int(n) for n in line.split()] for line in lines] == [[(i + 2**15) % 2**16 - 2**15, 3, i % 2] for i in range(-40000, 40000, 7)]


# --- streams -------------------------------------------------------------------------------------------------------------------

STREAMS = """#include "hls_stream.h"
#include <cstring>
int main(int argc, char **argv) {
  int which = std::atoi(argv[1]);
  if (which == 0) {  // in order, non-blocking, size
    hls::stream<int, 3> s("s");
    int x = 0;
    bool ok = s.empty() && !s.read_nb(x) && s.write_nb(1) && s.write_nb(2) && s.write_nb(3) && s.full() && !s.write_nb(4) && s.size() == 3;
    ok = ok && s.read() == 1 && (s >> x, x == 2) && s.read_nb(x) && x == 3 && s.empty();
    hls::stream<int> deep;
    for (int i = 0; i < 1000; ++i) deep << i;
    for (int i = 0; i < 1000; ++i) ok = ok && deep.read() == i;
    return ok ? 0 : 1;
  }
  hls::stream<int, DEPTH> ahead("ahead");
  hls::stream<int, 2> behind("behind");
  if (which == 1) ahead.read();                       // nothing is there
  if (which == 2) for (int i = 0; i <= DEPTH; ++i) ahead.write(i);  // nobody reads
  if (which == 3) {                                   // a task that reads the second stream first, of five elements
    int sum = 0;
    hls_csim::run_together({[&] { for (int i = 0; i < 5; ++i) ahead.write(i); behind.write(7); },
                            [&] { sum = behind.read(); for (int i = 0; i < 5; ++i) sum += ahead.read(); }});
    return sum == 17 ? 0 : 1;
  }
  if (which == 4) { hls::stream<int> left("left"); left.write(1); }
  return 0;
}
"""


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    return {depth: build(folder, f"streams{depth}", STREAMS, f"-DDEPTH={depth}") for depth in (4, 5)}


def test_streams_are_queues(streams):
    assert run(streams[4], "0").returncode == 0
    assert "'left' ends with 1 elements that nobody read" in run(streams[4], "4").stderr


def test_a_deadlock_is_reported_by_name(streams):
    """Neither a silent underflow nor a program that hangs; one element of depth decides."""
    for which, reason in (("1", "read of 'ahead', which is empty"), ("2", "write to 'ahead', which is full (depth 4)")):
        done = run(streams[4], which)
        assert done.returncode == 3 and "deadlock" in done.stderr and reason in done.stderr, done.stderr
    for _ in range(20):  # whatever the order of the threads
        assert run(streams[5], "3").returncode == 0
        done = run(streams[4], "3")
        assert done.returncode == 3, done.stderr
        assert "write to 'ahead', which is full (depth 4)" in done.stderr and "read of 'behind', which is empty" in done.stderr
