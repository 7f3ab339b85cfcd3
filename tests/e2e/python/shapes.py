# SPDX-License-Identifier: GPL-2.0-only
"""shapes.py FOLDER: many threads, each asleep below another shape of Python code, for CPython 3.8 and later.

When all are there it writes FOLDER/faulthandler (its own traceback of all threads), FOLDER/frames.json (the frames by
sys._current_frames(), as the former ends after 100 of a thread) and prints a ready line. Most threads wake up five
times a second and block again at the very same place; some never move. That is why rest() has its loop in one line."""

import asyncio
import concurrent.futures
import contextlib
import ctypes
import faulthandler
import functools
import importlib
import json
import os
import queue
import re
import select
import sys
import threading
import time

NAP_S = 0.2
RECURSION = 200
FAR = 70000  # statements, of two code units each: more than 17 bits of instruction offset
arrived = threading.Semaphore(0)
expected = []  # inner function, outer function, module of native code that must lie between ("" = any)
folder = sys.argv[1]


def rest(*_ignored, **_named):
    arrived.release()
    while True: time.sleep(NAP_S)  # noqa: E701


def native_between(inner, outer, module=""):
    expected.append((inner, outer, module))


# ---- calls ----


def recursion(depth=RECURSION):
    if depth > 0:
        recursion(depth - 1)
    rest()


def multi_line():
    return dict(
        first=1,
        second=rest(
            1,
            2,
        ),
        third=3)


def chained():
    class Link:
        def step(self):
            return self

        def last(self):
            rest()

    return (Link()
            .step()
            .last
            ())


def continued():
    return 1 + \
        2 + \
        rest()


def nested_arguments():
    return max(len("a"), len(
        [1, 2,
         rest(3)]), 7)


def no_lines(): rest()  # noqa: E704


def starred():
    rest(*[1, 2], **{"named": 3})


def closure():
    depth = 3

    def inner():
        nonlocal depth
        depth -= 1
        inner() if depth else rest()

    inner()


def lambdas():
    (lambda f: (lambda g: g())(lambda: f()))(rest)


def naïve_функция_日本語():
    rest()


def ünï():
    naïve_функция_日本語()


def big():
    """Its call lies behind many instructions, and its lines jump."""
    x = 0
    code = "\n".join("x = x + %d" % i for i in range(400)) + "\n" * 300 + "rest(\n\n\n)\n"
    exec(compile(code, "<big>", "exec"), {"x": x, "rest": rest})


def far():
    exec(compile("def far_away():\n" + "  x = 1\n" * FAR + "  rest()\nfar_away()\n", "<far>", "exec"), {"rest": rest})


def deep_line():
    exec(compile("\n" * 100000 + "def deep():\n rest()\ndeep()", "<deep>", "exec"), {"rest": rest})


def executed():
    exec("def inner():\n\n    rest()\n\ninner()")


def evaluated():
    eval("[rest() for _ in (1,)]")


def named_file():
    exec(compile("\n\nrest()", "/tmp/földer/日本 語.py", "exec"), {"rest": rest})


# ---- generators and coroutines ----


def generator():
    def values():
        yield 1
        rest()
        yield 2

    for _ in values():
        pass


def generator_expression():
    sum(rest() for _ in range(3))


def delegating():
    def inner():
        yield 1
        rest()

    def outer():
        yield from inner()

    list(outer())


def sent():
    def inner():
        got = yield
        while got:
            got = yield
        rest()

    each = inner()
    next(each)
    each.send(1)
    each.send(0)


def thrown():
    def inner():
        try:
            yield
        except KeyError:
            rest()

    each = inner()
    next(each)
    each.throw(KeyError)


def coroutine():
    async def third():
        rest()

    async def second():
        await third()

    async def first():
        return [await each() for each in (second,)]

    first().send(None)


def async_generator():
    async def values():
        yield 1
        rest()

    async def first():
        async for _ in values():
            pass

    first().send(None)


def loop_blocked():
    async def task():
        await asyncio.sleep(0)
        rest()

    asyncio.run(task())


def loop_idle():
    async def task():
        while True:
            await asyncio.sleep(NAP_S)

    arrived.release()
    asyncio.run(task())


# ---- comprehensions, classes, protocols ----


def comprehensions():
    return [[{z for z in (rest(),)} for y in (1,)] for x in (1,)]


def mapping_comprehension():
    return {key: rest() for key in "a"}


def class_body():
    class Outer:
        class Inner:
            value = rest()


def metaclass():
    class Meta(type):
        def __new__(mcs, name, bases, space):
            rest()

    class Made(metaclass=Meta):
        pass


def attributes():
    class Has:
        @property
        def first(self):
            return self.second

        def __getattr__(self, name):
            rest()

    return Has().first


def finalizer():
    class Ends:
        def __del__(self):
            rest()

    Ends()


def operators():
    class Number:
        def __add__(self, other):
            rest()

        def __eq__(self, other):
            return self + other

    return [Number()].index(0)


def iterator():
    class Steps:
        def __iter__(self):
            return self

        def __next__(self):
            rest()

    a, b = Steps()


def context_manager():
    @contextlib.contextmanager
    def managed():
        yield
        rest()

    with managed():
        pass


def handlers():
    try:
        try:
            raise KeyError
        except KeyError:
            raise ValueError
        finally:
            sys.exc_info()
    except ValueError:
        with contextlib.suppress(OSError):
            rest()


def decorated():
    def wrap(function):
        @functools.wraps(function)
        def wrapper():
            return function()
        return wrapper

    @wrap
    @wrap
    def body():
        rest()

    body()


# ---- C that calls Python ----


def sort_key():
    def key(_value):
        rest()

    sorted([3, 1], key=key)


def mapped():
    def apply(value):
        return rest(value)

    list(map(apply, [1]))


def reduced():
    functools.reduce(lambda a, b: rest(), [1, 2, 3])


def partial():
    def given(*values):
        rest()

    functools.partial(functools.lru_cache()(given), 1)(2)


def substituted():
    def replace(match):
        rest()

    re.sub("a", replace, "bab")


def encoded():
    def default(value):
        rest()

    json.dumps({"a": [object()]}, default=default)


def foreign_sort():
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

    def compare(_a, _b):
        rest()
        return 0

    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, 4, kind(compare))


def importing():
    with open(os.path.join(folder, "restful_module.py"), "w") as file:
        file.write("import sys\n\n\ndef go():\n    sys.modules['__main__'].rest()\n\n\ngo()\n")
    sys.path.insert(0, folder)
    importlib.import_module("restful_module")


native_between("key", "sort_key")
native_between("apply", "mapped")
native_between("<lambda>", "reduced")
native_between("given", "partial")
native_between("replace", "sub")
native_between("compare", "foreign_sort", "libc")
native_between("__del__", "finalizer")


# ---- without a frame of its own ----


def drain(end):
    arrived.release()
    while True: os.read(end, 4096), time.sleep(NAP_S)  # noqa: E701


def cleared():
    """A function that C has called has returned, and blocks on what its variables hold."""
    read_end, write_end = os.pipe()

    def leaves(_value):
        file = open(write_end, "wb", buffering=1 << 24)
        file.write(bytes((1 << 24) - 1))
        arrived.release()

    threading.Thread(target=drain, args=(read_end,), daemon=True).start()
    list(map(leaves, [1]))


# ---- ways to block ----


def lock_again():
    lock = threading.Lock()
    lock.acquire()
    arrived.release()
    while True: lock.acquire(timeout=NAP_S)  # noqa: E701


def lock_for_ever():
    lock = threading.Lock()
    lock.acquire()
    arrived.release()
    lock.acquire()


def event_again():
    event = threading.Event()
    arrived.release()
    while True: event.wait(NAP_S)  # noqa: E701


def condition_again():
    condition = threading.Condition()
    arrived.release()
    with condition:
        while True: condition.wait(NAP_S)  # noqa: E701


def queue_for_ever():
    arrived.release()
    queue.Queue().get()


def simple_queue_for_ever():
    arrived.release()
    queue.SimpleQueue().get()


def select_again():
    arrived.release()
    while True: select.select([], [], [], NAP_S)  # noqa: E701


def read_for_ever():
    arrived.release()
    os.read(os.pipe()[0], 1)


def join_for_ever():
    other = threading.Thread(target=read_for_ever, daemon=True)
    other.start()
    arrived.release()
    other.join()


def worker_below():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    arrived.release()
    pool.submit(rest).result()


SHAPES = [
    recursion, multi_line, chained, continued, nested_arguments, no_lines, starred, closure, lambdas,
    ünï, big, far, deep_line, executed, evaluated, named_file,
    generator, generator_expression, delegating, sent, thrown, coroutine, async_generator, loop_blocked, loop_idle,
    comprehensions, mapping_comprehension, class_body, metaclass, attributes, finalizer, operators, iterator,
    context_manager, handlers, decorated,
    sort_key, mapped, reduced, partial, substituted, encoded, foreign_sort, importing,
    lock_again, lock_for_ever, event_again, condition_again, queue_for_ever, simple_queue_for_ever, select_again,
    read_for_ever, join_for_ever, worker_below,
]

HELPERS = 2  # join_for_ever and worker_below start one more each that comes to rest
if sys.version_info[:2] != (3, 13):  # whose faulthandler crashes there
    SHAPES.append(cleared)
    HELPERS += 1


# ---- what is true ----


def traceback():
    with open(os.path.join(folder, "faulthandler"), "w+b") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()


def frames(frame):
    found = []
    while frame is not None:
        found.append((frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return found


def settled():
    """Two tracebacks in a row are the same: nobody is on the way."""
    before = traceback()
    for _ in range(200):
        time.sleep(NAP_S / 3)
        now = traceback()
        if now == before:
            return
        before = now
    sys.exit("the threads do not come to rest")


def main():
    for shape in SHAPES:
        threading.Thread(target=shape, daemon=True, name=shape.__name__).start()
    for _ in range(len(SHAPES) + HELPERS):
        if not arrived.acquire(timeout=60):
            sys.exit("a thread does not arrive")
    settled()
    current, threads = sys._current_frames(), {}
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            threads[thread.native_id] = {"ident": thread.ident, "name": thread.name, "frames": frames(current[thread.ident])}
    with open(os.path.join(folder, "frames.json"), "w", encoding="utf-8") as file:
        json.dump({"threads": threads, "between": expected, "version": sys.version_info[:2]}, file)
    print("ready pid=%d threads=%d" % (os.getpid(), len(threads)), flush=True)
    read_for_ever()


main()
