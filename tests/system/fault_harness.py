"""Searches that are hurt while they run: pare_scripted (scripted_evaluator.cpp) under `run`, and what must hold at the end.

Used by faults_test.py (a few cycles) and soak.py (as many as wanted).
"""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import journal

SCRIPTED = os.environ.get("PARE_SCRIPTED", str(Path(os.environ["PARE_BINARY"]).with_name("pare_scripted")))
# Short times, but long enough for a machine that has other things to do.
CLUSTER = {
    "isolation": "process",
    "heartbeat_seconds": 0.5,
    "suspect_seconds": 3,
    "dead_seconds": 8,
    "silence_seconds": 15,
    "ready_seconds": 60,
    "progress_seconds": 15,
    "backoff_seconds": [0.1],
    "restarts": 20,
}


class Roles(NamedTuple):
    """The live processes of a launch, as pids."""

    ranks: dict  # by rank; {0: ...} without a launcher
    children: list  # evaluators
    everything: list


def roles(text):
    """Of the launch with this text in its command line."""
    found = Roles({}, [], [])
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text not in line:
                continue
            name, rest = (directory / "stat").read_text().rsplit(")", 1)
            environment = (directory / "environ").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile
            continue
        if rest.split()[0] == "Z":
            continue
        pid, program = int(directory.name), name.split("(", 1)[1]
        found.everything.append(pid)
        if program == "pare-evaluator":
            found.children.append(pid)
        elif program in ("pare", "pare_scripted") and " search " in line:
            rank = [int(each.split(b"=")[1]) for each in environment if each.startswith(b"OMPI_COMM_WORLD_RANK=")]
            found.ranks[rank[0] if rank else 0] = pid
    return found


def kill(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Run:
    """One search in a directory of its own, under `run`."""

    def __init__(self, file, output, ranks, script="cost=1", program=SCRIPTED, marks=None, verb="run"):
        self.file, self.output, self.ranks = file, Path(output), ranks
        self.journal = self.output / "journal"
        self.errors = self.output.with_suffix(".err")
        command = [program, verb, str(file), "--output", str(output), "--json", "--quiet"]
        if verb == "run":
            command += ["-n", str(ranks)]
        environment = {**os.environ, "PARE_SCRIPT": script, "PARE_SCRIPT_MARKS": str(marks or output), "OMP_NUM_THREADS": "1"}
        self.stderr = open(self.errors, "a")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.stderr, text=True, start_new_session=True, env=environment
        )

    def roles(self):
        return roles(str(self.output))

    def journal_size(self):
        return journal.size(self.journal)

    def wait_for_journal(self, size, timeout=120):
        """False when the search ended before."""
        deadline = time.monotonic() + timeout
        while self.journal_size() < size:
            if self.process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.output}: the journal does not grow")
            time.sleep(0.005)
        return True

    def finish(self, timeout=180):
        """The verdict; TimeoutError when it hangs, RuntimeError when it fails."""
        try:
            out, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.output} hangs") from None
        if self.process.returncode != 0:
            raise RuntimeError(f"exit code {self.process.returncode}: {self.errors.read_text()[-2000:]}")
        return json.loads(out)

    def status(self):
        return json.loads((self.output / "status.json").read_text())

    def clean(self):
        while pids := self.roles().everything:
            kill(pids)
            time.sleep(0.02)
        self.process.wait()
        self.process.stdout.close()
        self.stderr.close()

    def orphans(self, patience=20):
        """What is left of the launch; the kernel may take a moment to clear away."""
        deadline = time.monotonic() + patience
        while (left := self.roles().everything) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left


def windows(path):
    """The evaluated windows of a journal that may be in the middle of a write."""
    try:
        return list(journal.evaluated_windows(path))
    except Exception:
        return []


class Random(random.Random):
    def some(self, items, at_most):
        items = list(items)
        return self.sample(items, min(len(items), self.randint(1, at_most))) if items else []
