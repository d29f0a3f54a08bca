#!/usr/bin/env python3
"""Replays the JSON lines of a search (tracking.jsonl) into a Weights & Biases run on this disk; nothing is sent.

  scripts/to_wandb.py runs/llama/tracking.jsonl --project pare
  wandb sync wandb/offline-run-*          # when there is a network, and an account

Needs the Python package wandb, for this alone. A file of several runs gives a run each.
"""

import argparse
import json
import sys
from pathlib import Path


def read_events(file):
    """The objects of the lines; a last line without its end is still being written."""
    events = []
    for number, line in enumerate(file.read_text().splitlines(keepends=True), start=1):
        if not line.endswith("\n"):
            break
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "event" not in event:
            raise SystemExit(f"{file}:{number}: is no JSON object of a search, give the file of tracking.jsonl")
        events.append(event)
    return events


def split_runs(events):
    """(start, events) of every run, in the order of their first starts; later starts of a run go on with it."""
    runs = {}
    current = None
    for event in events:
        if event["event"] == "start":
            current = event["run"]
            runs.setdefault(current, (event, []))
        elif current is not None:
            runs[current][1].append(event)
    return list(runs.values())


def replay(wandb, project, directory, start, events):
    """One offline run: a trial a step, what the start says as its config, the verdict as its summary."""
    config = {key: value for key, value in start.items() if key not in ("event", "time", "seconds")}
    run = wandb.init(project=project, name=Path(start["output"]).name, config=config, mode="offline", dir=directory)
    for event in events:
        if event["event"] == "trial":
            run.log({key: value for key, value in event.items() if isinstance(value, (int, float)) and key != "step"},
                    step=event["step"])
        elif event["event"] == "verdict":
            run.summary.update({f"verdict/{key}": value for key, value in event.items() if key != "event"})
    run.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the file of tracking.jsonl")
    parser.add_argument("--project", default="pare")
    parser.add_argument("--dir", default=".", help="where the directory wandb/ is made")
    arguments = parser.parse_args()
    try:
        runs = split_runs(read_events(arguments.file))
    except OSError as error:
        sys.exit(f"{arguments.file}: {error.strerror}")
    if not runs:
        sys.exit(f"{arguments.file}: holds no start of a search")
    try:
        import wandb
    except ImportError:
        sys.exit("the Python package wandb is missing: pip install wandb")
    for start, events in runs:
        replay(wandb, arguments.project, arguments.dir, start, events)
        print(f"{start['output']}: {sum(e['event'] == 'trial' for e in events)} trials in {arguments.dir}/wandb")


if __name__ == "__main__":
    main()
