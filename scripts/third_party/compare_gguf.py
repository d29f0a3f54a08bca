# SPDX-License-Identifier: Apache-2.0
"""Reads a GGUF export with PyPI's gguf, and compares every tensor with the dense export of the same recipe.

    python scripts/third_party/compare_gguf.py MODEL.gguf DENSE_DIRECTORY

What gguf expands must be the dense values bit for bit, q and k with their rows back in the checkpoint's order. Needs gguf (and numpy,
which it brings).
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np

MODULES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
}
OTHERS = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}


def read_safetensors(file):
    """Tensors in binary32 by name; of F32 and BF16 alone."""
    data = file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "F32":
            values = np.frombuffer(data[begin:end], "<f4")
        else:
            assert entry["dtype"] == "BF16", entry["dtype"]
            values = (np.frombuffer(data[begin:end], "<u2").astype(np.uint32) << 16).view(np.float32)
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def checkpoint_name(name):
    if name in OTHERS:
        return OTHERS[name]
    _, layer, module, kind = name.split(".")
    return f"model.layers.{layer}.{MODULES[module]}.{kind}"


def in_checkpoint_order(values, head_dim):
    """llama.cpp has the rows of rotated pairs beside each other."""
    return values.reshape(-1, head_dim // 2, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def main(file, directory):
    reader = gguf.GGUFReader(file)
    dense = read_safetensors(Path(directory) / "model.safetensors")
    architecture = reader.get_field("general.architecture").contents()
    head_dim = reader.get_field(f"{architecture}.attention.key_length").contents()
    different, types = [], {}
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if architecture == "llama" and tensor.name.split(".")[-2] in ("attn_q", "attn_k"):
            values = in_checkpoint_order(values, head_dim)
        types[tensor.tensor_type.name] = types.get(tensor.tensor_type.name, 0) + 1
        if not np.array_equal(values, dense.pop(checkpoint_name(tensor.name))):
            different.append(tensor.name)
    tokens = reader.get_field("tokenizer.ggml.tokens")
    print(f"{len(reader.tensors)} tensors ({types}), {len(tokens.data) if tokens else 0} tokens")
    if different or dense:
        print(f"different: {different}; not in the GGUF file: {sorted(dense)}")
    return 1 if different or dense else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
