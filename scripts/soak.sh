#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hurts searches again and again and counts what must be 0: evaluations lost, other digests, orphans, hangs.
#
#   scripts/soak.sh [N] [KIND...]   N cycles (100) of each kind: children ranks start stop members coordinator everything real
#
# Needs the dev build (cmake --preset dev && cmake --build --preset dev). A second run with another SOAK_SEED hurts at
# other moments. Prints a line a kind; tests/system/soak.py says what each does. Exits 1 when a count is not 0.
set -euo pipefail
cd "$(dirname "$0")/.."

export PARE_SOURCE_DIR=$PWD PYTHONDONTWRITEBYTECODE=1
export PARE_BINARY=${PARE_BINARY:-$PWD/build-dev/pare}
PARE_MPIRUN=$(command -v mpirun || true)
export PARE_MPIRUN
if [[ $(id -u) -eq 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
exec python3 tests/system/soak.py "$@"
