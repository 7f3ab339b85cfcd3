#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""layers.py [ROOT]: the rules of the house that no compiler checks (docs/ARCHITECTURE.md).

Who may include whom, sizes of files and functions, the licence line, and that what is to be pure
touches neither clock nor environment nor file.  Prints `file:line: what` for each violation; exit
status 1 if there is one, 2 for wrong use.  tests/layers_selftest.sh shows that each check can fail.
"""

import os
import re
import sys

# Folder -> the other folders it may include from; "*" = every one.
MAY_INCLUDE = {
    "base": (),
    "model": ("base",),
    "symbol": ("base", "model"),
    "runtime": ("base", "model", "symbol"),
    "analysis": ("base", "model"),
    "source": ("base", "model", "symbol", "runtime"),
    "report": ("base", "model", "analysis"),
    "render": ("base", "model", "analysis", "report"),
    "diff": ("base", "model", "report", "render"),
    "tui": ("base", "model", "analysis", "report"),
    "cli": ("*",),
}

# Includes that few files may have: what, the include as written, the files that may.
RESERVED = (
    ("the ABI header", r'"(bpf/)?concprof_abi\.h"', r"(bpf|userspace/source|tests/kernel)/|tests/unit/source_"),
    ("the skeleton", r'"(bpf/)?concprof\.skel\.h"', r"userspace/source/"),
    ("libbpf", r"<bpf/", r"(bpf|userspace/source|tests/kernel)/|tests/unit/source_"),
    ("the generated encoder of pprof", r'"proto/', r"userspace/render/pprof\.c$|tests/unit/render_formats"),
    ("the generated text of the HTML report", r'"html/', r"userspace/render/html_page\.c$"),
    ("ncurses", r"<(n?curses|ncursesw/curses)\.h>", r"tui/term_ncurses\.c$"),
)

# Below build/: what is made of sources there; RESERVED says for whom.
GENERATED = ("bpf", "proto", "html")

# No clock, environment, file, process or output here: the same records give the same report.
PURE = ("model", "analysis", "report", "render", "diff")
PURE_HEADERS = (
    "assert.h ctype.h errno.h float.h inttypes.h limits.h math.h stdarg.h stdbool.h stddef.h stdint.h "
    "stdalign.h stdio.h stdlib.h string.h sys/types.h jansson.h zlib.h "
    "time.h sys/syscall.h"  # gmtime_r and the numbers; the calls are looked for below
).split()
IMPURE_CALLS = (
    "time clock clock_gettime clock_getres gettimeofday ftime localtime localtime_r timespec_get mktime "
    "sleep usleep nanosleep clock_nanosleep alarm "
    "getenv secure_getenv setenv putenv unsetenv setlocale nl_langinfo "
    "fopen fopen64 freopen fdopen tmpfile open open64 openat creat read pread write pwrite close mmap "
    "opendir readdir scandir nftw stat lstat fstat access faccessat readlink realpath unlink rename "
    "mkdir mkstemp getcwd chdir "
    "popen system fork vfork execl execlp execle execv execvp execve posix_spawn kill syscall "
    "socket connect getpid gettid getuid geteuid sysconf uname gethostname rand random getrandom "
    "printf fprintf vprintf vfprintf puts fputs putchar fputc fwrite perror"
).split()

FILE_LINES_MAX = 599
FUNCTION_LINES_MAX = 59

SPDX = "SPDX-License-Identifier: GPL-2.0-only"
FOLDERS = ("bpf", "userspace", "tui", "tests", "samples", "vmlinux", ".ci")
TOP_FILES = ("Makefile", ".clang-format", ".clang-tidy")

INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')
COMMENT_OR_LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
# A call by its bare name: no member, no longer name.
IMPURE = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(IMPURE_CALLS) + r")\s*\(")
IMPURE_NAMES = re.compile(r"(?<![\w.])(?<!->)(environ|stdout|stderr|stdin)\b")


class Checker:
    def __init__(self, root):
        self.root = root
        self.violations = []
        self.edges = {}  # (folder, folder) -> the first place that made it

    def say(self, path, line, what):
        self.violations.append((path, line, what))

    def check_spdx(self, path, lines):
        first = 0
        if path.endswith(".c"):
            want = "// " + SPDX
        elif path.endswith(".h"):
            want = "/* " + SPDX + " */"
        else:
            want = "# " + SPDX
            first = 1 if lines and lines[0].startswith("#!") else 0
        if len(lines) <= first or lines[first].rstrip() != want:
            self.say(path, first + 1, "the first line is to be: " + want)

    def check_length(self, path, lines):
        if len(lines) > FILE_LINES_MAX:
            self.say(path, FILE_LINES_MAX + 1, "%d lines, at most %d" % (len(lines), FILE_LINES_MAX))

    def check_functions(self, path, lines):
        """In our style (.clang-format) a function, and nothing else, begins with { in column 0."""
        start = None
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                length = number - start + 1
                if length > FUNCTION_LINES_MAX:
                    self.say(path, start, "function of %d lines, at most %d" % (length, FUNCTION_LINES_MAX))
                start = None
        if start:
            self.say(path, start, "function without its } in column 0")

    def check_reserved(self, path, number, target):
        for what, pattern, may in RESERVED:
            if re.match(pattern, target) and not re.match(may, path):
                self.say(path, number, "%s may not be included here" % what)

    def check_layer(self, path, number, folder, target):
        """One include of a file of userspace/ or tui/."""
        if target.startswith("<"):
            if folder in PURE and target[1:-1] not in PURE_HEADERS:
                self.say(path, number, "%s is pure: no %s" % (folder, target))
            return
        name = target[1:-1]
        other = name.split("/")[0]
        if "/" not in name or other.startswith("."):
            self.say(path, number, 'includes are written from userspace/: "%s/%s"' % (folder, name))
        elif other in MAY_INCLUDE:
            self.edges.setdefault((folder, other), (path, number))
            allowed = MAY_INCLUDE[folder]
            if other != folder and other not in allowed and "*" not in allowed:
                self.say(path, number, "%s may not include %s" % (folder, other))
        elif other not in GENERATED:
            self.say(path, number, "%s may not include %s" % (folder, other))

    def check_includes(self, path, lines):
        parts = path.split("/")
        folder = parts[1] if parts[0] == "userspace" and len(parts) > 2 else parts[0]
        if parts[0] == "userspace" and folder not in MAY_INCLUDE:
            self.say(path, 1, "folder %s is not in the table of layers.py" % folder)
            return
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(1)
            self.check_reserved(path, number, target)
            if folder in MAY_INCLUDE:
                self.check_layer(path, number, folder, target)
            elif folder == "bpf" and target.startswith('"') and "/" in target:
                self.say(path, number, "bpf may include bpf/ and vmlinux/ alone, without a folder")

    def check_pure(self, path, text):
        folder = path.split("/")[1] if path.startswith("userspace/") else ""
        if folder not in PURE:
            return
        # Comments and literals go, their line ends stay.
        bare = COMMENT_OR_LITERAL.sub(lambda m: re.sub(r"[^\n]+", " ", m.group()), text)
        for number, line in enumerate(bare.split("\n"), 1):
            for pattern in (IMPURE, IMPURE_NAMES):
                for match in pattern.finditer(line):
                    self.say(path, number, "%s is pure: no %s" % (folder, match.group(1)))

    def check_cycles(self):
        """Folders that include each other, over however many steps."""
        graph = {}
        for a, b in self.edges:
            if a != b:
                graph.setdefault(a, set()).add(b)
        seen = set()
        for start in sorted(graph):
            way = path_back(graph, start)
            if way and frozenset(way) not in seen:
                seen.add(frozenset(way))
                path, number = self.edges[(way[0], way[1])]
                self.say(path, number, "folders include each other: " + " -> ".join(way))

    def check_file(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as f:
            text = f.read()
        lines = text.splitlines()
        self.check_spdx(path, lines)
        self.check_length(path, lines)
        if path.endswith((".c", ".h")):
            self.check_functions(path, lines)
            self.check_includes(path, lines)
            self.check_pure(path, text)


def path_back(graph, start):
    """The shortest way from @start back to it, [] if there is none."""
    ways = [[start]]
    seen = set()
    while ways:
        way = ways.pop(0)
        for following in sorted(graph.get(way[-1], ())):
            if following == start:
                return way + [start]
            if following not in seen:
                seen.add(following)
                ways.append(way + [following])
    return []


def is_ours(root, path):
    """C files and scripts; data (golden files, schemas, notes) has no form to keep."""
    if path.endswith((".c", ".h", ".sh", ".py")):
        return True
    if "." in os.path.basename(path):
        return False
    with open(os.path.join(root, path), "rb") as f:
        return f.read(2) == b"#!"


def files_of(root):
    for name in TOP_FILES:
        if os.path.isfile(os.path.join(root, name)):
            yield name
    for folder in FOLDERS:
        for here, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = sorted(d for d in dirs if d != "__pycache__")
            for name in sorted(names):
                path = os.path.relpath(os.path.join(here, name), root)
                if is_ours(root, path):
                    yield path


def main(argv):
    if len(argv) > 2:
        print("usage: layers.py [ROOT]", file=sys.stderr)
        return 2
    root = argv[1] if len(argv) == 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    checker = Checker(root)
    seen = 0
    for path in files_of(root):
        checker.check_file(path)
        seen += 1
    if not seen:
        print("layers.py: no files below %s" % root, file=sys.stderr)
        return 2
    checker.check_cycles()
    for path, line, what in sorted(checker.violations):
        print("%s:%d: %s" % (path, line, what))
    return 1 if checker.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
