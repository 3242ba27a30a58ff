"""Cases of the benchmark: what a name means, and which cases have names of their own with asked ratios (targets.json)."""
import dataclasses
import fnmatch
import json
import pathlib
import re

TARGETS = json.loads((pathlib.Path(__file__).parent / "targets.json").read_text())

GRAMMAR = """\
  circulant-fc-ROWSxCOLS-kK-bB             block-circulant, blocks of K; ROWS alone: square
  circulant-conv-CI-CO-HxW-rR-sS-kK        R x R taps, padding R/2, stride S; C-H-kK alone: C to C, H x H, r3, s1
  circulant-mlp-LxN-kK-bB                  L layers N x N with ReLU between
  dense-fc-ROWSxCOLS-bB                    the same without a k
  dense-conv-CI-CO-HxW-rR-sS
  int8-fc-ROWSxCOLS-bB                     a dense layer whose ONNX file has int8 weights
  int8-conv-CI-CO-HxW-rR-sS                the same of a convolution between floats; with -nhwc between bytes, channels last
  int4-fc-ROWSxCOLS-bB                     a dense layer whose ONNX file is a MatMulNBits of 4 bits, accuracy_level 4
  pow2-fc-ROWSxCOLS-bB                     a layer whose ONNX file has powers of two in 4 bits, a scale per output; --precision i8
  ternary-fc-ROWSxCOLS-bB                  the same of -1, 0 and 1
  smartdeal-fc-ROWSxCOLS-bB                powers of two times 3 x 3 bases of slices, half of the rows zero for 32 outputs at once
  int4mult-fc-ROWSxCOLS-bB                 4-bit integers whose scales of 32 inputs are integers of 4 bits times one of the output
  escalate-conv-CI-CO-HxW-rR-sS-f32        ternary combinations of 6 basis kernels, 90 % of the coefficients zero (C-H-f32 as above)
  escalate-conv-CI-CO-HxW-rR-sS-i16        the same with as many zeros for each output and basis kernel; --precision i8
  ternary-conv-CI-CO-HxW-rR-sS-f32         kernels of -1, 0 and 1 times a scale of each output, 90 % of them zero; -i16: --precision i8
  rfft-kK-nN                               N transforms of K points, contiguous both sides; without -nN: 64 and 4096;
                                           with -avx behind it: our code for AVX without fma, which Debian's FFTW is
  mnist-circulant-bB                       the network of examples/mnist/models
  mnist-NETWORK-bB                         a trained light network of there, as mnist-mlp_smartdeal; the peer gets the same file
with -bf16 or -i8 (compress-compile --precision) after circulant-* and dense-*, then -l2cold or -dramcold"""

# Of examples/mnist/models, beside the circulant and the dense one.
NETWORKS = ("mlp_smartdeal", "dense_smartdeal", "cnn_escalate", "circulant_spectra8", "circulant_spectra4", "small_int4")

_FC = r"(?P<rows>\d+)(x(?P<cols>\d+))?"
_CONV = r"((?P<ci>\d+)-(?P<co>\d+)-(?P<h>\d+)x(?P<w>\d+)-r(?P<taps>\d+)-s(?P<stride>\d+)|(?P<c>\d+)-(?P<hw>\d+))"
_FORMS = [rf"circulant-fc-{_FC}-k(?P<k>\d+)-b(?P<batch>\d+)@", rf"circulant-conv-{_CONV}-k(?P<k>\d+)@",
          r"circulant-mlp-(?P<depth>\d+)x(?P<rows>\d+)-k(?P<k>\d+)-b(?P<batch>\d+)@",
          rf"dense-fc-{_FC}-b(?P<batch>\d+)@", rf"dense-conv-{_CONV}@", rf"int8-fc-{_FC}-b(?P<batch>\d+)", rf"int8-conv-{_CONV}(?P<ports>-nhwc)?",
          rf"int4-fc-{_FC}-b(?P<batch>\d+)", rf"pow2-fc-{_FC}-b(?P<batch>\d+)", rf"ternary-fc-{_FC}-b(?P<batch>\d+)",
          rf"smartdeal-fc-{_FC}-b(?P<batch>\d+)", rf"int4mult-fc-{_FC}-b(?P<batch>\d+)",
          rf"(escalate|ternary)-conv-{_CONV}-(?P<arithmetic>f32|i16)", r"rfft-k(?P<k>\d+)-n(?P<batch>\d+)(?P<avx>-avx)?", r"mnist-circulant-b(?P<batch>\d+)",
          rf"mnist-(?P<network>{'|'.join(NETWORKS)})-b(?P<batch>\d+)"]
_PATTERNS = [re.compile(form.replace("@", "(-(?P<precision>bf16|i8))?") + "(-(?P<cold>l2cold|dramcold))?") for form in _FORMS]

# Peers of a case that targets.json does not list, by how its name begins.
_DEFAULT_PEERS = {"circulant-fc": ["ort-fp32", "ort-int8", "ort-int4"], "circulant-conv": ["ort-fp32", "ort-int8"],
                  "circulant-mlp": ["ort-fp32", "ort-int8"], "dense-fc": ["ort-fp32", "ort-int8"],
                  "dense-conv": ["ort-fp32", "ort-int8"], "int8-fc": ["ort-int8"], "int8-conv": ["ort-int8"],
                  "int4-fc": ["ort-int4", "ort-int8"], "pow2-fc": ["ort-int4", "ours-dense-int8"],
                  "ternary-fc": ["ort-int4", "ours-dense-int8"], "smartdeal-fc": ["ort-int4", "ours-dense-int8"],
                  "int4mult-fc": ["ort-int8", "ort-int4", "ours-dense-int8"], "rfft": ["fftw"],
                  "escalate-conv": ["ort-fp32", "ort-int8", "ours-dense-int8"],
                  "ternary-conv": ["ort-fp32", "ort-int8", "ours-dense-int8"],
                  **{f"mnist-{network}": ["ort-fp32"] for network in NETWORKS}, "mnist-circulant": ["ort-fp32"]}

# Kinds whose files have light weights, for integer arithmetic.
LIGHT = ("pow2-fc", "ternary-fc", "smartdeal-fc", "int4mult-fc")


class UnknownCase(ValueError):
    """A word that is no case; the text has the grammar."""


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    kind: str                # as the name begins: circulant-fc, dense-conv, …
    rows: int = 0            # out channels of a convolution
    cols: int = 0
    k: int = 0               # 0: dense
    batch: int = 1
    depth: int = 1
    height: int = 0          # 0: no convolution
    width: int = 0
    taps: int = 1            # per side
    stride: int = 1
    precision: str = ""      # of compress-compile; "" is its default
    cold: str = ""
    channels_last: bool = False  # bytes in and out
    target_cpu: str = ""     # of compress-compile; "" is this machine's

    @property
    def layer(self):
        """What cases of the same weights have in common: the name without batch, number format and caches."""
        return re.sub(r"(-[bn]\d+)?(-bf16|-i8|-avx)?(-l2cold|-dramcold)?$", "", self.name)

    @property
    def peers(self):
        return list(TARGETS.get(self.name, _DEFAULT_PEERS[self.kind]))

    def asked(self, peer):
        """The least ratio that this case is meant to have to a peer, or None."""
        return TARGETS.get(self.name, {}).get(peer)

    @property
    def quantized_peer(self):
        """The peer whose file the case compiles; "" is the network in floats."""
        return {"int8": "ort-int8", "int4": "ort-int4"}.get(self.kind.split("-")[0], "")

    @property
    def bound(self):
        """Relative L2 error that our output may have."""
        if self.precision == "i8" or self.quantized_peer:
            return 2e-2
        return 4e-3 if self.precision == "bf16" else 1e-5


def _refuse(word, why):
    return UnknownCase(f"'{word}' is no case: {why}. A case is one of the named (scripts/bench --list), a glob over them, or\n"
                       f"{GRAMMAR}")


def parse(name):
    """The case that a name says; raises UnknownCase."""
    found = next(filter(None, (pattern.fullmatch(name) for pattern in _PATTERNS)), None)
    if not found:
        raise _refuse(name, "no form of the grammar has its shape")
    given = {key: value for key, value in found.groupdict().items() if value is not None}
    words = {key: given.pop(key) for key in ("precision", "cold") if key in given}
    given.pop("network", None)  # the kind says it
    arithmetic = given.pop("arithmetic", None)
    if given.pop("ports", None):
        words["channels_last"] = True
    if given.pop("avx", None):
        words["target_cpu"] = "sandybridge"
    n = {key: int(value) for key, value in given.items()}
    zero = [key for key, value in n.items() if value < 1]
    if zero:
        raise _refuse(name, f"every number is 1 or more, but {zero[0]} is 0")
    kind = next(kind for kind in _DEFAULT_PEERS if name.startswith(kind))
    if kind.endswith("conv"):
        shape = dict(rows=n.get("co", n.get("c")), cols=n.get("ci", n.get("c")), height=n.get("h", n.get("hw")),
                     width=n.get("w", n.get("hw")), taps=n.get("taps", 3), stride=n.get("stride", 1))
    else:
        shape = {key: n[key] for key in ("rows", "batch", "depth") if key in n}
        shape["cols"] = n.get("cols", n.get("rows", 0))
    if kind in LIGHT or arithmetic == "i16":
        words["precision"] = "i8"
    return Case(name, kind, k=n.get("k", 0), **shape, **words)


def select(words):
    """The cases of a command line, in order and each once: all named ones without words."""
    names = []
    for word in words or ["*"]:
        if re.search(r"[*?\[]", word):
            matching = fnmatch.filter(TARGETS, word)
            if not matching:
                raise _refuse(word, "the glob matches no named case")
            names += matching
        elif re.fullmatch(r"rfft-k\d+(-avx)?(-l2cold|-dramcold)?", word):
            names += [re.sub(r"(k\d+)", rf"\1-n{count}", word) for count in (64, 4096)]
        else:
            names.append(word)
    return [parse(name) for name in dict.fromkeys(names)]
