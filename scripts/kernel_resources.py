#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the compiler gave each GPU kernel, from the machine code in a library or object file.

    python3 scripts/kernel_resources.py build-gpu/kernels/libpare_kernels.a

One line for each kernel and architecture, instantiations taken together: registers a thread, threads a block (by its
launch bounds), blocks a multiprocessor that the registers allow, static shared memory (on sm_90a with the 1024 bytes that
CUDA keeps), and bytes of stack and of local memory a thread: what is spilled is part of the stack. Needs cuobjdump and
c++filt. Exits with 1 when a GEMM has either.
"""

import re
import subprocess
import sys
from collections import defaultdict

REGISTERS_OF_A_MULTIPROCESSOR = 65536


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def demangled(names):
    lines = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True).stdout
    return dict(zip(names, lines.splitlines()))


def short(name):
    """`gemm_int8_hopper` of `void pare::kernels::detail::kernel::gemm_int8_hopper<float, 256>(...)`."""
    name = re.sub(r"\(anonymous namespace\)::", "", name)
    return re.split(r"[<(]", re.sub(r"^void ", "", name))[0].split("::")[-1]


def usage(path):
    """(architecture, mangled name) -> {REG, STACK, SHARED, LOCAL}."""
    found, arch, name = {}, None, None
    for line in run("cuobjdump", "--dump-resource-usage", path).splitlines():
        if match := re.match(r"arch = (\S+)", line):
            arch = match[1]
        elif match := re.match(r"\s*Function (\S+):", line):
            name = match[1]
        elif match := re.match(r"\s*REG:", line):
            found[arch, name] = {key: int(value) for key, value in re.findall(r"(\w+):(\d+)", line)}
    return found


def threads(path):
    """(architecture, mangled name) -> most threads of a block."""
    found, arch, name = {}, None, None
    lines = iter(run("cuobjdump", "--dump-elf", path).splitlines())
    for line in lines:
        if match := re.match(r"arch = (\S+)", line):
            arch = match[1]
        elif match := re.match(r"\.nv\.info\.(\S+)", line):
            name = match[1]
        elif "EIATTR_MAX_THREADS" in line:
            value = next((l for l in lines if "Value:" in l), "")
            sizes = [int(word, 16) for word in re.findall(r"0x[0-9a-f]+", value)]
            if sizes:
                found[arch, name] = sizes[0]
    return found


def span(values):
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"


def main(path):
    used, bounds = usage(path), threads(path)
    names = demangled(sorted({name for _, name in used}))
    kernels = defaultdict(list)
    for (arch, name), values in used.items():
        block = bounds.get((arch, name), 0)
        # Registers are handed out to warps in units of 256.
        room = REGISTERS_OF_A_MULTIPROCESSOR // (-(-values["REG"] * 32 // 256) * 256) * 32
        blocks = room // block if block else 0
        kernels[short(names[name]), arch].append((values["REG"], block, blocks, values["SHARED"], values["STACK"],
                                                  values["LOCAL"]))
    print(f"{'kernel':32} {'arch':8} {'registers':>9} {'threads':>9} {'blocks':>7} {'shared':>9} {'stack':>6} {'local':>6}")
    spills = []
    for (kernel, arch), rows in sorted(kernels.items()):
        columns = [span([row[i] for row in rows]) for i in range(6)]
        print(f"{kernel:32} {arch:8} {columns[0]:>9} {columns[1]:>9} {columns[2]:>7} {columns[3]:>9} {columns[4]:>6} "
              f"{columns[5]:>6}")
        if "gemm" in kernel and max(max(row[4], row[5]) for row in rows) > 0:
            spills.append(kernel)
    if spills:
        sys.exit(f"kernel_resources.py: spilled registers in {', '.join(sorted(set(spills)))}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: kernel_resources.py LIBRARY")
    main(sys.argv[1])
