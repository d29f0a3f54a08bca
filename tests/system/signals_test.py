"""What a search does when it is told to stop, and what status.json says about how it ended."""

import json
import signal
import time
import unittest

import journal
from harness import SystemTest, needs_mpi, run_pare, start_pare
from resume_test import kill_everything


class Signals(SystemTest):
    def setUp(self):
        super().setUp()
        self.file = self.experiment(search={"tokens": 100000})
        self.output = self.directory / "experiment"

    def status(self):
        return json.loads((self.output / "status.json").read_text())

    def start(self, ranks=None):
        process = start_pare("search", self.file, ranks=ranks)
        self.addCleanup(kill_everything, process)
        deadline = time.monotonic() + 120
        while journal.size(self.output / "journal") < 8000:
            self.assertLess(time.monotonic(), deadline, "the journal does not grow")
            self.assertIsNone(process.poll())
            time.sleep(0.005)
        return process

    def expect_end(self, process, code, seconds):
        self.assertEqual(process.wait(timeout=seconds), code)

    def expect_drained(self, signals, ranks=None):
        process = self.start(ranks)
        for each in signals:
            process.send_signal(each)

        self.expect_end(process, 76, 60)

        status = self.status()
        self.assertEqual((status["state"], status["exit_code"]), ("DRAINED", 76))
        self.assertGreater(status["journal_sequence"], 0)
        report = self.succeed("report", self.output)  # the snapshot
        self.assertIn("no verdict", report.out.lower() + report.err.lower())

    def test_usr2_drains(self):
        self.expect_drained([signal.SIGUSR2])

    def test_one_interrupt_drains(self):
        self.expect_drained([signal.SIGINT])

    @needs_mpi
    def test_the_launcher_forwards_usr1(self):
        self.expect_drained([signal.SIGUSR1], ranks=2)

    def test_term_ends_at_once_and_the_same_command_continues(self):
        process = self.start()
        process.send_signal(signal.SIGTERM)

        self.expect_end(process, 75, 20)
        self.assertEqual(self.status()["state"], "RUNNING")

        outcome = self.succeed("search", self.file, "--json")
        self.assertIn("continuing: ", outcome.err)
        self.assertEqual(self.status()["state"], "COMPLETE")
        self.assertEqual(self.status()["trials"], outcome.json["trials"])


class Failures(SystemTest):
    def test_status_says_why_a_run_failed(self):
        file = self.experiment(data={"calibration": "nowhere.h5"})

        self.assertEqual(run_pare("search", file, "--quiet").code, 65)

        status = json.loads((self.directory / "experiment/status.json").read_text())
        self.assertEqual((status["state"], status["exit_code"]), ("FAILED", 65))
        self.assertIn("nowhere.h5: there is no such file", status["error"])


if __name__ == "__main__":
    unittest.main()
