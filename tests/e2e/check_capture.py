#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_capture.py prefix REPORT SECONDS: the report on a capture that was cut covers at least so much
of the run, says that it is cut, and its sums are right.
check_capture.py version FROM TO MAJOR MINOR: copy a capture with another version in its header."""

import sys
import zlib

from e2e import Check, check_sums, load


def prefix(report_path, seconds):
    check = Check()
    report = load(report_path)
    # The last moments were never written: that is said, and nothing else.
    check_sums(check, report, losses={"slices": 1})
    window = report["window"]
    check.that(window["complete"] is False, f"window.complete is {window['complete']}")
    check.that(window["duration_ns"] >= float(seconds) * 1e9, f"only {window['duration_ns'] / 1e9:.2f} s")
    check.that(report["verdict"]["summary"] != "", "no summary")
    check.note(f"{window['duration_ns'] / 1e9:.1f} s")
    check.end()


def version(source, target, major, minor):
    """The header: magic (8 bytes), u16 major, u16 minor, u32 CRC-32 of the 12 bytes before."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    if zlib.crc32(data[:12]) != int.from_bytes(data[12:16], "little"):
        sys.exit("the header's checksum is none of CRC-32")
    data[8:10] = int(major).to_bytes(2, "little")
    data[10:12] = int(minor).to_bytes(2, "little")
    data[12:16] = zlib.crc32(data[:12]).to_bytes(4, "little")
    with open(target, "wb") as file:
        file.write(data)


{"prefix": prefix, "version": version}[sys.argv[1]](*sys.argv[2:])
