"""Reference logits of the quickstart model, from its file alone, with numpy.

    python3 scripts/demo_model/golden.py [--transformers]

Reads config.json, tokenizer.json and model.safetensors, widens the bf16 weights and runs the plainest
Llama forward pass in float64; writes tests/framework/golden/quickstart_logits.json. --transformers also
compares every logit with transformers' LlamaForCausalLM in float32.
"""

import argparse
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Once upon a time there was a little girl who lived in a great house by the sea, and she was very"
TOKENS, TOP = 24, 8


def read_bf16_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        bits = np.frombuffer(body[begin:end], dtype="<u2").astype(np.uint32) << 16
        tensors[name] = bits.view(np.float32).reshape(entry["shape"])
    return tensors


def forward(config, tensors, ids, dtype):
    w = {name: value.astype(dtype) for name, value in tensors.items()}
    heads, kv_heads, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    length = len(ids)

    def norm(x, weight):
        return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + dtype(config["rms_norm_eps"])) * weight

    angle = np.outer(np.arange(length), config["rope_theta"] ** (-np.arange(0, size, 2) / size))
    cos, sin = (f(np.concatenate((angle, angle), -1)).astype(dtype) for f in (np.cos, np.sin))

    def turn(x):
        first, second = np.split(x, 2, -1)
        return x * cos + np.concatenate((-second, first), -1) * sin

    causal = np.where(np.tril(np.ones((length, length))) > 0, dtype(0), dtype(-np.inf))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = norm(x, w[p + "input_layernorm.weight"])
        q, k, v = ((h @ w[p + f"self_attn.{n}_proj.weight"].T).reshape(length, -1, size).swapaxes(0, 1)
                   for n in "qkv")
        k, v = (np.repeat(t, heads // kv_heads, 0) for t in (turn(k), v))
        scores = turn(q) @ k.swapaxes(1, 2) / np.sqrt(dtype(size)) + causal
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        x = x + mixed.swapaxes(0, 1).reshape(length, -1) @ w[p + "self_attn.o_proj.weight"].T
        h = norm(x, w[p + "post_attention_layernorm.weight"])
        gate = h @ w[p + "mlp.gate_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w[p + "mlp.up_proj.weight"].T)) @ w[p + "mlp.down_proj.weight"].T
    return norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T


def mean_nll(logits, ids):
    shifted = logits[:-1] - logits[:-1].max(-1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return -float(np.mean(log_probability[np.arange(len(ids) - 1), ids[1:]]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "configs/quickstart/model")
    parser.add_argument("--output", type=Path, default=ROOT / "tests/framework/golden/quickstart_logits.json")
    parser.add_argument("--transformers", action="store_true", help="compare with transformers as well")
    arguments = parser.parse_args()

    config = json.loads((arguments.model / "config.json").read_text())
    tensors = read_bf16_safetensors(arguments.model / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    ids = tokenizer.encode(TEXT).ids
    if len(ids) < TOKENS:
        raise SystemExit(f"golden: the text has {len(ids)} tokens, {TOKENS} are needed")
    ids = ids[:TOKENS]

    logits = forward(config, tensors, ids, np.float64)
    single = forward(config, tensors, ids, np.float32)
    print(f"float32 against float64: largest difference {np.abs(single - logits).max():.2e}")
    if arguments.transformers:
        import torch
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(arguments.model, torch_dtype=torch.float32)
        with torch.no_grad():
            theirs = model(torch.tensor([ids])).logits[0].double().numpy()
        print(f"{type(model).__name__} against float64: largest difference {np.abs(theirs - logits).max():.2e}")

    top = np.argsort(-logits, axis=-1, kind="stable")[:, :TOP]
    golden = {
        "note": "bf16 weights widened, float64 arithmetic; written by scripts/demo_model/golden.py",
        "model_sha256": hashlib.sha256((arguments.model / "model.safetensors").read_bytes()).hexdigest(),
        "text": TEXT,
        "tolerance": {
            "note": "absolute, for float32 arithmetic with float32 activations; ids may swap where two "
                    "logits are closer than the tolerance",
            "logit": 2e-4,
            "mean_nll": 2e-5,
        },
        "ids": ids,
        "mean_nll": round(mean_nll(logits, ids), 8),
        "top": [{"ids": row.tolist(), "logits": [round(float(v), 6) for v in logits[i, row]]}
                for i, row in enumerate(top)],
    }
    # One position per line: the file is read by people too.
    short = {k: v for k, v in golden.items() if k not in ("ids", "top")}
    lines = json.dumps(short, indent=2)[:-2] + f',\n  "ids": {json.dumps(ids)},\n  "top": [\n    ' + \
        ",\n    ".join(json.dumps(row) for row in golden["top"]) + "\n  ]\n}\n"
    assert json.loads(lines) == golden
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(lines)
    print(f"{arguments.output}: mean NLL {golden['mean_nll']:.6f}")


if __name__ == "__main__":
    main()
