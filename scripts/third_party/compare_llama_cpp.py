# SPDX-License-Identifier: Apache-2.0
"""Lets llama.cpp itself load a GGUF export of the demo model, and compares tokens and logits.

    python scripts/third_party/compare_llama_cpp.py MODEL.gguf

MODEL.gguf holds the demo model with all layers as they are (--recipe w16). llama.cpp must cut texts as tokenizers does and give the
golden logits of the tests; it multiplies in reduced precision, so that they differ by up to some hundredths. Needs xllamacpp (llama.cpp
built for Python) and tokenizers.
"""

import json
import sys
from pathlib import Path

import xllamacpp
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["Once upon a time there was a little girl", "Hello  world!\n\nIt's 12345 o'clock, don't   you think?\tüñ€", "def f(x):\n    return x+1  # 42"]
TOLERANCE = 0.05


def start(file):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx = 256
    parameters.verbosity = 0
    return xllamacpp.Server(parameters)


def next_token(server, prompt):
    """Log probabilities of the likeliest next tokens, and the number of tokens in the prompt."""
    request = {"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": 40, "cache_prompt": False}
    answer = server.handle_completions(request)
    likeliest = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    return {token["id"]: token["logprob"] for token in likeliest}, answer["usage"]["prompt_tokens"]


def main(file):
    server = start(file)
    tokenizer = Tokenizer.from_file(str(ROOT / "configs/quickstart/model/tokenizer.json"))
    golden = json.loads((ROOT / "tests/framework/golden/quickstart_logits.json").read_text())
    texts_agree = all(next_token(server, text) == next_token(server, tokenizer.encode(text).ids) for text in TEXTS)
    worst = 0.0
    for position in (0, 1, 5, 11, 17, 23):
        found, _ = next_token(server, golden["ids"][: position + 1])
        wanted = golden["top"][position]
        first, best = wanted["ids"][0], wanted["logits"][0]
        for token, logit in zip(wanted["ids"], wanted["logits"]):
            worst = max(worst, abs(found[token] - found[first] - (logit - best)))
    print(f"llama.cpp: texts are cut {'alike' if texts_agree else 'OTHERWISE'}, logits differ by {worst:.4f} at most (allowed {TOLERANCE})")
    return 0 if texts_agree and worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
