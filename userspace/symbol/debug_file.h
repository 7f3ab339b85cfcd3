/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the symbols and line tables of a stripped program are: in a file of their own, found by the
 * program's build id or by the name in its .gnu_debuglink (gdb's manual, "Separate Debug Files"),
 * or compressed inside it (.gnu_debugdata, "MiniDebugInfo").
 */
#ifndef SYMBOL_DEBUG_FILE_H
#define SYMBOL_DEBUG_FILE_H

#include <stdint.h>

struct target_root;

/* Larger ones are not looked into: the checksum of a .gnu_debuglink is over the whole file. */
#define DEBUG_LINK_BYTES_MAX (UINT64_C(2) << 30)
#define DEBUG_MINI_PACKED_MAX (16U << 20)
#define DEBUG_MINI_BYTES_MAX (64U << 20)

/*
 * The debug file of the program @fd, which lies at @path in the view of @root (NULL: our own):
 * first below the target's root, then below ours, where an administrator puts what a container
 * lacks. Only a regular file with the program's build id, or the checksum that its link names, is
 * taken. Returns a descriptor, the caller's to close; -ENOENT where there is none, -ESTALE where
 * one is there but of another build, -EBADMSG for a damaged program, -ENOMEM.
 */
int debug_file_open(int fd, const char *path, const struct target_root *root);

/*
 * The symbols compressed inside the program @fd, unpacked into memory.
 * Returns a descriptor, the caller's to close; -ENOENT where there are none, -EFBIG beyond the
 * bounds above, -EBADMSG where they are damaged, -ENOMEM.
 */
int debug_file_open_mini(int fd);

#endif
