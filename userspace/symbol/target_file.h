/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening the files that a target has mapped: those very files, in the target's view of the file
 * system (containers, chroots), and nothing that a hostile target may have put in their place.
 */
#ifndef SYMBOL_TARGET_FILE_H
#define SYMBOL_TARGET_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "symbol/maps.h"

struct err;

/* The root directory of a process; it stays usable when the process has ended. */
struct target_root {
	int fd;	    /* O_PATH */
	char *path; /* as our own view names it: "/" in a container, "/srv/jail" of a chroot */
	uint64_t mount_id;
	uint64_t inode;
};

/*
 * Open the root directory of @pid.  The caller frees *ret with target_root_close().
 * Returns 0, -ESRCH or what open() gives; *ret untouched on failure.
 */
int target_root_open(pid_t pid, struct target_root *ret, struct err *err);
void target_root_close(struct target_root *root);
/* Whether both are the same directory of the same mount, so that one can stand for the other. */
bool target_root_same(const struct target_root *a, const struct target_root *b);

/* A mapped file, open for reading, and what tells it from every other and from its later self. */
struct target_file {
	int fd;
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec mtime;
	/* Its device and inode are not the mapping's; overlayfs and btrfs report others there. */
	bool unverified;
};

/*
 * Open the file behind @mapping of @pid, whose path (maps_path()) is @path: by the kernel's own
 * link while the process lives, else by its path below @root (NULL: none) or below our root.
 * Nothing but a regular file is ever opened, so no FIFO can block us and no device be touched.
 * The caller closes ret->fd.
 * Returns 0, -ESTALE (another file has that path now), -ENOTSUP (no regular file), or what open()
 * gives; *ret untouched on failure.
 */
int target_file_open(pid_t pid, const struct target_root *root, const struct mapping *mapping,
		     const char *path, struct target_file *ret);

/*
 * Open the regular file @path as a process would whose root is @root_fd (O_PATH), whatever links
 * the target has made, for reading; unless @follow, it must not itself be a link.  The caller
 * closes it.
 * Returns the descriptor, -ENOTSUP for what is no regular file, or what open() gives.
 */
int target_path_open(int root_fd, const char *path, bool follow);

/* @path, as our own view has it, in the view of a process whose root is @root: a part of @path. */
const char *target_path_inside(const struct target_root *root, const char *path);

#endif
