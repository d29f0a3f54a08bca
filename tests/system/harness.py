"""Runs the pare command the way its users do, for the tests beside this file.

PARE_BINARY: the command; PARE_SOURCE_DIR: the repository, for the demo model; PARE_TEST_DATA: downloaded models, optional;
PARE_MPIRUN: the launcher, unset in a build without MPI.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import NamedTuple

BINARY = os.environ["PARE_BINARY"]
SOURCE = Path(os.environ["PARE_SOURCE_DIR"])
DEMO_MODEL = SOURCE / "configs/quickstart/model"
STORIES = Path(os.environ.get("PARE_TEST_DATA", "")) / "stories260k"
MPIRUN = os.environ.get("PARE_MPIRUN", "")

needs_mpi = unittest.skipUnless(MPIRUN, "this build has no MPI")
needs_stories = unittest.skipUnless(STORIES.is_dir(), f"no model in {STORIES}, set PARE_TEST_DATA")
try:
    import h5py
except ImportError:
    h5py = None
needs_h5py = unittest.skipUnless(h5py, "the Python package h5py is missing")

# A search of a few seconds: the demo model, three options, a few short windows, and everything evaluated anew.
SMALL = {
    "schema": 1,
    "model": {"path": str(DEMO_MODEL)},
    "data": {"calibration": "self", "windows": 8, "length": 64, "holdout": 4},
    "options": ["w2-g32", "w4-g32", "w8-g32"],
    "budget": {"same_as": "w4-g32"},
    "search": {"tokens": 20000},
    "reuse": False,
}


class Outcome(NamedTuple):
    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self):
        return json.loads(self.out)


def command(arguments, ranks=None, before=()):
    launcher = [MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks else []
    return [*launcher, *before, BINARY, *map(str, arguments)]


def run_pare(*arguments, ranks=None, timeout=240, before=()):
    """Runs to the end, each rank by way of the command `before`. A hang is a failure: subprocess.TimeoutExpired."""
    start = time.monotonic()
    done = subprocess.run(command(arguments, ranks, before), capture_output=True, text=True, timeout=timeout)
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def start_pare(*arguments, ranks=None, capture=False):
    """Starts it as the leader of a session of its own, which a test may kill as a whole."""
    output = subprocess.PIPE if capture else subprocess.DEVNULL
    return subprocess.Popen(command(arguments, ranks), stdout=output, stderr=output, text=True, start_new_session=True)


class SystemTest(unittest.TestCase):
    """Gives each test a directory, and experiments that write below it."""

    # Text, bank and teacher of the experiments of one class are shared, as users share them.
    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="pare-system-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="test-", dir=self.shared))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def experiment(self, name="experiment", **changes):
        """Writes SMALL with some top-level keys replaced (None: left out), one line a key; returns the file."""
        keys = {**SMALL, "output": str(self.directory / name), "cache": str(self.shared / "cache"), **changes}
        file = self.directory / f"{name}.yaml"
        file.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items() if value is not None))
        return file

    def succeed(self, *arguments, **options):
        outcome = run_pare(*arguments, **options)
        self.assertEqual(outcome.code, 0, outcome.err)
        return outcome

    def search(self, file, *arguments, **options):
        """The verdict of a search, as JSON."""
        return self.succeed("search", file, "--json", "--quiet", *arguments, **options).json


class OneSearch(SystemTest):
    """Cases that look at one search from all sides."""

    changes = {}  # of its experiment

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls("setUp")  # a case whose directory outlives the tests
        cls.home.setUp()
        cls.addClassCleanup(cls.home.doCleanups)
        cls.file = cls.home.experiment(**cls.changes)
        cls.run_directory = cls.home.directory / "experiment"
        cls.outcome = cls.home.succeed("search", cls.file, "--json", "--quiet")
        cls.verdict = cls.outcome.json
