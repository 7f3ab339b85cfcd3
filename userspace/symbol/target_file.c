// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

int target_root_open(pid_t pid, struct target_root *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char link[64], path[PATH_MAX];
	struct statx st;
	ssize_t len;
	char *copy;

	snprintf(link, sizeof(link), "/proc/%d/root", (int)pid);
	fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st) < 0)
		return err_set(err, errno == ENOENT ? -ESRCH : -errno,
			       "process %d: cannot open its root directory: %s (run as root)",
			       (int)pid, strerror(errno));
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	copy = strdup(path);
	if (!copy)
		return err_set(err, -ENOMEM, "process %d: out of memory (free some)", (int)pid);
	*ret = (struct target_root){
		.fd = fd,
		.path = copy,
		.mount_id = st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0,
		.inode = st.stx_ino,
	};
	fd = -1;
	return 0;
}

void target_root_close(struct target_root *root)
{
	if (!root)
		return;
	if (root->fd >= 0)
		close(root->fd);
	free(root->path);
	*root = (struct target_root){.fd = -1};
}

bool target_root_same(const struct target_root *a, const struct target_root *b)
{
	/* Each holds its mount, so that the number cannot be given to another one meanwhile. */
	return a->mount_id && a->mount_id == b->mount_id && a->inode == b->inode;
}

/* File systems where a mapping's device and inode are not those that stat() reports. */
static bool reports_other_inodes(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC);
}

/* Open the regular file that @path_fd (O_PATH) stands for. */
static int reopen(int path_fd)
{
	char self[64];
	int fd;

	/* O_NONBLOCK: the target may hold a lease on the file, which would make open() wait. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * Check that @path_fd (O_PATH) is the file of @mapping, and reopen it for reading.
 * @by_link: it came by the kernel's own link, so that where numbers differ it is right all the
 * same.
 */
static int accept_file(int path_fd, const struct mapping *mapping, bool by_link,
		       struct target_file *ret)
{
	dev_t dev = makedev(mapping->dev_major, mapping->dev_minor);
	bool exact;
	struct stat st;
	int fd;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	exact = st.st_dev == dev && st.st_ino == mapping->inode;
	if (!exact && !((by_link || st.st_ino == mapping->inode) && reports_other_inodes(path_fd)))
		return -ESTALE;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	fd = reopen(path_fd);
	if (fd < 0)
		return fd;
	*ret = (struct target_file){
		.fd = fd,
		.dev = st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size,
		.mtime = st.st_mtim,
		.unverified = !exact,
	};
	return 0;
}

static int open_by_link(pid_t pid, const struct mapping *mapping, struct target_file *ret)
{
	_cleanup_close_ int fd = -1;
	char link[96];

	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
		 mapping->start, mapping->end);
	fd = open(link, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : accept_file(fd, mapping, true, ret);
}

/* O_PATH: nothing happens to what is not a regular file. */
static int path_below(int root_fd, const char *path, bool follow)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int target_path_open(int root_fd, const char *path, bool follow)
{
	_cleanup_close_ int fd = path_below(root_fd, path, follow);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? reopen(fd) : -ENOTSUP;
}

/* Open @path as a process would whose root is @root_fd, whatever links the target has made. */
static int open_below(int root_fd, const char *path, const struct mapping *mapping,
		      struct target_file *ret)
{
	_cleanup_close_ int fd = path_below(root_fd, path, true);

	return fd < 0 ? fd : accept_file(fd, mapping, false, ret);
}

/* @path without the directory @prefix before it, or NULL where it does not lie in there. */
static const char *strip_directory(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (len < 2 || strncmp(path, prefix, len) != 0 || path[len] != '/')
		return NULL;
	return path + len;
}

const char *target_path_inside(const struct target_root *root, const char *path)
{
	const char *inside = strip_directory(path, root->path);

	return inside ? inside : path;
}

int target_file_open(pid_t pid, const struct target_root *root, const struct mapping *mapping,
		     const char *path, struct target_file *ret)
{
	_cleanup_close_ int own_root = -1;
	int r, by_path;

	r = open_by_link(pid, mapping, ret);
	if (r == 0 || path[0] != '/')
		return r;
	/*
	 * The kernel writes the path as we would see it.  In another mount namespace that begins at
	 * its root; a chroot in ours has its directory before it; and what was mapped before the
	 * chroot lies outside.
	 */
	by_path =
		root ? open_below(root->fd, target_path_inside(root, path), mapping, ret) : -ENOENT;
	if (by_path < 0) {
		own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = own_root < 0 ? -errno : open_below(own_root, path, mapping, ret);
		if (r == 0)
			return 0;
		/* What the target's own view says is the better reason. */
		by_path = root ? by_path : r;
	}
	return by_path;
}
