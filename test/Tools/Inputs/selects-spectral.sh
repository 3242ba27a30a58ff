#!/bin/sh
# For compress-reduce: ends with 1 where compress-select still makes a product of spectra of the file, with 0 where not.
if compress-opt --compress-select=force=spectral "$1" 2>/dev/null | grep -q compress.spectral_matmul; then exit 1; else exit 0; fi
