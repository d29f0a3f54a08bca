"""scripts/to_wandb.py, with a stand-in for wandb that writes down what it is told."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "to_wandb.py"

WANDB = """
import json, os
def init(**arguments):
    return Run(arguments)
class Run:
    def __init__(self, arguments):
        self.told = {"init": arguments, "steps": []}
        self.summary = {}
    def log(self, values, step):
        self.told["steps"].append([step, values])
    def finish(self):
        with open(os.environ["TOLD"], "a") as file:
            file.write(json.dumps({**self.told, "summary": self.summary}) + "\\n")
"""


def start(run):
    return {"event": "start", "time": 1.0, "seconds": 0, "run": run, "output": f"runs/{run}", "seed": 3}


def trial(step, **values):
    return {"event": "trial", "time": 2.0 + step, "seconds": 1.0, "step": step, "stage": "searching", **values}


class ToWandb(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.told = self.directory / "told"

    def replay(self, text, stub=WANDB):
        (self.directory / "modules").mkdir()
        (self.directory / "modules" / "wandb.py").write_text(stub)
        file = self.directory / "run.jsonl"
        file.write_text(text)
        return subprocess.run(
            [sys.executable, SCRIPT, file, "--project", "p", "--dir", self.directory], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(self.directory / "modules"), "TOLD": str(self.told)})

    def test_replays_every_run_offline_with_its_trials_as_steps(self):
        events = [start("a"), {"event": "stage", "stage": "searching"}, trial(0, kl=0.5), trial(1, kl=None, tokens=64),
                  start("b"), trial(0, kl=0.25), start("a"), trial(2, kl=0.125),
                  {"event": "verdict", "winner": "pare", "kl": 0.125}]
        outcome = self.replay("".join(json.dumps(event) + "\n" for event in events) + '{"event": "tri')

        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        a, b = [json.loads(line) for line in self.told.read_text().splitlines()]
        self.assertEqual(a["init"], {"project": "p", "name": "a", "mode": "offline", "dir": str(self.directory),
                                     "config": {"run": "a", "output": "runs/a", "seed": 3}})
        self.assertEqual([step for step, _ in a["steps"]], [0, 1, 2])
        self.assertEqual(a["steps"][1][1], {"time": 3.0, "seconds": 1.0, "tokens": 64})
        self.assertEqual(a["summary"], {"verdict/winner": "pare", "verdict/kl": 0.125})
        self.assertEqual([step for step, _ in b["steps"]], [0])
        self.assertIn("3 trials", outcome.stdout)

    def test_says_what_is_missing_or_wrong(self):
        missing = self.replay(json.dumps(start("a")) + "\n", stub="raise ImportError('not here')")
        self.assertEqual(missing.stderr, "the Python package wandb is missing: pip install wandb\n")
        self.assertEqual(missing.returncode, 1)
        file = self.directory / "other"
        file.write_text('{"loss": 1}\n')
        other = subprocess.run([sys.executable, SCRIPT, file], capture_output=True, text=True)
        self.assertIn("other:1: is no JSON object of a search", other.stderr)
        none = subprocess.run([sys.executable, SCRIPT, self.directory / "none"], capture_output=True, text=True)
        self.assertIn("none: No such file or directory", none.stderr)


if __name__ == "__main__":
    unittest.main()
