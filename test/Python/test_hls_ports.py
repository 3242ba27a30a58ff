"""Ports of an HLS project: beats and TLAST of AXI4-Stream, arrays, numbers in Python and C++; parts, budgets, reports."""
import html.parser
import json
import re
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from compress_mlir import hls
from test_hls import circulant_model, compile_and_run, csim, dense_model, make_project, run_compiler, saturated, test_data
from test_import import floats


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """The same small network with each kind of ports, and the results of both."""
    folder = tmp_path_factory.mktemp("ports")
    path, _ = circulant_model(folder)
    x = np.random.default_rng(3).standard_normal((7, 30)).astype(np.float32)
    np.save(folder / "tests.npy", x)
    return {kind: make_project(path, folder / kind, x, "--hls-ports", kind, "--hls-device", "xc7z020clg484-2", "--clock-mhz", "125",
                               "--test-data", str(folder / "tests.npy")) for kind in ("stream", "memory")}


def test_both_ports_carry_the_same_numbers(projects):
    for project in projects.values():
        done = csim(project)
        assert done.returncode == 0 and "7 samples, 0 of 49 numbers differ" in done.stdout, done.stdout + done.stderr
    np.testing.assert_array_equal(test_data(projects["stream"])[1], test_data(projects["memory"])[1])
    code = {kind: (project / "firmware" / "net.cpp").read_text() for kind, project in projects.items()}
    assert code["stream"].count("INTERFACE axis") == 2 and code["stream"].count("INTERFACE s_axilite") == 2
    assert code["memory"].count("INTERFACE ap_memory") == 2 and "axis" not in code["memory"]
    assert all("#pragma HLS DATAFLOW" in text for text in code.values())


def test_a_wrong_tlast_is_counted_and_ours_is_at_the_end(projects):
    """Three samples in the stream at once: one right, one whose TLAST comes a beat early, one without; then the results."""
    body = """
int main() {
  hls::stream<net_input_beat_t> input("input");
  hls::stream<net_result_beat_t> result("result");
  for (int sample = 0; sample < 3; ++sample)
    for (int i = 0; i < NET_INPUTS; ++i) {
      net_input_beat_t beat;
      beat.data = i + sample;
      beat.last = sample == 0 ? i == NET_INPUTS - 1 : sample == 1 ? i == NET_INPUTS - 2 : 0;
      input.write(beat);
    }
  for (int sample = 0; sample < 3; ++sample) {
    int errors = -1;
    NET_TOP(input, result, &errors);
    std::printf("%d ", errors);
  }
  while (!result.empty()) {
    net_result_beat_t beat = result.read();
    std::printf("%d%d ", beat.last.to_int(), beat.keep.to_int() == (1 << net_result_beat_t().data.width / 8) - 1);
  }
}
"""
    words = compile_and_run(projects["stream"], body).split()
    assert words[:3] == ["0", "2", "1"] and words[3:] == (["01"] * 6 + ["11"]) * 3


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_a_beat_holds_several_numbers(bits, projects, rng, tmp_path):
    """30 numbers of 8 bits in and 7 of 16 bits out: the last beats are not full. Numbers are those of one a beat."""
    path, _ = circulant_model(tmp_path)
    x = np.random.default_rng(3).standard_normal((7, 30)).astype(np.float32)
    np.save(tmp_path / "tests.npy", x)
    project = make_project(path, tmp_path / "wide", x, "--hls-beat-bits", str(bits), "--test-data", str(tmp_path / "tests.npy"))
    done = csim(project)
    assert done.returncode == 0 and "7 samples, 0 of 49 numbers differ" in done.stdout, done.stdout + done.stderr
    for mine, one in zip(test_data(project), test_data(projects["stream"])):
        np.testing.assert_array_equal(mine, one)
    report = hls.read_report(project)
    port, result = report["input"], report["result"]
    assert port["beat_bits"] == result["beat_bits"] == bits and port["beat_numbers"] == bits // 8 and result.get("beat_numbers", 1) == bits // 16
    # What Python packs goes through the C++, what comes out is unpacked; TKEEP says how many bytes the last beat has.
    numbers, golden = (array[0] for array in test_data(project))
    data, last = hls.beats(numbers, port)
    assert len(data) == -(-30 * 8 // bits) and last.tolist() == [False] * (len(data) - 1) + [True]
    assert int(data[0]) == sum((int(n) % 256) << (8 * i) for i, n in enumerate(numbers[:bits // 8]))
    body = "int main() {\n" + f"  static const unsigned long long data[] = {{{', '.join(f'{int(d)}ULL' for d in data)}}};\n" + """
  hls::stream<net_input_beat_t> input("input");
  hls::stream<net_result_beat_t> result("result");
  const int count = sizeof(data) / sizeof(data[0]);
  for (int i = 0; i < count; ++i) {
    net_input_beat_t beat;
    beat.data = static_cast<long long>(data[i]);
    beat.last = i == count - 1;
    input.write(beat);
  }
  int errors = -1;
  NET_TOP(input, result, &errors);
  std::printf("%d", errors);
  while (!result.empty()) {
    net_result_beat_t beat = result.read();
    std::printf(" %llu %d %d", static_cast<unsigned long long>(beat.data.to_int64()), beat.keep.to_int(), beat.last.to_int());
  }
}
"""
    errors, *words = (int(word) for word in compile_and_run(project, body).split())
    assert errors == 0
    np.testing.assert_array_equal(hls.from_beats(np.array(words[::3], dtype=np.uint64) & np.uint64(2**bits - 1), result), golden)
    rest = 7 * 16 % bits or bits
    assert words[1::3] == [2**(bits // 8) - 1] * (len(words) // 3 - 1) + [2**(rest // 8) - 1] and words[2::3] == [0] * (len(words) // 3 - 1) + [1]


def test_beats_that_hold_no_number_are_refused(projects, rng, tmp_path):
    model, _, _ = dense_model(rng, tmp_path)
    for options, reason in [(("--hls-beat-bits", "8"), "a beat of 8 bits holds no number of 'y', which has 16"),
                            (("--hls-beat-bits", "24"), "--hls-beat-bits expects 8, 16, 32 or 64, with --hls-ports stream"),
                            (("--hls-beat-bits", "32", "--hls-ports", "memory"), "--hls-beat-bits expects 8, 16, 32 or 64, with --hls-ports stream")]:
        done = run_compiler(model, tmp_path / "project", floats(rng, 4, 12), *options)
        assert done.returncode != 0 and reason in done.stderr and not (tmp_path / "project").exists(), done.stderr


def test_an_input_that_ends_early_is_a_deadlock_by_name(projects):
    body = 'int main() {\n  hls::stream<net_input_beat_t> input("input");\n  hls::stream<net_result_beat_t> result("result");\n  int errors;\n'
    body += "  for (int i = 1; i < NET_INPUTS; ++i) input.write(net_input_beat_t());\n  NET_TOP(input, result, &errors);\n}\n"
    with pytest.raises(subprocess.CalledProcessError) as failure:
        compile_and_run(projects["stream"], body)
    assert failure.value.returncode == 3


def test_numbers_of_ports_in_python_and_in_c(projects, rng):
    report = hls.read_report(projects["stream"])
    port, result = report["input"], report["result"]
    step = Fraction(1, 2**port["fraction"])
    x = np.concatenate([floats(rng, 200) * 4, [float(step * k / 2) for k in range(-40, 41)], [1e9, -1e9]]).astype(np.float64)
    expected = [saturated(Fraction(float(v)) / step, port["bits"]) for v in x]
    assert hls.quantize(x, port).tolist() == expected
    body = f"int main() {{\n  static const double x[] = {{{', '.join(repr(float(v)) for v in x)}}};\n"
    body += '  for (double v : x) std::printf("%d\\n", net_input_of(v).to_int());\n'
    body += '  for (int i = -3000; i < 3000; i += 7) std::printf("%a\\n", net_value_of(net_result_t(i)));\n}\n'
    lines = compile_and_run(projects["stream"], body).splitlines()
    assert [int(n) for n in lines[:len(x)]] == expected
    numbers = np.arange(-3000, 3000, 7)
    np.testing.assert_array_equal(hls.dequantize(numbers, result), [float.fromhex(n) for n in lines[len(x):]])
    assert hls.dequantize(1, result) == 2.0**-result["fraction"]

    integers = rng.integers(-2**(port["bits"] - 1), 2**(port["bits"] - 1), 30)
    data, last = hls.beats(integers, port)
    assert port["beat_bits"] == 8 and data.tolist() == [int(n) % 256 for n in integers] and last.tolist() == [False] * 29 + [True]
    np.testing.assert_array_equal(hls.from_beats(data, port), integers)
    with pytest.raises(ValueError, match="does not fit 8 bits"):
        hls.beats([200], port)
    with pytest.raises(ValueError, match="is no stream"):
        hls.beats([1], hls.read_report(projects["memory"])["input"])
    with pytest.raises(ValueError, match="not finite"):
        hls.quantize([np.inf], port)


# --- parts -----------------------------------------------------------------------------------------------------------------------

def test_scripts_name_part_and_clock(projects):
    assert "set_part xc7z020clg484-2" in (projects["stream"] / "run_hls.tcl").read_text()
    assert "create_clock -period 8.00" in (projects["stream"] / "run_hls.tcl").read_text()
    assert "part=xc7z020clg484-2" in (projects["stream"] / "hls_config.cfg").read_text()
    report = hls.read_report(projects["stream"])
    assert report["budget"]["dsp"] == {"value": 220, "label": "assumed"} and report["clock_mhz"] == {"value": 125, "label": "assumed"}


def test_what_does_not_fit_is_refused_with_figures(rng, tmp_path):
    """2,100 x 1,200 weights of 8 bits are 20.16 Mbit, the 120 block RAMs of 18 Kbit of an xc7z010 2.21 Mbit."""
    model, _, _ = dense_model(rng, tmp_path, inputs=1200, outputs=2100)
    out = tmp_path / "project"
    done = run_compiler(model, out, floats(rng, 4, 1200), "--hls-device", "xc7z010")
    assert done.returncode != 0 and not out.exists()
    found = re.search(r"does not fit xc7z010clg400-1: (\d+) bits of weights and (\d+) bits of buffers, (\d+) together, are more than the "
                      r"(\d+) bits of its 120 block RAMs", done.stderr)
    assert found, done.stderr
    weights, buffers, together, available = map(int, found.groups())
    assert together == weights + buffers and available == 120 * 18 * 1024 and 2100 * 1200 * 8 <= weights < 2100 * 1200 * 8 + 2100 * 48
    done = run_compiler(model, out, floats(rng, 4, 1200), "--hls-device", "xc9z9")
    assert "device 'xc9z9' is not known: expects one of xc7z010, xc7z020" in done.stderr
    assert "--hls-ports expects stream or memory" in run_compiler(model, out, floats(rng, 4, 1200), "--hls-ports", "axi").stderr
    assert "--clock-mhz expects 1 to 2000" in run_compiler(model, out, floats(rng, 4, 1200), "--clock-mhz", "0").stderr


# --- reports ---------------------------------------------------------------------------------------------------------------------

class Cells(html.parser.HTMLParser):
    """The text of each cell of the page's tables, and what it links to."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.links, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("td", "th"):
            self.cells.append("")
        self.inside = tag in ("td", "th", "small")
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        if self.inside and self.cells:
            self.cells[-1] += data


def test_the_page_says_what_the_report_says(projects):
    page = Cells((projects["stream"] / "report.html").read_text())
    page.cells = [cell.strip() for cell in page.cells]
    report = hls.read_report(projects["stream"])
    assert page.links == []
    assert f"{report['rom_bits']['value']} counted from the integer loops" in page.cells and "220 assumed" in page.cells
    for step in report["steps"]:
        row = page.cells.index(step["name"])
        assert page.cells[row + 1] == step["input"]
        assert page.cells[row + 2] == f"{step['multiplications']['value']} counted from the integer loops"


CSYNTH = """<profile><UserAssignments><unit>ns</unit><Part>xc7z020-clg484-2</Part><TopModelName>light</TopModelName>
<TargetClockPeriod>8.00</TargetClockPeriod></UserAssignments>
<PerformanceEstimates><SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>5.840</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><unit>clock cycles</unit><Best-caseLatency>{latency}</Best-caseLatency><Average-caseLatency>1234</Average-caseLatency>
<Worst-caseLatency>{latency}</Worst-caseLatency><Interval-min>401</Interval-min><Interval-max>402</Interval-max></SummaryOfOverallLatency>
</PerformanceEstimates><AreaEstimates><Resources><BRAM_18K>9</BRAM_18K><{dsp}>14</{dsp}><FF>2100</FF><LUT>3307</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>280</BRAM_18K><{dsp}>220</{dsp}><FF>106400</FF><LUT>53200</LUT><URAM>0</URAM></AvailableResources></AreaEstimates>
</profile>"""


@pytest.mark.parametrize("dsp", ["DSP", "DSP48E"])
def test_a_vendors_report_beside_ours(dsp, projects, tmp_path, capsys):
    path = tmp_path / "csynth.xml"
    path.write_text(CSYNTH.format(latency=1240, dsp=dsp))
    vendor = hls.read_csynth(path)
    assert vendor["top"] == "light" and vendor["clock_ns"] == {"asked": 8.0, "estimated": 5.84}
    assert vendor["latency"] == (1240, 1240) and vendor["interval"] == (401, 402)
    assert vendor["resources"]["DSP"] == {"used": 14, "available": 220} and vendor["resources"]["BRAM_18K"]["used"] == 9
    report = hls.read_report(projects["stream"])
    rows = {what: (ours, theirs) for what, ours, theirs in hls.compare(report, vendor)}
    assert rows["DSP of the part"] == (220, 220) and rows["LUT of the part"] == (53200, 53200) and rows["latency, cycles"] == (None, 1240)
    rows = {row[0]: row[1:] for row in hls.compare(dict(report, model={"latency": {"value": 1199, "label": "modelled"}}), vendor)}
    assert rows["latency, cycles"] == (1199, 1240)
    assert hls.main([str(projects["stream"]), str(path)]) == 0
    assert re.search(r"BRAM_18K +- +9", capsys.readouterr().out)
    assert hls.main([str(projects["stream"])]) == 0 and "_accumulate" in capsys.readouterr().out

    path.write_text(CSYNTH.format(latency="undef", dsp=dsp))  # a loop whose trips the vendor's tool does not know
    assert hls.read_csynth(path)["latency"] == (None, None)
    for text, message in (("<profile>", "no XML"), ("<html/>", "no synthesis report"), ("<profile/>", "no synthesis report")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            hls.read_csynth(path)
        assert hls.main([str(projects["stream"]), str(path)]) == 1 and message in capsys.readouterr().err
    with pytest.raises(ValueError, match="is no report of an HLS project"):
        (tmp_path / "report.json").write_text(json.dumps({}))
        hls.read_report(tmp_path)
