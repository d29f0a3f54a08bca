"""A search that is killed, however often, continues with the same command and ends as if nothing had happened."""

import os
import random
import signal
import time
import unittest
from pathlib import Path

import journal
from harness import OneSearch, SystemTest, needs_mpi, run_pare, start_pare

SEED = 20260721
LENGTH = 16
# The journal of this search takes about 100 kB, most of it results.
SEARCH = {"data": {"calibration": "self", "windows": 8, "length": LENGTH, "holdout": 4}, "search": {"tokens": 10000}}


def members(process):
    """The processes of the session that start_pare opened: a launcher gives its ranks process groups of their own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text().rsplit(")", 1)
            state, _, _, session = fields.split()[:4]
            # A zombie may be the first thread alone: files stay open, and locked, until the last one has ended.
            ended = state == "Z" and len(list((stat.parent / "task").iterdir())) == 1
        except OSError:  # ended meanwhile
            continue
        if int(session) == process.pid and not ended:
            found.append((int(name.split()[0]), name.split("(", 1)[1]))
    return found


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill_everything(process):
    while pids := [pid for pid, _ in members(process)]:
        kill(pids)
        time.sleep(0.01)
    process.wait()


class ResumeTest(SystemTest):
    reference = None

    def setUp(self):
        super().setUp()
        self.file = self.experiment(**SEARCH)
        self.output = self.directory / "experiment"
        self.journal = self.output / "journal"
        self.random = random.Random(SEED)

    def wait_until_journal_grows(self, process, growth):
        """False when the search ended before."""
        goal = journal.size(self.journal) + growth
        deadline = time.monotonic() + 120
        while journal.size(self.journal) < goal:
            self.assertLess(time.monotonic(), deadline, "the journal does not grow")
            if process.poll() is not None:
                return False
            time.sleep(0.005)
        return True

    def run_and_kill(self, growth, ranks=None):
        process = start_pare("search", self.file, ranks=ranks)
        self.addCleanup(kill_everything, process)
        searching = self.wait_until_journal_grows(process, growth)
        kill_everything(process)
        return searching

    def undisturbed(self):
        """The verdict of the same search in one go, the same for all tests."""
        if ResumeTest.reference is None:
            ResumeTest.reference = self.search(self.experiment("undisturbed", **SEARCH))
        return ResumeTest.reference

    def expect_same(self, verdict, other):
        self.assertEqual(verdict["digest"], other["digest"])
        for key in ("winner", "contestants", "reference", "trials"):
            self.assertEqual(verdict[key], other[key])
        self.assertEqual(verdict["spent"]["tokens"], other["spent"]["tokens"])

    def expect_nothing_evaluated_twice(self, verdict):
        windows = journal.evaluated_windows(self.journal)

        self.assertEqual(len(windows), len(set(windows)))
        self.assertEqual(len(windows) * LENGTH, verdict["spent"]["tokens"])


class Killed(ResumeTest):
    def kill_often(self, ranks):
        kills = 0
        while kills < 4:
            self.assertTrue(self.run_and_kill(self.random.randrange(1, 16000), ranks), f"finished after {kills} kills")
            kills += 1

        outcome = self.succeed("search", self.file, "--json", ranks=ranks)

        self.assertIn("continuing: ", outcome.err)
        self.expect_same(outcome.json, self.undisturbed())
        self.expect_nothing_evaluated_twice(outcome.json)

    def test_one_process_killed_often_ends_the_same(self):
        self.kill_often(None)

    @needs_mpi
    def test_two_ranks_killed_often_end_the_same(self):
        self.kill_often(2)

    @needs_mpi
    def test_killed_with_two_ranks_and_continued_without(self):
        self.assertTrue(self.run_and_kill(20000, ranks=2))

        verdict = self.search(self.file)

        self.expect_same(verdict, self.undisturbed())
        self.expect_nothing_evaluated_twice(verdict)

    @needs_mpi
    def test_a_rank_that_dies_ends_the_job_and_loses_nothing(self):
        process = start_pare("search", self.file, ranks=2)
        self.addCleanup(kill_everything, process)
        self.assertTrue(self.wait_until_journal_grows(process, 15000))
        ranks = sorted(pid for pid, name in members(process) if name == "pare")
        self.assertEqual(len(ranks), 2)
        kill(ranks[-1:])

        process.wait(timeout=30)

        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(members(process), [])
        verdict = self.search(self.file, ranks=2)
        self.expect_same(verdict, self.undisturbed())
        self.expect_nothing_evaluated_twice(verdict)

    def test_killed_while_it_prepares(self):
        cache = {"cache": str(self.directory / "cache")}
        self.file = self.experiment(**SEARCH, **cache)
        for name in ("text-", "bank-", "teacher-"):
            process = start_pare("search", self.file)
            self.addCleanup(kill_everything, process)
            deadline = time.monotonic() + 60
            while not list((self.directory / "cache").glob(f"*{name}*")) and time.monotonic() < deadline:
                time.sleep(0.002)
            kill_everything(process)

        self.expect_same(self.search(self.file), self.undisturbed())


class TornTails(ResumeTest):
    def expect_cut(self, tail):
        last = journal.segments(self.journal)[-1]
        with last.open("ab") as file:
            file.write(tail)

        outcome = self.succeed("search", self.file, "--json")

        self.assertRegex(outcome.err, f"journal: {len(tail)} bytes of an unfinished write were cut off and kept in ")
        kept = [path for path in self.journal.iterdir() if path.name.startswith(f"{last.name}.torn-")]
        self.assertEqual([path.read_bytes() for path in kept], [tail])
        self.expect_same(outcome.json, self.undisturbed())
        self.expect_nothing_evaluated_twice(outcome.json)

    def stop_with_sound_journal(self):
        """A kill in the middle of a write leaves a tail of its own; the next start cuts it."""
        self.assertTrue(self.run_and_kill(20000))
        try:
            return journal.records(self.journal)
        except Exception:
            self.fail(f"the kill tore the journal of {journal.size(self.journal)} bytes, too")

    def test_half_a_record_is_cut_and_reported(self):
        *_, (_, _, last) = self.stop_with_sound_journal()

        self.expect_cut(last[: len(last) // 2])

    def test_garbage_is_cut_and_reported(self):
        self.stop_with_sound_journal()

        self.expect_cut(self.random.randbytes(333))

    def test_damage_before_sound_records_is_refused(self):
        self.stop_with_sound_journal()
        segment = journal.segments(self.journal)[-1]
        content = segment.read_bytes()
        first_result = next(whole for _, kind, _, whole in journal.whole_records(segment) if kind == journal.RESULT)
        middle = content.index(first_result) + len(first_result) // 2
        content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        segment.write_bytes(content)

        outcome = run_pare("search", self.file, "--quiet")

        self.assertEqual(outcome.code, 2)
        self.assertRegex(outcome.err, f"^pare: error: {segment} is damaged at byte [0-9]+.*`pare journal repair {self.output}`")
        self.assertEqual(segment.read_bytes(), content)


class SecondSearch(ResumeTest):
    def test_a_second_search_in_the_same_directory_is_refused(self):
        process = start_pare("search", self.file)
        self.addCleanup(kill_everything, process)
        self.assertTrue(self.wait_until_journal_grows(process, 1000))

        outcome = run_pare("search", self.file, "--quiet")

        self.assertEqual(outcome.code, 2, outcome.err)
        self.assertRegex(outcome.err, f"^pare: error: .*journal is in use by another pare, pid {process.pid} on host .* since ")
        process.wait(timeout=120)
        self.assertEqual(process.returncode, 0)


class Finished(OneSearch):
    changes = SEARCH

    def test_returns_at_once_with_the_same_words(self):
        again = self.succeed("search", self.file, "--json")
        report = self.succeed("report", self.run_directory, "--json")

        self.assertIn("this search is finished", again.err)
        self.assertLess(again.seconds, 2)
        self.assertEqual(again.out, self.outcome.out)
        self.assertEqual(report.out, self.outcome.out)

    @needs_mpi
    def test_returns_at_once_under_the_launcher(self):
        file = self.experiment(**SEARCH)
        first = self.succeed("search", file, "--json", "--quiet", ranks=2)

        again = self.succeed("search", file, "--json", "--quiet", ranks=2)

        self.assertLess(again.seconds, 6)  # the launcher's own start included
        self.assertEqual(again.out, first.out)

    def test_a_lost_run_file_is_made_again_from_the_journal_byte_for_byte(self):
        run = self.run_directory / "run.h5"
        content = run.read_bytes()
        sizes = [segment.stat().st_size for segment in journal.segments(self.run_directory / "journal")]
        run.unlink()

        report = self.succeed("report", self.run_directory, "--json")
        again = self.succeed("search", self.file, "--json", "--quiet")

        self.assertEqual(report.out, self.outcome.out)
        self.assertEqual(again.out, self.outcome.out)
        self.assertEqual(run.read_bytes(), content)
        self.assertEqual([segment.stat().st_size for segment in journal.segments(self.run_directory / "journal")], sizes)


if __name__ == "__main__":
    unittest.main()
