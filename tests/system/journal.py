"""Reads journal.bin on its own terms: see search/store/journal_format.hpp and records.hpp for the layout."""

import struct
from pathlib import Path

RESULT = 1


def records(path):
    """[(type, payload, whole record)] of a sound journal."""
    content = Path(path).read_bytes()
    assert content[:8] == b"PAREJRNL", content[:8]
    (length,) = struct.unpack_from("<I", content, 12)
    position = 16 + length + 4
    found = []
    while position < len(content):
        _, length, sequence, kind = struct.unpack_from("<IIQH", content, position)
        assert sequence == len(found) + 1, (sequence, len(found))
        end = position + 18 + length + 4
        found.append((kind, content[position + 18 : end - 4], content[position:end]))
        position = end
    return found


def evaluated_windows(path):
    """Every (recipe, set, window) that was ever evaluated and kept, with repetitions."""
    windows = []
    for kind, payload, _ in records(path):
        if kind != RESULT:
            continue
        (sites,) = struct.unpack_from("<I", payload)
        recipe = payload[4 : 4 + sites]
        window_set, begin, count = struct.unpack_from("<BqI", payload, 4 + sites)
        windows += [(recipe, window_set, begin + i) for i in range(count)]
    return windows
