"""pare compare-search as a whole: the same table for any number of ranks, after a kill too, and in every form."""

import csv
import math
import os
import signal
import time
import unittest

from harness import SystemTest, needs_h5py, needs_mpi, run_pare, start_pare

# Four cells of a few hundred evaluated windows.
RULES = {
    "algorithms": ["pare", "evopress"],
    "seeds": [1, 2],
    "budgets": [{"bits_per_weight": 3.5}],
    "tokens": 6000,
}
SIX = {"windows": 6, "length": 64, "holdout": 4, "calibration": "self"}


def without_seconds(comparison):
    for part in (*comparison["cells"], *comparison["rows"]):
        del part["seconds"]
    return comparison


class CompareTest(SystemTest):
    def comparison(self, name="experiment", **rules):
        return self.experiment(name, data=SIX, compare={**RULES, **rules})

    def compare(self, file, *arguments, **options):
        return self.succeed("compare-search", file, "--json", "--quiet", *arguments, **options).json


class Tables(CompareTest):
    @needs_mpi
    def test_one_process_and_two_ranks_give_the_same(self):
        alone = without_seconds(self.compare(self.comparison("alone")))

        ranks = without_seconds(self.compare(self.comparison("ranks"), ranks=2))

        self.assertEqual(ranks, alone)
        self.assertEqual([cell["algorithm"] for cell in alone["cells"]], ["pare", "evopress"] * 2)
        for cell in alone["cells"]:
            self.assertLessEqual(cell["tokens_asked"], 6000)
            self.assertEqual(cell["trajectory"][-1]["kl"]["mean"], cell["kl"]["mean"])
            self.assertEqual(cell["trajectory"][-1]["tokens"], cell["tokens_to_answer"])

    def test_continues_after_kills_and_a_drain_and_ends_the_same(self):
        file = self.comparison()
        journal = self.directory / "experiment/compare"
        kills = 0
        while kills < 3:
            before = sum(path.stat().st_size for path in journal.glob("**/*") if path.is_file())
            process = start_pare("compare-search", file)
            deadline = time.monotonic() + 120
            while sum(path.stat().st_size for path in journal.glob("**/*") if path.is_file()) < before + 8000:
                self.assertLess(time.monotonic(), deadline, "the journal does not grow")
                self.assertIsNone(process.poll(), f"it finished after {kills} kills")
                time.sleep(0.005)
            drain = kills == 2
            os.killpg(process.pid, signal.SIGUSR1 if drain else signal.SIGKILL)
            self.assertEqual(process.wait(timeout=120), 76 if drain else -signal.SIGKILL)
            kills += 1

        outcome = self.succeed("compare-search", file, "--json")

        self.assertIn("continuing: ", outcome.err)
        undisturbed = self.compare(self.comparison("undisturbed"))
        self.assertEqual(without_seconds(outcome.json), without_seconds(undisturbed))

    def test_a_finished_comparison_is_printed_again_at_once(self):
        file = self.comparison(seeds=[1])
        first = self.compare(file)

        again = self.succeed("compare-search", file, "--json")
        report = self.succeed("report", self.directory / "experiment", "--json")

        self.assertIn("this comparison is finished", again.err)
        self.assertEqual(again.json, first)
        self.assertEqual(report.json, first)

    def test_flags_override_the_lists(self):
        comparison = self.compare(self.comparison(), "--algorithms", "ilp,evopress", "--seeds", "5", "--tokens", "3000")

        self.assertEqual(comparison["reference"], "ilp")
        self.assertEqual([(cell["algorithm"], cell["seed"]) for cell in comparison["cells"]], [("ilp", 5), ("evopress", 5)])
        self.assertEqual(comparison["tokens"], 3000)

    @needs_h5py
    def test_csv_hdf5_and_json_agree(self):
        import h5py

        comparison = self.compare(self.comparison(algorithms=["evopress", "pare"], seeds=[1]))

        with (self.directory / "experiment/compare.csv").open() as file:
            lines = list(csv.DictReader(file))
        with h5py.File(self.directory / "experiment/compare.h5") as file:
            columns = {name: column[:] for name, column in file["cells"].items()}
        self.assertEqual(len(lines), 2)
        for row, (line, cell) in enumerate(zip(lines, comparison["cells"])):
            self.assertEqual(float(line["kl_mean"]), cell["kl"]["mean"])
            self.assertEqual(int(line["tokens_asked"]), cell["tokens_asked"])
            for name in set(line) & set(columns):
                stored = columns[name][row]
                if name == "algorithm":
                    self.assertEqual(stored.decode(), line[name])
                elif name != "budget" and line[name]:
                    self.assertEqual(float(stored), float(line[name]), name)
                elif name != "budget":
                    self.assertTrue(stored == -1 or math.isnan(stored), name)


class Checked(CompareTest):
    def test_check_says_what_a_comparison_takes(self):
        outcome = self.succeed("check", self.comparison(budgets=[{"bits_per_weight": 3.5}, {"same_as": "w4-g32"}]))

        self.assertIn("2 algorithms x 2 seeds x 2 budgets: 8 searches of at most 6000 tokens", outcome.out)
        self.assertRegex(outcome.out, r"same_as: w4-g32: \d+ bytes = 4\.625 bits a weight")


class Refused(CompareTest):
    def expect_error(self, pattern, *arguments, **rules):
        outcome = run_pare("compare-search", self.comparison(**rules), "--quiet", *arguments)

        self.assertEqual(outcome.code, 2, outcome.err)
        self.assertRegex(outcome.err, f"^pare: error: .*{pattern}")
        self.assertEqual(outcome.err.count("\n"), 1)

    def test_unknown_algorithm_by_the_nearest_name(self):
        self.expect_error(r"algorithms\[1\]: unknown value 'evopres', did you mean 'evopress'\?", algorithms=["pare", "evopres"])
        self.expect_error(r"algorithms\[0\]: unknown value 'grede', did you mean 'greedy'\?", "--algorithms", "grede")

    def test_the_same_twice(self):
        self.expect_error(r"seeds\[2\]: 1 is listed twice", seeds=[1, 2, 1])
        self.expect_error(r"algorithms\[1\]: pare is listed twice", algorithms=["pare", "pare"])
        self.expect_error(r"budgets\[1\]: bytes: 5 is listed twice", budgets=[{"bytes": 5}, {"bytes": 5}])

    def test_a_budget_that_no_recipe_fits_by_its_place(self):
        budgets = [{"bits_per_weight": 3.5}, {"bits_per_weight": 1.5}]
        self.expect_error(r"compare.budgets\[1\]: .*1\.5.*no recipe fits", budgets=budgets)

    def test_another_comparison_in_the_directory(self):
        file = self.comparison(seeds=[1])
        self.compare(file)

        outcome = run_pare("compare-search", file, "--quiet", "--seeds", "1,2")

        self.assertEqual(outcome.code, 2)
        self.assertIn("holds another comparison, choose another directory (--output)", outcome.err)


if __name__ == "__main__":
    unittest.main()
