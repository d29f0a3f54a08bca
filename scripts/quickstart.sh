#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a first result: install what is missing, build, search the embedded model, print the verdict.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cmake --preset release
cmake --build --preset release --parallel "$(nproc)"

# One rank searches and evaluates, the second evaluates; a single core runs both in one process.
ranks=$(nproc)
[[ $ranks -le 2 ]] || ranks=2
launch=()
if command -v mpirun >/dev/null && [[ $ranks -gt 1 ]]; then
  launch=(mpirun --oversubscribe --bind-to none -n "$ranks")
  export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(($(nproc) / ranks))}"
  if [[ $(id -u) -eq 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
fi

"${launch[@]}" build/pare search configs/quickstart.yaml
