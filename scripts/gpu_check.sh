#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# On a machine with a GPU: build the kernels, test them, look for memory errors, and print what the compiler made of each
# kernel and the table of every benchmark.
# Needs nvcc 13, CMake, Ninja and GoogleTest, nothing else of what pare needs.
#
#   scripts/gpu_check.sh                   everything; under 9 minutes on 16 cores and an H100
#   scripts/gpu_check.sh --quick           no compute-sanitizer, the benchmark of int8 products alone
#   scripts/gpu_check.sh --build DIR       use what is built in DIR already, build nothing
#   scripts/gpu_check.sh --output DIR      keep logs and tables in DIR (default: build-gpu/check)
#
# Exit status: 0 when all was built, every test passed and no memory error was found.
set -uo pipefail
cd "$(dirname "$0")/.."

quick=false
build=""
output=""
while [[ $# -gt 0 ]]; do
  case "$1" in
    --quick) quick=true ;;
    --build | --output)
      [[ $# -gt 1 ]] || { echo "gpu_check.sh: $1 needs a directory" >&2; exit 2; }
      if [[ "$1" == --build ]]; then build=$2; else output=$2; fi
      shift
      ;;
    *)
      echo "gpu_check.sh: unknown argument $1 (known: --quick, --build DIR, --output DIR)" >&2
      exit 2
      ;;
  esac
  shift
done

command -v nvidia-smi >/dev/null || { echo "gpu_check.sh: nvidia-smi is missing: is there a GPU on this machine?" >&2; exit 2; }
nvidia-smi --query-gpu=name,driver_version,memory.total,power.limit --format=csv,noheader || exit 2

failed=()
declare -A checks
step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

if [[ -z "$build" ]]; then
  build=build-gpu
  step "build"
  command -v nvcc >/dev/null || export PATH=$PATH:/usr/local/cuda/bin
  { cmake --preset gpu-machine && cmake --build --preset gpu-machine --parallel "$(nproc)"; } >"/tmp/gpu_check_build.log" 2>&1 ||
    { tail -n 40 /tmp/gpu_check_build.log; echo "gpu_check.sh: the build failed" >&2; exit 1; }
fi
output=${output:-$build/check}
mkdir -p "$output"

step "tests"
mapfile -t tests < <(find "$build/tests/kernels" -type f -name 'kernels_*' -perm -u+x | grep -E 'cuda|kernels_core$' | sort)
if [[ ${#tests[@]} -eq 0 ]]; then
  echo "gpu_check.sh: no GPU test below $build/tests/kernels" >&2
  exit 1
fi
for test in "${tests[@]}"; do
  name=$(basename "$test")
  if timeout 120 "$test" --gtest_brief=1 >"$output/$name.log" 2>&1; then
    printf '%-40s %s\n' "$name" "$(grep -E '^\[  PASSED' "$output/$name.log" | tail -n 1)"
  else
    printf '%-40s FAILED (%s)\n' "$name" "$output/$name.log"
    grep -E 'FAILED|Failure|error|what\(\)' "$output/$name.log" | head -n 12
    failed+=("$name")
  fi
done

if ! $quick && command -v compute-sanitizer >/dev/null; then
  step "compute-sanitizer memcheck"
  # All at once: they wait for the host most of the time. An allocation that a test wants refused is no error of ours.
  for test in "${tests[@]}"; do
    name=$(basename "$test")
    timeout 200 compute-sanitizer --tool memcheck --report-api-errors no --error-exitcode 99 "$test" --gtest_brief=1 \
      >"$output/$name.memcheck.log" 2>&1 &
    checks[$!]=$name
  done
  for pid in "${!checks[@]}"; do
    if ! wait "$pid"; then
      printf '%-40s FAILED (%s)\n' "${checks[$pid]}" "$output/${checks[$pid]}.memcheck.log"
      grep -E 'Invalid|FAILED|ERROR SUMMARY' "$output/${checks[$pid]}.memcheck.log" | head -n 6
      failed+=("${checks[$pid]} under memcheck")
    fi
  done
  grep -h 'ERROR SUMMARY' "$output"/*.memcheck.log | sort | uniq -c
fi

library=$build/kernels/libpare_kernels.a
if ! $quick && command -v cuobjdump >/dev/null && [[ -f "$library" ]]; then
  step "registers, shared memory and spills"
  python3 scripts/kernel_resources.py "$library" | tee "$output/resources.txt"
  [[ ${PIPESTATUS[0]} -eq 0 ]] || failed+=("a GEMM spills")
fi

step "benchmarks"
benches=("$build"/kernels/bench/bench_cuda_*)
$quick && benches=("$build/kernels/bench/bench_cuda_gemm")
for bench in "${benches[@]}"; do
  [[ -x "$bench" && -f "$bench" ]] || continue
  name=$(basename "$bench")
  printf '\n%s\n' "$name"
  timeout 90 "$bench" 2>&1 | tee "$output/$name.txt"
  [[ ${PIPESTATUS[0]} -eq 0 ]] || failed+=("$name")
done

step "done"
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "gpu_check.sh: failed: ${failed[*]}" >&2
  exit 1
fi
