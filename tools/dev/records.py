"""The project's tree and its TableGen records, as check-house.py and make-docs.py read them."""
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LLVM = pathlib.Path(os.environ.get("LLVM_PREFIX", "/usr/lib/llvm-22"))
NOT_OURS = re.compile(r"^(\.git|build[^/]*|\.ccache|.*__pycache__|.*\.pytest_cache)(/|$)")


def plain(text):
    """Text with every run of white space made one space."""
    return " ".join(text.split())


class Tree:
    """Files of a checkout (or of a plain copy of one) by their paths from its root."""

    def __init__(self, root=ROOT):
        self.root = pathlib.Path(root)
        self.files = sorted(self._tracked() or self._found())
        self._texts, self._records = {}, {}

    def _tracked(self):
        if not (self.root / ".git").exists():
            return []
        done = subprocess.run(["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
        return [f for f in done.stdout.splitlines() if (self.root / f).is_file() and not NOT_OURS.match(f)]

    def _found(self):
        names = (str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file())
        return [n for n in names if not NOT_OURS.match(n)]

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(errors="replace")
        return self._texts[path]

    def match(self, pattern):
        """Paths that the whole regular expression matches."""
        return [f for f in self.files if re.fullmatch(pattern, f)]

    def exists(self, path):
        path = path.rstrip("/")
        return any(f == path or f.startswith(path + "/") for f in self.files)

    def folders(self, folder=""):
        """Names of the folders directly below `folder`, hidden ones left out."""
        prefix = folder.rstrip("/") + "/" if folder else ""
        below = {f[len(prefix):].split("/")[0] for f in self.files if f.startswith(prefix) and "/" in f[len(prefix):]}
        return sorted(name for name in below if not name.startswith("."))

    def records(self, kind):
        """TableGen records of the project that derive from `kind`, each once, in the order of the files."""
        found = {}
        ours = {os.path.basename(f) for f in self.files if f.endswith(".td")}
        for path in self.match(r"(include|test/lib)/.*\.td"):
            data = self._dump(path)
            for name in data["!instanceof"].get(kind, []):
                file, line = data[name]["!locs"][0].rsplit(":", 1)
                if not data[name]["!anonymous"] and file in ours:
                    key = (path if file == os.path.basename(path) else file, int(line))
                    found[name] = (min(key, found[name][0]) if name in found else key, data[name])
        return [record for _, record in sorted(found.values(), key=lambda pair: pair[0])]

    def _dump(self, path):
        if path not in self._records:
            command = [str(LLVM / "bin" / "llvm-tblgen"), "--dump-json", "-I", str(LLVM / "include"), "-I", str(self.root / "include"),
                       str(self.root / path)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"error: {path}: {done.stderr.strip()}")
            self._records[path] = data = json.loads(done.stdout)
            for record in list(data.values()):      # options and statistics are records of their own
                if isinstance(record, dict):
                    for field in ("options", "statistics"):
                        if isinstance(record.get(field), list):
                            record[field] = [data.get(r["def"], r) if isinstance(r, dict) else r for r in record[field]]
        return self._records[path]

    def executed(self):
        """Test files that lit runs."""
        excludes = re.search(r"config\.excludes = \[(.*?)\]", self.text("test/lit.cfg.py")).group(1)
        excludes = set(re.findall(r'"(.*?)"', excludes))
        return [f for f in self.match(r"test/.*\.(mlir|test)") if not excludes & set(f.split("/")) and "RUN:" in self.text(f)]


def run_lines(text):
    """The commands of a lit test, continued lines joined."""
    lines = re.findall(r"^.*\bRUN: ?(.*)$", text, re.M)
    return re.sub(r"\\\n", " ", "\n".join(lines)).splitlines()


def verifier_labels(tree):
    """(path, name or glob, n) of each label such as `// circulant C1` or `// rfft*, spectral_* C4, C5` in the C++ code."""
    for path in tree.match(r"lib/.*\.(cpp|h)"):
        for who, which in re.findall(r"// ((?:[a-z][\w*]*, )*[a-z][\w*]*) (C\d+(?:, C\d+)*)\b", tree.text(path)):
            for pattern in who.split(", "):
                for n in re.findall(r"\d+", which):
                    yield path, pattern, int(n)


def negative_tests(tree):
    """{(op or attribute, n): (path, function)} of the functions `@circulant_c1…` that expect an error."""
    tests = {}
    for path in tree.executed():
        if path.endswith("-invalid.mlir"):
            for chunk in re.split(r"^// -----", tree.text(path), flags=re.M):
                if "expected-error" in chunk:
                    for function, name, n in re.findall(r"@((\w+?)_c(\d+)(?:_\w+)?)\b", chunk):
                        tests.setdefault((name, int(n)), (path, function))
    return tests


def constraints(record):
    """Labels of a description, in order; `C1, C3 of `compress.other`` counts as well."""
    text = record["description"] or ""
    labels = re.findall(r"^\s*- \(C(\d+)\)", text, re.M)
    for inherited in re.findall(r"((?:C\d+(?:, | and )?)+) of\s+`compress\.", text):
        labels += re.findall(r"\d+", inherited)
    return sorted({int(n) for n in labels})


def spelled(record):
    """An op's, attribute's or pass' name as users write it."""
    return record.get("opName") or record.get("mnemonic") or record["argument"]


def own_dialect(record):
    """True for ops and attributes of the dialect `compress` itself, false for those that only tests have."""
    return record.get("opDialect", record.get("dialect") or {}).get("def") == "Compress_Dialect"


def statements(description):
    """The statements of the mlir blocks of a description."""
    found = []
    for block in re.findall(r"```mlir\n(.*?)```", description, re.S):
        lines = [line for line in block.splitlines() if not line.strip().startswith("//")]
        found += [plain(s) for s in re.split(r"\n(?=\s*(?:%\S+ =|compress\.))", "\n".join(lines).strip("\n"))]
    return [s for s in found if s]
