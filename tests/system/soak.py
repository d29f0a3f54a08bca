"""Cycles of searches that are hurt at random; see scripts/soak.sh.

Every cycle is a search of its own (one more for `everything`, which is killed whole and started again) in three ranks under
`pare run`, compared with an undisturbed search in one process. `members` has two workers of two ranks each, on one node or on
four. `real` is the real evaluator, the others have the scripted one.
"""

import collections
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from fault_harness import CLUSTER, Random, Run, kill, windows
from harness import BINARY, SMALL

KINDS = ("children", "ranks", "start", "stop", "members", "coordinator", "everything", "real")
RANKS = 3
MEMBERS = 4  # in two workers


def hurt_children(run, random):
    """Kills an evaluator for every few records: W1."""
    hits = 0
    while run.wait_for_journal(run.journal_size() + random.randint(500, 2500)):
        victims = random.some(run.roles().children, 2)
        kill(victims)
        hits += len(victims)
    return hits


def hurt_ranks(run, random):
    """Kills one or more worker ranks at some moment: W2."""
    if not run.wait_for_journal(random.randint(500, 12000)):
        return 0
    victims = random.some([pid for rank, pid in run.roles().ranks.items() if rank > 0], RANKS - 1)
    kill(victims)
    return len(victims)


def hurt_start(run, random):
    """Kills ranks 0 to 300 ms after the first of them appeared, in MPI_Init mostly: W3."""
    deadline = time.monotonic() + 60
    while not run.roles().ranks and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.3))
    victims = random.some(run.roles().ranks.values(), 2)
    kill(victims)
    return len(victims)


def hurt_stop(run, random):
    """Stops a worker rank or an evaluator, for a moment or for ever: W4."""
    if not run.wait_for_journal(random.randint(500, 12000)):
        return 0
    roles = run.roles()
    victims = random.some([pid for rank, pid in roles.ranks.items() if rank > 0] + roles.children, 1)
    kill(victims, signal.SIGSTOP)
    if random.random() < 0.5:
        time.sleep(random.uniform(0, 2))
        kill(victims, signal.SIGCONT)
    return len(victims)


def hurt_members(run, random):
    """Kills evaluators or ranks of workers of two ranks: W1 and W2."""
    return hurt_children(run, random) if random.random() < 0.5 else hurt_ranks(run, random)


def hurt_coordinator(run, random):
    """Kills rank 0: C1."""
    if not run.wait_for_journal(random.randint(500, 12000)):
        return 0
    victims = [pid for rank, pid in run.roles().ranks.items() if rank == 0]
    kill(victims)
    return len(victims)


HURT = {
    "children": hurt_children,
    "ranks": hurt_ranks,
    "start": hurt_start,
    "stop": hurt_stop,
    "members": hurt_members,
    "coordinator": hurt_coordinator,
    "real": hurt_ranks,
}


class Soak:
    def __init__(self, directory, seed):
        self.directory, self.seed = Path(directory), seed
        self.references = {}

    def experiment(self, name, kind):
        cluster = {**CLUSTER, "shortest_deadline_seconds": 5, "lease_seconds": 300, "ready_seconds": 30}
        if kind in ("real", "none"):
            cluster |= {"isolation": "none", "progress_seconds": 600}
        if kind == "members":
            cluster |= {"ranks_per_worker": 2}
        keys = {**SMALL, "search": {"tokens": 30000}, "cluster": cluster}
        keys |= {"output": str(self.directory / name), "cache": str(self.directory / "cache")}
        file = self.directory / f"{name}.yaml"
        file.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()))
        (self.directory / name).mkdir()
        return file

    def start(self, name, kind, ranks=RANKS, file=None, script="cost=1"):
        file = file or self.experiment(name, kind)
        program = {"program": BINARY} if kind == "real" else {}
        return Run(file, self.directory / name, ranks, script, **program)

    def reference(self, kind):
        which = "real" if kind == "real" else "scripted"
        if which not in self.references:
            file = self.experiment(f"reference-{which}", "none")
            run = self.start(f"reference-{which}", kind, ranks=1, file=file)
            try:
                self.references[which] = run.finish(timeout=600)["digest"]
            finally:
                run.clean()
        return self.references[which]

    def cycle(self, kind, number, counts):
        name = f"{kind}-{number}"
        random = Random(f"{self.seed}-{name}")
        if kind == "members":
            run = self.start(name, kind, MEMBERS, script=f"cost=1 node={random.randint(0, 1)}")
        else:
            run = self.start(name, kind)
        kept = []
        try:
            if kind == "everything":
                for _ in range(random.randint(1, 3)):
                    if not run.wait_for_journal(run.journal_size() + random.randint(1, 5000)):
                        break
                    run.clean()
                    counts["hits"] += 1
                    kept = windows(run.journal)
                    run = self.start(name, kind, file=run.file)
            else:
                counts["hits"] += HURT[kind](run, random)
                kept = windows(run.journal)
            digest = run.finish(timeout=240)["digest"]
            evaluated = windows(run.journal)
            counts["lost"] += len(set(kept) - set(evaluated))
            counts["twice"] += len(evaluated) - len(set(evaluated))
            said = run.errors.read_text()
            # A recipe at which two evaluators happened to be killed is out of the search, as it should: another search then.
            poisoned = "cannot be evaluated and is out of the search" in said
            counts["poisoned"] += poisoned
            counts["digests"] += digest != self.reference(kind) and not poisoned
            counts["restarts"] += said.count("starting again")
            counts["orphans"] += len(run.orphans())
            counts["strange"] += (run.output / "strange-states").exists()
        except TimeoutError as error:
            counts["hangs"] += 1
            print(f"{name}: {error}", flush=True)
            self.keep(run)
        except RuntimeError as error:
            counts["failures"] += 1
            print(f"{name}: {error}", flush=True)
            self.keep(run)
        finally:
            run.clean()
            shutil.rmtree(run.output, ignore_errors=True)

    def keep(self, run):
        """For whoever looks for the reason."""
        place = Path(tempfile.mkdtemp(prefix="pare-soak-kept-"))
        shutil.copytree(run.output, place / "output", dirs_exist_ok=True)
        shutil.copy(run.errors, place)
        print(f"  kept in {place}", flush=True)


def main():
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    kinds = sys.argv[2:] or KINDS
    unknown = set(kinds) - set(KINDS)
    if unknown:
        sys.exit(f"no such kind: {', '.join(sorted(unknown))} (known: {', '.join(KINDS)})")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="pare-soak-") as directory:
        soak = Soak(directory, os.environ.get("SOAK_SEED", "1"))
        for kind in kinds:
            soak.reference(kind)
            start, counts = time.monotonic(), collections.Counter()
            for number in range(cycles):
                soak.cycle(kind, number, counts)
            print(
                f"{kind:12} {cycles} cycles, {counts['hits']} hits, {counts['restarts']} restarts, {counts['poisoned']} with a recipe poisoned:"
                f" {counts['lost']} evaluations lost,"
                f" {counts['twice']} twice, {counts['digests']} other digests, {counts['orphans']} orphans, {counts['hangs']} hangs,"
                f" {counts['failures']} failures, {counts['strange']} with states of another task; {time.monotonic() - start:.0f} s",
                flush=True,
            )
            bad += sum(counts[key] for key in ("lost", "twice", "digests", "orphans", "hangs", "failures", "strange"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
