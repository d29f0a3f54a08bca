#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn text into a token file that pare reads.

    python3 scripts/tokenize.py --tokenizer MODEL --output calibration.h5 book.txt more.jsonl
    python3 scripts/tokenize.py --tokenizer MODEL --output exam.h5 --items exam.jsonl

TEXT      .jsonl files hold one document per line, in the field "text"; any other file is plain UTF-8 text and one
          document, or many with --separator.
          With --items: .jsonl files of multiple-choice items, {"context": ..., "choices": [...], "label": 0}; each is one
          document. A choice is the tokens that it adds to its context; a blank is put between them where there is none.
MODEL     a Hugging Face tokenizer.json or a model folder that holds one, or the tokenizer of llama2.c (tok512.bin).
OUTPUT    HDF5:  /tokens       uint32 [n]       all documents, one after the other
                 /doc_offsets  uint64 [m + 1]   document i is tokens[doc_offsets[i] : doc_offsets[i + 1]]
                 attributes    tokenizer_sha256, text_sha256 (of the text files, concatenated), source,
                               add_bos (0 or 1: every document starts with the begin token), vocab_size
          with --items, a range being [begin, end) in /tokens:
                 /items/context         uint64 [n, 2]   range of each context
                 /items/label           uint32 [n]      the right choice, from 0
                 /items/choice_offsets  uint64 [n + 1]  item i has choices choice_offsets[i] ... choice_offsets[i + 1] - 1
                 /items/choice          uint64 [m, 2]   range of each choice
                 /items/choice_bytes    uint32 [m]      UTF-8 bytes of its text
                 attribute score of /items: sum, or bytes (--score)

Needs h5py and numpy, and `tokenizers` for Hugging Face models. Exit code 2: bad input, with one line that says what.
"""

import sys

if __name__ == "__main__":
    # A standard module is called tokenize, too, and inspect imports it: our folder must not come first.
    del sys.path[0]

import argparse
import hashlib
import heapq
import json
import os
import struct
from pathlib import Path


class InputError(Exception):
    """Something the user gave cannot be used; the message is complete."""


class HuggingFaceTokenizer:
    """A tokenizer.json, with the flags of tokenizer_config.json and config.json where they lie beside it."""

    begin_names = ("<s>", "<|begin_of_text|>", "<|endoftext|>", "<bos>", "[CLS]")

    def __init__(self, path):
        try:
            import tokenizers
        except ImportError as error:
            raise InputError("the Python package tokenizers is missing (pip install tokenizers)") from error
        self.sha256 = sha256_of([path])
        try:
            self.tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # The binding raises bare Exception.
            raise InputError(f"{path}: not a Hugging Face tokenizer ({one_line(error)})") from error
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.vocab_size = self.tokenizer.get_vocab_size(with_added_tokens=True)

        plain = self.tokenizer.encode("a", add_special_tokens=False).ids
        framed = self.tokenizer.encode("a", add_special_tokens=True).ids
        template = framed[0] if len(framed) > len(plain) and framed[0] != plain[0] else None
        flags = read_json_beside(path, "tokenizer_config.json")
        self.bos = template if template is not None else self._begin_id(path, flags)
        self.adds_bos = template is not None or (flags.get("add_bos_token") is True and self.bos is not None)

    def _begin_id(self, path, flags):
        named = flags.get("bos_token")
        named = named.get("content") if isinstance(named, dict) else named
        known = self.tokenizer.token_to_id(named) if isinstance(named, str) else None
        if known is None:
            known = read_json_beside(path, "config.json").get("bos_token_id")
        if not isinstance(known, int):
            found = (self.tokenizer.token_to_id(name) for name in self.begin_names)
            known = next((i for i in found if i is not None), None)
        return known

    def encode(self, documents):
        return [e.ids for e in self.tokenizer.encode_batch(documents, add_special_tokens=False)]

    def decode(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=True)


class Llama2cTokenizer:
    """The file that llama2.c reads: int32 longest, then for every id float32 score, int32 length, bytes.

    Encoding is that of llama2.c: a leading space, one token per character (or its bytes, id = byte + 3), then the
    neighbours whose union has the highest score are merged until none is left; the leftmost of equal scores first.
    """

    bos, adds_bos, byte_base = 1, True, 3

    def __init__(self, path):
        self.sha256 = sha256_of([path])
        data = path.read_bytes()
        self.pieces, self.scores, at = [], [], 4
        while at < len(data):
            if at + 8 > len(data):
                raise InputError(f"{path}: not a llama2.c tokenizer (ends inside entry {len(self.pieces)})")
            score, length = struct.unpack_from("<fi", data, at)
            at += 8
            if not 0 <= length <= len(data) - at:
                raise InputError(f"{path}: not a llama2.c tokenizer (entry {len(self.pieces)} claims {length} bytes)")
            self.pieces.append(data[at:at + length])
            self.scores.append(score)
            at += length
        self.vocab_size = len(self.pieces)
        if self.vocab_size < self.byte_base + 256 or self.pieces[self.byte_base] != b"<0x00>":
            raise InputError(f"{path}: not a llama2.c tokenizer ({self.vocab_size} entries, no byte tokens from id 3 on)")
        self.ids = {}
        for i, piece in enumerate(self.pieces):
            self.ids.setdefault(piece, i)

    def encode(self, documents):
        return [self._encode(document) for document in documents]

    def _encode(self, text):
        ids = []
        for character in " " + text if text else "":
            piece = character.encode("utf-8")
            known = self.ids.get(piece)
            ids.extend([known] if known is not None else [byte + self.byte_base for byte in piece])

        # A linked list of tokens and a heap of possible merges; entries of tokens that changed since are skipped.
        left, right = list(range(-1, len(ids) - 1)), list(range(1, len(ids) + 1))
        merges = []

        def offer(a):
            b = right[a]
            if b < len(ids):
                union = self.ids.get(self.pieces[ids[a]] + self.pieces[ids[b]])
                if union is not None:
                    heapq.heappush(merges, (-self.scores[union], a, b, ids[a], ids[b], union))

        for a in range(len(ids)):
            offer(a)
        while merges:
            _, a, b, id_a, id_b, union = heapq.heappop(merges)
            if ids[a] != id_a or ids[b] != id_b or right[a] != b:
                continue
            ids[a], ids[b] = union, None
            right[a] = right[b]
            if right[a] < len(ids):
                left[right[a]] = a
            offer(a)
            if left[a] >= 0:
                offer(left[a])
        return [i for i in ids if i is not None]

    def decode(self, ids):
        text = b"".join(
            bytes([i - self.byte_base]) if self.byte_base <= i < self.byte_base + 256 else self.pieces[i]
            for i in ids if i > 2)
        return text.decode("utf-8", errors="replace").removeprefix(" ")


def load_tokenizer(path):
    path = Path(path)
    if path.is_dir():
        if not (path / "tokenizer.json").is_file():
            raise InputError(f"{path}: no tokenizer.json in this folder")
        path = path / "tokenizer.json"
    if not path.is_file():
        raise InputError(f"{path}: no such tokenizer")
    if path.suffix == ".json":
        return HuggingFaceTokenizer(path)
    if path.suffix == ".bin":
        return Llama2cTokenizer(path)
    raise InputError(f"{path}: unknown kind of tokenizer (known: tokenizer.json, llama2.c .bin)")


def read_json_beside(path, name):
    beside = path.parent / name
    if not beside.is_file():
        return {}
    try:
        value = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{beside}: not JSON ({one_line(error)})") from error
    return value if isinstance(value, dict) else {}


def sha256_of(paths):
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def one_line(error):
    return " ".join(str(error).split())


def records_of(path):
    """Yields (line number, fields) of one .jsonl file; a line that holds something else has no fields."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}: not JSON ({one_line(error)})") from error
            yield number, record if isinstance(record, dict) else {}


def documents_of(path, separator):
    """Yields the documents of one file; blank ones are left out."""
    if path.suffix == ".jsonl":
        for number, record in records_of(path):
            if not isinstance(record.get("text"), str):
                raise InputError(f'{path}:{number}: no field "text" with a string')
            if record["text"].strip():
                yield record["text"]
    else:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        for document in text.split(separator) if separator else [text]:
            if document.strip():
                yield document


def batches(items, size):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def tokenize(paths, tokenizer, add_bos, separator):
    """(tokens uint32 [n], offsets uint64 [m + 1]) of all documents of all files."""
    import numpy

    chunks, lengths = [], []
    for path in paths:
        try:
            for batch in batches(documents_of(path, separator), 256):
                for ids in tokenizer.encode(batch):
                    ids = [tokenizer.bos, *ids] if add_bos else ids
                    chunks.append(numpy.asarray(ids, dtype=numpy.uint32))
                    lengths.append(len(ids))
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from error
    if sum(lengths) == 0:
        raise InputError(f"{', '.join(map(str, paths))}: no text to tokenize")
    offsets = numpy.zeros(len(lengths) + 1, dtype=numpy.uint64)
    offsets[1:] = numpy.cumsum(lengths)
    return numpy.concatenate(chunks), offsets


def items_of(path):
    """Yields (context, choices, label) of one .jsonl file."""
    for number, record in records_of(path):
        context, choices, label = (record.get(key) for key in ("context", "choices", "label"))
        if not isinstance(context, str) or not context.strip():
            raise InputError(f'{path}:{number}: no field "context" with a text')
        if not isinstance(choices, list) or not all(isinstance(c, str) and c.strip() for c in choices):
            raise InputError(f'{path}:{number}: no field "choices" with a list of texts')
        if len(choices) < 2:
            raise InputError(f"{path}:{number}: {len(choices)} choices, an item needs two or more")
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < len(choices):
            raise InputError(f'{path}:{number}: "label" is {label!r}, expected the right choice, 0 to {len(choices) - 1}')
        yield context, choices, label


def tokenize_items(paths, tokenizer, add_bos):
    """tokens and offsets as tokenize() gives them, and the columns of /items."""
    import numpy

    tokens, offsets = [], [0]
    columns = {"context": [], "label": [], "choice_offsets": [0], "choice": [], "choice_bytes": []}
    for path in paths:
        try:
            for context, choices, label in items_of(path):
                stem = context.rstrip()
                blank = context[len(stem):]
                between = ["" if blank or choice[0].isspace() else " " for choice in choices]
                framed = tokenizer.encode([stem, *(stem + blank + b + c for b, c in zip(between, choices))])
                begin = [tokenizer.bos] if add_bos else []
                columns["context"].append((len(tokens), len(tokens) + len(begin) + len(framed[0])))
                tokens += begin + framed[0]
                for choice, whole in zip(choices, framed[1:]):
                    added = whole[len(framed[0]):]
                    if not added:
                        raise InputError(f"{path}: the choice {choice!r} adds no token to its context")
                    columns["choice"].append((len(tokens), len(tokens) + len(added)))
                    columns["choice_bytes"].append(len(choice.encode("utf-8")))
                    tokens += added
                columns["choice_offsets"].append(len(columns["choice"]))
                columns["label"].append(label)
                offsets.append(len(tokens))
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from error
    if not columns["label"]:
        raise InputError(f"{', '.join(map(str, paths))}: no items")
    types = {"label": numpy.uint32, "choice_bytes": numpy.uint32}
    columns = {name: numpy.asarray(values, dtype=types.get(name, numpy.uint64)) for name, values in columns.items()}
    return numpy.asarray(tokens, dtype=numpy.uint32), numpy.asarray(offsets, dtype=numpy.uint64), columns


def write_token_file(output, tokens, offsets, attributes, items=None, score="sum"):
    """Writes beside the output and renames: a reader never sees half a file."""
    import h5py
    import numpy

    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        with h5py.File(partial, "w") as file:
            file.create_dataset("tokens", data=tokens)
            file.create_dataset("doc_offsets", data=offsets)
            if items:
                for name, column in items.items():
                    file.create_dataset(f"items/{name}", data=column)
                put_attribute(file["items"], "score", score)
            for name, value in attributes.items():
                put_attribute(file, name, value)
        os.replace(partial, output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({one_line(error)})") from error
    finally:
        partial.unlink(missing_ok=True)


def put_attribute(place, name, value):
    import h5py
    import numpy

    if isinstance(value, str):
        encoded = value.encode("utf-8") or b"\0"
        place.attrs.create(name, numpy.bytes_(encoded), dtype=h5py.string_dtype("utf-8", len(encoded)))
    else:
        place.attrs.create(name, value, dtype=numpy.uint32)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise InputError(f"{message} (--help lists the options)")


def run(arguments):
    parser = Parser(prog="tokenize.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="+", type=Path)
    parser.add_argument("--tokenizer", required=True, type=Path, metavar="MODEL")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--bos", choices=("auto", "yes", "no"), default="auto",
                        help="lead every document with the begin token; auto: if the tokenizer does (default)")
    parser.add_argument("--separator", help=r"splits plain text into documents; \n and \t are understood")
    parser.add_argument("--items", action="store_true", help="the texts are multiple-choice items, .jsonl")
    parser.add_argument("--score", choices=("sum", "bytes"), default="sum",
                        help="with --items: a choice counts its log-likelihood (default), or that divided by its bytes")
    parser.add_argument("--source", help="attribute source (default: the names of the text files)")
    options = parser.parse_args(arguments)

    for path in options.text:
        if not path.is_file():
            raise InputError(f"{path}: no such text file")
    if not options.output.parent.is_dir():
        raise InputError(f"{options.output}: the folder {options.output.parent} does not exist")
    separator = options.separator
    if separator is not None:
        separator = separator.replace(r"\n", "\n").replace(r"\t", "\t")
        if not separator:
            raise InputError("--separator is empty")
    try:
        import h5py  # noqa: F401  Fail before the work, not after it.
        import numpy  # noqa: F401
    except ImportError as error:
        raise InputError(f"the Python package {error.name} is missing (apt install python3-h5py)") from error

    tokenizer = load_tokenizer(options.tokenizer)
    add_bos = tokenizer.adds_bos if options.bos == "auto" else options.bos == "yes"
    if add_bos and tokenizer.bos is None:
        raise InputError(f"{options.tokenizer}: no begin token known (use --bos no)")
    items = None
    if options.items:
        tokens, offsets, items = tokenize_items(options.text, tokenizer, add_bos)
    else:
        tokens, offsets = tokenize(options.text, tokenizer, add_bos, separator)
    if int(tokens.max()) >= tokenizer.vocab_size:
        raise InputError(f"{options.tokenizer}: gave id {int(tokens.max())} beyond its {tokenizer.vocab_size} entries")
    write_token_file(options.output, tokens, offsets, {
        "tokenizer_sha256": tokenizer.sha256,
        "text_sha256": sha256_of(options.text),
        "source": options.source if options.source is not None else ", ".join(p.name for p in options.text),
        "add_bos": int(add_bos),
        "vocab_size": tokenizer.vocab_size,
    }, items, options.score)
    print(f"{options.output}: {len(tokens)} tokens in {len(offsets) - 1} {'items' if items else 'documents'}, "
          f"vocabulary {tokenizer.vocab_size}, begin token {'yes' if add_bos else 'no'}")


def main():
    try:
        run(sys.argv[1:])
    except InputError as error:
        print(f"tokenize.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"tokenize.py: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
