# SPDX-License-Identifier: GPL-2.0-only
"""corrupt.py LIBRARY: threads asleep in C code that never comes back, whose thread states, frames and code objects
are then overwritten with garbage, another garbage for each. For CPython 3.8 to 3.13.

Each has functions of its own name: outer_KIND calls inner_KIND, which calls LIBRARY's naps(). The thread of kind
`none` is left alone. Prints the names that there are, then a ready line."""

import ctypes
import gc
import os
import random
import sys
import threading
import time

VERSION = sys.version_info[:2]
OLD, V311, V312 = VERSION < (3, 11), VERSION == (3, 11), VERSION == (3, 12)
CODE_AT, BACK_AT = (32, 24) if OLD else (32, 48) if V311 else (0, 8)
LASTI_AT = (96 if VERSION == (3, 10) else 104) if OLD else 56
FILE_AT, NAME_AT, QUALNAME_AT = (104, 112, 112) if OLD else (112, 120, 128)
LINES_AT = 120 if OLD else 136
UNMAPPED, KERNEL = 0x6fff00000000, 0xffff888000000000
FUTEX = 202 if os.uname().machine == "x86_64" else 98
kept = []  # buffers that the garbage points to

PROGRAM = """
def inner_{kind}(naps):
    tids.append(get_native_id())
    states["{kind}"] = state()
    naps()

def outer_{kind}(naps):
    inner_{kind}(naps)
"""


def word(address):
    return ctypes.c_uint64.from_address(address)


def buffer(content):
    kept.append(ctypes.create_string_buffer(content, len(content)))
    return ctypes.addressof(kept[-1])


def fake(value, **words):
    """The address of a copy of an object with some of its words (by their offset) replaced."""
    content = bytearray(ctypes.string_at(id(value), sys.getsizeof(value)))
    for offset, number in words.items():
        content[int(offset[1:]):int(offset[1:]) + 8] = number.to_bytes(8, "little")
    return buffer(bytes(content))


def frame_slot(state):
    """Where the thread's state keeps its innermost frame."""
    if OLD:
        return state + 24
    if V311:
        return word(state + 56).value + 8
    return word(state + 56).value if V312 else state + 72


class Victim:
    """What one thread has."""

    def __init__(self, state):
        self.slot = frame_slot(state)
        self.frame = word(self.slot).value
        self.code = word(self.frame + CODE_AT).value


def set_slot(value):
    return lambda victim: setattr(word(victim.slot), "value", value)


def set_frame(offset, value):
    return lambda victim: setattr(word(victim.frame + offset), "value", value)


def set_code(*offsets_and_value):
    *offsets, value = offsets_and_value

    def overwrite(victim):
        for offset in offsets:
            word(victim.code + offset).value = value
    return overwrite


def loop(victim):
    word(victim.frame + BACK_AT).value = victim.frame


def kinds():
    noise = buffer(random.Random(1).randbytes(4096) if hasattr(random, "randbytes") else os.urandom(4096))
    zeros = buffer(bytes(4096))
    text, data = "a_name_that_is_long_enough", b"some bytes that are no line table"
    kept.extend((text, data))
    huge = (1 << 60) + 5
    return {
        "none": lambda victim: None,
        "frame_null": set_slot(0), "frame_one": set_slot(1), "frame_kernel": set_slot(KERNEL),
        "frame_unmapped": set_slot(UNMAPPED), "frame_all_ones": set_slot(2**64 - 1), "frame_zeros": set_slot(zeros),
        "frame_noise": set_slot(noise), "frame_odd": lambda victim: set_slot(victim.frame + 3)(victim),
        "frame_text": set_slot(id(text)),
        "back_self": loop, "back_one": set_frame(BACK_AT, 1), "back_noise": set_frame(BACK_AT, noise),
        "back_unmapped": set_frame(BACK_AT, UNMAPPED),
        "code_null": set_frame(CODE_AT, 0), "code_noise": set_frame(CODE_AT, noise),
        "code_text": set_frame(CODE_AT, id(text)), "code_kernel": set_frame(CODE_AT, KERNEL),
        "code_odd": lambda victim: set_frame(CODE_AT, victim.code + 4)(victim),
        "code_fake": lambda victim: set_frame(CODE_AT, fake(victim.code_object, _8=zeros))(victim),
        "lasti_far": set_frame(LASTI_AT, 0x7fffffff), "lasti_noise": set_frame(LASTI_AT, noise),
        "name_unmapped": set_code(NAME_AT, QUALNAME_AT, UNMAPPED), "name_null": set_code(NAME_AT, QUALNAME_AT, 0),
        "name_number": set_code(NAME_AT, QUALNAME_AT, id(10**40)), "name_bytes": set_code(NAME_AT, QUALNAME_AT, id(data)),
        "name_huge": set_code(NAME_AT, QUALNAME_AT, fake(text, _16=huge)),
        "file_unmapped": set_code(FILE_AT, UNMAPPED), "file_huge": set_code(FILE_AT, fake(text, _16=huge)),
        "lines_noise": set_code(LINES_AT, noise), "lines_null": set_code(LINES_AT, 0),
        "lines_huge": set_code(LINES_AT, fake(data, _16=huge)), "lines_text": set_code(LINES_AT, id(text)),
    }


def napping(tid):
    """It is in naps(): asleep, and not for the GIL."""
    with open("/proc/self/task/%d/syscall" % tid, encoding="ascii") as file:
        return int(file.read().replace("running", str(FUTEX)).split()[0]) != FUTEX


def main():
    gc.disable()  # it walks what is being overwritten
    states = {}
    state = ctypes.pythonapi.PyThreadState_Get
    state.restype = ctypes.c_void_p
    naps = ctypes.CDLL(sys.argv[1]).naps
    tids = []
    space = {"states": states, "state": state, "tids": tids, "get_native_id": threading.get_native_id}
    garbage = kinds()
    for kind in garbage:
        exec(compile(PROGRAM.format(kind=kind), "/corrupt/%s.py" % kind, "exec"), space)
        threading.Thread(target=space["outer_" + kind], args=(naps,), daemon=True).start()
    while len(states) < len(garbage) or not all(napping(tid) for tid in tids):
        time.sleep(0.01)
    for kind, overwrite in garbage.items():
        victim = Victim(states[kind])
        victim.code_object = space["inner_" + kind].__code__
        overwrite(victim)
    print("kinds " + " ".join(garbage))
    print("ready pid=%d" % os.getpid(), flush=True)
    while True:
        time.sleep(0.05)


main()
