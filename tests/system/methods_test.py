"""Every method that makes a layer smaller does what it is named for, and costs what it says."""

import unittest

from harness import h5py, needs_h5py
from method_harness import LAYERS, SHAPES, MethodTest


def padded(bits):
    """Whole bytes."""
    return -(-bits // 8)


def tensor_bytes(rows, cols, bits, symmetric=False):
    """One scale and one zero point."""
    return 2 + (0 if symmetric else 1) + rows * padded(cols * bits)


def grid_bytes(rows, cols, bits, group, symmetric=False):
    """A binary16 scale and a zero point a group, codes; zero points and codes of a row padded to bytes."""
    groups = -(-cols // group) if group else 1
    return rows * (2 * groups + (0 if symmetric else padded(groups * bits)) + padded(cols * bits))


def sparse_bytes(rows, cols, kept, place_bits, bits, group):
    """`kept` weights a row without padding between rows, `place_bits` a row that say which; scales and zero points of all groups."""
    grids = grid_bytes(rows, cols, bits, group) - rows * padded(cols * bits) if group else 0
    return grids + rows * padded(place_bits) + padded(rows * kept * bits)


def model_bytes(layer_bytes, shapes=SHAPES):
    return LAYERS * sum(layer_bytes(*shape) for shape in shapes.values())


def kept_bytes(kv_groups, channels):
    """Of 2 groups of heads and 768 channels, in w4-g32."""
    attention = [(128 * kv_groups, 256), (64 * kv_groups, 256), (64 * kv_groups, 256), (256, 128 * kv_groups)]
    mlp = [(channels, 256), (channels, 256), (256, channels)]
    return LAYERS * sum(grid_bytes(*shape, 4, 32) for shape in attention + mlp)


class Orders(MethodTest):
    """What each method was invented for. Every order holds with a margin of a few standard errors, paired."""

    data = {"calibration": "self", "windows": 2, "calibration_windows": 32, "length": 128, "holdout": 16}

    def expect_falling(self, *options, **changes):
        file = self.offering(*options, **changes)
        losses = [self.measure(file, option)["kl"]["mean"] for option in options]
        for i in range(1, len(options)):
            self.assertLess(losses[i], losses[i - 1], dict(zip(options, losses)))

    def test_gptq_beats_rounding_to_nearest(self):
        for bits in (2, 3, 4):
            with self.subTest(bits=bits):
                self.expect_falling(f"w{bits}-g32", f"w{bits}-g32-gptq")

    def test_fitted_ranges_beat_minimum_and_maximum(self):
        self.expect_falling("w3-g32", "w3-g32-mse")

    def test_awq_beats_rounding_to_nearest(self):
        self.expect_falling("w3-g32", "w3-g32-awq")

    def test_importance_helps_small_blocks(self):
        data = {**self.data, "windows": 32, "length": 256}  # a matter of 2 %, which short windows blur
        for block in ("q2_k", "q3_k"):
            with self.subTest(block):
                self.expect_falling(block, f"{block}-imatrix", data=data)

    def test_pruning_that_knows_more_loses_less(self):
        for pattern in ("50%", "2:4"):
            with self.subTest(pattern):
                self.expect_falling(*(f"{pattern}-{method}" for method in ("random", "magnitude", "wanda", "sparsegpt")))

    def test_gptq_beats_rounding_to_nearest_under_integer_activations(self):
        self.expect_falling("w4a8", "w4a8-gptq")

    def test_finer_scales_beat_coarser_ones(self):
        self.expect_falling("w4-tensor", "w4-channel", "w4-g32")

    def test_tensor_scales_are_fitted_and_made_up_for(self):
        self.expect_falling("w4-tensor", "w4-tensor-mse", "w4-tensor-gptq-mse")

    def test_smoothed_8_bits_beat_4(self):
        self.expect_falling("w4a8", "w8a8-smooth")


class Bytes(MethodTest):
    """Computed here from shapes and formats alone."""

    data = {"calibration": "self", "windows": 8, "length": 32, "holdout": 2}

    def expect_bytes(self, expected):
        """Of every option everywhere, as the run file states them."""
        self.search(self.offering(*expected, search={"algorithm": "random", "tokens": 8 * 32}))
        found = dict.fromkeys([*expected, "w16"], 0)
        with h5py.File(self.directory / "experiment/run.h5") as run:
            for option, amount in zip(run["options/name"][:], run["options/bytes"][:]):
                found[option.decode()] += int(amount)

        for option, amount in expected.items():
            with self.subTest(option):
                self.assertEqual(found[option], amount)

    def expect_evaluated(self, file, option, expected):
        self.assertEqual(self.measure(file, option)["bytes"], expected, option)

    @needs_h5py
    def test_grids(self):
        self.expect_bytes(
            {
                "w2-g32": model_bytes(lambda r, c: grid_bytes(r, c, 2, 32)),
                "w3-g40-gptq": model_bytes(lambda r, c: grid_bytes(r, c, 3, 40)),  # a short last group
                "w3-g32-sym-mse": model_bytes(lambda r, c: grid_bytes(r, c, 3, 32, symmetric=True)),
                "w4-g64-awq": model_bytes(lambda r, c: grid_bytes(r, c, 4, 64)),
                "w5-channel": model_bytes(lambda r, c: grid_bytes(r, c, 5, 0)),
                "w5-tensor": model_bytes(lambda r, c: tensor_bytes(r, c, 5)),
                "w6-tensor-sym-gptq-mse": model_bytes(lambda r, c: tensor_bytes(r, c, 6, symmetric=True)),
                "w7-tensor-awq": model_bytes(lambda r, c: tensor_bytes(r, c, 7)),
                "w8a8-tensor": model_bytes(lambda r, c: tensor_bytes(r, c, 8, symmetric=True)),
                "w4a8-gptq-act": model_bytes(lambda r, c: grid_bytes(r, c, 4, 0, symmetric=True)),
                "w8a8-smooth-static": model_bytes(lambda r, c: grid_bytes(r, c, 8, 0, symmetric=True)),
            }
        )

    @needs_h5py
    def test_blocks(self):
        small = {"q4_0": 18, "q5_0": 22, "q8_0": 34, "iq4_nl": 18}
        large = {"q2_k": 84, "q3_k": 110, "q4_k": 144, "q5_k": 176, "q6_k": 210}
        weights = model_bytes(lambda r, c: r * c)
        expected = {name: weights // 32 * size for name, size in small.items()}
        expected |= {f"{name}-imatrix": weights // 256 * size for name, size in large.items()}

        self.expect_bytes(expected)

    @needs_h5py
    def test_sparse_weights(self):
        self.expect_bytes(
            {
                "2:4-magnitude": model_bytes(lambda r, c: sparse_bytes(r, c, c // 2, c // 2 * 2, 16, 0)),
                "2:4-sparsegpt+w4-g32": model_bytes(lambda r, c: sparse_bytes(r, c, c // 2, c // 2 * 2, 4, 32)),
                "4:8-wanda+w3-g32": model_bytes(lambda r, c: sparse_bytes(r, c, c // 2, c // 2 * 3, 3, 32)),
                "50%-wanda": model_bytes(lambda r, c: sparse_bytes(r, c, c // 2, c, 16, 0)),
                "75%-random+w4-g32": model_bytes(lambda r, c: sparse_bytes(r, c, c // 4, c, 4, 32)),
                "2:4-wanda-dense+q4_k": model_bytes(lambda r, c: r * c // 256 * 144),
                "50%-magnitude-dense": model_bytes(lambda r, c: 2 * r * c),
            }
        )

    @needs_h5py
    def test_whole_heads_and_channels(self):
        self.expect_bytes(
            {
                "keep-50%+w4-g32": kept_bytes(1, 384),
                "keep-25%-wanda+w4-g32": kept_bytes(1, 192),  # one group of heads stays at least
                "drop": 0,
            }
        )

    @needs_h5py
    def test_evaluation_and_run_file_agree(self):
        file = self.offering("w2-g32-gptq", "2:4-sparsegpt+w4-g32", "keep-50%+w4-g32", "q3_k-imatrix", "drop")

        self.expect_evaluated(file, "w2-g32-gptq", model_bytes(lambda r, c: grid_bytes(r, c, 2, 32)))
        self.expect_evaluated(file, "2:4-sparsegpt+w4-g32", model_bytes(lambda r, c: sparse_bytes(r, c, c // 2, c // 2 * 2, 4, 32)))
        self.expect_evaluated(file, "keep-50%+w4-g32", kept_bytes(1, 384))
        self.expect_evaluated(file, "q3_k-imatrix", model_bytes(lambda r, c: r * c // 256 * 110))
        self.expect_evaluated(file, "drop", 0)
        self.expect_evaluated(file, "w16", model_bytes(lambda r, c: 2 * r * c))


if __name__ == "__main__":
    unittest.main()
