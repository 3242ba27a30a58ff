#!/usr/bin/env bash
# Installs the project, builds test/Embed against the installed package, and runs it. Usage: run.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build="$1" source="$2"
prefix="$build/embed-install"
rm -rf "$prefix" "$build/embed-build"
cmake --install "$build" --prefix "$prefix" >/dev/null
cmake -G Ninja -S "$source/test/Embed" -B "$build/embed-build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build/embed-build" >/dev/null
"$build/embed-build/embed" | tee "$build/embed-build/out.mlir" | grep -q 'compress.spectral_matmul'
# The installed tools run from where they are.
"$prefix/bin/compress-opt" "$build/embed-build/out.mlir" | grep -q 'compress.rfft_transpose'
"$prefix/bin/compress-compile" --help | grep -q 'needs no runtime'
"$prefix/bin/compress-run" --help | grep -q 'NumPy'
echo "embedded, installed and run"
