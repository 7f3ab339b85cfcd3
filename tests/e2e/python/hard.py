# SPDX-License-Identifier: GPL-2.0-only
"""hard.py WHAT [ARGUMENT..]: programs of Python that are hard to look into; see the functions. Each prints a ready line
and runs until it is ended. For CPython 3.8 and later."""

import os
import signal
import sys
import threading
import time

THREADS = 500
DEPTH = 1000
HOSTILE = ("evil\x1b[2J\x1b]0;own\x07\n", "right\u202eleft\u2066", "日本語 ' \" <b>&", "tail\\x41\t")


class Text(str):
    """Strings of a derived class are not laid out as others are."""


def ready():
    print("ready pid=%d" % os.getpid(), flush=True)


def rest():
    while True:
        time.sleep(0.05)


def below(depth):
    if depth > 0:
        below(depth - 1)
    rest()


def threads():
    """Five hundred, each below some calls."""
    threading.stack_size(256 * 1024)
    for index in range(THREADS):
        threading.Thread(target=below, args=(index % 10,), daemon=True).start()
    ready()
    rest()


def recursion():
    """A thousand frames."""
    sys.setrecursionlimit(DEPTH + 100)
    threading.stack_size(64 << 20)
    threading.Thread(target=below, args=(DEPTH - 3,), daemon=True).start()
    ready()
    below(DEPTH - 10)


def named(function, **names):
    if sys.version_info >= (3, 11):
        names["co_qualname"] = names["co_name"]
    function.__code__ = function.__code__.replace(**names)
    return function


def names():
    """Files and functions whose names hold control characters, or are no plain strings."""
    for index, name in enumerate(HOSTILE):
        space = {"time": time}
        exec(compile("def f():\n while True: time.sleep(0.05)\n", "/%s/%d.py" % (name, index), "exec"), space)
        threading.Thread(target=named(space["f"], co_name=name), daemon=True).start()
    exec(compile("def f():\n while True: time.sleep(0.05)\n", b"/undecodable\xff.py", "exec"), space)
    threading.Thread(target=space["f"], daemon=True).start()
    exec(compile("def f():\n while True: time.sleep(0.05)\n", "/text.py", "exec"), space)
    threading.Thread(target=named(space["f"], co_name=Text("derived"), co_filename=Text("/derived.py")), daemon=True).start()
    exec(compile("def f():\n while True: time.sleep(0.05)\n", "/" + 5000 * "long/", "exec"), space)
    threading.Thread(target=named(space["f"], co_name=5000 * "long"), daemon=True).start()
    ready()
    rest()


def first_life(interpreter):
    """USR1 makes it another Python."""
    threading.Thread(target=rest, daemon=True).start()
    ready()
    signal.sigwait([signal.SIGUSR1])
    os.execv(interpreter, [interpreter, __file__, "second_life"])


def second_life():
    rest_of_second_life()


def rest_of_second_life():
    while True:
        time.sleep(0.05)


def dying():
    """Code objects that live for a moment only, and threads that do."""
    ready()
    while True:
        space = {"time": time}
        exec(compile("def brief():\n time.sleep(0.001)\n", "/brief.py", "exec"), space)
        thread = threading.Thread(target=space["brief"])
        thread.start()
        space["brief"]()
        thread.join()


def reused():
    """Functions of many names, compiled, run once and thrown away: one has the address of another before it."""
    ready()
    turn = 0
    while True:
        turn = (turn + 1) % 20
        body = turn % 5 * "    pass\n" + "    time.sleep(0.002)\n"
        text = "%sdef made_%d():\n%smade_%d()\n" % (turn * "\n", turn, body, turn)
        exec(compile(text, "/made/%d.py" % turn, "exec"), {"time": time})


BURN = """
import os, threading

def burn_{index}():
    os.write(1, b"interpreter {index} tid %d\\n" % threading.get_native_id())
    while True:
        total = 0
        for i in range(1000):
            total += i * i

for _ in range(2):
    threading.Thread(target=burn_{index}).start()
"""


def subinterpreters():
    """Two with a GIL each, two busy threads in each."""
    if sys.version_info >= (3, 13):
        import _interpreters as interpreters
        made = [interpreters.create("isolated") for _ in range(2)]
    else:
        import _xxsubinterpreters as interpreters
        made = [interpreters.create() for _ in range(2)]
    for index, each in enumerate(made):
        threading.Thread(target=interpreters.run_string, args=(each, BURN.format(index=index)), daemon=True).start()
    ready()
    rest()


NESTED = """
import time

def nested_{index}():
    time.sleep(0.003)

for _ in range(10):
    nested_{index}()
"""


def plain_nap():
    time.sleep(0.003)


def in_turn(interpreters, made, index):
    while True:
        for number, each in enumerate(made):
            interpreters.run_string(each, NESTED.format(index=2 * index + number))
            for _ in range(10):
                plain_nap()


def nested():
    """Each thread runs now its own interpreter, now one or the other that it made."""
    if sys.version_info >= (3, 13):
        import _interpreters as interpreters
    else:
        import _xxsubinterpreters as interpreters
    for index in range(2):
        made = [interpreters.create() for _ in range(2)]
        threading.Thread(target=in_turn, args=(interpreters, made, index), daemon=True).start()
    ready()
    rest()


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    known = (threads, recursion, names, first_life, second_life, dying, reused, subinterpreters, nested)
    {each.__name__: each for each in known}[sys.argv[1]](*sys.argv[2:])


main()
