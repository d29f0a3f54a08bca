"""Files that all ranks map are read once and copied to every node.

The nodes are directories of this machine: each rank starts in the directory of its node, and all paths are relative, so
that a node has nothing but what was brought to it.
"""

import os
import signal
import subprocess
import time
import unittest

from harness import DEMO_MODEL, SystemTest, command, needs_mpi, run_pare

# The ranks of a node are consecutive. SLURMD_NODENAME is what SLURM calls a node.
WRAPPER = """#!/bin/sh
node=node$((OMPI_COMM_WORLD_RANK / {ranks}))
export SLURMD_NODENAME=$node
cd {directory}/$node && exec "$@"
"""


@needs_mpi
class Startup(SystemTest):
    def make_nodes(self, nodes, ranks):
        """Rank 0's node alone has the model and takes the results; returns what starts a rank on its node."""
        for node in range(nodes):
            (self.directory / f"node{node}/copies").mkdir(parents=True)
        (self.directory / "node0/model").symlink_to(DEMO_MODEL)
        wrapper = self.directory / "on-its-node"
        wrapper.write_text(WRAPPER.format(ranks=ranks, directory=self.directory))
        wrapper.chmod(0o755)
        return [str(wrapper)]

    def spread(self, **startup):
        return self.experiment("spread", model={"path": "model"}, output="run", cache="cache",
                               startup={"directory": "copies", **startup})

    def reference(self):
        """The digest of a search without copies, made once."""
        if not hasattr(Startup, "digest"):
            Startup.digest = self.search(self.experiment("reference"))["digest"]
        return Startup.digest

    def copies(self):
        return sorted(str(path.relative_to(self.directory)) for path in self.directory.glob("node*/copies/*/*")
                      if path.name != ".lock")

    def expect_same_from_copies(self, nodes, ranks):
        verdict = self.search(self.spread(), ranks=nodes * ranks, before=self.make_nodes(nodes, ranks))

        self.assertEqual(verdict["digest"], self.reference())
        self.assertEqual(self.copies(), [])

    def test_two_nodes_find_the_same_without_the_shared_files(self):
        self.expect_same_from_copies(nodes=2, ranks=1)

    def test_ranks_of_a_node_share_its_copies(self):
        self.expect_same_from_copies(nodes=2, ranks=2)

    def test_one_process_works_from_copies_where_asked_to(self):
        (self.directory / "copies").mkdir()
        startup = {"distribute": "always", "directory": str(self.directory / "copies")}

        verdict = self.search(self.experiment("alone", startup=startup))

        self.assertEqual(verdict["digest"], self.reference())
        self.assertEqual(list((self.directory / "copies").iterdir()), [])

    def test_copies_of_a_killed_run_are_used_again_unless_they_are_damaged(self):
        before = self.make_nodes(2, 1)
        file = self.spread()
        process = subprocess.Popen(command(["search", file, "--quiet"], 2, before), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 240
        while not list(self.directory.glob("node0/run/journal/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        for name in os.listdir("/proc"):  # a launcher gives ranks process groups of their own
            try:
                if name.isdigit() and os.getsid(int(name)) == process.pid:
                    os.kill(int(name), signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
        left = self.copies()
        bank = next(self.directory.glob("node1/copies/*/bank-*.h5"))
        damaged = bytearray(bank.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        bank.write_bytes(damaged)

        verdict = self.search(file, ranks=2, before=before)

        self.assertTrue(any(name.startswith("node1") and name.endswith("/model") for name in left), left)
        self.assertEqual(verdict["digest"], self.reference())
        self.assertEqual(self.copies(), [])

    def test_a_node_without_room_is_named(self):
        # A limit on the size of files stands in for a full disk, on the second node alone.
        limit = '[ $SLURMD_NODENAME = node0 ] || { trap "" XFSZ; ulimit -f 1000; }; exec "$0" "$@"'
        before = [*self.make_nodes(2, 1), "sh", "-c", limit]

        outcome = run_pare("search", self.spread(), "--quiet", ranks=2, before=before)

        self.assertNotEqual(outcome.code, 0)
        self.assertRegex(outcome.err, "pare: error: .*node1.*File too large")
        self.assertEqual(self.copies(), [])

    def test_a_node_without_the_directory_is_named(self):
        before = self.make_nodes(2, 1)
        (self.directory / "node1/copies").rmdir()

        outcome = run_pare("search", self.spread(), "--quiet", ranks=2, before=before)

        self.assertNotEqual(outcome.code, 0)
        self.assertRegex(outcome.err, "pare: error: startup.directory on node1: copies/pare.*: cannot be made")
        self.assertEqual(self.copies(), [])


if __name__ == "__main__":
    unittest.main()
