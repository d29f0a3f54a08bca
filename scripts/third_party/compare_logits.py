# SPDX-License-Identifier: Apache-2.0
"""Loads the exports of scripts/test_third_party.sh with tools that others wrote, and compares weights and logits.

    python scripts/third_party/compare_logits.py DIR

X and X-dense hold the same recipe, packed and as plain binary32 values. What must hold:
  safetensors   opens every file, all tensors are there
  weights       unpacked by compressed-tensors, codes, zero points and scales give the dense values, bit for bit
  logits        transformers computes the same from both (binary32, 1e-4 of the largest: sums in another order)
  perplexity    of transformers on the held-out windows is pare's (1e-4 relative)
  int8          w8a8 loads; compressed-tensors scales activations by max/127.5 where vLLM and pare take max/127, so that
                logits only come near: perplexity within 1 %

transformers 5 with compressed-tensors 0.20 refuses packed layers with zero points (the layout that it expects does not pack them,
though the format and compressed-tensors' own compressor do), so that of `mixed` the weights alone are compared.
"""

import glob
import json
import math
import sys
from pathlib import Path

import h5py
import torch
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

root = Path(sys.argv[1])
failures = 0


def check(name, good, text):
    global failures
    failures += not good
    print(f"{'ok    ' if good else 'FAILED'}  {name:<24} {text}", flush=True)


def load(name):
    return AutoModelForCausalLM.from_pretrained(root / name, dtype=torch.float32).eval()


def holdout():
    """The windows that pare judged on: the newest text of the cache."""
    newest = max(glob.glob(str(root / "cache" / "text-*.h5")), key=lambda file: Path(file).stat().st_mtime)
    with h5py.File(newest) as file:
        return torch.tensor(file["holdout"][:].astype("int64"))


def perplexity(model, tokens):
    losses = []
    with torch.no_grad():
        for window in tokens:
            logits = model(window[None]).logits[0, :-1].double()
            losses.append(torch.nn.functional.cross_entropy(logits, window[1:]).item())
    return math.exp(sum(losses) / len(losses))


def schemes(directory):
    """The arguments of the weights of each quantized module."""
    groups = json.loads((directory / "config.json").read_text())["quantization_config"]["config_groups"]
    return {module: group["weights"] for group in groups.values() for module in group["targets"]}


def compare_weights(name):
    tensors, dense = (load_file(root / n / "model.safetensors") for n in (name, f"{name}-dense"))
    different = []
    modules = schemes(root / name)
    for module, weights in modules.items():
        bits, scale = weights["num_bits"], tensors[f"{module}.weight_scale"].float()
        shape = torch.Size(tensors[f"{module}.weight_shape"].tolist())
        codes = unpack_from_int32(tensors[f"{module}.weight_packed"], bits, shape).float()
        group = shape[1] // scale.shape[1]
        if not weights["symmetric"]:
            packed = tensors[f"{module}.weight_zero_point"]
            zeros = unpack_from_int32(packed, bits, torch.Size([shape[0], scale.shape[1]]), packed_dim=0)
            codes = codes - zeros.float().repeat_interleave(group, 1)
        if not torch.equal(codes * scale.repeat_interleave(group, 1), dense[f"{module}.weight"]):
            different.append(module)
    check(f"weights {name}", modules and not different, f"{len(modules)} linears, {len(different)} differ {different[:3]}")


def main():
    for file in sorted(glob.glob(str(root / "*" / "*.safetensors"))):
        with safe_open(file, "pt") as tensors:
            names = list(tensors.keys())
            for name in names:
                tensors.get_tensor(name)
            check("safetensors", tensors.metadata() == {"format": "pt"}, f"{file}: {len(names)} tensors")
    compare_weights("mixed")
    compare_weights("symmetric")

    tokens = holdout()
    packed, dense = load("symmetric"), load("symmetric-dense")
    with torch.no_grad():
        a, b = packed(tokens[:4]).logits, dense(tokens[:4]).logits
    difference = (a - b).abs().max().item() / b.abs().max().item()
    check("logits symmetric", difference <= 1e-4, f"largest difference {difference:.2e} of the largest logit")
    for name, tolerance in (("mixed-dense", 1e-4), ("symmetric-dense", 1e-4), ("symmetric", 1e-4), ("int8", 1e-2)):
        ours = json.loads((root / name / "pare_export.json").read_text())["held_out_perplexity"]
        theirs = perplexity(load(name), tokens)
        check(f"perplexity {name}", abs(theirs / ours - 1) <= tolerance, f"{theirs:.6f}, pare {ours:.6f}")
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
