# SPDX-License-Identifier: Apache-2.0
"""The GGUF blocks against the Python package gguf: what its numpy code reads must be what expand_blocks reads, bit for
bit, and quantize_blocks must not round worse than its encoders, where it has one.

Skipped where gguf is not installed. To run it by hand:
  python3 -m venv gguf-venv && gguf-venv/bin/pip install gguf
  PARE_BLOCK_FORMAT_TOOL=build-dev/tests/kernels/quantize/block_format_tool \
      gguf-venv/bin/python tests/kernels/quantize/gguf_peer_test.py
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

try:
    import gguf
    import numpy as np

    ABSENT = None
except ImportError as error:
    ABSENT = f"the Python package gguf cannot be imported: {error}"

TOOL = os.environ.get("PARE_BLOCK_FORMAT_TOOL", "")
# Name: weights and bytes a block, and the offsets of its binary16 numbers.
FORMATS = {
    "q4_0": (32, 18, [0]),
    "q5_0": (32, 22, [0]),
    "q8_0": (32, 34, [0]),
    "iq4_nl": (32, 18, [0]),
    "q2_k": (256, 84, [80, 82]),
    "q3_k": (256, 110, [108]),
    "q4_k": (256, 144, [0, 2]),
    "q5_k": (256, 176, [0, 2]),
    "q6_k": (256, 210, [208]),
}
WITH_ENCODER = ["q4_0", "q5_0", "q8_0"]


def qtype(name):
    return getattr(gguf.GGMLQuantizationType, name.upper())


def run_tool(*words):
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)


def quantize(name, weights, importance=None):
    """The blocks that quantize_blocks makes of a matrix, a row of bytes for each row."""
    with tempfile.TemporaryDirectory() as folder:
        source, counts, packed = (Path(folder) / part for part in ("weights", "importance", "packed"))
        weights.astype(np.float32).tofile(source)
        if importance is not None:
            importance.astype(np.float32).tofile(counts)
        run_tool("quantize", name, *weights.shape, source, "-" if importance is None else counts, packed)
        return np.fromfile(packed, dtype=np.uint8).reshape(weights.shape[0], -1)


def expand(name, packed, cols):
    with tempfile.TemporaryDirectory() as folder:
        source, values = (Path(folder) / part for part in ("packed", "values"))
        packed.tofile(source)
        run_tool("expand", name, packed.shape[0], cols, source, values)
        return np.fromfile(values, dtype=np.float32).reshape(packed.shape[0], cols)


def random_blocks(name, rows, blocks):
    """Any bytes, but for scales that are finite: of every exponent and both signs, subnormal and zero."""
    _, size, halves = FORMATS[name]
    generator = np.random.default_rng(1)
    packed = generator.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    for offset in halves:
        scales = generator.integers(0, 0x7C00, (rows, blocks), dtype=np.uint16)
        scales[0, :4] = [0, 1, 0x3FF, 0x7BFF]
        scales |= generator.integers(0, 2, (rows, blocks), dtype=np.uint16) << np.uint16(15)
        packed[:, :, offset : offset + 2] = scales[..., None].view(np.uint8)
    return packed.reshape(rows, blocks * size)


def distributions(rows=48, cols=1024):
    """Weights as they occur, and some as they do not."""
    generator = np.random.default_rng(2)
    normal = generator.normal(0, 0.05, (rows, cols))
    outliers = normal * np.where(generator.random((rows, cols)) < 0.01, 20, 1)
    return {
        "normal": normal,
        "laplace": generator.laplace(0, 0.02, (rows, cols)),
        "student": generator.standard_t(3, (rows, cols)) * 0.02,
        "uniform": generator.uniform(-1, 1, (rows, cols)),
        "positive": generator.uniform(0.5, 1.5, (rows, cols)),
        "outliers": outliers,
        "columns": normal * np.exp(generator.normal(0, 1.5, cols)),
        "tiny": normal * 1e-5,
        "large": normal * 1e6,
        "sparse": normal * (generator.random((rows, cols)) < 0.1),
    }


def importances(cols):
    """Mean squares of inputs: nearly alike, and with a few that are thousands of times larger."""
    generator = np.random.default_rng(3)
    return {"mild": generator.chisquare(8, cols), "wild": np.exp(generator.normal(0, 2.5, cols))}


def mean_square(weights, values, importance=None):
    square = (weights.astype(np.float64) - values) ** 2
    return float(np.mean(square if importance is None else square * (importance / importance.mean())))


@unittest.skipIf(ABSENT, ABSENT)
class GgufPeer(unittest.TestCase):
    def test_reads_the_same_bits(self):
        for name, (block, _, _) in FORMATS.items():
            with self.subTest(format=name):
                packed = random_blocks(name, 16, 64)
                with np.errstate(all="ignore"):
                    expected = gguf.quants.dequantize(packed, qtype(name))

                values = expand(name, packed, 64 * block)

                np.testing.assert_array_equal(values.view(np.uint32), expected.view(np.uint32))

    def test_rounds_no_worse(self):
        for distribution, weights in distributions().items():
            weights = weights.astype(np.float32)
            for name in WITH_ENCODER:
                with self.subTest(format=name, distribution=distribution):
                    theirs = gguf.quants.dequantize(gguf.quants.quantize(weights, qtype(name)), qtype(name))

                    ours = gguf.quants.dequantize(quantize(name, weights), qtype(name))

                    self.assertLessEqual(mean_square(weights, ours), mean_square(weights, theirs))

    def test_more_bits_err_less(self):
        order = ["q2_k", "q3_k", "q4_0", "q4_k", "q5_0", "q5_k", "q6_k", "q8_0"]
        weights = distributions()["normal"].astype(np.float32)

        errors = [mean_square(weights, expand(name, quantize(name, weights), 1024)) for name in order]

        self.assertEqual(errors, sorted(errors, reverse=True), dict(zip(order, errors)))

    def test_importance_lowers_the_weighted_error(self):
        for distribution in ("normal", "student", "columns"):
            weights = distributions()[distribution].astype(np.float32)
            for kind, importance in importances(1024).items():
                for name in FORMATS:
                    with self.subTest(format=name, distribution=distribution, importance=kind):
                        plain = expand(name, quantize(name, weights), 1024)

                        weighted = expand(name, quantize(name, weights, importance), 1024)

                        self.assertLess(
                            mean_square(weights, weighted, importance), mean_square(weights, plain, importance)
                        )


if __name__ == "__main__":
    unittest.main()
