#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's eager forward pass, logits included, of a Hugging Face checkpoint: the rival of bench_evaluation.

usage: time_pytorch.py MODEL_DIRECTORY [threads]      (needs torch and transformers)
"""
import statistics
import sys
import time

import torch
from transformers import LlamaForCausalLM


def main() -> None:
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    tokens = torch.randint(0, 1000, (32, 256), generator=torch.Generator().manual_seed(1))
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model = LlamaForCausalLM.from_pretrained(sys.argv[1], torch_dtype=dtype).eval()
        times = []
        with torch.inference_mode():
            for _ in range(6):
                start = time.perf_counter()
                for rows in tokens.split(8):
                    model(input_ids=rows, use_cache=False)
                times.append(time.perf_counter() - start)
        print(f"{name}: {tokens.numel()} tokens, {threads} thread(s): {1e3 * statistics.median(times[1:]):.0f} ms")


if __name__ == "__main__":
    main()
