#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Do tools that others wrote read what pare exports? Searches the demo model, exports it, and loads the files with
# safetensors, gguf and llama.cpp, and with transformers and compressed-tensors on the CPU, unpatched; weights and logits must agree.
#
#   scripts/test_third_party.sh [DIR]     DIR keeps the Python environment and the exports; default build/third-party
#
# Needs build/pare (or PARE_BINARY), PyPI, and some 8 GB of disk: PyPI's PyTorch for Linux brings the CUDA libraries, used
# or not. An environment that is there already is used: PARE_THIRD_PARTY_PYTHON=python3.
set -euo pipefail
cd "$(dirname "$0")/.."

export TQDM_DISABLE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error
directory=${1:-build/third-party}
pare=${PARE_BINARY:-build/pare}
[[ -x $pare ]] || { echo "test_third_party.sh: no $pare, build it first: scripts/quickstart.sh" >&2; exit 2; }
mkdir -p "$directory"

python=${PARE_THIRD_PARTY_PYTHON:-}
if [[ -z $python ]]; then
  python=$directory/env/bin/python
  [[ -x $python ]] || python3 -m venv "$directory/env"
  "$python" -m pip install --quiet numpy h5py psutil safetensors gguf xllamacpp tokenizers torch transformers compressed-tensors
fi

"$pare" search configs/vllm.yaml --quiet --output "$directory/run" \
  --set cache="$directory/cache" --set 'options=[w4-g32, w4-g128-sym-mse, w8-channel-sym, w8-g64, w8a8, w16]' \
  --set data.windows=8 --set data.length=64 --set data.holdout=8 --set search.algorithm=ilp >/dev/null
export_model() {
  rm -rf "$directory/$1"
  "$pare" export "$directory/run" --quiet --output "$directory/$1" --recipe "$2" --format "$3" >/dev/null
}
# recipe OPTION...: dealt over the sites, so that layers that are run as one have one.
recipe() {
  "$pare" report "$directory/${run:-run}" --recipe | awk -F': ' -v list="$*" '
    BEGIN { count = split(list, options, " ") }
    !/^#/ { print $1 ": " options[n++ % count + 1] }'
}
recipe w4-g32 w4-g128-sym-mse w8-channel-sym w8-g64 w16 >"$directory/mixed.yaml"
recipe w4-g128-sym-mse w8-channel-sym w16 >"$directory/symmetric.yaml"
export_model mixed "$directory/mixed.yaml" compressed-tensors
export_model mixed-dense "$directory/mixed.yaml" dense
export_model symmetric "$directory/symmetric.yaml" compressed-tensors
export_model symmetric-dense "$directory/symmetric.yaml" dense
export_model int8 w8a8 compressed-tensors

"$python" scripts/third_party/compare_logits.py "$directory"

"$pare" search configs/blocks.yaml --quiet --output "$directory/blocks" \
  --set cache="$directory/cache" --set 'options=[q2_k, q3_k-imatrix, q4_k, q5_k, q6_k, q8_0, q4_0, q5_0, iq4_nl, w16]' \
  --set 'budget={same_as: q4_k}' --set data.windows=8 --set data.length=64 --set data.holdout=8 --set search.algorithm=ilp >/dev/null
run=blocks recipe q2_k q3_k-imatrix q4_k q5_k q6_k q8_0 q4_0 q5_0 iq4_nl w16 >"$directory/blocks.yaml"
for format in gguf dense; do
  rm -rf "$directory/blocks-$format"
  "$pare" export "$directory/blocks" --quiet --output "$directory/blocks-$format" --recipe "$directory/blocks.yaml" --format "$format" >/dev/null
done
"$python" scripts/third_party/compare_gguf.py "$directory/blocks-gguf" "$directory/blocks-dense"
rm -f "$directory/w16.gguf"
"$pare" export "$directory/blocks" --quiet --output "$directory/w16.gguf" --recipe w16 >/dev/null
"$python" scripts/third_party/compare_llama_cpp.py "$directory/w16.gguf"
