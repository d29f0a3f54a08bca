"""`pare status` on searches that run, were killed, and are finished."""

import json
import os
import signal
import time
import unittest

from harness import SystemTest, run_pare, start_pare


class Status(SystemTest):
    def status(self, name):
        return self.succeed("status", self.directory / name, "--json").json

    def wait_for_trials(self, name):
        """Looks at the search until it has committed something, as people do: again and again, from beside it."""
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            if (self.directory / name / "status.json").exists():
                seen = self.status(name)
                if seen["trials"] > 0:
                    return seen
            time.sleep(0.2)
        self.fail("no trial in 200 seconds")

    def test_follows_a_search_from_its_first_trial_to_a_kill_to_its_end(self):
        file = self.experiment("run", search={"tokens": 400000})
        process = start_pare("search", file)
        running = self.wait_for_trials("run")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        killed = self.status("run")

        self.assertIn(running["state"], ("RUNNING", "READY"))
        self.assertIn(f"pid {process.pid} ", running["process"])
        self.assertGreater(running["tokens"]["limit"], 0)
        self.assertEqual(killed["state"], "KILLED")
        self.assertGreaterEqual(killed["trials"], running["trials"])

        verdict = self.search(file, "--set", "search.tokens=400000")
        complete = self.status("run")
        text = self.succeed("status", self.directory / "run").out
        self.assertEqual(complete["state"], "COMPLETE")
        self.assertEqual(complete["trials"], verdict["trials"])
        self.assertEqual(complete["winner"], verdict["winner"]["name"])
        self.assertRegex(text, r"State +COMPLETE")
        self.assertTrue((self.directory / "run" / "logs" / "rank-0000.log").read_text().count("info    pare ") == 2)

    def test_says_that_there_is_no_run(self):
        outcome = run_pare("status", self.directory)
        self.assertEqual(outcome.code, 2)
        self.assertIn("holds no run", outcome.err)


if __name__ == "__main__":
    unittest.main()
