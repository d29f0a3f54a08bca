#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Feed mutated inputs to every decoder of foreign bytes, under the address and undefined-behavior sanitizers.
#
#   scripts/fuzz.sh                      60 seconds a decoder of pare's own, as many at once as there are cores
#   scripts/fuzz.sh 60 token_file        those behind HDF5 by name: Debian's libhdf5 itself reads beyond its buffers on damaged files
#   scripts/fuzz.sh 600 journal message  10 minutes each for these two
#   scripts/fuzz.sh FILE                 one input again, such as a finding: build-fuzz/findings/journal-crash-...
#
# What a run learned stays in build-fuzz/corpus and is where the next one starts. Fails when there is a finding.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build-fuzz
decoders=(event_file safetensors gguf sentencepiece checkpoint_index model_config experiment recipe latency_table journal message)
hdf5_decoders=(token_file run_file)

fail() {
  echo "fuzz.sh: $1" >&2
  exit 2
}

seconds=60
again=""
if [[ "${1:-}" =~ ^[1-9][0-9]*$ ]]; then
  seconds=$1
  shift
elif [[ -f "${1:-}" ]]; then
  again=$1
  shift
fi
for name in "$@"; do
  [[ " ${decoders[*]} ${hdf5_decoders[*]} " == *" $name "* ]] ||
    fail "unknown decoder $name (known: ${decoders[*]} ${hdf5_decoders[*]})"
done
[[ $# -eq 0 ]] || decoders=("$@")

scripts/setup.sh --test
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --parallel "$(nproc)"
export UBSAN_OPTIONS="print_stacktrace=1" ASAN_OPTIONS="allocator_may_return_null=1:quarantine_size_mb=32"

if [[ -n $again ]]; then
  name=$(basename "$again")
  for decoder in "${decoders[@]}" "${hdf5_decoders[@]}"; do
    [[ $name != "$decoder"-* ]] || exec "$build/fuzz_$decoder" "$again"
  done
  fail "$again: its name should start with a decoder and a dash (known: ${decoders[*]} ${hdf5_decoders[*]})"
fi

# Where it starts: what pare writes, what users write, and inputs that were findings once.
seeds=$build/seeds
rm -rf "$seeds" "$build/logs"
mkdir -p "$seeds/experiment" "$seeds/model_config" "$seeds/latency_table" "$build/findings" "$build/logs"
"$build/make_seeds" "$seeds"
cp configs/*.yaml "$seeds/experiment"
cp configs/*_latency.csv "$seeds/latency_table"
cp configs/quickstart/model/config.json "$seeds/model_config"

declare -A decoder_of=()  # by process
trap '[[ ${#decoder_of[@]} -eq 0 ]] || kill "${!decoder_of[@]}" 2>/dev/null; wait' EXIT

start() {
  local decoder=$1 corpus=$build/corpus/$1 options=()
  mkdir -p "$corpus"
  # On damaged files HDF5 leaks, and asks for more memory than there is, which it copes with when refused.
  case $decoder in token_file | run_file) options+=(-detect_leaks=0 -malloc_limit_mb=-1 -rss_limit_mb=2048) ;; esac
  [[ ! -f tests/fuzz/$decoder.dict ]] || options+=("-dict=tests/fuzz/$decoder.dict")
  local inputs=("$corpus")
  for folder in "$seeds/$decoder" "tests/fuzz/corpus/$decoder"; do
    [[ ! -d $folder ]] || inputs+=("$folder")
  done
  "$build/fuzz_$decoder" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=512 -max_len=20000 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$decoder-" "${options[@]}" "${inputs[@]}" >"$build/logs/$decoder.log" 2>&1 &
  decoder_of[$!]=$decoder
}

# Waits for the next one to end.
report_next() {
  local pid status=0 decoder log edges result=sound
  wait -n -p pid || status=$?
  decoder=${decoder_of[$pid]}
  unset "decoder_of[$pid]"
  log=$build/logs/$decoder.log
  stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
  edges=$(sed -n -E 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
  if [[ $status -ne 0 ]]; then
    failed=1
    result="FINDING: $(grep -m 1 -E 'ERROR: |runtime error: |broken promise: ' "$log" || tail -n 1 "$log")"
    result+=" (scripts/fuzz.sh $(sed -n -E 's/.*Test unit written to (.*)/\1/p' "$log" | tail -n 1))"
  fi
  printf '%-18s %12s %10s %8s  %s\n' "$decoder" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
    "${edges:-0}" "$result"
}

failed=0
printf '%-18s %12s %10s %8s  %s\n' decoder executions a_second edges result
cores=$(nproc)
for decoder in "${decoders[@]}"; do
  [[ ${#decoder_of[@]} -lt $cores ]] || report_next
  start "$decoder"
done
while [[ ${#decoder_of[@]} -gt 0 ]]; do report_next; done
exit $failed
