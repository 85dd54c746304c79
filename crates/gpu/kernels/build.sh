#!/usr/bin/env bash
# Compiles the kernels to PTX with Debian's clang (14 or newer). No CUDA toolkit is needed; the result is committed.
set -euo pipefail
cd "$(dirname "$0")"
clang -x cuda --cuda-device-only --cuda-gpu-arch=sm_70 -nocudainc -nocudalib -Xclang -target-feature -Xclang +ptx60 \
    -O3 -S -o challenge.ptx challenge.cu
