"""What a search reports: the JSON, the run file, and the agreement of the two with each other and with `pare evaluate`."""

import math
import shutil
import unittest

from harness import SMALL, OneSearch, h5py, needs_h5py

CONTESTANT = {"name", "bytes", "bits_per_weight", "kl", "perplexity"}
SITES = 42
WEIGHTS = 4_718_592


class Verdict(OneSearch):
    """One search, looked at from all sides."""

    changes = {"search": {"tokens": 40000}}  # enough for contestants that all differ

    def contestants(self):
        return self.verdict["contestants"]

    def test_json_has_the_promised_names(self):
        self.assertEqual(
            set(self.verdict),
            {"budget_bytes", "objective", "winner", "contestants", "reference", "over_uniform", "over_mixture", "left_out", "ended_by", "figures", "failed", "workers", "spent", "trials",
             "digest"},
        )
        self.assertEqual(set(self.verdict["winner"]), CONTESTANT | {"recipe"})
        for contestant in self.contestants():
            self.assertEqual(set(contestant), CONTESTANT | {"fits", "loss", "loss_half_width", "winner_difference"})
            self.assertEqual(set(contestant["kl"]), {"mean", "stderr"})
        self.assertEqual(set(self.verdict["reference"]), {"bytes", "perplexity"})
        self.assertEqual(
            set(self.verdict["spent"]),
            {"tokens", "search_tokens", "reused_tokens", "evaluations", "seconds", "stage_runs", "stage_runs_saved", "stages"},
        )
        self.assertEqual(self.verdict["left_out"], [])
        self.assertRegex(self.verdict["digest"], "^[0-9a-f]{32}$")

    def test_every_site_has_an_option(self):
        recipe = self.verdict["winner"]["recipe"]

        self.assertEqual(len(recipe), SITES)
        self.assertLessEqual(set(recipe.values()), set(SMALL["options"]))

    def test_bytes_are_the_sum_of_the_packed_sites(self):
        # A group of 32: its codes, a zero point of as many bits, a binary16 scale.
        bits = {name: int(name[1]) + (int(name[1]) + 16) / 32 for name in SMALL["options"]}
        shapes = {"q_proj": 256, "k_proj": 128, "v_proj": 128, "o_proj": 256, "gate_proj": 768, "up_proj": 768, "down_proj": 768}
        recipe = self.verdict["winner"]["recipe"]

        total = sum(shapes[site.rsplit(".", 1)[1]] * 256 * bits[option] / 8 for site, option in recipe.items())

        self.assertEqual(self.verdict["winner"]["bytes"], total)
        self.assertAlmostEqual(self.verdict["winner"]["bits_per_weight"], total * 8 / WEIGHTS)

    def test_winner_fits_and_is_the_best_that_does(self):
        winner = self.verdict["winner"]

        self.assertLessEqual(winner["bytes"], self.verdict["budget_bytes"])
        for contestant in self.contestants():
            self.assertEqual(contestant["fits"], contestant["bytes"] <= self.verdict["budget_bytes"])
            if contestant["fits"]:
                self.assertLessEqual(winner["kl"]["mean"], contestant["kl"]["mean"])

    def test_uniform_recipes_stand_beside_it(self):
        uniform = {c["name"]: c for c in self.contestants() if c["name"].startswith("uniform ")}

        self.assertIn("uniform w4-g32", uniform)
        self.assertEqual(uniform["uniform w4-g32"]["bytes"], self.verdict["budget_bytes"])

    def test_reference_is_the_checkpoint(self):
        self.assertEqual(self.verdict["reference"]["bytes"], WEIGHTS * 2)
        self.assertTrue(1 < self.verdict["reference"]["perplexity"] < 1024)

    def test_costs_add_up(self):
        spent = self.verdict["spent"]

        self.assertLessEqual(spent["search_tokens"], 40000)
        self.assertEqual(spent["tokens"] - spent["search_tokens"], len(self.contestants()) * 4 * 64)
        self.assertEqual(spent["evaluations"], self.verdict["trials"])
        # 14 stages a window: embedding, 6 of attention, 6 of mlp, head. What was saved would have been run without sharing.
        self.assertEqual((spent["stage_runs"] + spent["stage_runs_saved"]) * 64, spent["tokens"] * 14)

    def test_winner_evaluated_alone_has_the_same_bits(self):
        recipe = self.home.directory / "winner.yaml"
        recipe.write_text("".join(f"{site}: {option}\n" for site, option in self.verdict["winner"]["recipe"].items()))

        alone = self.succeed("evaluate", self.file, "--recipe", recipe, "--json", "--quiet").json

        for key in ("bytes", "bits_per_weight", "kl", "perplexity"):
            self.assertEqual(alone[key], self.verdict["winner"][key])
        self.assertEqual(alone["reference"], self.verdict["reference"])
        self.assertTrue(alone["fits"])

    def test_uniform_recipe_evaluated_alone_has_the_same_bits(self):
        alone = self.succeed("evaluate", self.file, "--recipe", "w4-g32", "--json", "--quiet").json

        (uniform,) = [c for c in self.contestants() if c["name"] == "uniform w4-g32"]
        self.assertEqual(alone["kl"], uniform["kl"])
        self.assertEqual(alone["perplexity"], uniform["perplexity"])

    def test_report_and_inspect_speak_for_people(self):
        report = self.succeed("report", self.run_directory / "run.h5").out
        inspect = self.succeed("inspect", self.run_directory / "run.h5").out

        self.assertIn("uniform w4-g32", report)
        self.assertIn(self.verdict["digest"], report + inspect)

    def test_reported_recipe_evaluates_to_the_winner(self):
        recipe = self.home.directory / "recipe.yaml"
        recipe.write_text(self.succeed("report", self.run_directory, "--recipe").out)

        again = self.succeed("evaluate", self.file, "--recipe", recipe, "--json", "--quiet").json

        self.assertEqual(again["kl"], self.verdict["winner"]["kl"])

    @needs_h5py
    def test_run_file_says_what_the_json_says(self):
        with h5py.File(self.run_directory / "run.h5") as run:
            self.check_space(run)
            self.check_trials(run)
            self.check_verdict(run)

    @needs_h5py
    def test_run_files_from_before_there_were_calibration_windows_are_read(self):
        old = self.home.directory / "old.h5"
        shutil.copy(self.run_directory / "run.h5", old)
        with h5py.File(old, "r+") as run:
            del run["experiment"].attrs["calibration_windows"]

        self.assertEqual(self.succeed("report", old, "--json").json, self.verdict)

    def check_space(self, run):
        names = [name.decode() for name in run["sites/name"][:]]
        self.assertEqual(names, list(self.verdict["winner"]["recipe"]))
        self.assertEqual(run["sites/weights"][:].sum(), WEIGHTS)
        self.assertEqual([name.decode() for name in run["options/name"][:]], SMALL["options"] * SITES)
        self.assertEqual(list(run["options/site"][:]), [site for site in range(SITES) for _ in range(3)])
        errors = run["options/local_error"][:].reshape(SITES, 3)
        self.assertTrue((errors[:, 0] > errors[:, 1]).all() and (errors[:, 1] > errors[:, 2]).all() and (errors > 0).all())

    def check_trials(self, run):
        trials = run["trials"]
        self.assertEqual(list(trials["id"][:]), list(range(self.verdict["trials"])))
        self.assertEqual(trials.attrs["digest"].decode(), self.verdict["digest"])
        self.assertEqual(trials["recipe"].shape, (self.verdict["trials"], SITES))
        for row, count, mean in zip(trials["window_kl"][:], trials["count"][:], trials["kl_mean"][:]):
            self.assertTrue(math.isclose(sum(row[:count]) / count, mean, rel_tol=1e-12))
            self.assertTrue(all(math.isnan(value) for value in row[count:]))
        holdout = trials["set"][:] == 1
        self.assertEqual(holdout.sum(), len(self.contestants()))
        self.assertEqual(set(trials["count"][:][holdout]), {4})

    def check_verdict(self, run):
        verdict = run["verdict"]
        rows = verdict["contestants"]
        self.assertEqual(verdict.attrs["digest"].decode(), self.verdict["digest"])
        self.assertEqual(verdict.attrs["budget_bytes"], self.verdict["budget_bytes"])
        self.assertEqual([name.decode() for name in rows["name"][:]], [c["name"] for c in self.contestants()])
        self.assertEqual(list(rows["bytes"][:]), [c["bytes"] for c in self.contestants()])
        self.assertEqual(list(rows["kl_mean"][:]), [c["kl"]["mean"] for c in self.contestants()])
        self.assertEqual(list(rows["kl_stderr"][:]), [c["kl"]["stderr"] for c in self.contestants()])
        self.assertEqual(list(rows["perplexity"][:]), [c["perplexity"] for c in self.contestants()])
        recipe = rows["recipe"][verdict.attrs["winner"]]
        self.assertEqual([SMALL["options"][option] for option in recipe], list(self.verdict["winner"]["recipe"].values()))

    @needs_h5py
    def test_run_file_holds_the_whole_experiment(self):
        with h5py.File(self.run_directory / "run.h5") as run:
            yaml = run["experiment"].attrs["yaml"]
            facts = run["provenance"].attrs["keys"].decode().split("\n")
        again = self.home.directory / "again.yaml"
        again.write_bytes(yaml)

        self.assertEqual(self.succeed("search", again, "--json", "--quiet").json, self.verdict)
        self.assertIn("model_hash", facts)


if __name__ == "__main__":
    unittest.main()
