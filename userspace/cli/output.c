// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"

#include "base/err.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_TRIES 100
#define RESERVE_BYTES 65536 /* room asked for at the start, so that a full disk shows early */

/* Where the bytes are.  Atomic: output_discard() may come from another thread. */
enum output_state { OUTPUT_TEMPORARY, OUTPUT_PUBLISHED, OUTPUT_DONE };

struct output {
	char *path;
	const char *name; /* last component, in `path` */
	int dir_fd;
	int fd;
	char temp[64]; /* "" = none was made */
	atomic_int state;
};

static int cannot(const struct output *out, int code, struct err *err)
{
	const char *hint = "name a file in a folder that can be written";

	if (code == ENOSPC || code == EDQUOT)
		hint = "make room, or name another folder";
	else if (code == ENOENT)
		hint = "create the folder first";
	return err_set(err, -code, "%s: cannot be written: %s (%s)", out->path, strerror(code),
		       hint);
}

static int open_folder(struct output *out, struct err *err)
{
	char *slash = strrchr(out->path, '/');

	out->name = slash ? slash + 1 : out->path;
	if (!*out->name)
		return cannot(out, EISDIR, err);
	if (!slash) {
		out->dir_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else if (slash == out->path) {
		out->dir_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else {
		*slash = '\0';
		out->dir_fd = open(out->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		*slash = '/';
	}
	return out->dir_fd < 0 ? cannot(out, errno, err) : 0;
}

/* A link or device there was not put for us: replacing or following it could do harm. */
static int check_place(struct output *out, struct err *err)
{
	struct stat st;

	if (fstatat(out->dir_fd, out->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cannot(out, errno, err);
	if (S_ISREG(st.st_mode))
		return 0;
	return err_set(err, -EEXIST, "%s: is %s (name a regular file)", out->path,
		       S_ISDIR(st.st_mode)   ? "a folder"
		       : S_ISLNK(st.st_mode) ? "a symbolic link"
					     : "no regular file");
}

/* Under sudo the file is for the user who typed it. */
static void give_to_sudo_user(int fd)
{
	uint64_t uid;
	uint64_t gid;

	if (geteuid() != 0 || num_parse_u64(getenv("SUDO_UID"), 0, UINT32_MAX - 1, &uid) < 0 ||
	    num_parse_u64(getenv("SUDO_GID"), 0, UINT32_MAX - 1, &gid) < 0)
		return;
	/* Some file systems know no owners: then there is nobody to give it to. */
	if (fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
		return;
}

static int make_temp(struct output *out, struct err *err)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		snprintf(out->temp, sizeof(out->temp), ".concprof-%d-%d.tmp", (int)getpid(), i);
		out->fd = openat(out->dir_fd, out->temp,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (out->fd >= 0) {
			give_to_sudo_user(out->fd);
			break;
		}
		if (errno != EEXIST)
			break;
	}
	if (out->fd < 0) {
		out->temp[0] = '\0';
		return cannot(out, errno, err);
	}
	if (fallocate(out->fd, FALLOC_FL_KEEP_SIZE, 0, RESERVE_BYTES) < 0 &&
	    (errno == ENOSPC || errno == EDQUOT))
		return cannot(out, errno, err);
	return 0;
}

int output_open(const char *path, struct output **ret, struct err *err)
{
	struct output *out = calloc(1, sizeof(*out));
	int rc = 0;

	if (out) {
		out->dir_fd = -1;
		out->fd = -1;
		out->path = strdup(path);
	}
	if (!out || !out->path)
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
	if (rc == 0)
		rc = open_folder(out, err);
	if (rc == 0)
		rc = check_place(out, err);
	if (rc == 0)
		rc = make_temp(out, err);
	if (rc < 0) {
		output_free(out);
		return rc;
	}
	*ret = out;
	return 0;
}

int output_fd(const struct output *out)
{
	return out->fd;
}

const char *output_path(const struct output *out)
{
	return out->path;
}

/* 0 or a negative errno. */
static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int output_write(struct output *out, const char *data, size_t len, struct err *err)
{
	int rc = write_all(out->fd, data, len);

	return rc < 0 ? cannot(out, -rc, err) : 0;
}

int output_write_fd(int fd, const char *name, const char *data, size_t len, struct err *err)
{
	int rc = write_all(fd, data, len);

	return rc < 0 ? err_set(err, rc, "%s: cannot be written: %s", name, strerror(-rc)) : 0;
}

int output_publish(struct output *out, struct err *err)
{
	if (atomic_load(&out->state) != OUTPUT_TEMPORARY)
		return 0;
	if (renameat(out->dir_fd, out->temp, out->dir_fd, out->name) < 0)
		return cannot(out, errno, err);
	atomic_store(&out->state, OUTPUT_PUBLISHED);
	return 0;
}

void output_keep(struct output *out)
{
	int published = OUTPUT_PUBLISHED;

	atomic_compare_exchange_strong(&out->state, &published, OUTPUT_DONE);
}

int output_commit(struct output *out, struct err *err)
{
	off_t len = lseek(out->fd, 0, SEEK_CUR);
	int fd;

	/* Give back what was reserved and is not needed. */
	if (len < 0 || ftruncate(out->fd, len) < 0)
		return cannot(out, errno, err);
	/* A name that stands for a file not yet on the disk would be an empty file after a crash.
	 * The run is over: nothing is disturbed if this takes a while. */
	if (fsync(out->fd) < 0 && errno != EINVAL)
		return cannot(out, errno, err);
	/* Network file systems tell only now that there was no room. */
	fd = out->fd;
	out->fd = -1;
	if (close(fd) < 0 && errno != EINTR)
		return cannot(out, errno, err);
	if (output_publish(out, err) < 0)
		return err ? err->code : -EIO;
	atomic_store(&out->state, OUTPUT_DONE);
	return 0;
}

void output_discard(struct output *out)
{
	switch ((enum output_state)atomic_load(&out->state)) {
	case OUTPUT_TEMPORARY:
		if (out->temp[0])
			unlinkat(out->dir_fd, out->temp, 0);
		break;
	case OUTPUT_PUBLISHED:
		unlinkat(out->dir_fd, out->name, 0);
		break;
	case OUTPUT_DONE:
		break;
	}
}

void output_free(struct output *out)
{
	if (!out)
		return;
	output_discard(out);
	if (out->fd >= 0)
		close(out->fd);
	if (out->dir_fd >= 0)
		close(out->dir_fd);
	free(out->path);
	free(out);
}
