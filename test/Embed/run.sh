#!/usr/bin/env bash
# Installs the project, builds test/Embed against the installed package, and runs it. Usage: run.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build="$1" source="$2"
prefix="$build/embed-install"
rm -rf "$prefix" "$build/embed-build"
cmake --install "$build" --prefix "$prefix" >/dev/null
cmake -G Ninja -S "$source/test/Embed" -B "$build/embed-build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build/embed-build" >/dev/null
out="$build/embed-build/out"
expect() { # expect TEXT command…: the command ends well, and its output has TEXT
  local text="$1"
  shift
  "$@" >"$out"
  grep -q "$text" "$out" || { echo "error: '$*' does not print '$text'" >&2; exit 1; }
}
embed() { "$build/embed-build/embed" "$source/test/Embed/representations.mlir" "$1"; }
# Every representation, chosen, expanded and lowered by the other compiler.
for op in rfft spectral_matmul rfft_transpose coded_contract decode; do
  expect "compress.$op" embed select
done
cp "$out" "$build/embed-build/out.mlir"
refuse() { # refuse TEXT command…: the command ends well, and its output does not have TEXT
  local text="$1"
  shift
  "$@" >"$out"
  ! grep -q "$text" "$out" || { echo "error: '$*' prints '$text'" >&2; exit 1; }
}
refuse ' compress\.\(circulant\|dequantize\|factorized\|unpack\|fake_quantize\) ' embed expand
refuse ' compress\.[a-z_]* ' embed affine
# The installed tools run from where they are.
expect 'compress.rfft_transpose' "$prefix/bin/compress-opt" "$build/embed-build/out.mlir"
expect 'needs no runtime' "$prefix/bin/compress-compile" --help
expect 'NumPy' "$prefix/bin/compress-run" --help
expect 'generic-avx2: L1 32 KiB' "$prefix/bin/compress-machine" --show generic-avx2
expect 'ends with 1 where the file is interesting' "$prefix/bin/compress-reduce" --help
# The C API, through the package and by a plain compiler call.
expect 'remark: passed compress/select on fc1' "$build/embed-build/embed-c"
cc "$source/test/CAPI/compress.c" -I "$prefix/include" -I "$(llvm-config-22 --includedir)" -L "$prefix/lib" -lCompressCAPI \
  -Wl,-rpath,"$prefix/lib" -o "$build/embed-build/plain-c"
expect 'remark: passed compress/select on fc1' "$build/embed-build/plain-c"
echo "embedded, installed and run"
