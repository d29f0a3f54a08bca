"""What people see while a search runs: on a terminal, in a log, with --quiet and --verbose."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

from harness import SystemTest, command

COLUMNS = 60


class Console(SystemTest):
    def told(self, name, *flags):
        """Standard error of a search of a second or two, in a pipe."""
        file = self.experiment(name, search={"tokens": 12000})
        return self.succeed("search", file, "--json", *flags).err

    def test_a_log_has_a_line_a_stage(self):
        lines = self.told("plain").splitlines()
        self.assertLess(len(lines), 30)
        searching = [line for line in lines if line.startswith("searching")]
        self.assertRegex(searching[-1], r"^searching +\d[\d k]* of 12 k ?tokens, .*\d s, .*pare: .*mean KL 0\.\d+")
        self.assertRegex(searching[-1], r"\d % (below|above) uniform |no better than uniform ")
        self.assertTrue(lines[-1].startswith("confirming"))

    def test_quiet_says_nothing_and_verbose_has_every_trial(self):
        self.assertEqual(self.told("quiet", "--quiet"), "")
        verbose = self.told("verbose", "--verbose")
        trials = [int(number) for number in re.findall(r"^trial (\d+): \d+ bytes, \d+ windows, mean KL ", verbose, re.M)]
        self.assertGreater(len(trials), 20)
        self.assertEqual(trials, list(range(len(trials))))
        self.assertRegex(verbose, r"(?m)^batch of \d+ trials: pare: ")

    def test_a_terminal_has_one_line_that_fits(self):
        file = self.experiment("terminal", search={"tokens": 12000})
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, COLUMNS, 0, 0))
        process = subprocess.Popen(command(["search", file, "--json"]), stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        shown = re.findall(r"\r\x1b\[K([^\r\n]*)(?=\r\x1b)", seen.decode())
        self.assertTrue(any(line.startswith("searching") for line in shown))
        self.assertLess(max(map(len, shown)), COLUMNS)


if __name__ == "__main__":
    unittest.main()
