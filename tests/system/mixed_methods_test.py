"""Searches over options of all kinds at once, and over options that fail."""

import time
import unittest

import journal
from broken_checkpoint import Checkpoint
from harness import STORIES, OneSearch, SystemTest, h5py, needs_h5py, needs_mpi, needs_stories, run_pare, start_pare
from method_harness import ATTENTION, ATTENTION_OPTIONS, LAYERS, MIXED, MLP, SHAPES, MethodTest
from resume_test import kill_everything


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


class FailingOptions(SystemTest):
    """An option that cannot be computed at one layer leaves the space there, and only there."""

    site = "model.layers.2.self_attn.v_proj"
    changes = {
        "data": {"calibration": "self", "windows": 8, "length": 16, "holdout": 4},
        "options": ["w2-g32", "w3-g32", "w4-g32"],
        "budget": {"bits_per_weight": 3.6},
        "search": {"tokens": 5000},
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        checkpoint = Checkpoint()
        checkpoint.set_bf16("layers.2.self_attn.v_proj", 5, 0x4880)  # 2^18: 2 bits need a scale of 87381
        checkpoint.write(cls.shared / "model")

    def failing(self, name="experiment", **changes):
        return self.experiment(name, **{"model": {"path": str(self.shared / "model")}, **self.changes, **changes})

    def expect_left_out(self, verdict):
        self.assertEqual([(each["site"], each["option"]) for each in verdict["left_out"]], [(self.site, "w2-g32")])
        self.assertIn("a binary16 scale is at most 65504", verdict["left_out"][0]["reason"])
        self.assertNotEqual(verdict["winner"]["recipe"][self.site], "w2-g32")

    def test_one_warning_and_a_search_without_it(self):
        cache = str(self.directory / "cache")
        outcome = self.succeed("search", self.failing(cache=cache), "--json")
        again = self.succeed("search", self.failing("again", cache=cache), "--json")  # the bank is there

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
        while journal.size(log) < 10000 and time.monotonic() < deadline:
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
        weights = LAYERS * sum(outputs * inputs for outputs, inputs in SHAPES.values())
        self.assertEqual(self.measure(self.directory / "experiment.yaml", "w16")["bytes"], 2 * weights)

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


if __name__ == "__main__":
    unittest.main()
