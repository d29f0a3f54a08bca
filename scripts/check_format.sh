#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Check the format of all tracked C++, CUDA and JavaScript files, or of the files given; --fix rewrites them instead.
# Versions of clang-format differ in details: Debian 12's, 14, decides.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(--dry-run -Werror)
if [[ "${1:-}" == --fix ]]; then
  mode=(-i)
  shift
fi

tool=clang-format-14
if ! command -v "$tool" >/dev/null; then
  tool=clang-format
  if ! command -v "$tool" >/dev/null; then
    echo "check_format.sh: clang-format is missing (scripts/setup.sh --test installs it)" >&2
    exit 2
  fi
fi

files=("$@")
if [[ ${#files[@]} -eq 0 ]]; then
  if ! listing=$(git ls-files -- '*.hpp' '*.cpp' '*.cu' '*.cuh' '*.js'); then
    echo "check_format.sh: git cannot list the tracked files" >&2
    exit 2
  fi
  [[ -n "$listing" ]] || exit 0
  mapfile -t files <<<"$listing"
fi
"$tool" "${mode[@]}" -- "${files[@]}"
