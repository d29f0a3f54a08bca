"""Write the best training checkpoint as a Hugging Face model folder, with its README.

    python3 scripts/demo_model/export.py --corpus TEXTS --work /tmp/demo --output configs/quickstart/model

The weights are rounded to bf16 first; the loss and the samples in the README are those of the rounded
weights, computed in float32.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

import corpus
import train

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": corpus.BEGIN_ID,
    "eos_token_id": corpus.BEGIN_ID,
    "head_dim": train.HEAD_DIM,
    "hidden_act": "silu",
    "hidden_size": train.HIDDEN,
    "initializer_range": 0.02,
    "intermediate_size": train.INTERMEDIATE,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "num_attention_heads": train.HEADS,
    "num_hidden_layers": train.LAYERS,
    "num_key_value_heads": train.KV_HEADS,
    "rms_norm_eps": train.NORM_EPSILON,
    "rope_scaling": None,
    "rope_theta": train.ROPE_THETA,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": corpus.VOCABULARY,
}
GENERATION = {
    "bos_token_id": corpus.BEGIN_ID,
    "eos_token_id": corpus.BEGIN_ID,
    "do_sample": True,
    "temperature": 1.0,
    "max_length": 512,
}
TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "add_bos_token": True,
    "add_eos_token": False,
    "bos_token": corpus.BEGIN_TOKEN,
    "eos_token": corpus.BEGIN_TOKEN,
    "clean_up_tokenization_spaces": False,
    "model_max_length": 512,
}
README = """# The quickstart's model

A Llama of {parameters:,} parameters that imitates its few books: small enough to ship,
trained enough that losing bits hurts it where it would hurt a large one. It is there so that a first search
runs in minutes, on a CPU, without a download. It knows nothing and is good for nothing else.

| | |
| --- | --- |
| architecture | `LlamaForCausalLM`: {layers} layers, hidden {hidden}, intermediate {intermediate}, {heads} heads, {kv_heads} key-value heads of {head_dim}, RoPE base {theta:.0f}, tied embeddings |
| vocabulary | {vocabulary}: byte-level BPE trained on the same text; id {begin} `{begin_token}` begins every document and ends the one before |
| weights | bf16, `model.safetensors`, {bytes:,} bytes |
| training | {steps:,} steps of {batch_tokens:,} tokens ({tokens:,} tokens, {epochs:.1f} passes), sequence {sequence}, AdamW, bf16 products, {minutes:.0f} minutes on {machine} |
| held-out loss | **{loss:.4f}** nats per token (perplexity {perplexity:.2f}; {bits:.3f} bits per byte), {held_out_tokens:,} tokens, windows of {sequence}, rounded weights, float32 arithmetic |

Held out are every 50th block of four neighbouring documents of each source (2 %).

## Data

| text | bytes used | licence |
| --- | --- | --- |
| novels of Charlotte Brontë (*Jane Eyre*, *Shirley* and others), plain text from ml5js/ml5-data-and-models | {bronte:,} | public domain |
| plays of William Shakespeare, the "tiny Shakespeare" selection | {shakespeare:,} | public domain |
| 640 TinyStories (Eldan and Li, 2023) | {tinystories:,} | CDLA-Sharing-1.0 |

No text is in this repository. The weights and the tokenizer are under the repository's licence.

## Checked

`golden.py` computes the logits of 24 tokens from the file alone (numpy, float64) and keeps them in
`tests/framework/golden/quickstart_logits.json`. `LlamaForCausalLM` of transformers 4.46.3, in float32, differs from
them by at most {difference}.

## Text it writes

Sampled from the begin token alone, temperature 1:

{samples}

## Made by

```bash
python3 -m venv .venv && .venv/bin/pip install torch tokenizers safetensors transformers
.venv/bin/python scripts/demo_model/train.py  --corpus TEXTS --work /tmp/demo --minutes {budget:.0f}
.venv/bin/python scripts/demo_model/export.py --corpus TEXTS --work /tmp/demo --output configs/quickstart/model
.venv/bin/python scripts/demo_model/golden.py --transformers
```
"""


@torch.no_grad()
def sample(model, tokenizer, length, seed):
    """One text from the begin token at temperature 1, until the next begin token or `length` tokens."""
    generator = torch.Generator().manual_seed(seed)
    ids = [corpus.BEGIN_ID]
    while len(ids) < length:
        probabilities = model(torch.tensor([ids]))[0, -1].float().softmax(-1)
        ids.append(torch.multinomial(probabilities, 1, generator=generator).item())
        if ids[-1] == corpus.BEGIN_ID:
            break
    return tokenizer.decode(ids).strip()


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="of the samples in the README")
    parser.add_argument("--machine", default="two cores of an AMD EPYC", help="where it was trained, for the README")
    parser.add_argument("--difference", default="1e-5", help="what golden.py --transformers found, for the README")
    parser.add_argument("--batch", type=int, default=16, help="the batch that train.py ran with")
    arguments = parser.parse_args()
    torch.set_num_threads(2)

    state = torch.load(arguments.work / "best.pt", weights_only=True)
    facts = json.loads(state["facts"])
    weights = {name: value.to(torch.bfloat16).contiguous() for name, value in state["model"].items()}
    model = train.Llama()
    model.load_state_dict({name: value.float() for name, value in weights.items()})
    model.eval()

    tokenizer = Tokenizer.from_file(str(arguments.work / "tokenizer.json"))
    split = corpus.load(arguments.corpus)
    held_out, _ = train.token_stream(tokenizer, [d for _, documents in split.values() for d in documents])
    loss = train.held_out_loss(model, held_out)
    model.eval()
    samples = [sample(model, tokenizer, 160, seed) for seed in arguments.seeds]

    arguments.output.mkdir(parents=True, exist_ok=True)
    partial = arguments.output / "model.safetensors.partial"
    save_file({f"model.{name}": value for name, value in weights.items()}, partial, metadata={"format": "pt"})
    os.chmod(partial, 0o644)
    os.replace(partial, arguments.output / "model.safetensors")
    shutil.copyfile(arguments.work / "tokenizer.json", arguments.output / "tokenizer.json")
    write_json(arguments.output / "config.json", CONFIG)
    write_json(arguments.output / "generation_config.json", GENERATION)
    write_json(arguments.output / "tokenizer_config.json", TOKENIZER)
    (arguments.output / "README.md").write_text(README.format(
        parameters=sum(v.numel() for v in weights.values()),
        layers=train.LAYERS, hidden=train.HIDDEN, intermediate=train.INTERMEDIATE, heads=train.HEADS,
        kv_heads=train.KV_HEADS, head_dim=train.HEAD_DIM, theta=train.ROPE_THETA, vocabulary=corpus.VOCABULARY,
        begin=corpus.BEGIN_ID, begin_token=corpus.BEGIN_TOKEN,
        bytes=(arguments.output / "model.safetensors").stat().st_size,
        steps=facts["step"], batch_tokens=arguments.batch * train.SEQUENCE, tokens=facts["tokens"],
        epochs=facts["tokens"] / facts["train_tokens"], sequence=train.SEQUENCE,
        minutes=facts["seconds"] / 60, budget=facts["budget_minutes"],
        loss=loss, perplexity=torch.tensor(loss).exp().item(),
        bits=loss / torch.tensor(2.0).log().item() * facts["held_out_tokens"] / facts["held_out_bytes"],
        held_out_tokens=facts["held_out_tokens"], difference=arguments.difference,
        machine=arguments.machine,
        **{name: sum(len(d.encode()) for d in train_documents) for name, (train_documents, _) in split.items()},
        samples="\n\n".join("\n".join("> " + line if line else ">" for line in s.split("\n")) for s in samples)))
    print(f"{arguments.output}: step {facts['step']}, held-out loss {loss:.4f} nats per token")


if __name__ == "__main__":
    main()
