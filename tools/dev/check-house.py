#!/usr/bin/python3
"""Checks the rules of the house that a compiler does not: documentation, constraints, names, the README's tree, sizes.

  tools/dev/check-house.py               a table; and what is wrong, one line each; fails if anything is
  tools/dev/check-house.py --root DIR    of another copy of the tree

Each rule is a function below that states facts by `house.check(row, holds, where, what)`. Ops, attributes and passes are read from
`llvm-tblgen --dump-json`. test/Python/test_house.py shows each rule to fail.
"""
import argparse
import fnmatch
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from records import (ROOT, Tree, constraints, negative_tests, own_dialect, plain, run_lines, spelled, statements,  # noqa: E402
                     verifier_labels)

SNAKE = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
KEBAB = r"[a-z0-9]+(-[a-z0-9]+)*"
# Items of each seed's checklist, which docs/Seeds.md answers one by one.
SEED_ITEMS = {1: 11, 2: 12, 3: 11, 4: 11, 5: 12}


class House:
    """Facts checked, by row of the table; what does not hold is kept with its place."""

    def __init__(self, root):
        self.tree = Tree(root)
        self.rows, self.findings, self.notes = {}, [], []
        self.executed = self.tree.executed()
        self.ops, self.passes = self.tree.records("Op"), self.tree.records("PassBase")
        self.attributes = [a for a in self.tree.records("AttrDef") if "EnumAttr" not in a["!superclasses"]]

    def check(self, row, holds, where, what):
        done, total = self.rows.get(row, (0, 0))
        self.rows[row] = (done + bool(holds), total + 1)
        if not holds:
            self.findings.append(f"{where}: {what}")
        return bool(holds)


# --- documentation -------------------------------------------------------------------------------------------------------------

def check_ops_and_attributes(house):
    run = plain(" ".join(house.tree.text(f) for f in house.executed if f.startswith("test/Docs/")))
    for kind, records in (("ops", house.ops), ("attributes", house.attributes)):
        for record in records:
            name, description = spelled(record), record["description"] or ""
            house.check(f"{kind}: summary", (record["summary"] or "").strip(), name, "has no summary")
            house.check(f"{kind}: description", description.strip(), name, "has no description")
            if not own_dialect(record):
                continue
            examples = statements(description)
            if kind == "attributes":
                examples += [plain(e) for e in re.findall(r"`(#compress\.[^`]+)`", description)]
            missing = [e for e in examples if e not in run]
            house.check(f"{kind}: executed example", examples and not missing, name,
                        f"example is in no test of test/Docs: {missing[0]}" if missing else "description has no example")


def check_interfaces(house):
    for record in house.tree.records("OpInterface") + house.tree.records("AttrInterface"):
        house.check("interfaces: description", (record["description"] or "").strip(), record["!name"], "has no description")


def check_passes(house):
    for record in house.passes:
        flag, summary, description = record["argument"], record["summary"] or "", record["description"] or ""
        house.check("passes: summary", 0 < len(summary) <= 72 and not summary.endswith("."), flag,
                    "expects a summary of 1 to 72 characters without a full stop")
        parts = ("Runs after:", "Leaves:", "Does nothing when:", "Fails when:")
        missing = [p for p in parts if p not in description]
        house.check("passes: description", not missing, flag, f"description does not say '{' '.join(missing)}'")
        example = re.search(r"Example: (test/\S+)", description)
        runs = example and example[1] in house.executed and any(
            re.search(rf"(?<![\w-])(?:--)?{flag}(?![\w-])", line) for line in run_lines(house.tree.text(example[1])))
        house.check("passes: executed example", runs, flag,
                    f"{example[1]} is no test that runs it" if example else "description names no 'Example: test/…'")


def check_named_files(house):
    """Files that descriptions and documents name are there."""
    tree = house.tree
    for path in tree.match(r"(include/.*\.td|[A-Z]+\.md|docs/.*\.md)"):
        text = re.sub(r"https?://\S+", "", tree.text(path))
        named = set(re.findall(r"(?<![\w./<-])((?:test|lib|include|docs|tools|python|examples|benchmarks|scripts)/[\w./-]*\w/?)(?![\w<*…{])",
                               text))
        for name in sorted(named):
            house.check("documents: named files exist", tree.exists(name) or path.startswith("docs/Design/"), path, f"names {name}, which is not there")
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            target = os.path.normpath(os.path.join(os.path.dirname(path), link))
            house.check("documents: named files exist", tree.exists(target), path, f"links to {link}, which is not there")


# --- constraints ---------------------------------------------------------------------------------------------------------------

def check_constraints(house):
    names, labels = {spelled(r) for r in house.ops + house.attributes}, {}
    for path, pattern, n in verifier_labels(house.tree):
        of = fnmatch.filter(names, pattern)
        house.check("constraints: labels of verifiers", of, path, f"label '{pattern} C{n}' names no op or attribute")
        labels.update({(name, n): path for name in of})
    tests = {key: path for key, (path, _) in negative_tests(house.tree).items()}
    stated = {(spelled(r), n) for r in house.ops + house.attributes for n in constraints(r)}
    for name, n in sorted(stated):
        house.check("constraints: verifier line", (name, n) in labels, name, f"(C{n}) has no line '// {name} C{n}' in a verifier")
        house.check("constraints: negative test", (name, n) in tests, name,
                    f"(C{n}) has no function @{name}_c{n}… with an expected-error in a *-invalid.mlir")
    for name, n in sorted(set(tests) - stated):
        house.check("constraints: labels of tests", False, tests[(name, n)], f"@{name}_c{n} tests no (C{n}) of a description")
    for (name, n), path in sorted(labels.items()):
        house.check("constraints: labels of verifiers", (name, n) in stated, path, f"'{name} C{n}' is no (C{n}) of its description")
    for record in house.ops:
        if own_dialect(record):
            house.check("constraints: ops that verify state them", not record["hasVerifier"] or any(o == spelled(record) for o, _ in stated),
                        spelled(record), "has a verifier and no labelled constraint")


def check_labelled_errors(house):
    """In the dialect's own code each check has a label on its line or on one of the lines before it."""
    for path in house.tree.match(r"lib/Dialect/\w+/IR/.*\.cpp"):
        lines = house.tree.text(path).splitlines()
        for i, line in enumerate(lines):
            if re.search(r"emitOpError\(|emitError\(\)", line):
                house.check("constraints: labels of checks", re.search(r"//.*\bC\d", "\n".join(lines[max(0, i - 7):i + 1])),
                            f"{path}:{i + 1}", "a check without a label such as '// circulant C1' before it")


# --- names ---------------------------------------------------------------------------------------------------------------------

def camel(snake):
    return "".join(part.capitalize() for part in snake.split("_"))


def check_record_names(house):
    def check(holds, where, what):
        house.check("names: records", holds, where, what)

    for record in house.ops:
        name = record["opName"]
        check(re.fullmatch(SNAKE, name), name, "an op's name is snake_case")
        check(record["!name"].split("_", 1)[1] == camel(name) + "Op", name, f"expects the record to end in {camel(name)}Op")
    for record in house.attributes:
        check(re.fullmatch(SNAKE, record["mnemonic"] or ""), record["!name"], "an attribute's name is snake_case")
        check(record["!name"].endswith("Attr"), record["!name"], "an attribute's record ends in Attr")
    for record in house.passes:
        name, flag = record["!name"], record["argument"]
        check(name.endswith("Pass"), name, "a pass' record ends in Pass")
        check(re.fullmatch(rf"(convert-)?compress-{KEBAB}", flag), flag, "a flag is compress-… or convert-compress-…")
        stem = re.sub(r"^Convert|Pass$", "", name)
        same = [re.sub(r"^compress|-", "", re.sub("^convert-", "", text)).lower() for text in (flag, stem.lower())]
        check(same[0] == same[1], flag, f"expects a record of the same words, not {name}")
        check(house.tree.match(rf"lib/.*/(Convert)?{stem}\.cpp"), flag, f"expects a file {stem}.cpp in lib/")
        test = re.sub("^(convert-compress|convert|compress)-", "", flag)
        test = "compress-to-affine" if flag == "convert-compress-to-affine" else test
        check(house.tree.match(rf"test/.*/{test}\.mlir") or house.tree.match(rf"test/Conversion/{stem}/.*\.mlir"), flag,
              f"expects a test {test}.mlir")
        for option in record["options"] + record["statistics"]:
            word = option.get("argument") or option["name"]
            check(re.fullmatch(KEBAB, word), flag, f"option or statistic '{word}' is not kebab-case")


def check_code_names(house):
    tree = house.tree

    def check(holds, where, what):
        house.check("names: code", holds, where, what)

    for path in tree.match(r"(include|lib|tools|test/lib|benchmarks)/.*\.h"):
        guard = re.sub(r"\W", "_", re.sub(r"^include/", "", path)).upper()
        guard = guard if guard.startswith("COMPRESS") else "COMPRESS_" + guard
        check(f"#ifndef {guard}\n#define {guard}\n" in tree.text(path), path, f"expects the guard {guard}")
    for path in tree.match(r"lib/.*\.cpp"):
        for flag in re.findall(r'PassPipelineRegistration<[^(]*>\(\s*"([^"]+)"', tree.text(path)):
            check(re.fullmatch(rf"compress-{KEBAB}", flag), path, f"pipeline '{flag}' is not compress-…")
        check("cl::opt" not in tree.text(path), path, "cl::opt is global state; options are in TableGen")
    for path in tree.match(r"test/lib/.*\.cpp"):
        for flag in re.findall(r'getArgument\(\) const override \{ return "([^"]+)"', tree.text(path)):
            check(re.fullmatch(rf"test-compress-{KEBAB}", flag), path, f"test-only pass '{flag}' is not test-compress-…")
    for path in tree.match(r"lib/.*CMakeLists.txt"):
        for target in re.findall(r"add_compress_library\((\w+)", tree.text(path)):
            check(re.fullmatch(r"MLIRCompress\w*", target), path, f"library {target} is not MLIRCompress…")


def check_test_names(house):
    tree = house.tree

    def check(holds, where, what):
        house.check("names: tests", holds, where, what)

    for path in house.executed:
        text, stem = tree.text(path), os.path.basename(path).rsplit(".", 1)[0]
        check(re.fullmatch(KEBAB, stem), path, "a test file's name is kebab-case")
        vague = re.search(r"func[^@\n]*@((?:err|error|fail|test|foo|bar)\d*)\b", text)
        check(not vague, path, f"@{vague and vague[1]} does not say what is tested")
        if path.startswith("test/Dialect/") and "/IR/" in path and "expected-error" in text:
            check(stem.endswith("-invalid"), path, "a file of negative tests is named …-invalid.mlir")
        prefixes = {"CHECK"} | {p for group in re.findall(r"--?check-prefix(?:es)?[= ]([\w,-]+)", text) for p in group.split(",")}
        directive = re.compile(rf"(?:{'|'.join(sorted(map(re.escape, prefixes)))})(?:-[A-Z]+)?(?:-\d+)?(?:\{{LITERAL\}})?:(.*)")
        for number, line in enumerate(text.splitlines(), 1):
            found = directive.search(line)
            if found and "RUN:" not in line:
                check(not re.search(r"%(arg)?\d+\b", found[1]), f"{path}:{number}", "raw value name in a CHECK line: capture it")
                for capture in re.findall(r"[%#^]\[\[#?(\w+)", found[1]):
                    check(re.fullmatch(r"[A-Z][A-Z0-9_]*", capture), f"{path}:{number}", f"capture {capture} is not in capitals")


# --- the tree ------------------------------------------------------------------------------------------------------------------

def check_readme_tree(house):
    """The tree of the README: an entry exists, and where entries are nested, or at the top, none is left out."""
    block = re.search(r"## The tree\n.*?```\n(.*?)```", house.tree.text("README.md"), re.S)
    if not house.check("README: tree", block, "README.md", "has no block below '## The tree'"):
        return
    children, above = {"": set()}, []
    for line in block[1].splitlines():
        names = re.match(r"( *)((?:[\w.-][\w./-]*/ +)*[\w.-][\w./-]*/)(?: |$)", line)
        if not names:
            continue
        depth = len(names[1]) // 2
        parent = above[depth - 1] + "/" if depth else ""
        for name in names[2].split():
            path = parent + name.rstrip("/")
            children.setdefault(parent.rstrip("/"), set()).add(name.rstrip("/"))
            above[depth:] = [path]
            house.check("README: tree", house.tree.folders(path) or house.tree.exists(path), "README.md", f"the tree has {path}/, which is not there")
    for parent, names in children.items():
        tops = {name.split("/")[0] for name in names}
        for folder in house.tree.folders(parent):
            house.check("README: tree", folder in tops, "README.md", f"the tree lacks {parent + '/' if parent else ''}{folder}/")


def check_sizes(house):
    for path in house.tree.files:
        if re.search(r"\.(cpp|h|c|td|py|mlir|test|md|cmake|sh|txt)$", path) or path.startswith("scripts/"):
            lines = house.tree.text(path).splitlines()
            house.check("sizes: at most 500 lines, or a reason", len(lines) <= 500 or any("SIZE:" in line for line in lines[:20]), path,
                        f"{len(lines)} lines and no line 'SIZE: why' near its top")


# --- the seeds' checklists ------------------------------------------------------------------------------------------------------

def check_seeds(house):
    """docs/Seeds.md has a row `| 1.1 | item | done, pending or later | tests or issue |` for each item; tests exist."""
    tree = house.tree
    if not house.check("seeds: rows", tree.exists("docs/Seeds.md"), "docs/Seeds.md", "is not there"):
        return
    rows = re.findall(r"^\| (\d\.\d+) \| (.+?) \| (\w+) \| (.+?) \|$", tree.text("docs/Seeds.md"), re.M)
    wanted = [f"{seed}.{n}" for seed, count in SEED_ITEMS.items() for n in range(1, count + 1)]
    house.check("seeds: rows", [row[0] for row in rows] == wanted, "docs/Seeds.md", "expects one row per item, in order: "
                f"{sorted(set(wanted) ^ {row[0] for row in rows})}")
    for item, _, state, evidence in rows:
        house.check("seeds: rows", state in ("done", "pending", "later"), f"seed item {item}", f"state '{state}' is not done, pending or later")
        if state == "pending":
            house.notes.append(f"seed item {item} is pending: {evidence}")
        if state == "later":
            house.check("seeds: rows", "issue" in evidence, f"seed item {item}", "does not say which later work it waits for")
        if state == "done":
            tests = re.findall(r"`(test/[^`]+)`", evidence)
            house.check("seeds: tests exist", tests, f"seed item {item}", "is done without a test")
            for test in tests:
                file, _, name = test.partition("::")
                found = file in tree.files and (not name or re.search(rf"\b{re.escape(name)}\b", tree.text(file)))
                house.check("seeds: tests exist", found, f"seed item {item}", f"{test} is not there")


RULES = [check_ops_and_attributes, check_interfaces, check_passes, check_named_files, check_constraints, check_labelled_errors,
         check_record_names, check_code_names, check_test_names, check_readme_tree, check_sizes, check_seeds]


def inspect(root, rules=None):
    house = House(root)
    for rule in rules or RULES:
        rule(house)
    return house


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=ROOT)
    house = inspect(parser.parse_args().root)
    for row, (done, total) in house.rows.items():
        print(f"{row:44} {done:5} of {total:5}   {100 * done / total:5.1f} %")
    for note in house.notes:
        print(f"note: {note}")
    for finding in house.findings:
        print(f"error: {finding}")
    return 1 if house.findings else 0


if __name__ == "__main__":
    sys.exit(main())
