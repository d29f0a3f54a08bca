"""Every kind of setting runs through and keeps its promises."""

import unittest

from harness import STORIES, SystemTest, needs_stories

TINY = {"algorithm": "random", "tokens": 4000}


class Variants(SystemTest):
    def run_through(self, **changes):
        verdict = self.search(self.experiment(**{"search": TINY, **changes}))

        self.assertLessEqual(verdict["winner"]["bytes"], verdict["budget_bytes"])
        fitting = [c["kl"]["mean"] for c in verdict["contestants"] if c["fits"]]
        self.assertEqual(verdict["winner"]["kl"]["mean"], min(fitting))
        return verdict

    def test_budgets(self):
        for rule, budget in (("same_as", "w4-g32"), ("bits_per_weight", 4.625), ("bytes", 2727936), ("ratio", 2727936 / 9437184)):
            with self.subTest(rule):
                verdict = self.search(self.experiment(rule, budget={rule: budget}, search=TINY))

                self.assertEqual(verdict["budget_bytes"], 2727936)

    def test_algorithms(self):
        for algorithm in ("pare", "ilp", "greedy", "evopress", "evopress-bytes", "nsga2", "tpe", "random"):
            with self.subTest(algorithm):
                # Even steps between the levels: evopress trades one up for one down.
                options = ["w3-g32", "w4-g32", "w5-g32"]
                search = {"algorithm": algorithm, "tokens": 10000}
                verdict = self.search(self.experiment(algorithm, options=options, search=search))

                self.assertLessEqual(verdict["winner"]["bytes"], verdict["budget_bytes"])
                self.assertGreater(verdict["spent"]["search_tokens"], 0)
                self.assertLessEqual(verdict["spent"]["search_tokens"], 10000)

    def test_limits_end_the_search_with_an_answer(self):
        for limit, most in (("evaluations", 20), ("minutes", 0.01)):
            with self.subTest(limit):
                search = {"algorithm": "pare", "limits": {limit: most}}
                verdict = self.search(self.experiment(limit, search=search))

                self.assertEqual(verdict["ended_by"], limit)
                self.assertLessEqual(verdict["winner"]["bytes"], verdict["budget_bytes"])

    def test_races_are_reported(self):
        search = {"algorithm": "pare", "tokens": 60000, "rungs": [256, 1024]}
        verdict = self.search(self.experiment("races", search=search))

        figures = verdict["figures"]
        self.assertIsNone(verdict["ended_by"])
        self.assertGreater(figures["races"], 0)
        self.assertGreater(sum(rung["spent_windows"] for rung in figures["rungs"]), 0)

    def test_seed_changes_the_search(self):
        digests = {self.search(self.experiment(f"seed-{s}", search={**TINY, "seed": s}))["digest"] for s in (1, 2)}

        self.assertEqual(len(digests), 2)

    def test_ties_make_one_site_of_several_layers(self):
        verdict = self.run_through(ties=[["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"]])

        self.assertEqual(len(verdict["winner"]["recipe"]), 6 * 4)
        self.assertIn("model.layers.0.self_attn.{q_proj,k_proj,v_proj}", verdict["winner"]["recipe"])

    def test_rules_give_layers_their_own_options(self):
        verdict = self.run_through(
            options=[
                {"match": "v_proj", "options": ["w8-g32", "w16"]},
                {"match": "re:model\\.layers\\.0\\.", "options": ["w4-g32", "w8-channel-sym"]},
                {"match": "*", "options": ["w2-g32", "w4-g32"]},
            ],
            budget={"bits_per_weight": 4.5},
        )

        for site, option in verdict["winner"]["recipe"].items():
            if site.endswith("v_proj"):
                self.assertIn(option, ("w8-g32", "w16"))
            elif ".layers.0." in site:
                self.assertIn(option, ("w4-g32", "w8-channel-sym"))
            else:
                self.assertIn(option, ("w2-g32", "w4-g32"))

    def test_bfloat16_differs_a_little_from_binary32(self):
        exact = self.run_through()
        rounded = self.search(self.experiment("bf16", search=TINY, evaluation={"precision": "bf16"}))

        # Other sampled words, other sums: near, not equal.
        self.assertNotEqual(rounded["digest"], exact["digest"])
        ratio = rounded["reference"]["perplexity"] / exact["reference"]["perplexity"]
        self.assertTrue(0.5 < ratio < 2, ratio)

    def test_integer_activations(self):
        verdict = self.run_through(options=["w4-g32", "w8a8"], budget={"bits_per_weight": 6})

        self.assertIn("w8a8", verdict["winner"]["recipe"].values())

    def test_few_words_of_the_teacher(self):
        all_words = self.run_through()["winner"]["kl"]["mean"]
        few = self.search(self.experiment("few", search=TINY, evaluation={"teacher_top_k": 8, "weight_cache_mib": 0}))

        # The words beyond the top are counted as one, which can only hide divergence (data processing inequality).
        self.assertTrue(all(c["kl"]["mean"] > 0 for c in few["contestants"]))
        self.assertLessEqual(few["winner"]["kl"]["mean"], 2 * all_words)

    def test_full_precision_loses_nothing(self):
        file = self.experiment(options=["w4-g32", "w16"], budget={"bits_per_weight": 8})

        full = self.succeed("evaluate", file, "--recipe", "w16", "--json", "--quiet").json

        # The teacher's log-probabilities are kept in binary32: each is off by at most 2^-24 of itself, about 1e-6 at 15 nats.
        self.assertLess(full["kl"]["mean"], 1e-6)
        self.assertAlmostEqual(full["perplexity"], full["reference"]["perplexity"], places=6)
        self.assertFalse(full["fits"])

    def test_one_option_leaves_one_recipe(self):
        verdict = self.search(self.experiment(options=["w4-g32"]))

        self.assertEqual(verdict["winner"]["name"], "uniform w4-g32")
        self.assertEqual(set(verdict["winner"]["recipe"].values()), {"w4-g32"})

    def test_check_explains_without_computing(self):
        outcome = self.succeed("check", self.experiment())

        for part in ("llama, 6 layers", "42 with 4.719 M weights", "smallest possible", "w8-g32", "8 windows of 64 tokens"):
            self.assertIn(part, outcome.out)
        self.assertFalse((self.directory / "experiment").exists())

    def test_overrides_and_output_directory(self):
        output = self.directory / "elsewhere"
        file = self.experiment()

        self.search(file, "--set", "search.algorithm=random", "--set", "search.tokens=4000", "--output", str(output))

        self.assertTrue((output / "run.h5").exists())
        self.assertFalse((self.directory / "experiment").exists())

    @needs_stories
    def test_another_architecture_with_groups_that_do_not_fill_a_row(self):
        for model in ("hf", "hf-sharded"):
            with self.subTest(model):
                verdict = self.search(self.experiment(model, model={"path": str(STORIES / model)}, search={"tokens": 20000}))

                self.assertEqual(len(verdict["winner"]["recipe"]), 35)

    @needs_stories
    def test_shards_are_the_same_model(self):
        digests = [
            self.search(self.experiment(model, model={"path": str(STORIES / model)}, search=TINY))["digest"]
            for model in ("hf", "hf-sharded")
        ]

        self.assertEqual(*digests)


if __name__ == "__main__":
    unittest.main()
