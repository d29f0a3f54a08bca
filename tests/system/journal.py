"""Reads the journal of a run on its own terms: see search/store/journal_format.hpp and records.hpp for the layout."""

import struct
from pathlib import Path

RESULT = 1
COMMIT = 2


def segments(path):
    """The files of a journal, in their order."""
    return sorted(Path(path).glob("[0-9]*.bin"))


def header_size(content):
    assert content[:8] == b"PAREJRNL", content[:8]
    (length,) = struct.unpack_from("<I", content, 12)
    return 16 + length + 4


def whole_records(segment):
    """(sequence, type, payload, whole record) of a segment, up to its end or a record that is not all there."""
    content = segment.read_bytes()
    position = header_size(content)
    while position + 26 <= len(content):
        _, length, sequence, _, kind = struct.unpack_from("<IIQIH", content, position)
        end = position + 22 + length + 4
        if end > len(content):
            return
        yield sequence, kind, content[position + 22 : end - 4], content[position:end]
        position = end


def records(path):
    """[(type, payload, whole record)] of a sound journal, through all of its segments."""
    found = []
    for segment in segments(path):
        end = header_size(segment.read_bytes())
        for sequence, kind, payload, record in whole_records(segment):
            assert sequence == len(found) + 1, (sequence, len(found))
            found.append((kind, payload, record))
            end += len(record)
        assert end == segment.stat().st_size, (segment, end)
    return found


def size(path):
    """Bytes of results and commits, while the journal may be growing."""
    return sum(
        len(record) for segment in segments(path) for _, kind, _, record in whole_records(segment) if kind in (RESULT, COMMIT)
    )


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
