"""Searches in the batch system: queued, preempted, requeued, drained, and in the end what an undisturbed search finds.

PARE_SLURM_CYCLES=20 preempts and drains that often, instead of once, and waits for a real time limit, which takes minutes.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import h5py

import journal
from harness import SystemTest, command, needs_mpi
from slurm_cluster import SlurmCluster, missing_programs

CYCLES = int(os.environ.get("PARE_SLURM_CYCLES", "0"))
# Seconds of search after the first evaluation, time enough to be preempted.
SEARCH = {"tokens": 40000}
MISSING = missing_programs()


@needs_mpi
@unittest.skipIf(MISSING, f"SLURM is not installed (scripts/setup.sh --test): no {', '.join(MISSING)}")
class Slurm(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = tempfile.mkdtemp(prefix="pare-slurm-")
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.cluster = SlurmCluster(directory)
        cls.addClassCleanup(cls.cluster.stop)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.cluster.cancel_all)

    def submit(self, *arguments):
        environment = {**self.cluster.environment, "OMP_NUM_THREADS": "1"}
        return subprocess.run(command(["submit", *arguments]), env=environment, capture_output=True, text=True, timeout=120)

    def submitted(self, *arguments):
        """The number of a job that was taken."""
        done = self.submit(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()[-1]

    def log(self, name="experiment"):
        return "".join(file.read_text(errors="replace") for file in (self.directory / name).glob("slurm-*.out"))

    def wait_for_state(self, job, *states, seconds=400):
        self.cluster.wait_for(lambda: self.cluster.state(job) in states,
                              f"job {job} is not {' or '.join(states)}, but {self.cluster.state(job)}; {self.log()}", seconds)

    def wait_for_search(self, starts):
        """Until this start keeps evaluations."""
        self.cluster.wait_for(lambda: f"start {starts}," in self.log(), f"no start {starts}; {self.log()}", 400)
        records = self.directory / "experiment/journal"
        before = journal.size(records)
        self.cluster.wait_for(lambda: journal.size(records) > before + 1000,
                              f"start {starts} does not search; {self.log()}", 400)

    def undisturbed(self):
        """The verdict of the same search without SLURM, made once."""
        if not hasattr(Slurm, "verdict"):
            Slurm.verdict = self.search(self.experiment("undisturbed", search=SEARCH))
        return Slurm.verdict

    def expect_same_verdict(self, starts):
        verdict = json.loads(self.succeed("report", self.directory / "experiment", "--json").out)
        for key in ("digest", "winner", "contestants", "trials"):
            self.assertEqual(verdict[key], self.undisturbed()[key])
        with h5py.File(self.directory / "experiment/run.h5") as run:
            self.assertEqual(run["provenance"].attrs["slurm_restart_count"], str(starts - 1).encode())

    def test_a_preempted_search_ends_with_the_same_digest(self):
        job = self.submitted(self.experiment(search=SEARCH), "--nodes", 2, "--partition", "low")

        preemptions = max(1, CYCLES)
        for starts in range(1, preemptions + 1):
            self.wait_for_search(starts)
            rival = self.cluster.run("sbatch", "--parsable", "--partition=high", "--nodes=2", "--exclusive", "--output=/dev/null",
                                     "--wrap=sleep 1").strip()
            self.wait_for_state(rival, "COMPLETED")
        self.wait_for_state(job, "COMPLETED")

        self.assertIn("continuing:", self.log())
        self.expect_same_verdict(preemptions + 1)

    def test_a_drained_search_queues_itself_again_and_ends_with_the_same_digest(self):
        job = self.submitted(self.experiment(search=SEARCH), "--nodes", 2)

        self.wait_for_search(1)
        # What SLURM sends before the time limit.
        self.cluster.run("scancel", "--batch", "--signal=USR2", job)
        self.wait_for_state(job, "PENDING", "COMPLETED")
        self.wait_for_state(job, "COMPLETED")

        self.assertIn("ended with 76", self.log())
        self.expect_same_verdict(2)

    @unittest.skipUnless(CYCLES, "takes minutes: PARE_SLURM_CYCLES=1")
    def test_a_time_limit_is_told_in_time(self):
        search = {"tokens": 2000000, "algorithm": "random"}
        job = self.submitted(self.experiment(search=search), "--nodes", 2, "--time", 6)

        self.cluster.wait_for(lambda: "start 2," in self.log(), f"no second start; {self.log()}", 600)
        self.cluster.run("scancel", job)

        self.assertIn("ended with 76", self.log())

    def test_a_canceled_search_stays_canceled(self):
        job = self.submitted(self.experiment(search=SEARCH), "--nodes", 1)

        self.wait_for_search(1)
        self.cluster.run("scancel", job)
        self.wait_for_state(job, "CANCELLED")
        self.cluster.wait_for(lambda: not self.cluster.run("squeue", "-h"), "the job does not go")

        self.assertNotIn("start 2,", self.log())

    def test_budgets_of_an_array_go_to_directories_of_their_own(self):
        self.submitted(self.experiment(search={"tokens": 2000}), "--nodes", 1, "--cpus-per-task", 1, "--array-budgets", "4,5")
        self.cluster.wait_for(lambda: not self.cluster.run("squeue", "-h"), "the array does not end", 240)

        budgets = [json.loads(self.succeed("report", self.directory / f"experiment-{bits}", "--json").out)["budget_bytes"]
                   for bits in (4, 5)]
        self.assertLess(budgets[0], budgets[1])

    def test_what_is_wrong_is_said_before_anything_is_queued(self):
        for arguments, text in ((["--nodes", 1, "--set", "budget.bits_per_weight=1"], "budget"),
                                (["--nodes", 1, "--array-budgets", "4,1"], "budget"),
                                (["--nodes", 3, "--set", "cluster.ranks_per_worker=2"],
                                 "2 ranks make a worker, but the job would have 3"),
                                (["--nodes", 1, "--partition", "low; id"], "--partition: 'low; id' is not"),
                                (["--nodes", 1, "--partition", "nowhere"], "sbatch did not take the job")):
            with self.subTest(arguments=arguments):
                done = self.submit(self.experiment(), *arguments)

                self.assertEqual(done.returncode, 2)
                self.assertIn(text, done.stderr)
                self.assertEqual(self.cluster.run("squeue", "-h"), "")

    def test_a_dry_run_prints_the_script_and_leaves_nothing_behind(self):
        done = self.submit(self.experiment(), "--nodes", 3, "--dry-run")

        self.assertEqual(done.returncode, 0)
        self.assertIn("#SBATCH --nodes=3", done.stdout)
        self.assertFalse((self.directory / "experiment").exists())
        self.assertEqual(self.cluster.run("squeue", "-h"), "")

    def test_a_machine_without_slurm_is_told_apart(self):
        (self.directory / "sh").symlink_to("/bin/sh")
        environment = {**os.environ, "PATH": str(self.directory)}
        done = subprocess.run(command(["submit", self.experiment(), "--nodes", 1]), env=environment, capture_output=True,
                              text=True, timeout=120)

        self.assertEqual(done.returncode, 2)
        self.assertIn("sbatch is not on this machine", done.stderr)


if __name__ == "__main__":
    unittest.main()
