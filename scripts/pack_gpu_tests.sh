#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pack what a bare GPU machine cannot build, since it lacks HDF5 and the rest: tests and benchmarks of the GPU evaluator and of compression
# on the GPU, and pare itself, with the libraries they need, for scripts/gpu_check.sh --tests. Needs the CUDA toolkit, no GPU.
#
#   scripts/pack_gpu_tests.sh [ARCHIVE]      default: build-gpu-tests/gpu-tests.tar.xz, about 50 MiB
set -euo pipefail
cd "$(dirname "$0")/.."
build=build-gpu-tests
archive=${1:-$build/gpu-tests.tar.xz}

cmake --preset gpu-tests
cmake --build --preset gpu-tests --parallel "$(nproc)" --target pare framework_cuda_evaluation framework_cuda_compression \
  bench_device_evaluation bench_device_compression
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
mkdir "$staged/lib"
for program in "$build/pare" "$build/tests/framework/evaluation/framework_cuda_evaluation" \
  "$build/tests/framework/compression/framework_cuda_compression" "$build/framework/bench/bench_device_evaluation" \
  "$build/framework/bench/bench_device_compression"; do
  strip -o "$staged/$(basename "$program")" "$program"
  # All but the C library, and CUDA's own, which the machine has.
  ldd "$program" | sed -n -E 's/^\s*\S+ => (\/\S+) .*/\1/p' |
    grep -v -E '/(libc|libm|libdl|librt|libpthread|ld-linux-x86-64|libcublas(Lt)?|libcusolver|libcusparse|libnvJitLink)\.so' | sort -u |
    xargs -r cp -L -n -t "$staged/lib"
done
tar -C "$staged" -cJf "$archive" .
echo "pack_gpu_tests.sh: $archive, $(du -h "$archive" | cut -f 1)"
