# SPDX-License-Identifier: Apache-2.0
"""Loads the exports of scripts/test_third_party.sh with tools that others wrote, and compares weights and logits.

    python scripts/third_party/compare_logits.py DIR

`mixed` and `mixed-dense` hold the same recipe, packed and as plain binary32 values. transformers 5 with compressed-tensors 0.20 loads
packed layers with zero points only expanded (its compressed layout does not pack zero points, though the format does), so `mixed` is
loaded that way and `symmetric` as it is. What must hold:
  safetensors      opens every file, all tensors are there
  weights          compressed-tensors' own decompression gives the dense values, bit for bit
  logits           transformers computes the same from both (binary32, 1e-4 of the largest: sums in another order)
  perplexity       of transformers on the dense model on the held-out windows is pare's (1e-4 relative)
  int8             w8a8 loads; compressed-tensors scales activations by max/127.5 where vLLM and pare take max/127, so
                   that logits only come near: perplexity within 1 %
"""

import glob
import json
import math
import sys
from pathlib import Path

import h5py
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, CompressedTensorsConfig

root = Path(sys.argv[1])
failures = 0


def check(name, good, text):
    global failures
    failures += not good
    print(f"{'ok    ' if good else 'FAILED'}  {name:<28} {text}", flush=True)


def load(name, dequantize=False):
    """Compressed layers as compressed-tensors runs them, or, with `dequantize`, as it expands them when it loads."""
    how = {"quantization_config": CompressedTensorsConfig(dequantize=True)} if dequantize else {}
    return AutoModelForCausalLM.from_pretrained(root / name, dtype=torch.float32, **how).eval()


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


def linears(model):
    return {n: m for n, m in model.named_modules() if ".layers." in n and n.endswith("_proj")}


def main():
    for file in sorted(glob.glob(str(root / "*" / "*.safetensors"))):
        with safe_open(file, "pt") as tensors:
            names = list(tensors.keys())
            for name in names:
                tensors.get_tensor(name)
            check("safetensors", tensors.metadata() == {"format": "pt"}, f"{file}: {len(names)} tensors")

    tokens = holdout()
    packed, dense = load("mixed", dequantize=True), load("mixed-dense")
    with torch.no_grad():
        a = packed(tokens[:4]).logits
        b = dense(tokens[:4]).logits
    difference = (a - b).abs().max().item() / b.abs().max().item()
    check("logits", difference <= 1e-4, f"largest difference {difference:.2e} of the largest logit")
    wanted = linears(dense)
    different = [n for n, m in linears(packed).items() if not torch.equal(m.weight, wanted[n].weight)]
    check("weights", not different, f"{len(wanted)} linears, {len(different)} differ {different[:3]}")

    del packed, dense

    for name, dequantize, tolerance in (
        ("mixed-dense", False, 1e-4),
        ("mixed", True, 1e-4),
        ("symmetric", False, 1e-4),
        ("int8", False, 1e-2),
    ):
        ours = json.loads((root / name / "pare_export.json").read_text())["held_out_perplexity"]
        theirs = perplexity(load(name, dequantize), tokens)
        check(f"perplexity {name}", abs(theirs / ours - 1) <= tolerance, f"{theirs:.6f}, pare {ours:.6f}")
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
