#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that includes only point down, by the order in scripts/layers.txt.

    python3 scripts/check_layers.py [ROOT]

Prints `file:line: message` for every include that breaks a rule, and exits with 1 if there is one; with 2 if
layers.txt itself is wrong. tests/ may include anything.
"""

import sys

if __name__ == "__main__":
    # scripts/tokenize.py must not take the place of the standard module of that name.
    del sys.path[0]

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

SUFFIXES = {".hpp", ".cpp", ".cu", ".cuh", ".h", ".c", ".cc", ".inl"}
C_STANDARD = {f"{name}.h" for name in (
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype").split()}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')


class LayersError(Exception):
    """layers.txt cannot be read; the message is complete."""


@dataclass
class Floor:
    name: str
    rooms: list = field(default_factory=list)
    allowed: list = None  # Patterns of foreign headers; None: any.


@dataclass
class Layers:
    floors: list
    homes: list  # (pattern, "floor/room")

    def floor_index(self, name):
        return next((i for i, floor in enumerate(self.floors) if floor.name == name), None)


def read_layers(path):
    layers = Layers([], [])
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        kind, values = words[0], words[1:]
        here = f"{path}:{number}"
        if kind not in ("floor", "room", "std-only", "home"):
            raise LayersError(f"{here}: unknown word {kind} (known: floor, room, std-only, home)")
        if kind == "floor" and len(values) == 1:
            layers.floors.append(Floor(values[0]))
        elif kind == "home" and len(values) >= 2:
            layers.homes += [(header, values[-1]) for header in values[:-1]]
        elif kind == "room" and len(values) == 1 and layers.floors:
            layers.floors[-1].rooms.append(values[0])
        elif kind == "std-only" and layers.floors:
            layers.floors[-1].allowed = values
        else:
            raise LayersError(f"{here}: {kind} is incomplete or stands before the first floor")
    rooms = {f"{floor.name}/{room}" for floor in layers.floors for room in floor.rooms}
    for header, home in layers.homes:
        if home not in rooms:
            raise LayersError(f"{path}: the home of {header}, {home}, is no room")
    return layers


def matches(header, pattern):
    return header.startswith(pattern) if pattern.endswith("/") else fnmatchcase(header, pattern)


def is_standard(header):
    """<vector> and <cstdint> have neither a folder nor a suffix; <time.h> and its like are C's."""
    return ("/" not in header and "." not in header) or header in C_STANDARD


def problem_with(header, quoted, floor_name, room, layers, root):
    """Why a file in floor_name/room may not include `header`, or None."""
    floor_at = layers.floor_index(floor_name)
    floor = layers.floors[floor_at]
    parts = header.split("/")
    target_at = layers.floor_index(parts[0])

    homes = [home for pattern, home in layers.homes if matches(header, pattern)]
    if homes:
        if f"{floor_name}/{room}" in homes:
            return None
        return f"{header} has its home in {' and '.join(homes)} (include a header of that folder instead)"
    if target_at is None and quoted:
        if header.startswith(".") or len(parts) == 1 or not (root / parts[0]).is_dir():
            return f'"{header}" is not written from the repository root (write "floor/room/file.hpp")'
        return f'"{header}" belongs to no floor (known: {", ".join(f.name for f in layers.floors)})'
    if target_at is not None and not quoted:
        return f'<{header}> is ours (write "{header}")'
    if target_at is not None:
        target = layers.floors[target_at]
        if target_at > floor_at:
            return f'"{header}" points up, from {floor_name} to {target.name}'
        if len(parts) < 3 or parts[1] not in target.rooms:
            return f'"{header}" is in no room of {target.name} (known: {", ".join(target.rooms)})'
        if target_at == floor_at and target.rooms.index(parts[1]) > target.rooms.index(room):
            return f'"{header}" points up, from {floor_name}/{room} to {target.name}/{parts[1]}'
        return None

    if floor.allowed is not None and not is_standard(header):
        if not any(matches(header, pattern) for pattern in floor.allowed):
            return f"<{header}> is foreign to {floor_name} (allowed: the standard library, {', '.join(floor.allowed)})"
    return None


def without_comments(text):
    """Block and line comments blanked, line numbers kept; good enough for include lines."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", "", text)


def check(root, layers):
    problems = []
    for floor in layers.floors:
        for path in sorted((root / floor.name).rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            shown = path.relative_to(root)
            room = shown.parts[1] if len(shown.parts) > 2 else None
            if room not in floor.rooms:
                problems.append(f"{shown}:1: lies in no room of {floor.name} (known: {', '.join(floor.rooms)})")
                continue
            text = without_comments(path.read_text(encoding="utf-8", errors="replace"))
            for number, line in enumerate(text.splitlines(), 1):
                include = INCLUDE.match(line)
                if include:
                    quoted = include.group(1) is not None
                    header = include.group(1) if quoted else include.group(2)
                    problem = problem_with(header, quoted, floor.name, room, layers, root)
                    if problem:
                        problems.append(f"{shown}:{number}: {problem}")
    return problems


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    listing = root / "scripts/layers.txt"
    try:
        layers = read_layers(listing)
    except LayersError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{listing}: {error.strerror}", file=sys.stderr)
        return 2
    problems = check(root, layers)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
