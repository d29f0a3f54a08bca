"""What is kept of a run: evaluations shared between runs, repaired journals, snapshots, and resuming at every commit."""

import json
import os
import random
import shutil
import subprocess
import time
import unittest
from pathlib import Path

import journal
from harness import SystemTest, command, h5py, needs_h5py, run_pare, start_pare
from resume_test import kill_everything

SEARCH = {"algorithm": "random", "tokens": 8000}
CYCLES = int(os.environ.get("PARE_FAULT_CYCLES", "1"))


class Reuse(SystemTest):
    def setUp(self):
        super().setUp()
        self.own = {"cache": str(self.directory / "cache"), "search": SEARCH}

    def test_a_repeated_search_pays_for_nothing(self):
        first = self.search(self.experiment("first", reuse=True, **self.own))

        outcome = self.succeed("search", self.experiment("second", reuse=True, **self.own), "--json")

        self.assertIn("reusing: ", outcome.err)
        second = outcome.json
        self.assertEqual(second["digest"], first["digest"])
        self.assertEqual(second["winner"], first["winner"])
        self.assertEqual((first["spent"]["reused_tokens"], second["spent"]["tokens"]), (0, 0))
        self.assertEqual(second["spent"]["reused_tokens"], first["spent"]["tokens"])
        # It stands alone: the run file comes from its own journal.
        shutil.rmtree(self.directory / "cache")
        (self.directory / "second/run.h5").unlink()
        self.assertEqual(json.loads(self.succeed("report", self.directory / "second", "--json").out), second)

    def test_a_wider_search_pays_for_what_is_new_and_ends_as_without(self):
        self.search(self.experiment("narrow", reuse=True, **self.own))
        wider = {**self.own, "options": ["w2-g32", "w3-g32", "w4-g32", "w8-g32"], "search": {"algorithm": "ilp", "tokens": 20000}}

        alone = self.search(self.experiment("alone", reuse=False, **wider))
        helped = self.search(self.experiment("helped", reuse=True, **wider))

        self.assertEqual(helped["digest"], alone["digest"])
        self.assertGreater(helped["spent"]["reused_tokens"], 0)
        self.assertEqual(helped["spent"]["tokens"] + helped["spent"]["reused_tokens"], alone["spent"]["tokens"])


class Kept(SystemTest):
    """Experiments on copies of the journal of one finished search."""

    def setUp(self):
        super().setUp()
        self.file = self.experiment(search=SEARCH)
        self.output = self.directory / "experiment"
        self.journal = self.output / "journal"
        self.verdict = self.search(self.file)
        self.whole = (self.journal / "000001.bin").read_bytes()

    def leave(self, content):
        """The run as if its only segment held these bytes, and nothing had been derived from it."""
        shutil.rmtree(self.output)
        self.journal.mkdir(parents=True)
        (self.journal / "000001.bin").write_bytes(content)

    def ends_of_records(self, kind=None):
        position = journal.header_size(self.whole)
        ends = []
        for _, its_kind, _, record in journal.whole_records(self.journal / "000001.bin"):
            position += len(record)
            if kind in (None, its_kind):
                ends.append(position)
        return ends

    def test_resumed_at_any_commit_it_ends_the_same(self):
        commits = self.ends_of_records(journal.COMMIT)
        count = min(len(commits), 3 * CYCLES)
        for i in range(count):
            end = commits[i * (len(commits) - 1) // max(1, count - 1)]
            with self.subTest(end=end):
                self.leave(self.whole[:end])

                self.assertEqual(self.search(self.file)["digest"], self.verdict["digest"])

    def test_a_repaired_journal_goes_on(self):
        results = self.ends_of_records(journal.RESULT)
        damaged = bytearray(self.whole)
        damaged[results[len(results) // 2] - 10] ^= 1
        self.leave(damaged)

        refused = run_pare("search", self.file, "--quiet")
        repaired = self.succeed("journal", "repair", self.output)
        verdict = self.search(self.file)

        self.assertEqual(refused.code, 2)
        self.assertIn(f"`pare journal repair {self.output}` keeps all sound records and says what is lost", refused.err)
        self.assertRegex(repaired.out, r"records kept, 1 lost\ntrials to be measured again, .*: [0-9]")
        self.assertEqual((self.output / "journal.damaged-1/000001.bin").read_bytes(), damaged)
        self.assertEqual(verdict["digest"], self.verdict["digest"])
        self.assertIn("is sound, nothing was changed", self.succeed("journal", "repair", self.output).out)

    def test_export_of_nothing_says_so(self):
        self.expect(run_pare("journal", "export", self.directory / "nowhere"), "there is no journal of a search that has begun")
        self.expect(run_pare("journal", "repair", self.directory / "nowhere"), "there is no journal to repair")

    def expect(self, outcome, text):
        self.assertEqual(outcome.code, 2)
        self.assertIn(text, outcome.err)

    @needs_h5py
    def test_a_snapshot_killed_at_any_time_leaves_a_readable_run_file(self):
        """P4: seq never falls, whatever the snapshots that were killed did."""
        choice = random.Random(20260721)
        ends = self.ends_of_records()[2:]
        self.leave(self.whole[: ends[0]])
        self.succeed("journal", "export", self.output)
        before = 0
        kills = 12 * CYCLES
        for kill in range(kills):
            end = ends[kill * (len(ends) - 1) // kills]
            (self.journal / "000001.bin").write_bytes(self.whole[:end])
            process = subprocess.Popen(command(["journal", "export", self.output]), stdout=subprocess.DEVNULL)
            time.sleep(choice.uniform(0, 0.08))
            process.kill()
            process.wait()

            with h5py.File(self.output / "run.h5") as run:
                sequence = int(run.attrs["journal_sequence"])
            self.assertGreaterEqual(sequence, before)
            before = sequence
        self.succeed("journal", "export", self.output)
        with h5py.File(self.output / "run.h5") as run, h5py.File(self.output / "run.previous.h5") as previous:
            self.assertGreaterEqual(run.attrs["journal_sequence"], previous.attrs["journal_sequence"])


class Snapshots(SystemTest):
    def test_run_h5_is_there_while_the_search_runs(self):
        file = self.experiment(search={"algorithm": "nsga2", "tokens": 4000000})
        process = start_pare("search", file)
        self.addCleanup(kill_everything, process)
        run = self.directory / "experiment/run.h5"
        deadline = time.monotonic() + 300
        while not run.exists() and time.monotonic() < deadline:
            self.assertIsNone(process.poll())
            time.sleep(0.1)

        report = run_pare("report", run)

        self.assertIn("No verdict yet: ", report.out)
        self.assertIsNone(process.poll())
        self.assertEqual([path.name for path in Path(run.parent).iterdir() if path.name.endswith(".tmp")], [])


if __name__ == "__main__":
    unittest.main()
