"""Processes of a search die, hang or are stopped: it ends with the same digest, and nothing is lost or left behind.

Short versions of what scripts/soak.sh repeats as often as wanted. The evaluator is scripted, the rest is the real command.
"""

import json
import os
import signal
import subprocess
import time
import unittest

from fault_harness import CLUSTER, Random, Run, kill, windows
from harness import BINARY, MPIRUN, SystemTest, needs_mpi, run_pare

SEED = 20261126


class FaultTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reference = None

    def setUp(self):
        super().setUp()
        self.random = Random(SEED)

    def start(self, name, ranks, script="cost=3", verb="run", **cluster):
        file = self.experiment(name, search={"tokens": 30000}, cluster={**CLUSTER, **cluster})
        (self.directory / name).mkdir(exist_ok=True)
        run = Run(file, self.directory / name, ranks, script, verb=verb)
        self.addCleanup(run.clean)
        return run

    def undisturbed(self):
        """The digest without any fault, in one process."""
        if type(self).reference is None:
            type(self).reference = self.start("undisturbed", 1, isolation="none").finish()
        return type(self).reference

    def expect_sound(self, run, kept=()):
        verdict = run.finish()

        self.assertEqual(verdict["digest"], self.undisturbed()["digest"])
        evaluated = windows(run.journal)
        self.assertEqual(len(evaluated), len(set(evaluated)))
        self.assertLessEqual(set(kept), set(evaluated))
        self.assertEqual(run.orphans(), [])
        self.assertEqual(run.status()["state"], "COMPLETE")
        self.assertEqual(list(run.output.glob("strange-states")), [])
        return verdict


class Evaluators(FaultTest):
    """L0: a child process of its rank. The job never notices."""

    def kill_children(self, ranks, number=signal.SIGKILL, script="cost=3", **cluster):
        run = self.start("killed", ranks, script, **cluster)
        kills = 0
        while run.wait_for_journal(run.journal_size() + 1500):
            victims = self.random.some(run.roles().children, 1)
            kill(victims, number)
            kills += len(victims)
        self.expect_sound(run)
        self.assertGreater(kills, 3)

    def test_killed_at_random_in_one_process(self):
        self.kill_children(1)

    @needs_mpi
    def test_killed_at_random_in_three_ranks(self):
        self.kill_children(3)

    @needs_mpi
    def test_killed_at_random_in_a_worker_of_two_ranks(self):
        self.kill_children(2, ranks_per_worker=2)

    @needs_mpi
    def test_killed_at_random_in_a_worker_over_two_nodes(self):
        self.kill_children(3, script="cost=3 node=2", ranks_per_worker=3)

    def test_crash_on_their_own_and_hang(self):
        run = self.start("crash", 1, "cost=1 crash=40 hang=80", shortest_deadline_seconds=2, lease_seconds=20)

        self.expect_sound(run)

        self.assertTrue(list(run.output.glob("crash-*")))
        self.assertTrue(list(run.output.glob("hang-*")))


@needs_mpi
class Ranks(FaultTest):
    def expect_lost(self, run, lost, kept=(), workers=3):
        """The other workers do its work, in the same launch, and do not wait for it at the end."""
        verdict = self.expect_sound(run, kept)

        errors = run.errors.read_text()
        self.assertNotIn("starting again", errors)
        self.assertNotIn("MPI_Finalize have waited", errors)
        self.assertEqual([worker["state"] == "lost" for worker in verdict["workers"]], [w == lost for w in range(workers)])

    def test_a_lost_worker_rank(self):
        run = self.start("worker", 3)
        self.assertTrue(run.wait_for_journal(8000))
        kept = windows(run.journal)
        kill([run.roles().ranks[2]])

        self.expect_lost(run, 2, kept)

    def test_a_lost_rank_of_a_worker_of_two(self):
        for rank, ranks_of_node in ((2, 4), (3, 1)):  # the first of its worker, and the other
            with self.subTest(rank=rank):
                run = self.start(f"rank-{rank}", 4, f"cost=3 node={ranks_of_node}", ranks_per_worker=2)
                self.assertTrue(run.wait_for_journal(8000))
                kept = windows(run.journal)
                kill([run.roles().ranks[rank]])

                self.expect_lost(run, rank // 2, kept, workers=2)

    def test_the_only_worker_of_two_ranks_is_started_again(self):
        run = self.start("only", 2, ranks_per_worker=2)
        self.assertTrue(run.wait_for_journal(8000))
        kept = windows(run.journal)
        kill([run.roles().ranks[1]])

        self.expect_sound(run, kept)

        self.assertIn("its rank 1 is gone: it has been silent", run.errors.read_text())

    def test_a_lost_coordinator_is_started_again(self):
        run = self.start("coordinator", 3)
        self.assertTrue(run.wait_for_journal(8000))
        kept = windows(run.journal)
        kill([run.roles().ranks[0]])

        self.expect_sound(run, kept)

        self.assertIn("rank 0 died; starting again", run.errors.read_text())

    def test_killed_while_ranks_find_each_other(self):
        run = self.start("start", 3, ready_seconds=15)
        deadline = time.monotonic() + 60
        while len(run.roles().ranks) < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
        kill(self.random.some(run.roles().ranks.values(), 2))

        self.expect_sound(run)

    def test_mpi_init_does_not_wait_for_ever(self):
        here = [BINARY, "search", str(self.experiment()), "--quiet"]
        mpirun = [MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", "1", *here, ":", "-n", "1", "sleep", "100"]
        environment = {**os.environ, "PARE_INIT_SECONDS": "3"}

        outcome = subprocess.run(mpirun, capture_output=True, text=True, timeout=60, env=environment)

        self.assertEqual(outcome.returncode, 75)
        self.assertIn("pare: MPI_Init has waited for the other ranks for 3 s, giving up", outcome.stderr)

    def test_a_stopped_worker_rank(self):
        run = self.start("stopped", 3)
        self.assertTrue(run.wait_for_journal(8000))
        kill([run.roles().ranks[1]], signal.SIGSTOP)

        self.expect_lost(run, 1)


class Launches(FaultTest):
    def test_everything_killed_every_two_seconds(self):
        sequence = 0
        for _ in range(20):
            run = self.start("everything", 1, "cost=5", isolation="none")
            time.sleep(2)
            if run.process.poll() is not None:
                break
            run.clean()
            if (run.output / "status.json").exists():
                self.assertGreaterEqual(run.status()["journal_sequence"], sequence)
                sequence = run.status()["journal_sequence"]

        self.expect_sound(run)

    def test_an_input_error_is_not_retried(self):
        file = self.experiment(data={"calibration": "nowhere.h5"})

        outcome = run_pare("run", file, "--quiet", timeout=60)

        self.assertEqual(outcome.code, 65)
        self.assertIn("nowhere.h5: there is no such file", outcome.err)
        self.assertNotIn("starting again", outcome.err)

    @needs_mpi
    def test_gives_up_on_a_launch_that_never_works(self):
        file = self.experiment(cluster={"backoff_seconds": [0.1], "restarts": 2})

        outcome = run_pare("run", file, "-n", "2", "--quiet", "--", "--no-such-flag", timeout=120)

        self.assertEqual(outcome.code, 75)
        self.assertIn("gave up after 2 restarts without a new result: the launch ended without a word", outcome.err)
        status = json.loads((self.directory / "experiment/status.json").read_text())
        self.assertEqual(status["state"], "FAILED")

    @needs_mpi
    def test_a_drain_reaches_the_coordinator(self):
        run = self.start("drained", 2, "cost=5")
        self.assertTrue(run.wait_for_journal(4000))
        run.process.send_signal(signal.SIGUSR2)

        self.assertEqual(run.process.wait(timeout=100), 76)
        self.assertEqual(run.status()["state"], "DRAINED")
        self.assertEqual(run.orphans(), [])
        self.expect_sound(self.start("drained", 2))

    def test_term_ends_everything(self):
        run = self.start("ended", 1, "cost=5")
        self.assertTrue(run.wait_for_journal(4000))
        run.process.terminate()

        self.assertEqual(run.process.wait(timeout=30), 75)
        self.assertEqual(run.orphans(), [])

    def test_a_second_interrupt_does_not_wait_for_a_hanging_evaluator(self):
        run = self.start("interrupted", 1, "cost=1 hang=20", verb="search", isolation="none")
        deadline = time.monotonic() + 120
        while not list(run.output.glob("hang-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(list(run.output.glob("hang-*")))
        run.process.send_signal(signal.SIGINT)
        time.sleep(1)
        self.assertIsNone(run.process.poll())
        run.process.send_signal(signal.SIGINT)

        self.assertEqual(run.process.wait(timeout=20), 75)


if __name__ == "__main__":
    unittest.main()
