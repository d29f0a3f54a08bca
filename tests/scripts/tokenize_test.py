# SPDX-License-Identifier: Apache-2.0
"""scripts/tokenize.py: text in, token file out. Run: python3 tests/scripts/tokenize_test.py

Tests that need a package or data that are not there are skipped, with the reason.
"""

import hashlib
import importlib.util
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ.get("PARE_SOURCE_DIR") or Path(__file__).resolve().parents[2])
SCRIPT = SOURCE / "scripts/tokenize.py"
QUICKSTART = SOURCE / "configs/quickstart/model"
DATA = Path(os.environ.get("PARE_TEST_DATA") or SOURCE.parent / "shared/data")


def missing(*packages):
    return [name for name in packages if importlib.util.find_spec(name) is None]


def needs(*packages):
    absent = missing(*packages)
    return unittest.skipIf(absent, f"the Python package {', '.join(absent)} is not installed")


def load_script():
    spec = importlib.util.spec_from_file_location("pare_tokenize", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_llama2c(path, pieces):
    """`pieces`: (text, score) from id 259 on; before them stand the three specials and the 256 bytes."""
    entries = [(b"<unk>", 0.0), (b"\n<s>\n", 0.0), (b"\n</s>\n", 0.0)]
    entries += [(f"<0x{byte:02X}>".encode(), 0.0) for byte in range(256)]
    entries += [(text.encode(), score) for text, score in pieces]
    data = struct.pack("<i", max(len(text) for text, _ in entries))
    for text, score in entries:
        data += struct.pack("<fi", score, len(text)) + text
    path.write_bytes(data)


PIECES = [(" ", -9.0), ("a", -9.0), ("b", -9.0), ("c", -9.0), ("ab", -1.0), ("bc", -2.0), ("abc", -3.0), (" a", -4.0)]
SPACE, A, B, C, AB, BC, ABC, SPACE_A = range(259, 267)


class InTemporaryFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.tokenizer = self.folder / "tok.bin"
        write_llama2c(self.tokenizer, PIECES)
        self.output = self.folder / "out.h5"

    def text(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    def run_script(self, *texts, tokenizer=None, options=()):
        command = [sys.executable, SCRIPT, "--tokenizer", tokenizer or self.tokenizer, "--output", self.output]
        return subprocess.run([*command, *options, *texts], capture_output=True, text=True, check=False)

    def read(self):
        import h5py

        with h5py.File(self.output) as file:
            attributes = {k: v.decode() if isinstance(v, bytes) else int(v) for k, v in file.attrs.items()}
            self.assertEqual(file["tokens"].dtype, "uint32")
            self.assertEqual(file["doc_offsets"].dtype, "uint64")
            return file["tokens"][:].tolist(), file["doc_offsets"][:].tolist(), attributes


class Llama2cEncoding(InTemporaryFolder):
    def setUp(self):
        super().setUp()
        self.encoder = load_script().Llama2cTokenizer(self.tokenizer)

    def encode(self, text):
        return self.encoder.encode([text])[0]

    def test_merges_the_highest_score_first(self):
        self.assertEqual(self.encode("ab"), [SPACE, AB])
        self.assertEqual(self.encode("abc"), [SPACE, ABC])
        self.assertEqual(self.encode("ac"), [SPACE_A, C])

    def test_merges_the_leftmost_of_equal_scores_first(self):
        write_llama2c(self.tokenizer, [(" ", 0.0), ("a", 0.0), ("aa", 1.0)])
        encoder = load_script().Llama2cTokenizer(self.tokenizer)

        self.assertEqual(encoder.encode(["aaa"]), [[259, 261, 260]])

    def test_falls_back_to_bytes(self):
        self.assertEqual(self.encode("é"), [SPACE, 0xC3 + 3, 0xA9 + 3])

    def test_empty_text_has_no_tokens(self):
        self.assertEqual(self.encode(""), [])

    def test_decodes_what_it_encoded(self):
        for text in ("abc cab", " a", "é 日本 b"):
            self.assertEqual(self.encoder.decode(self.encode(text)), text)

    @unittest.skipUnless((DATA / "stories260k/golden.json").is_file(), f"no stories260k below {DATA}")
    def test_agrees_with_the_published_encoding_of_64_stories(self):
        golden = json.loads((DATA / "stories260k/golden.json").read_text())
        encoder = load_script().Llama2cTokenizer(DATA / "stories260k/tok512.bin")
        with open(DATA / "tinystories-sample/tinystories_ascii.jsonl", encoding="utf-8") as lines:
            stories = {i: json.loads(line)["text"] for i, line in enumerate(lines)}

        for place, story in enumerate(golden["stories"]):
            ids = [1, *encoder.encode([stories[place]])[0]]
            self.assertEqual(min(512, len(ids)), story["n_ids"])
            self.assertEqual(ids[:12], story["first_ids"])
            self.assertEqual(encoder.decode(ids), stories[place])


@needs("h5py", "numpy")
class TokenFile(InTemporaryFolder):
    def test_holds_every_document_with_its_begin_token(self):
        text = self.text("a.txt", "ab")
        lines = self.text("b.jsonl", '{"text": "abc", "index": 0}\n\n{"text": "b"}\n')

        done = self.run_script(text, lines)

        self.assertEqual((done.returncode, done.stderr), (0, ""))
        tokens, offsets, attributes = self.read()
        self.assertEqual(tokens, [1, SPACE, AB, 1, SPACE, ABC, 1, SPACE, B])
        self.assertEqual(offsets, [0, 3, 6, 9])
        self.assertEqual(attributes, {
            "tokenizer_sha256": hashlib.sha256(self.tokenizer.read_bytes()).hexdigest(),
            "text_sha256": hashlib.sha256(text.read_bytes() + lines.read_bytes()).hexdigest(),
            "source": "a.txt, b.jsonl",
            "add_bos": 1,
            "vocab_size": 267,
        })

    def test_holds_items_with_their_choices(self):
        import h5py

        items = self.text("a.jsonl", '{"context": "ab", "choices": ["c", " a"], "label": 1}\n'
                                     '{"context": "b ", "choices": ["ab", "b"], "label": 0}\n')

        done = self.run_script(items, options=["--items", "--score", "bytes"])

        self.assertEqual((done.returncode, done.stderr), (0, ""))
        tokens, offsets, _ = self.read()
        with h5py.File(self.output) as file:
            columns = {name: column[:].tolist() for name, column in file["items"].items()}
            self.assertEqual(file["items"].attrs["score"], b"bytes")
        words = [[tokens[begin:end] for begin, end in columns[name]] for name in ("context", "choice")]
        self.assertEqual(words[0], [[1, SPACE, AB], [1, SPACE, B]])
        self.assertEqual(words[1], [[SPACE, C], [SPACE_A], [SPACE, AB], [SPACE, B]])
        self.assertEqual(columns["choice_offsets"], [0, 2, 4])
        self.assertEqual(columns["label"], [1, 0])
        self.assertEqual(columns["choice_bytes"], [1, 2, 2, 1])
        self.assertEqual(offsets, [0, columns["choice"][1][1], len(tokens)])

    def test_names_the_line_of_a_wrong_item(self):
        for item, problem in (('{"choices": ["a", "b"], "label": 0}', 'no field "context" with a text'),
                              ('{"context": "a", "choices": "ab", "label": 0}', 'no field "choices" with a list of texts'),
                              ('{"context": "a", "choices": ["b"], "label": 0}', "1 choices, an item needs two or more"),
                              ('{"context": "a", "choices": ["b", "c"], "label": 2}', '"label" is 2, expected')):
            with self.subTest(item):
                done = self.run_script(self.text("a.jsonl", "\n" + item), options=["--items"])
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"a.jsonl:2: {problem}", done.stderr)

    def test_leaves_the_begin_token_out_when_told(self):
        done = self.run_script(self.text("a.txt", "ab"), options=["--bos", "no"])

        self.assertEqual(done.returncode, 0, done.stderr)
        tokens, offsets, attributes = self.read()
        self.assertEqual((tokens, offsets, attributes["add_bos"]), ([SPACE, AB], [0, 2], 0))

    def test_splits_at_the_separator_and_drops_blank_documents(self):
        done = self.run_script(self.text("a.txt", "ab\n\nb\n\n \n\n"), options=["--separator", r"\n\n"])

        self.assertEqual(done.returncode, 0, done.stderr)
        tokens, offsets, _ = self.read()
        self.assertEqual(tokens, [1, SPACE, AB, 1, SPACE, B])
        self.assertEqual(offsets, [0, 3, 6])

    def test_leaves_nothing_else_in_the_folder(self):
        self.run_script(self.text("a.txt", "ab"))

        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["a.txt", "out.h5", "tok.bin"])


@needs("h5py", "numpy")
class BadInput(InTemporaryFolder):
    def expect(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(self.output.exists())

    def test_names_a_text_that_is_not_there(self):
        self.expect(self.run_script(self.folder / "none.txt"), "none.txt", "no such text file")

    def test_names_the_line_that_is_not_json(self):
        self.expect(self.run_script(self.text("a.jsonl", '{"text": "a"}\n{"text"\n')), "a.jsonl:2", "not JSON")

    def test_names_the_line_without_text(self):
        self.expect(self.run_script(self.text("a.jsonl", '{"story": "a"}\n')), "a.jsonl:1", '"text"')

    def test_names_the_byte_that_is_not_utf8(self):
        self.expect(self.run_script(self.text("a.txt", b"ab\xff")), "a.txt", "not UTF-8", "byte 2")

    def test_refuses_text_without_content(self):
        self.expect(self.run_script(self.text("a.txt", " \n")), "no text to tokenize")

    def test_refuses_a_cut_tokenizer(self):
        self.tokenizer.write_bytes(self.tokenizer.read_bytes()[:-1])

        self.expect(self.run_script(self.text("a.txt", "ab")), "tok.bin", "not a llama2.c tokenizer")

    def test_refuses_a_tokenizer_of_another_kind(self):
        self.expect(self.run_script(self.text("a.txt", "ab"), tokenizer=self.text("t.model", "x")),
                    "t.model", "unknown kind")

    def test_refuses_a_folder_that_is_not_there(self):
        self.output = self.folder / "none" / "out.h5"

        self.expect(self.run_script(self.text("a.txt", "ab")), "does not exist")

    def test_names_an_unknown_option(self):
        self.expect(self.run_script(self.text("a.txt", "ab"), options=["--bso", "no"]), "--bso")

    def test_refuses_json_that_is_no_tokenizer(self):
        if missing("tokenizers"):
            self.skipTest("the Python package tokenizers is not installed")
        self.expect(self.run_script(self.text("a.txt", "ab"), tokenizer=self.text("tokenizer.json", "{}")),
                    "tokenizer.json", "not a Hugging Face tokenizer")


@needs("h5py", "numpy", "tokenizers")
@unittest.skipUnless((QUICKSTART / "tokenizer.json").is_file(), "the quickstart's model is not there")
class QuickstartTokenizer(InTemporaryFolder):
    TEXT = "There was no possibility of taking a walk that day.\nÀ bientôt!"

    def test_round_trips_through_the_token_file(self):
        import tokenizers

        done = self.run_script(self.text("a.txt", self.TEXT), tokenizer=QUICKSTART)

        self.assertEqual(done.returncode, 0, done.stderr)
        tokens, offsets, attributes = self.read()
        reference = tokenizers.Tokenizer.from_file(str(QUICKSTART / "tokenizer.json"))
        self.assertEqual(tokens, reference.encode(self.TEXT).ids)
        self.assertEqual(reference.decode(tokens), self.TEXT)
        self.assertEqual(offsets, [0, len(tokens)])
        self.assertEqual((tokens[0], attributes["add_bos"], attributes["vocab_size"]), (0, 1, 1024))

    def test_knows_the_begin_token_without_a_template(self):
        plain = json.loads((QUICKSTART / "tokenizer.json").read_text(encoding="utf-8"))
        plain["post_processor"] = None
        tokenizer = self.text("tokenizer.json", json.dumps(plain))

        self.assertEqual(self.run_script(self.text("a.txt", "ab"), tokenizer=tokenizer).returncode, 0)
        automatic = self.read()
        self.text("tokenizer_config.json", '{"bos_token": "<|endoftext|>"}')
        self.run_script(self.text("a.txt", "ab"), tokenizer=tokenizer, options=["--bos", "yes"])
        told = self.read()

        self.assertEqual(automatic[2]["add_bos"], 0)
        self.assertEqual(told[0], [0, *automatic[0]])


if __name__ == "__main__":
    unittest.main()
