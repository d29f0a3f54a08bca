"""`tracking`: what a search tells TensorBoard and readers of JSON lines, also over a kill and a second start."""

import json
import os
import signal
import struct
import time
import unittest

from harness import SystemTest, start_pare

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    EventAccumulator = None


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of a protocol buffer."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def read_events(file):
    """(step, {tag: value}) of every record behind the first, all checksums checked."""
    data = file.read_bytes()
    events = []
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        record = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at : at + 8])
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(record)
        at += length + 16
        event = dict(fields(record))
        assert 1.7e9 < struct.unpack("<d", event[1])[0] < 4e9
        if 5 not in event:
            assert not events and event[3] == b"brain.Event:2"
            continue
        values = [dict(fields(value)) for _, value in fields(event[5])]
        events.append((event[2], {v[1].decode(): struct.unpack("<f", v[2])[0] for v in values}))
    return events


class Tracking(SystemTest):
    def tracked(self, name, **changes):
        tracking = {"tensorboard": str(self.directory / "tb"), "jsonl": str(self.directory / f"{name}.jsonl")}
        return self.experiment(name, tracking=tracking, **changes)

    def lines(self, name):
        return [json.loads(line) for line in (self.directory / f"{name}.jsonl").read_text().splitlines()]

    def event_file(self):
        (file,) = (self.directory / "tb").iterdir()
        self.assertRegex(file.name, r"^events\.out\.tfevents\.\d+\.")
        return file

    def test_every_trial_is_a_line_and_a_step(self):
        verdict = self.search(self.tracked("run"))
        lines = self.lines("run")
        trials = [line for line in lines if line["event"] == "trial"]
        events = read_events(self.event_file())

        self.assertEqual([line["event"] for line in lines[:2]], ["start", "stage"])
        self.assertEqual([t["step"] for t in trials], list(range(verdict["trials"])))
        self.assertEqual([step for step, _ in events], list(range(verdict["trials"])))
        for trial, (_, scalars) in zip(trials, events):
            self.assertAlmostEqual(scalars[f"trial/kl_{trial['set']}"], trial["kl"], places=5)
            self.assertAlmostEqual(scalars["search/tokens"], trial["tokens"], delta=1)
        best = [t["best_loss"] for t in trials if "best_loss" in t]
        self.assertGreater(len(best), 10)
        self.assertLess(best[-1], trials[-1]["kl"] + 1)
        self.assertEqual({t["stage"] for t in trials}, {"searching", "confirming"})
        self.assertEqual(lines[-1]["event"], "verdict")
        self.assertEqual(lines[-1]["winner"], verdict["winner"]["name"])
        self.assertEqual(lines[-1]["kl"], verdict["winner"]["kl"]["mean"])

    def test_a_killed_search_goes_on_without_repeating_steps(self):
        file = self.tracked("killed", search={"tokens": 400000})
        process = start_pare("search", file)
        jsonl = self.directory / "killed.jsonl"
        deadline = time.monotonic() + 200
        while not (jsonl.exists() and '"trial"' in jsonl.read_text()):
            self.assertLess(time.monotonic(), deadline, "no trial in 200 seconds")
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with open(jsonl, "a") as torn:
            torn.write('{"event": "tri')
        with open(self.event_file(), "ab") as torn:
            torn.write(b"\x18\x00\x00")

        verdict = self.search(file)
        everything = list(range(verdict["trials"]))
        self.assertEqual([line["step"] for line in self.lines("killed") if line["event"] == "trial"], everything)
        self.assertEqual([step for step, _ in read_events(self.event_file())], everything)
        self.assertEqual([line["event"] for line in self.lines("killed")].count("start"), 2)
        self.assertEqual(len({line["run"] for line in self.lines("killed") if line["event"] == "start"}), 1)

    def test_a_place_that_takes_nothing_is_one_warning(self):
        plain = self.search(self.experiment("plain"))
        (self.directory / "file").write_text("")
        tracking = {"tensorboard": str(self.directory / "file" / "tb"), "jsonl": "/dev/full"}
        file = self.experiment("full", tracking=tracking)
        outcome = self.succeed("search", file, "--json")

        self.assertEqual(outcome.json["digest"], plain["digest"])
        self.assertEqual(outcome.err.count("warning: tracking ends, the search goes on: /dev/full: No space left"), 1)
        self.assertEqual(outcome.err.count("warning: tracking ends"), 2)
        self.assertIn("file/tb: cannot be created: Not a directory", outcome.err)

    @unittest.skipUnless(EventAccumulator, "the Python package tensorboard is missing")
    def test_tensorboard_reads_the_events(self):
        verdict = self.search(self.tracked("board"))
        accumulator = EventAccumulator(str(self.directory / "tb"), size_guidance={"scalars": 0})
        accumulator.Reload()
        tokens = accumulator.Scalars("search/tokens")
        self.assertEqual([point.step for point in tokens], list(range(verdict["trials"])))
        self.assertIn("best/loss", accumulator.Tags()["scalars"])


if __name__ == "__main__":
    unittest.main()
