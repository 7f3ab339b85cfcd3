#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""damage.py HOW FILE: change a shared library (ELF, 64 bits, little-endian) where no process maps it.
cut: its section headers are gone from the file's end; sections: they say nonsense; symbols: the symbol
table claims a gigabyte, and the file has it (a hole)."""

import os
import struct
import sys

HEADER_BYTES, SYMTAB, GIGABYTE = 64, 2, 1 << 30


def sections(data):
    """Where the section headers are, and how many."""
    offset, = struct.unpack_from("<Q", data, 0x28)
    count, = struct.unpack_from("<H", data, 0x3c)
    return offset, count


def main():
    how, path = sys.argv[1:]
    with open(path, "r+b") as file:
        data = file.read()
        offset, count = sections(data)
        if how == "cut":
            os.truncate(path, offset + HEADER_BYTES)
        elif how == "sections":
            file.seek(offset)
            file.write(b"\xff" * HEADER_BYTES * count)
        elif how == "symbols":
            for i in range(count):
                at = offset + i * HEADER_BYTES
                if struct.unpack_from("<I", data, at + 4)[0] == SYMTAB:
                    end = (len(data) + 4095) & ~4095
                    file.seek(at + 0x18)
                    file.write(struct.pack("<QQ", end, GIGABYTE))
                    file.truncate(end + GIGABYTE)


main()
