# SPDX-License-Identifier: GPL-2.0-only
"""python_stacks.py DIR: threads blocked in every kind of frame, and what the interpreter says of them.

For check_python_walk.py.  Says `blocked` when every thread is asleep in read() and DIR/fault has
faulthandler's view; after a line on stdin writes DIR/frames, what sys._current_frames() shows, and
says `shown`; ends at the next line.  Runs on CPython 3.8 and later.
"""

import asyncio
import ctypes
import faulthandler
import functools
import json
import os
import re
import sys
import threading
import time

DIR = sys.argv[1]
READ_FD, WRITE_FD = os.pipe()
natives = {}  # threading's ident -> the kernel's
SCENES = []


def block(*_):
    natives[threading.get_ident()] = threading.get_native_id()
    os.read(READ_FD, 1)
    return 1


def scene(f):
    SCENES.append(f)
    return f


def combine(*args, **kwargs):
    return args


@scene
def plain():
    block()


@scene
def generators():
    def inner():
        yield 1
        yield block()

    def outer():
        yield from inner()

    for _ in outer():
        pass


@scene
def generator_expression():
    return sum(
        block()
        for _ in range(1)
    )


@scene
def coroutine():
    async def innermost():
        block()

    async def middle():
        await innermost()

    async def outer():
        async def ticks():
            yield 1
            await middle()

        async for _ in ticks():
            pass

    try:
        outer().send(None)
    except StopIteration:
        pass


@scene
def event_loop():
    async def job(n):
        await asyncio.sleep(0)
        if n:
            return await job(n - 1)
        return block()

    async def main():
        await asyncio.gather(job(3), asyncio.sleep(0))

    asyncio.run(main())


@scene
def c_calls():
    def by_map(x):
        return list(map(by_reduce, [x]))

    def by_reduce(x):
        return functools.reduce(by_sort, [x, x])

    def by_sort(a, b):
        return sorted([a, b], key=lambda v: by_re(v))

    def by_re(_):
        return re.sub("a",
                      by_partial, "xay")

    def by_partial(_):
        return functools.partial(block, 1)()

    by_map(1)


@scene
def lambdas():
    f = lambda: (lambda:
                 block())()
    f()


@scene
def decorated():
    def around(argument):
        def decorate(f):
            @functools.wraps(f)
            def wrapper(*args):
                return f(
                    *args)
            return wrapper
        return decorate

    @around(
        1
    )
    @around(2)
    def target():
        block()

    target()


@scene
def decorating():
    @block
    def never():
        pass


@scene
def comprehensions():
    return [
        {y: [
            block() for z in range(1)]
         for y in range(1)}
        for x in range(1)]


@scene
def class_body():
    class Outer:
        a = 1

        class Inner:
            b = 2
            block()


@scene
def special_methods():
    class Meta(type):
        def __call__(cls, *args):
            return super().__call__(*args)

    class Thing(metaclass=Meta):
        def __init__(self):
            self.x = 1
            self.value

        @property
        def value(self):
            return self.missing

        def __getattr__(self, name):
            with self:
                pass

        def __enter__(self):
            return self

        def __exit__(self, *what):
            return self[1:2]

        def __getitem__(self, key):
            return self + 1

        def __add__(self, other):
            del Dying().name
            return other

    class Dying:
        def __delattr__(self, name):
            pass

        def __del__(self):
            block()

    Thing()


@scene
def recursion(depth=200):
    if depth:
        return recursion(
            depth - 1)
    block()


@scene
def recursion_through_c(depth=60):
    if depth % 3 == 0:
        return list(map(recursion_through_c, [depth - 1])) if depth else block()
    return recursion_through_c(depth - 1)


@scene
def expressions():
    def second(*args):
        return combine(
            1,
            combine(2,
                    x=3),
            first(4)
            if args else
            5,
            6)

    def first(n):
        x = [1,
             2, n][
            0] + (
            block()
        )
        return x

    value = (second
             (1,
              2).
             count(
                 3))
    return value


@scene
def control_flow():
    for i in range(3):
        try:
            if i < 2:
                continue
            raise ValueError(
                i)
        except ValueError:
            try:
                while True:
                    break
                else:
                    return
            finally:
                # so that lines go back
                with open(os.devnull) as f, \
                        open(os.devnull) as g:
                    block(
                        f, g)


@scene
def non_ascii():
    def größe():
        def 函数():
            def 𝒇(ñ):
                block()
            𝒇(1)
        函数()
    größe()


def exec_as(text, filename):
    exec(compile(text, filename, "exec"), {"block": block, "combine": combine})


@scene
def exec_names():
    for_latin = "def f():\n  exec(compile('block()', 'caf\xe9/na\xefve.py', 'exec'))\nf()"
    exec_as(for_latin, "\u0434\u0438\u0440/\u0444\u0430\u0439\u043b.py")


@scene
def exec_long_names():
    name = "n" * 300
    exec_as("def %s():\n\n  exec(compile('block()', '\U0001f600.py', 'exec'))\n%s()" % (name, name), "/" + "d/" * 300 + "end.py")


@scene
def exec_surrogate():
    exec_as("block()", "a\udcffb.py")


@scene
def exec_far_lines():
    # Gaps that take several entries in each table of lines, forth and back.
    exec_as("\n" * 300 + "combine(1,%s block(),%s 2)\n" % ("\n" * 700, "\n" * 200), "<far>")


@scene
def exec_back_lines():
    exec_as("x = combine(%s combine(1, %s 2), block(\n1,%s2))" % ("\n" * 150, "\n" * 400, "\n" * 140), "<back>")


@scene
def exec_long_code():
    body = "".join("    x%d = [%d, x, (x, %d)]\n" % (i, i, i) for i in range(3000))
    exec_as("def f(x):\n" + body + "    block()\n" + body + "f(1)\n", "<long>")


@scene
def exec_long_line():
    exec_as("x = [" + ", ".join("(%d, [%d])" % (i, i) for i in range(2000)) + ", block()]", "<wide>")


@scene
def exec_many_lines():
    exec_as("x = [" + ",\n".join("(lambda: %d)()" % i for i in range(2000)) + ",\nblock()]", "<tall>")


@scene
def evaluated():
    eval("(lambda: eval('block()'))()")


@scene
def imported():
    with open(os.path.join(DIR, "imported_here.py"), "w") as f:
        f.write("import sys\n\n\nsys.modules['__main__'].block()\n")
    sys.path.insert(0, DIR)
    import imported_here  # noqa: F401


@scene
def by_ctypes():
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(block)
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(callback)(1)


@scene
def traced_once():
    def off(*_):
        return None

    sys.settrace(off)
    plain_call()
    sys.settrace(None)


def plain_call():
    (block
     ())


def asleep(native):
    try:
        with open("/proc/self/task/%d/syscall" % native) as f:
            words = f.read().split()
    except OSError:
        return False
    return len(words) > 1 and words[0] == "0" and int(words[1], 16) == READ_FD


def all_asleep():
    return len(natives) == len(SCENES) + 1 and all(asleep(n) for n in list(natives.values()))


def frames_of(frame):
    while frame:
        code = frame.f_code
        yield [code.co_filename, frame.f_lineno, code.co_name, getattr(code, "co_qualname", code.co_name)]
        frame = frame.f_back


def watch():
    while not all_asleep():
        time.sleep(0.01)
    with open(os.path.join(DIR, "fault"), "w") as f:
        faulthandler.dump_traceback(f, all_threads=True)
    print("blocked", flush=True)
    sys.stdin.readline()
    shown = {hex(ident): list(frames_of(frame)) for ident, frame in sys._current_frames().items() if ident in natives}
    with open(os.path.join(DIR, "frames"), "w") as f:
        json.dump(shown, f)
    print("shown", flush=True)
    sys.stdin.readline()
    os._exit(0)


sys.setrecursionlimit(10000)
for one in SCENES:
    threading.Thread(target=one, daemon=True).start()
threading.Thread(target=watch, daemon=True).start()
block()
