"""Copies of the demo model with something wrong in them."""

import json
import shutil
import struct
from pathlib import Path

from harness import DEMO_MODEL


class Checkpoint:
    """The demo model's configuration, header and data, free to be changed before they are written."""

    def __init__(self):
        self.config = json.loads((DEMO_MODEL / "config.json").read_text())
        content = (DEMO_MODEL / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        self.header = json.loads(content[8 : 8 + length])
        self.data = bytearray(content[8 + length :])

    def tensor(self, name):
        return self.header[f"model.{name}.weight"]

    def set_bf16(self, name, element, bits):
        begin = self.tensor(name)["data_offsets"][0] + 2 * element
        self.data[begin : begin + 2] = struct.pack("<H", bits)

    def header_bytes(self):
        return json.dumps(self.header).encode()

    def write(self, directory, header_length=None):
        """One file; `header_length` is the lie to tell about the header."""
        directory = Path(directory)
        directory.mkdir(parents=True)
        (directory / "config.json").write_text(json.dumps(self.config))
        header = self.header_bytes()
        length = struct.pack("<Q", len(header) if header_length is None else header_length)
        (directory / "model.safetensors").write_bytes(length + header + self.data)
        return directory

    def write_sharded(self, directory, shards=2):
        """The same in several files with an index."""
        directory = Path(directory)
        directory.mkdir(parents=True)
        (directory / "config.json").write_text(json.dumps(self.config))
        names = [name for name in self.header if name != "__metadata__"]
        weight_map = {}
        for shard in range(shards):
            file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
            part = Checkpoint.__new__(Checkpoint)
            part.header, part.data = {}, bytearray()
            for name in names[shard::shards]:
                begin, end = self.header[name]["data_offsets"]
                offsets = [len(part.data), len(part.data) + end - begin]
                part.header[name] = {**self.header[name], "data_offsets": offsets}
                part.data += self.data[begin:end]
                weight_map[name] = file
            header = part.header_bytes()
            (directory / file).write_bytes(struct.pack("<Q", len(header)) + header + part.data)
        (directory / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
        return directory


def copy_config(directory):
    directory = Path(directory)
    directory.mkdir(parents=True)
    shutil.copy(DEMO_MODEL / "config.json", directory)
    return directory
