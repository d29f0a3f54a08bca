"""Every method that makes a layer smaller: that it does what it is named for, costs what it says, and searches like any other."""

import re
import time
import unittest
from pathlib import Path

import journal
from broken_checkpoint import Checkpoint
from harness import DEMO_MODEL, STORIES, OneSearch, SystemTest, h5py, needs_h5py, needs_mpi, needs_stories, run_pare
from resume_test import kill_everything, start_pare

ATTENTION = {"q_proj": (256, 256), "k_proj": (128, 256), "v_proj": (128, 256), "o_proj": (256, 256)}
MLP = {"gate_proj": (768, 256), "up_proj": (768, 256), "down_proj": (256, 768)}
SHAPES = {**ATTENTION, **MLP}  # outputs, inputs
LAYERS = 6

ATTENTION_OPTIONS = ["w2-g32-gptq", "w3-g32-gptq", "w4-g32-gptq", "2:4-sparsegpt+w4-g32", "drop"]
MLP_OPTIONS = ["w2-g32-gptq", "w3-g32-gptq", "keep-75%+w4-g32", "keep-50%+w4-g32", "drop"]
MIXED = {
    "data": {"calibration": "self", "windows": 8, "length": 64, "holdout": 4},
    "options": [{"match": "re:.*self_attn", "options": ATTENTION_OPTIONS}, {"match": "*", "options": MLP_OPTIONS}],
    "budget": {"bits_per_weight": 3.0},
    "search": {"tokens": 30000},
}


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


class MethodTest(SystemTest):
    data = {"calibration": "self", "windows": 32, "length": 128, "holdout": 16}

    def offering(self, *options, **changes):
        """An experiment of these options and the checkpoint's own weights, under a budget that leaves all but those."""
        return self.experiment(**{"options": [*options, "w16"], "budget": {"ratio": 0.999}, "data": self.data, **changes})

    def measure(self, file, option):
        return self.succeed("evaluate", file, "--recipe", option, "--json", "--quiet").json


class Orders(MethodTest):
    """What each method was invented for. Every order holds with a margin of a few standard errors, paired."""

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
        data = {**self.data, "length": 256}  # a matter of 2 %, which short windows blur
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


class Mixed(MethodTest, OneSearch):
    """Dropped sub-layers, pruned heads and rounded weights in one space."""

    changes = MIXED

    def expect_same(self, verdict):
        for key in ("digest", "winner", "contestants", "reference", "trials"):
            self.assertEqual(verdict[key], self.verdict[key])

    def test_one_thread_gives_the_same(self):
        # Its own cache: statistics and bank are made by one thread, too.
        self.expect_same(self.search(self.experiment("thread", **MIXED, threads=1, cache=str(self.directory / "cache-thread"))))

    @needs_mpi
    def test_one_two_and_four_ranks_give_the_same(self):
        for ranks in (1, 2, 4):
            with self.subTest(ranks=ranks):
                name = f"ranks-{ranks}"
                file = self.experiment(name, **MIXED, cache=str(self.directory / f"cache-{name}"))
                self.expect_same(self.search(file, ranks=ranks))

    def test_sub_layers_shrink_or_go_as_a_whole(self):
        recipe = self.verdict["winner"]["recipe"]
        for layer in range(LAYERS):
            for kinds in (ATTENTION, MLP):
                part = "self_attn" if kinds is ATTENTION else "mlp"
                options = [recipe[f"model.layers.{layer}.{part}.{kind}"] for kind in kinds]
                structures = {option.split("+")[0] if option.startswith(("keep", "drop")) else "" for option in options}
                self.assertEqual(len(structures), 1, options)

    def test_a_recipe_that_tears_a_sub_layer(self):
        recipe = self.directory / "torn.yaml"
        lines = self.succeed("report", self.run_directory, "--recipe").out.splitlines()
        torn = "drop" if not lines[1].endswith("drop") else "w4-g32-gptq"
        recipe.write_text("\n".join([lines[0], lines[1].split(":")[0] + ": " + torn, *lines[2:]]) + "\n")

        outcome = run_pare("evaluate", self.file, "--recipe", recipe, "--quiet")

        self.assertEqual(outcome.code, 2)
        self.assertRegex(outcome.err, f"torn.yaml: model.layers.0.self_attn.q_proj is to be '{torn}' and .* from all layers of a sub-layer or")

    @needs_h5py
    def test_bytes_of_the_winner_are_those_of_its_sites(self):
        winner = self.verdict["winner"]
        with h5py.File(self.run_directory / "run.h5") as run:
            sites = [name.decode() for name in run["sites/name"][:]]
            options = run["options"]
            sizes = {
                (sites[site], name.decode()): int(size)
                for site, name, size in zip(options["site"][:], options["name"][:], options["bytes"][:])
            }

        self.assertEqual(len(sites), 7 * LAYERS)
        self.assertEqual(winner["bytes"], sum(sizes[choice] for choice in winner["recipe"].items()))
        self.assertLessEqual(winner["bytes"], self.verdict["budget_bytes"])

    def test_winner_evaluated_alone_has_the_same_bits(self):
        recipe = self.directory / "recipe.yaml"
        recipe.write_text(self.succeed("report", self.run_directory, "--recipe").out)

        alone = self.measure(self.file, recipe)

        for key in ("bytes", "bits_per_weight", "kl", "perplexity"):
            self.assertEqual(alone[key], self.verdict["winner"][key])

    def test_killed_and_continued_ends_the_same(self):
        file = self.experiment("killed", **MIXED)
        log = self.directory / "killed/journal"
        for growth in (2000, 6000):
            process = start_pare("search", file)
            self.addCleanup(kill_everything, process)
            goal = journal.size(log) + growth
            while journal.size(log) < goal and process.poll() is None:
                time.sleep(0.002)
            self.assertIsNone(process.poll(), "finished before it could be killed")
            kill_everything(process)

        outcome = self.succeed("search", file, "--json")

        self.assertIn("continuing: ", outcome.err)
        self.expect_same(outcome.json)
        windows = journal.evaluated_windows(log)
        self.assertEqual(len(windows), len(set(windows)))

    def test_killed_while_it_calibrates(self):
        file = self.experiment("killed", **MIXED, cache=str(self.directory / "cache"))
        for name in ("calibration-", "bank-"):
            process = start_pare("search", file)
            self.addCleanup(kill_everything, process)
            deadline = time.monotonic() + 60
            while not list((self.directory / "cache").glob(f"*{name}*")) and time.monotonic() < deadline:
                time.sleep(0.002)
            kill_everything(process)

        self.expect_same(self.search(file))


class FailingOptions(MethodTest):
    """An option that cannot be computed at one layer leaves the space there, and only there."""

    site = "model.layers.2.self_attn.v_proj"
    options = ["w2-g32", "w3-g32", "w4-g32"]

    def failing(self, name="experiment", **changes):
        model = self.directory / "model"
        if not model.exists():
            checkpoint = Checkpoint()
            checkpoint.set_bf16("layers.2.self_attn.v_proj", 5, 0x4880)  # 2^18: 2 bits need a scale of 87381
            checkpoint.write(model)
        return self.experiment(
            name, **{"model": {"path": str(model)}, "options": self.options, "budget": {"bits_per_weight": 3.6}, **changes}
        )

    def expect_left_out(self, verdict):
        self.assertEqual([(each["site"], each["option"]) for each in verdict["left_out"]], [(self.site, "w2-g32")])
        self.assertIn("a binary16 scale is at most 65504", verdict["left_out"][0]["reason"])
        self.assertNotEqual(verdict["winner"]["recipe"][self.site], "w2-g32")

    def test_one_warning_and_a_search_without_it(self):
        outcome = self.succeed("search", self.failing(), "--json")
        again = self.succeed("search", self.failing("again"), "--json")  # the bank is there

        for each in (outcome, again):
            self.assertEqual(each.err.count(f"warning: {self.site} goes without w2-g32: the weights of row "), 1, each.err)
            self.expect_left_out(each.json)
        self.assertEqual(outcome.json["digest"], again.json["digest"])
        self.assertIn(f"Left out  w2-g32 at {self.site}: ", self.succeed("report", self.directory / "experiment").out)

    @needs_mpi
    def test_the_same_for_any_number_of_ranks(self):
        verdicts = [
            self.search(self.failing(f"ranks-{ranks}", cache=str(self.directory / f"cache-{ranks}")), ranks=ranks) for ranks in (1, 2, 4)
        ]

        self.expect_left_out(verdicts[0])
        for verdict in verdicts[1:]:
            self.assertEqual(verdict["digest"], verdicts[0]["digest"])
            self.assertEqual(verdict["winner"], verdicts[0]["winner"])

    def test_killed_and_continued(self):
        reference = self.search(self.failing("reference"))
        file = self.failing("killed")
        process = start_pare("search", file)
        self.addCleanup(kill_everything, process)
        log = self.directory / "killed/journal"
        deadline = time.monotonic() + 60
        while journal.size(log) < 20000 and time.monotonic() < deadline:
            time.sleep(0.002)
        kill_everything(process)

        self.assertEqual(self.search(file)["digest"], reference["digest"])

    def test_a_recipe_that_asks_for_it(self):
        outcome = run_pare("evaluate", self.failing(), "--recipe", "w2-g32", "--quiet")

        self.assertEqual(outcome.code, 2)
        self.assertIn(f"option 'w2-g32' is not offered by every site: it failed at {self.site}: the weights of row", outcome.err)

    def test_a_budget_that_nothing_else_fits(self):
        outcome = run_pare("search", self.failing(budget={"same_as": "w2-g32"}), "--quiet")

        self.assertEqual(outcome.code, 2)
        self.assertRegex(outcome.err, f"budget: .* bytes, but without the options that failed .*{self.site}, w2-g32: .* the smallest")


class OddMixes(MethodTest):
    """Small searches that a newcomer may start."""

    def run_through(self, options, bits, algorithm="pare", **changes):
        file = self.experiment(
            **{
                "options": options,
                "budget": {"bits_per_weight": bits},
                "search": {"algorithm": algorithm, "tokens": 6000},
                **changes,
            }
        )
        verdict = self.search(file)
        self.assertLessEqual(verdict["winner"]["bytes"], verdict["budget_bytes"])
        fitting = [c["kl"]["mean"] for c in verdict["contestants"] if c["fits"]]
        self.assertEqual(verdict["winner"]["kl"]["mean"], min(fitting))
        return verdict

    def test_drop_and_one_other(self):
        verdict = self.run_through(["drop", "w4-g32"], 3.0)

        self.assertEqual(set(verdict["winner"]["recipe"].values()), {"drop", "w4-g32"})

    def test_budget_of_almost_nothing(self):
        verdict = self.run_through(["drop", "w4-g32"], 0.1)

        self.assertEqual(set(verdict["winner"]["recipe"].values()), {"drop"})

    def test_nothing_but_layers_that_stay_or_go(self):
        verdict = self.run_through(["drop", "w16"], 14)

        self.assertEqual(set(verdict["winner"]["recipe"].values()), {"drop", "w16"})
        self.assertEqual(self.measure(self.directory / "experiment.yaml", "w16")["bytes"], model_bytes(lambda r, c: 2 * r * c))

    def test_awq_in_some_layers(self):
        rules = [{"match": "re:.*layers.[03].", "options": ["w2-g32-awq", "w3-g32-awq"]}, {"match": "*", "options": ["w4-g32"]}]

        verdict = self.run_through(rules, 4.0)

        self.assertEqual(len(verdict["winner"]["recipe"]), 2 * 4 + 4 * 7)
        self.assertIn("model.layers.0.self_attn.{q_proj,k_proj,v_proj}", verdict["winner"]["recipe"])

    def test_keep_alone(self):
        self.run_through(["keep-50%", "keep-75%", "w16"], 12)

    def test_fewest_windows(self):
        self.run_through(ATTENTION_OPTIONS, 3.0, data={"calibration": "self", "windows": 2, "length": 64, "holdout": 2})

    def test_every_algorithm_on_a_mixed_genome(self):
        for algorithm in ("pare", "ilp", "greedy", "evopress", "nsga2", "tpe", "random"):
            with self.subTest(algorithm):
                self.run_through(MIXED["options"], 2.5, algorithm, output=str(self.directory / algorithm))

    def test_all_recipes_of_a_small_space(self):
        rules = [{"match": "re:.*layers.[03].", "options": ["drop", "w4-g32"]}, {"match": "*", "options": ["w4-g32"]}]
        data = {"calibration": "self", "windows": 2, "length": 64, "holdout": 2}

        self.run_through(rules, 4.0, "exhaustive", data=data, search={"algorithm": "exhaustive"})

    @needs_stories
    def test_tied_weights_and_groups_that_do_not_fill_a_row(self):
        self.run_through(["w3-g32-gptq", "2:4-wanda+w4-g32", "drop"], 3.0, model={"path": str(STORIES / "hf")})


class Refusals(MethodTest):
    """Before anything is computed, in one line."""

    def expect_refused(self, options, *parts, **changes):
        outcome = run_pare("check", self.experiment(options=options, data=self.data, **{"budget": {"ratio": 0.3}, **changes}), timeout=20)

        self.assertEqual(outcome.code, 2, outcome.out + outcome.err)
        (line,) = outcome.err.splitlines()
        self.assertTrue(line.startswith("pare: error: "), line)
        self.assertRegex(line, ".*".join(re.escape(part) for part in parts))

    def test_misspelt_methods_name_the_nearest(self):
        for wrong, right in (
            ("w3-g32-gtpq", "gptq"),
            ("w3-g32-aqw", "awq"),
            ("w8a8-smoth", "smooth"),
            ("q4_m", "q4_0"),
            ("Q4_K_M", "q4_k"),
            ("q3_k-imatrx", "imatrix"),
            ("2:4-sparsgpt", "sparsegpt"),
            ("50%-wnada", "wanda"),
            ("keep-75%-wand+w4-g32", "wanda"),
            ("kep-75%", "keep"),
            ("dorp", "drop"),
        ):
            with self.subTest(wrong):
                self.expect_refused([wrong], "experiment.yaml:4:", "options[0]: ", f"'{wrong}'", "did you mean", f"'{right}'")

    def test_impossible_numbers(self):
        for wrong, reason in (
            ("w3-g20-gptq", "the group size must be a positive multiple of 8"),
            ("w4-g0", "the group size must be a positive multiple of 8"),
            ("4:4-wanda", "1 <= n < m <= 64"),
            ("100%-wanda", "between 1% and 99%"),
            ("keep-0%", "between 1% and 99%"),
            ("50%", "no method behind the sparsity"),
            ("w4a8-awq", "awq is for 16-bit activations"),
            ("w4a8-g32", "one scale an output"),
            ("2:4-wanda+q4_k", "write '2:4-wanda-dense+...'"),
            ("w4-g32-awq-gptq", "'gptq' is a second way of rounding, choose one of mse, gptq, awq"),
            ("w4-g32+2:4-wanda", "in the order keep, sparsity, weights"),
        ):
            with self.subTest(wrong):
                self.expect_refused([wrong], "experiment.yaml:4:", "options[0]: ", f"'{wrong}'", reason)

    def test_pattern_that_no_layer_can_hold(self):
        self.expect_refused(
            ["4:7-magnitude+w4-g32"],
            "model.layers.0.self_attn.q_proj can hold none of its options",
            "4:7-magnitude+w4-g32: a layer of 256 inputs cannot be pruned 4:7, its width must be a multiple of 7",
        )

    @needs_stories
    def test_blocks_that_no_row_fills(self):
        self.expect_refused(
            ["q4_k"],
            "can hold none of its options; q4_k: a row of 64 weights cannot be cut into the blocks of 256 of q4_k, use q5_0",
            model={"path": str(STORIES / "hf")},
        )

    def test_share_that_takes_nothing_away(self):
        # The nearest to 75 % of 2 head groups is 2.
        self.expect_refused(["keep-75%+w4-g32"], "self_attn.", "keep-75% of 2 KV head groups takes none away", "at most keep-74%")

    def test_rules_that_tear_a_sub_layer(self):
        rules = [{"match": "q_proj", "options": ["drop", "w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]
        self.expect_refused(rules, "'drop' at model.layers.0.self_attn.q_proj decides", "the rule for", "k_proj has no option of that kind")

        rules = [{"match": "q_proj", "options": ["w3-g32-awq", "w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]
        self.expect_refused(rules, "k_proj", "q_proj", "'w3-g32-awq' scales an input that they share")

    def test_rule_that_names_no_layer(self):
        rules = [{"match": "self_attn", "options": ["drop", "w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]

        self.expect_refused(rules, "'match: self_attn' matches no layer", "(known: q_proj, k_proj", "re:.*self_attn")

    def test_budget_below_the_smallest(self):
        self.expect_refused(["w2-g32-gptq", "2:4-wanda+w4-g32"], "budget", "smallest possible is", budget={"bytes": 1000})
        self.expect_refused(["drop", "w4-g32"], "budget.bytes: expected a whole number of at least 1", budget={"bytes": 0})

    def test_same_as_an_option_that_is_left_out_somewhere(self):
        self.expect_refused(
            ["w2-g32", "w4-g32", "3:12-wanda+w4-g32"],
            "same_as: 3:12-wanda+w4-g32 (not offered at every site)",
            budget={"same_as": "3:12-wanda+w4-g32"},
        )


class Explained(MethodTest):
    """What `pare check` says of such experiments."""

    def check(self, *options, **changes):
        return self.succeed("check", self.offering(*options, **changes), timeout=20).out

    def test_options_that_some_sites_cannot_hold(self):
        text = self.check("w2-g32", "3:12-wanda+w4-g32", "w8-g32")

        flat = " ".join(text.split())
        reason = "3:12-wanda+w4-g32: a layer of 256 inputs cannot be pruned 3:12, its width must be a multiple of 12"
        self.assertIn(f"left out {reason} (36 sites: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj)", flat)
        self.assertEqual(flat.count("cannot be pruned"), 1)
        self.assertNotIn("left out", self.check("w2-g32", "w8-g32"))

    def test_options_that_may_fail(self):
        text = " ".join(self.check("w2-g32", "w8-g32").split())

        self.assertIn("failing a layer goes without an option whose numbers do not work out there", text)

    def test_one_site_left_out(self):
        rules = [{"match": "model.layers.0.mlp.up_proj", "options": ["w4-g32", "4:7-wanda"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]

        self.assertIn("(1 site: up_proj)", " ".join(self.check(options=rules, budget={"ratio": 0.4}).split()))

    def test_calibration_and_its_disk(self):
        text = " ".join(self.check("w2-g32", "w3-g32-gptq", "w3-g32-awq").split())

        self.assertRegex(text, "calibrate the inputs of all layers .* 32 windows that neither .*, for w3-g32-awq, w3-g32-gptq(;.*)? disk")
        self.assertIn("16 held out to confirm, 32 to calibrate on", text)
        self.assertNotRegex(self.check("w2-g32", "w3-g32-mse", "2:4-magnitude"), "calibrate|statistics")

    def test_too_little_text_to_calibrate(self):
        few = " ".join(self.check("w3-g32-gptq", data={**self.data, "windows": 8}).split())

        self.assertIn("WARNING: 1024 tokens are only 1.3 for each of 768 inputs", few)
        self.assertIn("give at least 6144 (data.calibration_windows, data.length)", few)
        self.assertNotIn("WARNING", self.check("w3-g32-gptq", data={**self.data, "windows": 48}))
        self.assertNotIn("WARNING", self.check("w3-g32-gptq", data={**self.data, "windows": 8, "calibration_windows": 48}))
        self.assertNotIn("WARNING", self.check("w3-g32-mse", data={**self.data, "windows": 8}))

    def test_calibration_on_the_text_of_the_search(self):
        text = " ".join(self.check("w3-g32-gptq", data={**self.data, "windows": 48, "calibration_windows": 0}).split())

        self.assertIn("on the 48 search windows (data.calibration_windows: 0)", text)
        self.assertIn("WARNING: the search judges these options on the text that they were fitted to", text)
        self.assertNotIn("to calibrate on", text)

    def test_statistics_take_the_disk_that_it_says(self):
        file = self.experiment(options=["w3-g32-gptq", "w4-g32"], cache=str(self.directory / "cache"), search={"tokens": 2000})
        said = re.search(r"([\d.]+) MB statistics", self.succeed("check", file).out)
        self.search(file)

        (statistics,) = Path(self.directory / "cache").glob("calibration-*.h5")
        self.assertAlmostEqual(float(said[1]) * 1e6 / statistics.stat().st_size, 1, delta=0.05)

    def test_why_layers_are_tied(self):
        text = " ".join(self.check("drop", "w3-g32-awq", "keep-50%", "w8-g32").split())

        self.assertIn("tied drop, keep-50%: take from a whole sub-layer, so all of its layers take part or none", text)
        self.assertIn("w3-g32-awq: scale an input, so the layers that read it have one option", text)
        self.assertNotIn("tied ", self.check("w2-g32", "w8-g32", ties=[["gate_proj", "up_proj"]]))

    def expect_lines_of_at_most(self, width, text):
        self.assertLessEqual(max(map(len, text.splitlines())), width, text)

    def test_lines_stay_readable(self):
        sub_layers = ["drop", "keep-50%+w4-g32", *ATTENTION_OPTIONS[:4], "2:4-wanda+w3-g32", "75%-sparsegpt+w3-g32"]
        layers = [f"w{bits}-g32{method}" for bits in (2, 3, 4, 5, 6) for method in ("", "-gptq", "-gptq-act", "-mse")]
        for options in (sub_layers, layers):
            text = self.check(*options)

            self.expect_lines_of_at_most(110, text[text.index("\n  site ") :].replace(str(self.shared), ""))
            for option in options:
                self.assertIn(f"{option} (", text)

    def report_of(self, options, bits):
        self.search(self.experiment(options=options, budget={"bits_per_weight": bits}, search={"algorithm": "random", "tokens": 6000}))
        return self.succeed("report", self.directory / "experiment").out

    def test_short_names_stand_in_the_grid(self):
        report = self.report_of(["w2-g32-mse", "w3-g32-mse", "w4-g32"], 3.0)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, "0( +w[234]-g32(-mse)?){7} ")

    def test_letters_stand_for_long_names_in_a_wide_grid(self):
        report = self.report_of(["2:4-magnitude+w3-g32", "3:4-magnitude+w3-g32", "w4-g32"], 3.6)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, r"\n +0( +[ABC]){7} +[\d.]+\n")
        self.assertRegex(report, r"\n +A  2:4-magnitude\+w3-g32\n +B  3:4-magnitude\+w3-g32\n")

    def test_tied_layers(self):
        report = self.report_of(["w2-g32-awq", "w3-g32-awq", "w4-g32-awq"], 3.0)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, r"layer +q_proj\+k_proj\+v_proj +o_proj +gate_proj\+up_proj +down_proj +bits\n")

    def test_a_model_that_guesses(self):
        report = self.report_of(MIXED["options"], 0.5)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, r"uniform drop +0 +0\.000 .* \d\.\d\d\de\+\d\d\n")


if __name__ == "__main__":
    unittest.main()
