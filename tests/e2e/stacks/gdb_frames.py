# SPDX-License-Identifier: GPL-2.0-only
"""Run inside gdb: the frames of all threads, one JSON object a line, as gdb sees them. Tail calls are
left out: they are gdb's inference from call sites, no frame of theirs is on the stack."""

import json

import gdb

KINDS = {gdb.NORMAL_FRAME: "normal", gdb.INLINE_FRAME: "inline", gdb.SIGTRAMP_FRAME: "signal"}
FRAMES_MAX = 127


def start_of(frame):
    """Where the function of the frame begins, by its symbols; 0 = not known."""
    try:
        block = gdb.block_for_pc(frame.pc())
        while block is not None and block.function is None:
            block = block.superblock
        if block is not None and frame.type() != gdb.INLINE_FRAME:
            while block.superblock is not None and not block.superblock.is_static:
                block = block.superblock
            return block.start
    except (gdb.error, RuntimeError):
        pass
    return 0


def covered(address):
    """Does a symbol with a size cover it? gdb also names what lies behind the end of one."""
    text = gdb.execute(f"info symbol {address:#x}", to_string=True)
    return not text.startswith("No symbol")


gdb.execute("set backtrace past-main on")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frames, frame = [], gdb.newest_frame()
    while frame is not None and len(frames) < FRAMES_MAX:
        kind = KINDS.get(frame.type())
        if kind and frame.pc() != 0:
            frames.append({"name": frame.name() or "", "kind": kind, "pc": frame.pc(), "start": start_of(frame)})
        try:
            frame = frame.older()
        except gdb.error:
            break
    print("FRAMES " + json.dumps({"tid": thread.ptid[1], "frames": frames}))
