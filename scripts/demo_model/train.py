"""Train the demo model: a small Llama on public-domain novels, plays and TinyStories.

    python3 scripts/demo_model/train.py --corpus TEXTS --work /tmp/demo --minutes 60

The learning rate follows a cosine over the wall-clock budget, so the run ends when it said it would,
on any machine. WORK receives tokenizer.json, last.pt (to continue after an interruption: run the same
command again), best.pt (lowest held-out loss so far) and log.txt. export.py writes the checkpoint.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import corpus

HIDDEN, INTERMEDIATE, LAYERS = 256, 768, 6
HEADS, KV_HEADS, HEAD_DIM = 4, 2, 64
ROPE_THETA, NORM_EPSILON, SEQUENCE = 10000.0, 1e-5, 256


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def rope_tables(length, device=None):
    """Half-split convention of Hugging Face: dimension i turns with dimension i + head_dim / 2."""
    frequency = ROPE_THETA ** (-torch.arange(0, HEAD_DIM, 2, device=device).float() / HEAD_DIM)
    angle = torch.outer(torch.arange(length, device=device).float(), frequency)
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(HIDDEN))

    def forward(self, x):
        x = x.float()
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + NORM_EPSILON))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(HIDDEN, HEADS * HEAD_DIM, bias=False)
        self.k_proj = nn.Linear(HIDDEN, KV_HEADS * HEAD_DIM, bias=False)
        self.v_proj = nn.Linear(HIDDEN, KV_HEADS * HEAD_DIM, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD_DIM, HIDDEN, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape

        def heads(y, count):
            return y.view(batch, length, count, HEAD_DIM).transpose(1, 2)

        q, k, v = heads(self.q_proj(x), HEADS), heads(self.k_proj(x), KV_HEADS), heads(self.v_proj(x), KV_HEADS)
        q = (q * cos + rotate_half(q) * sin).to(v.dtype)
        k = (k * cos + rotate_half(k) * sin).to(v.dtype)
        repeat = HEADS // KV_HEADS
        y = F.scaled_dot_product_attention(
            q, k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1), is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, HEADS * HEAD_DIM))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(HIDDEN, INTERMEDIATE, bias=False)
        self.up_proj = nn.Linear(HIDDEN, INTERMEDIATE, bias=False)
        self.down_proj = nn.Linear(INTERMEDIATE, HIDDEN, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.input_layernorm, self.self_attn = Norm(), Attention()
        self.post_attention_layernorm, self.mlp = Norm(), Mlp()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, cos, sin):
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), cos, sin))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class Llama(nn.Module):
    """Parameter names are the Hugging Face ones without the leading `model.`; the head is tied."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.embed_tokens = nn.Embedding(corpus.VOCABULARY, HIDDEN)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.norm = Norm()
        self.dropout = nn.Dropout(dropout)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if residual else 0.02)

    def forward(self, ids):
        cos, sin = rope_tables(ids.shape[1], ids.device)
        x = self.dropout(self.embed_tokens(ids))
        for layer in self.layers:
            x = layer(x, cos, sin)
        return F.linear(self.norm(x), self.embed_tokens.weight)


def token_stream(tokenizer, documents):
    """All documents one after the other, each led by the begin token; and where each begins."""
    encoded = tokenizer.encode_batch(documents)
    starts = np.cumsum([0] + [len(e.ids) for e in encoded])[:-1]
    return np.concatenate([np.asarray(e.ids, dtype=np.int64) for e in encoded]), starts


def draw(stream, starts, batch, generator):
    """Half of the windows begin at a document, half anywhere."""
    last = len(stream) - SEQUENCE - 1
    at = np.where(generator.random(batch) < 0.5,
                  np.minimum(generator.choice(starts, batch), last),
                  generator.integers(0, last, batch))
    windows = np.stack([stream[a:a + SEQUENCE + 1] for a in at])
    return torch.from_numpy(windows[:, :-1].copy()), torch.from_numpy(windows[:, 1:].copy())


@torch.no_grad()
def held_out_loss(model, stream):
    """Mean negative log-likelihood (nats per token) over disjoint windows of SEQUENCE tokens, float32."""
    model.eval()
    count = (len(stream) - 1) // SEQUENCE
    inputs = torch.from_numpy(stream[:count * SEQUENCE].reshape(count, SEQUENCE))
    targets = torch.from_numpy(stream[1:count * SEQUENCE + 1].reshape(count, SEQUENCE))
    total = 0.0
    for i in range(0, count, 16):
        logits = model(inputs[i:i + 16]).float()
        total += F.cross_entropy(logits.flatten(0, 1), targets[i:i + 16].flatten(), reduction="sum").item()
    model.train()
    return total / (count * SEQUENCE)


def save(state, path):
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, help="folder with the texts named in corpus.py")
    parser.add_argument("--work", required=True, type=Path, help="folder for checkpoints and the log")
    parser.add_argument("--minutes", type=float, default=60, help="wall-clock budget of the whole run")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--warm-up", type=int, default=100, help="steps")
    parser.add_argument("--evaluate-every", type=int, default=200, help="steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="of the matrix products")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    generator = np.random.default_rng(arguments.seed)
    arguments.work.mkdir(parents=True, exist_ok=True)

    split = corpus.load(arguments.corpus)
    train_documents = [d for train, _ in split.values() for d in train]
    held_out_documents = [d for _, held_out in split.values() for d in held_out]
    tokenizer = corpus.train_tokenizer(train_documents)
    tokenizer.save(str(arguments.work / "tokenizer.json"))
    stream, starts = token_stream(tokenizer, train_documents)
    held_out, _ = token_stream(tokenizer, held_out_documents)
    held_out_bytes = sum(len(d.encode()) for d in held_out_documents)

    model = Llama(arguments.dropout)
    decayed = [p for p in model.parameters() if p.dim() == 2]
    plain = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
        lr=arguments.rate, betas=(0.9, 0.95), fused=True)
    step, elapsed, best = 0, 0.0, math.inf
    last_path, best_path = arguments.work / "last.pt", arguments.work / "best.pt"
    if last_path.exists():
        state = torch.load(last_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, elapsed, best = state["step"], state["seconds"], state["best"]
        generator = np.random.default_rng([arguments.seed, step])

    def say(text):
        print(text, flush=True)
        with open(arguments.work / "log.txt", "a") as log:
            log.write(text + "\n")

    parameters = sum(p.numel() for p in model.parameters())
    say(f"{parameters} parameters, {len(stream)} training tokens in {len(starts)} documents, "
        f"{len(held_out)} held-out tokens ({held_out_bytes / len(held_out):.2f} bytes per token), from step {step}")

    budget = arguments.minutes * 60
    begin = time.monotonic() - elapsed
    window_loss, window_begin = [], time.monotonic()
    while True:
        elapsed = time.monotonic() - begin
        finished = elapsed >= budget
        if finished or (step > 0 and step % arguments.evaluate_every == 0):
            tokens_per_second = len(window_loss) * arguments.batch * SEQUENCE / (time.monotonic() - window_begin)
            loss = held_out_loss(model, held_out)
            facts = {"step": step, "seconds": time.monotonic() - begin, "held_out_loss": loss,
                     "tokens": step * arguments.batch * SEQUENCE, "train_tokens": len(stream),
                     "budget_minutes": arguments.minutes,
                     "held_out_tokens": len(held_out), "held_out_bytes": held_out_bytes}
            say(f"step {step:5d}  {elapsed / 60:5.1f} min  train {np.mean(window_loss or [math.nan]):.4f}  "
                f"held out {loss:.4f}  {tokens_per_second:.0f} tokens/s")
            if loss < best:
                best = loss
                save({"model": model.state_dict(), "facts": json.dumps(facts)}, best_path)
            save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                  "seconds": time.monotonic() - begin, "best": best}, last_path)
            window_loss, window_begin = [], time.monotonic()
            if finished:
                return
        rate = arguments.rate * min(1.0, (step + 1) / arguments.warm_up)
        rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, elapsed / budget)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = draw(stream, starts, arguments.batch, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16"):
            logits = model(inputs)
        loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        window_loss.append(loss.item())
        step += 1


if __name__ == "__main__":
    main()
