#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python_walk.py WALK PYTHON..: what is read of an interpreter from outside is what it says itself.

Runs python_stacks.py on each interpreter, reads its blocked threads with WALK
(build/tests/python_walk), and compares every frame and line with faulthandler's (its first 100 of a
thread) and, whole, with sys._current_frames().
"""

import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
FAULT_FRAMES_MAX = 100
FAULT_TEXT_MAX = 500
NAME_MAX = 255
FILE_MAX = 511


def head(text, size):
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def tail(text, size):
    return text.encode("utf-8", "replace")[-size:].decode("utf-8", "ignore")


def shown_text(text):
    """A name as python_walk gives it: what is no character is replaced."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def fault_text(text):
    """A name as faulthandler prints it: ASCII, the rest escaped, and cut."""
    cut = text[:FAULT_TEXT_MAX]
    return cut.encode("ascii", "backslashreplace").decode() + ("..." if len(text) > FAULT_TEXT_MAX else "")


def read_fault(path):
    threads, frames = {}, None
    with open(path) as f:
        for line in f:
            started = re.match(r"(?:Current t|T)hread 0x0*([0-9a-f]+)", line)
            if started:
                frames = threads.setdefault("0x" + started[1], [])
                continue
            frame = re.match(r'  File (.*), line (\d+|\?\?\?) in (.*)$', line)
            if frame:
                line_number = 0 if frame[2] == "???" else int(frame[2])
                frames.append((frame[1].strip('"'), line_number, frame[3]))
    return threads


def read_walk(walk, pid):
    lines = subprocess.run([walk, str(pid)], check=True, stdout=subprocess.PIPE).stdout.decode().split("\n")
    _, version, known, gils = lines[0].split(" ")
    threads = {}
    for line in lines[1:]:
        kind, _, rest = line.partition(" ")
        if kind == "thread":
            ident, native, complete = rest.split(" ")
            frames = []
            threads[ident] = {"native": int(native), "complete": complete == "1", "frames": frames}
        elif kind == "frame":
            entry, number, names = rest.split(" ", 2)
            name, _, file = names.partition("\t")
            frames.append((file, int(number) if number.isdigit() else number, name, entry == "1"))
    return {"version": version, "known": known == "1", "gils": int(gils), "threads": threads}


class Interpreter:
    def __init__(self, walk, python):
        self.walk, self.python = walk, python
        self.frames = self.compared_fault = self.threads = self.entries = 0
        self.wrong = []

    def compare_fault(self, seen, fault, shown):
        for ident, whole in shown.items():
            said = fault.get(ident, [])
            frames = seen["threads"].get(ident, {"frames": []})["frames"]
            if len(said) != min(len(whole), FAULT_FRAMES_MAX) or len(frames) != len(whole):
                self.wrong.append("%s: %d frames, faulthandler %d" % (ident, len(frames), len(said)))
                continue
            # Its texts are escaped and cut: what is compared is the same done to the true ones.
            for at, (said_frame, frame, true) in enumerate(zip(said, frames, whole)):
                self.compared_fault += 1
                name = frame[2].rsplit(".", 1)[-1]
                expected = (fault_text(true[0]), said_frame[1], fault_text(true[2]))
                if said_frame != expected or frame[1] != said_frame[1] or name != head(shown_text(true[2]), NAME_MAX):
                    if len(true[3].encode()) <= NAME_MAX:
                        self.wrong.append("%s[%d]: %s, faulthandler %s" % (ident, at, frame, said_frame))

    def compare_shown(self, seen, shown):
        for ident, whole in shown.items():
            self.threads += 1
            thread = seen["threads"].get(ident)
            if not thread or not thread["complete"]:
                self.wrong.append("%s: not there or not complete" % ident)
                continue
            frames = thread["frames"]
            qualified = seen["has_qualname"]
            want = [(tail(shown_text(file), FILE_MAX), number or 0,
                     head(shown_text(qualname if qualified else name), NAME_MAX))
                    for file, number, name, qualname in whole]
            got = [frame[:3] for frame in frames]
            self.frames += len(want)
            self.entries += sum(frame[3] for frame in frames)
            for at, (a, b) in enumerate(zip(got, want)):
                if a != b:
                    self.wrong.append("%s[%d]: %s, not %s" % (ident, at, a, b))
            if len(got) != len(want):
                self.wrong.append("%s: %d frames, not %d" % (ident, len(got), len(want)))
            if frames and not frames[-1][3]:
                self.wrong.append("%s: the outermost is not the last of a call" % ident)

    def run(self):
        said = subprocess.run([self.python, "-c", "import sys;print(sys.version.split()[0],"
                               "'t' if getattr(sys,'_is_gil_enabled',None) and 't' in sys.abiflags else '', sep='')"],
                              check=True, stdout=subprocess.PIPE).stdout.decode().strip()
        with tempfile.TemporaryDirectory() as folder:
            target = subprocess.Popen([self.python, os.path.join(HERE, "python_stacks.py"), folder],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                self.look(target, folder, said)
            finally:
                target.kill()
                target.wait()
        return said

    def look(self, target, folder, said):
        if target.stdout.readline() != b"blocked\n":
            self.wrong.append("the target ended early")
            return
        before = read_walk(self.walk, target.pid)
        target.stdin.write(b"\n")
        target.stdin.flush()
        if target.stdout.readline() != b"shown\n":
            self.wrong.append("the target ended early")
            return
        after = read_walk(self.walk, target.pid)
        with open(os.path.join(folder, "frames")) as f:
            shown = json.load(f)
        if before["version"] != said or not before["known"]:
            self.wrong.append("version %s, not %s" % (before["version"], said))
            return
        if before["gils"] != 1 and not said.endswith("t"):
            self.wrong.append("%d GILs" % before["gils"])
        minor = int(said.split(".")[1])
        before["has_qualname"] = minor >= 11
        self.compare_fault(before, read_fault(os.path.join(folder, "fault")), shown)
        self.compare_shown(before, shown)
        # Asking made objects of the frames, and moved nothing.
        for ident in shown:
            if before["threads"].get(ident) != after["threads"].get(ident):
                self.wrong.append("%s: another chain after sys._current_frames()" % ident)


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for python in sys.argv[2:]:
        one = Interpreter(sys.argv[1], python)
        said = one.run()
        if one.wrong or not one.frames:
            failed = True
            print("%s: %d differ: %s" % (said, len(one.wrong), "; ".join(one.wrong[:3])))
        else:
            print("%s: %d threads, %d frames and lines, %d of them as faulthandler's, %d C calls"
                  % (said, one.threads, one.frames, one.compared_fault, one.entries))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
