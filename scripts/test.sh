#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Build with warnings as errors and run every test.
#
#   scripts/test.sh               all tests
#   scripts/test.sh --sanitize    and those of the parsers again, under the address and undefined-behaviour sanitizers; then
#                                 mutated inputs for every decoder, a minute each (scripts/fuzz.sh)
set -euo pipefail
cd "$(dirname "$0")/.."

sanitize=false
case "${1:-}" in
  "") ;;
  --sanitize) sanitize=true ;;
  *)
    echo "test.sh: unknown argument $1 (known: --sanitize)" >&2
    exit 2
    ;;
esac

scripts/setup.sh --test
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Where there is a CUDA toolkit its kernels are built too; their tests are skipped where there is no GPU.
preset=dev
if command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then
  preset=cuda
fi
cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$(nproc)"
ctest --test-dir "build-$preset" --output-on-failure -j2

if $sanitize; then
  cmake --preset asan
  # A test is named after its executable (cmake/pare_add_test.cmake), with _ranks_<n> behind it under MPI.
  mapfile -t parsers < <(ctest --test-dir build-asan --show-only -L '^parser$' |
    sed -n -E 's/^ *Test +#[0-9]+: ([^ ]+).*/\1/p' | sed -E 's/_ranks_[0-9]+$//' | sort -u)
  if [[ ${#parsers[@]} -eq 0 ]]; then
    echo "test.sh: no test has the label parser" >&2
    exit 1
  fi
  cmake --build --preset asan --parallel "$(nproc)" --target "${parsers[@]}"
  ctest --test-dir build-asan --output-on-failure -j2 -L '^parser$'
  scripts/fuzz.sh 60
fi
