"""tools/dev: the tree keeps the rules of the house, and each rule is seen to fail on a doctored copy; stale documents are seen."""
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from compress_mlir.native import _find_compiler
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools" / "dev"))
spec = importlib.util.spec_from_file_location("check_house", ROOT / "tools" / "dev" / "check-house.py")
check_house = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_house)

IR = "include/compress/Dialect/Compress/IR/"
PASSES = "include/compress/Dialect/Compress/Transforms/Passes.td"
INVALID = "test/Dialect/Compress/IR/circulant-invalid.mlir"
# rule, file (or a pattern of files, of which the first that matches is taken), what is replaced (a regular expression), by what, and
# the finding that must follow
DOCTORED = [
    ("ops_and_attributes", IR + "CompressOps.td", r'let summary = "Dense tensor of[^"]*"', 'let summary = ""', "circulant: has no summary"),
    ("ops_and_attributes", IR + "CompressOps.td", r"%w = compress\.circulant %c :", "%v = compress.circulant %c :", "circulant: example is in no test"),
    ("ops_and_attributes", IR + "CompressOps.td", r"```mlir", "```", "circulant: description has no example"),
    ("ops_and_attributes", "test/Docs/op-examples.mlir", r"// RUN", "// RUM", "circulant: example is in no test"),
    ("ops_and_attributes", "test/Docs/attribute-examples.mlir", r"k = 64", "k = 63", "fit_circulant: example is in no test"),
    ("interfaces", IR + "CompressInterfaces.td", r"(?s)let description = \[\{\s*A representation op:.*?\}\];", "", "CompressedWeightOpInterface: has no description"),
    ("passes", PASSES, r'(let summary = "Replace representation ops[^"]*)"', r'\1."', "compress-expand: expects a summary"),
    ("passes", PASSES, r"Fails when:(?=[^\n]*\n\s*Example: test/Dialect/Compress/Transforms/expand\.mlir)", "", "compress-expand: description does not say 'Fails when:'"),
    ("passes", PASSES, r"Transforms/expand\.mlir", "Transforms/expanded.mlir", "compress-expand: test/Dialect/Compress/Transforms/expanded.mlir is no test"),
    ("passes", PASSES, r"Transforms/expand\.mlir", "Transforms/promote-to-f64.mlir", "compress-expand: test/Dialect/Compress/Transforms/promote-to-f64.mlir is no test that runs it"),
    ("named_files", PASSES, r"Transforms/fit\.mlir", "Transforms/fits.mlir", "names test/Dialect/Compress/Transforms/fits.mlir"),
    ("named_files", "README.md", r"\(CONTRIBUTING\.md\)", "(CONTRIBUTE.md)", "links to CONTRIBUTE.md"),
    ("constraints", IR + "CompressOps.td", r"( +- \(C8\).*)", r"\1\n      - (C9) nothing.", "circulant: (C9) has no line '// circulant C9'"),
    ("constraints", "lib/Dialect/Compress/IR/*.cpp", r"// circulant C4", "// circulant", "circulant: (C4) has no line"),
    ("constraints", "lib/Dialect/Compress/IR/*.cpp", r"// circulant C4", "// circular C4", "label 'circular C4' names no op"),
    ("constraints", "lib/Dialect/Compress/IR/*.cpp", r"// circulant C4", "// circulant C4, C9", "'circulant C9' is no (C9)"),
    ("constraints", INVALID, r"@circulant_c5\b", "@circulant_out", "circulant: (C5) has no function @circulant_c5"),
    ("constraints", INVALID, r"(?s)(@circulant_c5.*?)// expected-error", r"\1// unexpected", "circulant: (C5) has no function"),
    ("constraints", INVALID, r"@circulant_c5\b", "@circulant_c55", "@circulant_c55 tests no (C55)"),
    ("constraints", IR + "CompressOps.td", r"- \(C", "- (D", "circulant: has a verifier and no labelled constraint"),
    ("labelled_errors", "lib/Dialect/Compress/IR/*.cpp", r"// codebook C1", "", "a check without a label"),
    ("record_names", IR + "CompressOps.td", r'"circulant",', '"Circulant",', "an op's name is snake_case"),
    ("record_names", IR + "CompressOps.td", r'"circulant",', '"circulant_weight",', "expects the record to end in CirculantWeightOp"),
    ("record_names", IR + "*.td", r'"fit_circulant"', '"fit-circulant"', "an attribute's name is snake_case"),
    ("record_names", IR + "*.td", r"Compress_FitCirculantAttr", "Compress_FitCirculant", "an attribute's record ends in Attr"),
    ("record_names", PASSES, r"def ExpandPass", "def Expand", "a pass' record ends in Pass"),
    ("record_names", PASSES, r'"compress-expand"', '"expand"', "a flag is compress-…"),
    ("record_names", PASSES, r'"compress-expand"', '"compress-widen"', "expects a record of the same words"),
    ("record_names", PASSES, r'"compress-expand"', '"compress-widen"', "expects a test widen.mlir"),
    ("record_names", PASSES, r"def ExpandPass", "def WidenPass", "expects a file Widen.cpp"),
    ("record_names", PASSES, r'"schemes", "schemes"', '"schemes", "theScheme"', "'theScheme' is not kebab-case"),
    ("code_names", "include/compress/Kernel/FFT.h", r"COMPRESS_KERNEL_FFT_H", "KERNEL_FFT_H", "expects the guard COMPRESS_KERNEL_FFT_H"),
    ("code_names", "lib/Pipelines/Pipelines.cpp", r'"compress-to-llvm"', '"to-llvm"', "pipeline 'to-llvm'"),
    ("code_names", "lib/Dialect/Compress/Transforms/Fit.cpp", r"\Z", "llvm::cl::opt<int> x;\n", "cl::opt is global state"),
    ("code_names", "test/lib/TestTile.cpp", r'"test-compress-tile"', '"tile"', "test-only pass 'tile'"),
    ("code_names", "lib/Kernel/CMakeLists.txt", r"MLIRCompressKernel", "CompressKernel", "library CompressKernel"),
    ("test_names", INVALID, r"@circulant_c1\b", "@err1", "@err1 does not say what is tested"),
    ("test_names", "test/Conversion/copies-to-linalg.mlir", r"ins\(%\[\[FROM\]\]", "ins(%arg0", "raw value name in a CHECK line"),
    ("test_names", "test/Conversion/copies-to-linalg.mlir", r"\[\[FROM", "[[from", "capture from is not in capitals"),
    ("test_names", "test/Dialect/Compress/IR/circulant.mlir", r"\Z", "// expected-error\n", "a file of negative tests is named"),
    ("readme_tree", "README.md", r"\n  Kernel/ .*", "", "the tree lacks lib/Kernel/"),
    ("readme_tree", "README.md", r"\n  Kernel/ ", "\n  Kernels/ ", "the tree has lib/Kernels/"),
    ("readme_tree", "README.md", r"## The tree", "## Tree", "has no block below"),
    ("sizes", "lib/Kernel/FFT.cpp", r"\Z", "\n" * 500, "no line 'SIZE: why'"),
    ("seeds", "docs/Seeds.md", r"\n\| 3\.4 .*", "", "expects one row per item, in order: ['3.4']"),
    ("seeds", "docs/Seeds.md", r"test_census\.py::test_transforms_as_said", "test_census.py::test_transforms_as_sung", "is not there"),
    ("seeds", "docs/Seeds.md", r"\| later \| issue 4:", "| later | work:", "does not say which later work"),
    ("seeds", "docs/Seeds.md", r"\| later \|", "| maybe |", "state 'maybe'"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree without its history and builds."""
    folder = tmp_path_factory.mktemp("house") / "tree"
    tree = check_house.Tree(ROOT)
    for path in tree.files:
        if not path.endswith(".onnx"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    return folder


def test_tree_keeps_the_rules():
    house = check_house.inspect(ROOT)
    assert not house.findings, "\n".join(house.findings)
    for row in ("ops: executed example", "passes: executed example", "constraints: verifier line", "constraints: negative test"):
        assert house.rows[row][0] == house.rows[row][1] > 0


@pytest.mark.parametrize("rule,path,old,new,finding", DOCTORED, ids=[f"{r[0]}-{i}" for i, r in enumerate(DOCTORED)])
def test_rule_is_seen_to_fail(rule, path, old, new, finding, copy):
    file = next((f for f in sorted(copy.glob(path)) if re.search(old, f.read_text())), None)
    assert file, f"{path} has no '{old}'"
    text = file.read_text()
    try:
        file.write_text(re.sub(old, new, text))
        found = check_house.inspect(copy, [getattr(check_house, "check_" + rule)]).findings
    finally:
        file.write_text(text)
    assert any(finding in line for line in found), found


def test_file_names_of_tests_are_checked(copy):
    odd = copy / "test" / "Conversion" / "odd_Name.mlir"
    odd.write_text("// RUN: true\n")
    try:
        found = check_house.inspect(copy, [check_house.check_test_names]).findings
    finally:
        odd.unlink()
    assert found == ["test/Conversion/odd_Name.mlir: a test file's name is kebab-case"]


@pytest.mark.parametrize("path,old,new", [
    ("docs/Spec.md", "(C5) the `out` extent", "(C5) the `in` extent"),
    (IR + "CompressOps.td", "(C5) the `out` extent", "(C5) the out extent"),
    ("docs/Passes.md", "relative error 0.408248", "relative error 0.4"),
    (INVALID, "@circulant_c5(", "@circulant_c5_rows("),
])
def test_stale_document_is_seen(path, old, new, copy):
    text = (copy / path).read_text()
    assert old in text
    opt = pathlib.Path(_find_compiler()).parent / "compress-opt"
    try:
        (copy / path).write_text(text.replace(old, new))
        done = subprocess.run(["/usr/bin/python3", str(copy / "tools/dev/make-docs.py"), "--check", "--opt", str(opt)], capture_output=True, text=True)
    finally:
        (copy / path).write_text(text)
    assert done.returncode == 1 and "run tools/dev/make-docs.py" in done.stderr, done.stdout + done.stderr
