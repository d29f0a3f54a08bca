#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install what a fresh Debian 12 lacks for building pare. Does nothing, and needs no network, if all is there.
#
#   scripts/setup.sh            what the build needs
#   scripts/setup.sh --test     what the tests need, too
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config
  libopenmpi-dev openmpi-bin libhdf5-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libfmt-dev libspdlog-dev
  libdnnl-dev ocl-icd-opencl-dev libboost-dev libxxhash-dev libeigen3-dev
)
test_packages=(
  libgtest-dev libgmock-dev libbenchmark-dev clang-format hdf5-tools python3-h5py python3-numpy
  clang libclang-rt-14-dev libomp-dev
  slurmctld slurmd slurm-client munge
  chromium
)

fail() {
  echo "setup.sh: $1" >&2
  exit "${2:-1}"
}

case "${1:-}" in
  "") ;;
  --test) packages+=("${test_packages[@]}") ;;
  *) fail "unknown argument $1 (known: --test)" 2 ;;
esac

command -v dpkg-query >/dev/null || fail "this is not Debian; install yourself: ${packages[*]}"

installed=" $(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' 2>/dev/null |
  sed -n 's/^installed //p' | tr '\n' ' ')"
missing=()
for package in "${packages[@]}"; do
  [[ "$installed" == *" $package "* ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || fail "run as root, or install yourself: ${missing[*]}"
  as_root=(sudo)
fi

echo "setup.sh: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >"$log" 2>&1 ||
    fail "$1 failed: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log")"
}
quietly apt-get -q update
quietly apt-get -q -y install --no-install-recommends "${missing[@]}"
