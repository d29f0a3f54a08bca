"""Training text of the demo model: documents, split, tokenizer.

The corpus directory is an argument and is only read. It holds
    bronte.txt             novels of Charlotte Bronte, hard-wrapped lines     (public domain)
    shakespeare.txt        plays, speeches separated by blank lines           (public domain)
    tinystories*.jsonl     one {"text": ...} per line                         (CDLA-Sharing-1.0)
in itself or in any folder below it.

A document is one story, or a run of paragraphs (speeches) of at least PASSAGE_CHARACTERS, so that a
256-token window often starts at the beginning of a document: the finished model is asked to write
text from nothing but the begin token.
"""

import json
import re
from pathlib import Path

BEGIN_TOKEN = "<|endoftext|>"
BEGIN_ID = 0
VOCABULARY = 1024
PASSAGE_CHARACTERS = 1200

# Held out: every 50th block of four neighbouring documents of each source, i.e. 2 %.
BLOCK_DOCUMENTS = 4
BLOCK_PERIOD = 50
BLOCK_HELD_OUT = 25


def find(directory, pattern):
    found = sorted(Path(directory).rglob(pattern))
    if not found:
        raise SystemExit(f"corpus: no {pattern} below {directory}")
    return found[0]


def passages(paragraphs):
    """Group neighbouring paragraphs into documents of at least PASSAGE_CHARACTERS."""
    documents, current, length = [], [], 0
    for paragraph in paragraphs:
        current.append(paragraph)
        length += len(paragraph)
        if length >= PASSAGE_CHARACTERS:
            documents.append(current)
            current, length = [], 0
    if current:
        documents.append(current)
    return documents


def novels(path):
    """Paragraphs with their lines joined: wrapping at 72 columns is no property of the prose."""
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    paragraphs = [re.sub(r"\s+", " ", p).strip() for p in re.split(r"\n\s*\n", text)]
    return ["\n".join(d) for d in passages([p for p in paragraphs if p])]


def plays(path):
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    speeches = [s.strip() for s in re.split(r"\n\s*\n", text)]
    return ["\n\n".join(d) for d in passages([s for s in speeches if s])]


def stories(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["text"].strip() for line in lines if line.strip()]


def load(directory):
    """{source: (training documents, held-out documents)}"""
    sources = {
        "bronte": novels(find(directory, "bronte.txt")),
        "shakespeare": plays(find(directory, "shakespeare.txt")),
        "tinystories": stories(find(directory, "tinystories*.jsonl")),
    }
    split = {}
    for name, documents in sources.items():
        train, held_out = [], []
        for i, document in enumerate(documents):
            block = i // BLOCK_DOCUMENTS
            (held_out if block % BLOCK_PERIOD == BLOCK_HELD_OUT else train).append(document)
        split[name] = (train, held_out)
    return split


def train_tokenizer(documents):
    """Byte-level BPE with exactly VOCABULARY entries; encoding prepends the begin token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BEGIN_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    if tokenizer.get_vocab_size() != VOCABULARY or tokenizer.token_to_id(BEGIN_TOKEN) != BEGIN_ID:
        raise SystemExit(f"tokenizer: {tokenizer.get_vocab_size()} entries instead of {VOCABULARY}")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN_TOKEN} $A", special_tokens=[(BEGIN_TOKEN, BEGIN_ID)])
    return tokenizer
