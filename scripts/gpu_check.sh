#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# On a machine with a GPU: build the kernels, test them, look for memory errors, and print what the compiler made of each
# kernel and the table of every benchmark.
# Needs nvcc 13, CMake, Ninja and GoogleTest, nothing else of what pare needs.
#
#   scripts/gpu_check.sh                   everything; under 9 minutes on 16 cores and an H100
#   scripts/gpu_check.sh --quick           no compute-sanitizer, the benchmark of int8 products alone
#   scripts/gpu_check.sh --build DIR       use what is built in DIR already, build nothing
#   scripts/gpu_check.sh --tests ARCHIVE   also what scripts/pack_gpu_tests.sh packed: the GPU evaluator and compression on the
#                                          GPU against the CPU's, under memcheck too, a search on the GPU, by one rank and, where there is an
#                                          mpirun, by two that share the layers, and the benchmarks of both; 3 minutes more
#   scripts/gpu_check.sh --output DIR      keep logs and tables in DIR (default: build-gpu/check)
#
# Exit status: 0 when all was built, every test passed and no memory error was found.
set -uo pipefail
cd "$(dirname "$0")/.."

quick=false
build=""
output=""
packed=""
while [[ $# -gt 0 ]]; do
  case "$1" in
    --quick) quick=true ;;
    --build | --output | --tests)
      [[ $# -gt 1 ]] || { echo "gpu_check.sh: $1 needs a path" >&2; exit 2; }
      case "$1" in
        --build) build=$2 ;;
        --output) output=$2 ;;
        *) packed=$2 ;;
      esac
      shift
      ;;
    *)
      echo "gpu_check.sh: unknown argument $1 (known: --quick, --build DIR, --output DIR, --tests ARCHIVE)" >&2
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

# First, since it is what a short session is for.
if [[ -n "$packed" ]]; then
  step "the evaluator"
  programs=$(mktemp -d)
  trap 'rm -rf "$programs"' EXIT
  tar -C "$programs" -xf "$packed" || exit 2
  cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)")")")
  evaluator() {  # NAME SECONDS COMMAND...
    local name=$1 seconds=$2
    shift 2
    if LD_LIBRARY_PATH="$programs/lib:$cuda/lib64" PARE_SOURCE_DIR=$PWD timeout "$seconds" "$@" >"$output/$name.log" 2>&1; then
      printf '%-40s %s\n' "$name" "$(tail -n 1 "$output/$name.log")"
    else
      printf '%-40s FAILED (%s)\n' "$name" "$output/$name.log"
      grep -E 'FAILED|Failure|difference|pare:|error|what\(\)' "$output/$name.log" | head -n 20
      failed+=("$name")
    fi
  }
  evaluator framework_cuda_compression 60 "$programs/framework_cuda_compression" --gtest_brief=1
  evaluator framework_cuda_evaluation 120 "$programs/framework_cuda_evaluation" --gtest_brief=1
  search_on_gpu() {  # NAME RANKS
    local start=("$programs/pare")
    [[ $2 -eq 1 ]] || start=(mpirun --oversubscribe --bind-to none -n "$2" "$programs/pare")
    evaluator "$1" 60 "${start[@]}" search configs/quickstart.yaml --set device=cuda --set cluster.ranks_per_worker="$2" \
      --set cache="$output/cache-$2" --output "$output/$1" --quiet
  }
  digest_of() { grep -E -o 'Digest +[0-9a-f]{32}' "$output/$1.log"; }
  rm -rf "$output"/{search_on_gpu,search_by_two_ranks,cache-1,cache-2}
  search_on_gpu search_on_gpu 1
  if command -v mpirun >/dev/null; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    search_on_gpu search_by_two_ranks 2
    if [[ $(digest_of search_on_gpu) != "$(digest_of search_by_two_ranks)" ]]; then
      echo "two ranks that share the layers found another result than one: $output/search_by_two_ranks.log"
      failed+=("the digest of two ranks")
    fi
  fi
  evaluator bench_device_evaluation 120 "$programs/bench_device_evaluation"
  cat "$output/bench_device_evaluation.log"
  evaluator bench_device_compression 150 "$programs/bench_device_compression"
  cat "$output/bench_device_compression.log"
  if ! $quick && command -v compute-sanitizer >/dev/null; then
    evaluator evaluator_memcheck 150 compute-sanitizer --tool memcheck --error-exitcode 99 \
      "$programs/framework_cuda_evaluation" --gtest_brief=1 --gtest_filter='*AgreeWithTheCpu*'
    evaluator compression_memcheck 100 compute-sanitizer --tool memcheck --error-exitcode 99 \
      "$programs/framework_cuda_compression" --gtest_brief=1 --gtest_filter='*AgreesWithTheCpu*'
  fi
fi

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
