"""Several domains of text, and what a search minimizes."""

import json
import subprocess
import sys
import time
import unittest

import journal
from harness import SOURCE, STORIES, SystemTest, h5py, needs_h5py, needs_mpi, needs_stories, run_pare, start_pare
from resume_test import kill_everything

# Of the demo model.
VOCABULARY = 1024


def write_tokens(path, tokens):
    with h5py.File(path, "w") as file:
        file.create_dataset("tokens", data=tokens, dtype="uint32")
        file.create_dataset("doc_offsets", data=[0, len(tokens)], dtype="uint64")


@needs_h5py
class Domains(SystemTest):
    def texts(self):
        """A text that repeats itself, and one that does not."""
        narrow, wide = self.shared / "narrow.h5", self.shared / "wide.h5"
        if not wide.exists():
            write_tokens(narrow, [300 + (i * i) % 7 for i in range(2000)])
            write_tokens(wide, [(i * 7919 + i * i * 31) % VOCABULARY for i in range(2000)])
        return [{"file": str(narrow), "weight": 2}, {"file": str(wide)}]

    def data(self, **changes):
        return {"texts": self.texts(), "windows": 9, "length": 32, "holdout": 6, **changes}

    def test_every_domain_has_a_row(self):
        file = self.experiment(data=self.data())

        verdict = self.search(file)

        self.assertEqual(verdict["objective"], {"metric": "kl", "combine": "mean"})
        for contestant in verdict["contestants"]:
            domains = contestant["domains"]
            self.assertEqual([(d["name"], d["windows"]) for d in domains], [("narrow", 4), ("wide", 2)])
            mean = (4 * domains[0]["kl"]["mean"] + 2 * domains[1]["kl"]["mean"]) / 6
            self.assertAlmostEqual(contestant["kl"]["mean"], mean)
            self.assertEqual(contestant["loss"], contestant["kl"]["mean"])
        report = self.succeed("report", self.directory / "experiment").out
        self.assertIn("Objective  mean KL\n", report)
        self.assertRegex(report, r"\n  narrow +4 ")
        with h5py.File(self.directory / "experiment/run.h5") as run:
            self.assertEqual(run["domains/name"][:].tolist(), [b"narrow", b"wide"])
            self.assertEqual(run["windows/holdout_domain"][:].tolist(), [0, 1, 0, 0, 1, 0])

        measured = self.succeed("evaluate", file, "--recipe", "w4-g32", "--json", "--quiet").json
        uniform = next(c for c in verdict["contestants"] if c["name"] == "uniform w4-g32")
        self.assertEqual(measured["domains"], uniform["domains"])

    def test_the_winner_of_the_worst_domain_is_the_best_there(self):
        objective = {"metric": "kl", "combine": "worst"}

        verdict = self.search(self.experiment(data=self.data(), objective=objective))

        self.assertEqual(verdict["objective"], objective)
        for contestant in verdict["contestants"]:
            self.assertAlmostEqual(contestant["loss"], max(d["kl"]["mean"] for d in contestant["domains"]))
        fitting = [c for c in verdict["contestants"] if c["fits"]]
        self.assertEqual(verdict["winner"]["name"], min(fitting, key=lambda c: c["loss"])["name"])

    def test_perplexity_is_minimized_where_that_is_asked_for(self):
        verdict = self.search(self.experiment(data=self.data(), objective={"metric": "perplexity"}))

        fitting = [c for c in verdict["contestants"] if c["fits"]]
        self.assertEqual(verdict["winner"]["perplexity"], min(c["perplexity"] for c in fitting))
        self.assertIn("Perplexity is ", self.succeed("report", self.directory / "experiment").out)

    @needs_mpi
    def test_more_ranks_give_the_same_answer(self):
        objective = {"metric": "perplexity", "combine": "worst"}
        settings = {"data": self.data(), "objective": objective, "search": {"tokens": 6000}}
        alone = self.search(self.experiment("alone", **settings))
        for ranks in (2, 4):
            file = self.experiment(f"ranks-{ranks}", **settings)
            together = self.search(file, ranks=ranks)
            self.assertEqual(together["digest"], alone["digest"])
            self.assertEqual(together["winner"], alone["winner"])

    def test_a_killed_search_continues_to_the_same_answer(self):
        objective = {"metric": "kl", "combine": "worst"}
        whole = self.search(self.experiment("whole", data=self.data(), objective=objective))
        file = self.experiment("killed", data=self.data(), objective=objective)
        process = start_pare("search", file, "--quiet")
        deadline = time.monotonic() + 120
        while journal.size(self.directory / "killed/journal") < 20_000 and process.poll() is None:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        kill_everything(process)

        self.assertEqual(self.search(file)["digest"], whole["digest"])

    def test_the_text_that_is_too_short_is_named(self):
        data = self.data(windows=90, length=64)

        refused = run_pare("search", self.experiment(data=data), "--quiet")

        self.assertEqual(refused.code, 65)
        self.assertIn("narrow.h5: 2000 tokens give 31 windows of 64, the experiment needs 60 + 4 held out", refused.err)

    def test_a_comparison_is_by_kl_only(self):
        refused = run_pare("compare-search", self.experiment(data=self.data(), objective={"metric": "perplexity"}))

        self.assertEqual(refused.code, 2)
        self.assertIn("compare: searches are compared by their mean KL, leave out objective", refused.err)

    def test_the_example_is_accepted(self):
        model = f"model.path={json.dumps(str(SOURCE / 'configs/quickstart/model'))}"
        checked = self.succeed("check", SOURCE / "configs/domains.yaml", "--set", model).out
        self.assertIn("stories (runs/stories.h5, 32 windows), plays (runs/plays.h5, 16 windows)", checked)
        self.assertIn("objective  KL of the worst domain", checked)
        checked = self.succeed("check", SOURCE / "configs/accuracy.yaml", "--set", model).out
        self.assertIn("200 items, up to 4 choices, each in 64 tokens with its context, to search on", checked)


@needs_h5py
@needs_stories
class RealTexts(SystemTest):
    def test_plays_are_the_worst_of_a_model_of_stories(self):
        data = STORIES.parent
        stories, plays = self.directory / "stories.jsonl", self.directory / "plays.txt"
        lines = (data / "tinystories-sample/tinystories_ascii.jsonl").read_text().splitlines(keepends=True)
        stories.write_text("".join(lines[:12]))
        plays.write_text((data / "tinyshakespeare/input.txt").read_text()[:6000])
        texts = []
        for text in (stories, plays):
            output = text.with_suffix(".h5")
            script = [sys.executable, SOURCE / "scripts/tokenize.py", "--tokenizer", STORIES / "tok512.bin"]
            subprocess.run([*script, "--output", output, text], check=True, capture_output=True)
            texts.append({"file": str(output)})
        experiment = self.experiment(
            model={"path": str(STORIES / "hf")}, search={"tokens": 20000}, objective={"combine": "worst"},
            data={"texts": texts, "windows": 8, "length": 64, "holdout": 8},
        )

        verdict = self.search(experiment)

        told, played = verdict["reference"]["domain_perplexities"]
        self.assertLess(told, 8)
        self.assertGreater(played, 50)
        for contestant in verdict["contestants"]:
            domains = {domain["name"]: domain["kl"]["mean"] for domain in contestant["domains"]}
            self.assertEqual(contestant["loss"], domains["plays"])
            self.assertGreater(domains["plays"], domains["stories"])


@needs_h5py
class Items(SystemTest):
    """Multiple choice: which of three words is the one that the full model finds most likely?"""

    def exam(self, items=60, **changes):
        path = self.shared / "exam.h5"
        context, choice, tokens = [], [], []
        for i in range(items):
            begin = len(tokens)
            tokens += [(i * 37 + j * j * 11) % VOCABULARY for j in range(6 + i % 3)]
            context.append((begin, len(tokens)))
            for c in range(3):
                choice.append((len(tokens), len(tokens) + 1 + c % 2))
                tokens += [(i * 101 + c * 331 + j) % VOCABULARY for j in range(1 + c % 2)]
        tokens += [(i * i) % VOCABULARY for i in range(400)]
        columns = {
            "context": context, "choice": choice, "choice_offsets": range(0, 3 * items + 1, 3),
            "label": [i % 3 for i in range(items)], "choice_bytes": [4] * (3 * items), **changes,
        }
        with h5py.File(path, "w") as file:
            file.create_dataset("tokens", data=tokens, dtype="uint32")
            for name, column in columns.items():
                narrow = name in ("label", "choice_bytes")
                file.create_dataset(f"items/{name}", data=list(column), dtype="uint32" if narrow else "uint64")
            file["items"].attrs.create("score", b"sum", dtype=h5py.string_dtype("utf-8", 3))
        return path

    def data(self, **changes):
        return {"calibration": str(self.exam()), "windows": 24, "length": 16, "holdout": 12, "choices": 3, **changes}

    def write_experiment(self, name="experiment", **changes):
        return self.experiment(name, data=self.data(), objective={"metric": "accuracy"}, **changes)

    def test_the_winner_has_the_fewest_wrong_answers(self):
        verdict = self.search(self.write_experiment())

        fitting = [c for c in verdict["contestants"] if c["fits"]]
        winner = next(c for c in fitting if c["name"] == verdict["winner"]["name"])
        self.assertEqual(winner["accuracy"], max(c["accuracy"] for c in fitting))
        self.assertAlmostEqual(winner["loss"], 1 - winner["accuracy"], delta=1e-4)
        self.assertIn("accuracy", verdict["reference"])
        report = self.succeed("report", self.directory / "experiment").out
        self.assertIn("Objective  share of wrong answers", report)
        self.assertIn(" of 12 items", report)
        with h5py.File(self.directory / "experiment/run.h5") as run:
            self.assertLessEqual(set(run["trials/window_wrong"][0][:1]), {0, 1})

        measured = self.succeed(
            "evaluate", self.directory / "experiment.yaml", "--recipe", "w4-g32", "--json", "--quiet"
        ).json
        uniform = next(c for c in verdict["contestants"] if c["name"] == "uniform w4-g32")
        self.assertEqual(measured["accuracy"], uniform["accuracy"])
        self.assertEqual(measured["reference"]["accuracy"], verdict["reference"]["accuracy"])

    @needs_mpi
    def test_more_ranks_give_the_same_answer(self):
        alone = self.search(self.write_experiment("alone", search={"tokens": 6000}))
        together = self.search(self.write_experiment("together", search={"tokens": 6000}), ranks=2)

        self.assertEqual(together["digest"], alone["digest"])

    def test_results_are_known_to_other_runs(self):
        first = self.search(self.write_experiment("first", reuse=True))
        second = self.search(self.write_experiment("second", reuse=True))

        self.assertEqual(second["digest"], first["digest"])
        self.assertEqual(second["spent"]["tokens"], 0)

    def test_an_item_that_cannot_be_asked_is_named(self):
        file = self.write_experiment()
        for changes, problem in (
            ({"label": [3] * 60}, "exam.h5: item 0: label 3 is none of its 3 choices"),
            ({"choice": [(0, 16)] * 180}, "exam.h5: item 0, choice 0 has 16 tokens, which do not fit"),
        ):
            with self.subTest(problem):
                self.exam(**changes)
                refused = run_pare("search", file, "--quiet")
                self.assertEqual(refused.code, 65)
                self.assertIn(problem, refused.err)

    def test_a_file_without_items_is_named(self):
        path = self.shared / "text.h5"
        write_tokens(path, [i % 7 for i in range(500)])
        file = self.experiment(data=self.data(calibration=str(path)), objective={"metric": "accuracy"})

        refused = run_pare("search", file, "--quiet")

        self.assertEqual(refused.code, 65)
        self.assertIn("text.h5: has no multiple-choice items (/items)", refused.err)


if __name__ == "__main__":
    unittest.main()
