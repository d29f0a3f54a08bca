"""Several budgets in one run, and limits beside bytes."""

import itertools
import json
import unittest

from harness import SMALL, SOURCE, OneSearch, SystemTest, needs_mpi, run_pare

FRONT = {"front": {"from": 3, "to": 6, "points": 3}}
# out x in of the demo model's layers, and with half of its heads or channels
SHAPES = {(256, 256), (128, 256), (768, 256), (256, 768), (64, 256), (256, 128), (384, 256), (256, 384)}


class Front(OneSearch):
    changes = {"budget": FRONT}

    def test_every_budget_has_a_winner_and_none_loses_to_a_smaller_one(self):
        verdict = self.verdict

        front = verdict["front"]
        self.assertEqual(len(front), 3)
        for point in front:
            self.assertLessEqual(point["winner"]["bytes"], point["budget_bytes"])
            if point["uniform"]:
                self.assertLessEqual(point["winner"]["kl"]["mean"], point["uniform"]["kl"]["mean"])
        for smaller, larger in itertools.pairwise(front):
            self.assertLess(smaller["budget_bytes"], larger["budget_bytes"])
            self.assertGreaterEqual(smaller["winner"]["kl"]["mean"], larger["winner"]["kl"]["mean"])
        self.assertEqual(verdict["winner"], front[-1]["winner"])
        self.assertEqual(verdict["budget_bytes"], front[-1]["budget_bytes"])
        self.assertLessEqual(verdict["spent"]["search_tokens"], SMALL["search"]["tokens"])

        run = self.run_directory
        recipe = self.succeed("report", run, "--recipe", "--budget", "4.5").out
        lines = [f"{site}: {option}" for site, option in front[1]["winner"]["recipe"].items()]
        self.assertEqual(recipe.splitlines()[1:], lines)
        self.assertIn("Front, one winner a budget", self.succeed("report", run).out)
        refused = run_pare("report", run, "--recipe", "--budget", "5")
        self.assertEqual(refused.code, 2)
        self.assertIn("the run has no such budget (there are, in bits a weight: 3.000, 4.500, 6.000)", refused.err)

    @needs_mpi
    def test_more_ranks_give_the_same_front(self):
        together = self.search(self.experiment(budget=FRONT), ranks=2)

        self.assertEqual(together["digest"], self.verdict["digest"])
        self.assertEqual(together["front"], self.verdict["front"])


class Limits(SystemTest):
    def table(self, left_out=()):
        """Layers of 8 bits are as fast as those of 2: bytes and seconds do not go together."""
        seconds = {"w2-g32": 3e-6, "w4-g32": 2e-6, "w8-g32": 1e-6}
        lines = [
            f"{rows},{cols},{option},decode,1,{time}"
            for rows, cols in sorted(SHAPES)
            for option, time in seconds.items()
            if (rows, cols, option) not in left_out
        ]
        file = self.directory / "latency.csv"
        file.write_text("rows,cols,option,phase,tokens,seconds\n" + "\n".join(lines) + "\n")
        return {"table": str(file)}

    def test_the_winner_keeps_every_limit(self):
        options = ["w2-g32", "w4-g32", "w8-g32", "keep-50%-magnitude+w4-g32", "keep-50%-magnitude+w8-g32"]
        budget = {"bits_per_weight": 5, "decode_seconds": 84e-6, "kv_bytes": 600_000}
        file = self.experiment(options=options, budget=budget, latency=self.table(), kv={"tokens": 256})

        verdict = self.search(file)

        recipe = verdict["winner"]["recipe"]
        microseconds = sum(3 if "w2" in option else 2 if "w4" in option else 1 for option in recipe.values())
        kv = sum(
            256 * 2 * (64 if option.startswith("keep") else 128)
            for site, option in recipe.items()
            if site.endswith(("k_proj", "v_proj"))
        )
        self.assertLessEqual(microseconds, 84)
        self.assertLessEqual(kv, 600_000)
        self.assertLessEqual(verdict["winner"]["bytes"], verdict["budget_bytes"])
        self.assertEqual(verdict["limits"], {"decode_seconds": 84e-6, "kv_bytes": 600_000})
        self.assertIn("Limit      kv_bytes 600,000 bytes", self.succeed("report", self.directory / "experiment").out)

    def test_two_limits_that_cannot_hold_together_are_named(self):
        budget = {"bits_per_weight": 3, "decode_seconds": 45e-6, "kv_bytes": 10_000_000}
        file = self.experiment(budget=budget, latency=self.table(), kv={"tokens": 256})

        refused = run_pare("check", file)

        self.assertEqual(refused.code, 2)
        self.assertIn("budget: decode_seconds: 4.5e-05 and bytes: 1769472 cannot hold together", refused.err)
        self.assertIn("too much", refused.err)

    def test_a_missing_line_of_the_table_is_shown(self):
        budget = {"decode_seconds": 1e-3}
        file = self.experiment(budget=budget, latency=self.table(left_out={(768, 256, "w4-g32")}))

        refused = run_pare("check", file)

        self.assertEqual(refused.code, 2)
        self.assertIn("add the line '768,256,w4-g32,decode,1,SECONDS'", refused.err)

    def test_a_profile_of_this_machine_is_a_table_for_limits(self):
        file = self.experiment(options=["w4-g32", "w8a8"], budget={"bits_per_weight": 8.5})
        for name in ("latency.h5", "latency.csv"):
            with self.subTest(name):
                table = self.directory / name

                profile = self.succeed("profile", file, "--output", table, "--prefill", "64", "--decode", "1")

                self.assertIn("768 x 256, int8: w8a8", profile.out)
                limit = ["--set", f"latency.table={table}", "--set", "budget.decode_seconds=1"]
                self.assertIn("decode_seconds: at most 1 s", self.succeed("check", file, *limit).out)

        refused = run_pare("profile", file, "--output", self.directory / "no" / "table.h5")
        self.assertEqual(refused.code, 2)
        self.assertIn("--output: there is no directory", refused.err)

    def test_the_examples_are_accepted(self):
        for name in ("constraints", "front"):
            with self.subTest(name):
                table = f"latency.table={json.dumps(str(SOURCE / 'configs/constraints_latency.csv'))}"
                model = f"model.path={json.dumps(str(SOURCE / 'configs/quickstart/model'))}"
                overrides = ["--set", model] + (["--set", table] if name == "constraints" else [])
                self.succeed("check", SOURCE / f"configs/{name}.yaml", *overrides)


if __name__ == "__main__":
    unittest.main()
