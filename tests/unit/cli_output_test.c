// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"

#include "base/err.h"

#include "tests/unit/suites.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make_dir(void)
{
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	strcpy(dir, "/tmp/cli_output_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

static void remove_dir(void)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void assert_holds(const char *name, const char *text)
{
	char buf[64] = "";
	FILE *file = fopen(in_dir(name), "r");

	ck_assert_ptr_nonnull(file);
	buf[fread(buf, 1, sizeof(buf) - 1, file)] = '\0';
	fclose(file);
	ck_assert_str_eq(buf, text);
}

START_TEST(whole_or_not_at_all)
{
	struct output *out;
	struct stat st;

	put("a.txt", "old");
	ck_assert_int_eq(output_open(in_dir("a.txt"), &out, NULL), 0);
	ck_assert_int_eq(output_write(out, "new ", 4, NULL), 0);
	assert_holds("a.txt", "old");
	ck_assert_int_eq(output_write(out, "text", 4, NULL), 0);
	ck_assert_int_eq(output_commit(out, NULL), 0);
	output_free(out);
	assert_holds("a.txt", "new text");
	ck_assert_int_eq(entries(), 1);
	ck_assert_int_eq(stat(in_dir("a.txt"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* what was reserved and not needed is given back */
	ck_assert_int_le(st.st_blocks * 512, 4096);
}
END_TEST

START_TEST(uncommitted_leaves_nothing)
{
	struct output *out;

	put("a.txt", "old");
	ck_assert_int_eq(output_open(in_dir("a.txt"), &out, NULL), 0);
	ck_assert_int_eq(output_write(out, "half", 4, NULL), 0);
	ck_assert_int_eq(entries(), 2);
	output_free(out);
	ck_assert_int_eq(entries(), 1);
	assert_holds("a.txt", "old");
	output_free(NULL);
}
END_TEST

START_TEST(published_is_there_at_once)
{
	struct output *out;

	ck_assert_int_eq(output_open(in_dir("a.cprof"), &out, NULL), 0);
	ck_assert_int_eq(output_write(out, "one", 3, NULL), 0);
	ck_assert_int_eq(output_publish(out, NULL), 0);
	assert_holds("a.cprof", "one");
	ck_assert_int_eq(output_write(out, " two", 4, NULL), 0);
	ck_assert_int_eq(output_publish(out, NULL), 0);
	ck_assert_int_eq(output_commit(out, NULL), 0);
	output_discard(out);
	output_free(out);
	assert_holds("a.cprof", "one two");

	ck_assert_int_eq(output_open(in_dir("b.cprof"), &out, NULL), 0);
	ck_assert_int_eq(output_publish(out, NULL), 0);
	output_discard(out);
	ck_assert_int_eq(entries(), 1);
	output_free(out);
}
END_TEST

START_TEST(what_was_kept_stays)
{
	struct output *out;

	/* Nothing is in its place yet: nothing can be kept. */
	ck_assert_int_eq(output_open(in_dir("a.cprof"), &out, NULL), 0);
	output_keep(out);
	output_free(out);
	ck_assert_int_eq(entries(), 0);

	ck_assert_int_eq(output_open(in_dir("a.cprof"), &out, NULL), 0);
	ck_assert_int_eq(output_write(out, "one", 3, NULL), 0);
	ck_assert_int_eq(output_publish(out, NULL), 0);
	output_keep(out);
	output_discard(out);
	output_free(out);
	assert_holds("a.cprof", "one");
}
END_TEST

START_TEST(bad_places_are_refused)
{
	struct output *out = (void *)1;
	struct err err = {0};
	char target[160];

	ck_assert_int_eq(output_open(in_dir("none/a.txt"), &out, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "none/a.txt: cannot be written: No such file"));
	put("file", "");
	ck_assert_int_eq(output_open(in_dir("file/a.txt"), &out, &err), -ENOTDIR);
	ck_assert_int_eq(output_open(dir, &out, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a folder"));
	ck_assert_int_eq(output_open(in_dir(""), &out, &err), -EISDIR);
	ck_assert_int_eq(output_open("/dev/null", &out, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "no regular file"));

	put("victim", "precious");
	snprintf(target, sizeof(target), "%s", in_dir("victim"));
	ck_assert_int_eq(symlink(target, in_dir("link.txt")), 0);
	ck_assert_int_eq(output_open(in_dir("link.txt"), &out, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "symbolic link"));
	assert_holds("victim", "precious");
	ck_assert_int_eq(entries(), 3);
	ck_assert_ptr_eq(out, (void *)1);
}
END_TEST

/* A link put there while the report is being made is replaced, not followed. */
START_TEST(late_link_is_not_followed)
{
	struct output *out;
	struct stat st;
	char target[160];

	put("victim", "precious");
	snprintf(target, sizeof(target), "%s", in_dir("victim"));
	ck_assert_int_eq(output_open(in_dir("a.txt"), &out, NULL), 0);
	ck_assert_int_eq(symlink(target, in_dir("a.txt")), 0);
	ck_assert_int_eq(output_write(out, "x", 1, NULL), 0);
	ck_assert_int_eq(output_commit(out, NULL), 0);
	output_free(out);
	assert_holds("victim", "precious");
	ck_assert_int_eq(lstat(in_dir("a.txt"), &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(full_disk_shows_at_the_start)
{
	struct output *out;
	struct err err = {0};
	char fill[4096] = {0};
	int fd;

	/* In a mount namespace of its own, which a failing test cannot leave behind. */
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "tmpfs", 0, "size=64k") < 0)
		return; /* needs the right to mount */
	fd = open(in_dir("fill"), O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	while (write(fd, fill, sizeof(fill)) > 0)
		;
	close(fd);
	ck_assert_int_eq(output_open(in_dir("a.txt"), &out, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "No space left"));
	ck_assert_int_eq(entries(), 1);
	ck_assert_int_eq(mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	ck_assert_int_eq(output_open(in_dir("a.txt"), &out, &err), -EROFS);
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

START_TEST(file_belongs_to_the_user_behind_sudo)
{
	struct output *out;
	struct stat st;

	if (geteuid() != 0)
		return; /* files cannot be given away */
	setenv("SUDO_UID", "4711", 1);
	setenv("SUDO_GID", "4712", 1);
	ck_assert_int_eq(output_open(in_dir("a.txt"), &out, NULL), 0);
	ck_assert_int_eq(output_commit(out, NULL), 0);
	output_free(out);
	ck_assert_int_eq(stat(in_dir("a.txt"), &st), 0);
	ck_assert_uint_eq(st.st_uid, 4711);
	ck_assert_uint_eq(st.st_gid, 4712);

	setenv("SUDO_UID", "-1", 1);
	ck_assert_int_eq(output_open(in_dir("b.txt"), &out, NULL), 0);
	ck_assert_int_eq(output_commit(out, NULL), 0);
	output_free(out);
	ck_assert_int_eq(stat(in_dir("b.txt"), &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
}
END_TEST

START_TEST(descriptor_errors_are_told)
{
	struct err err = {0};
	int full = open("/dev/full", O_WRONLY);
	int fds[2];

	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(output_write_fd(full, "standard output", "x", 1, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "standard output: cannot be written: No space"));
	close(full);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	ck_assert_int_eq(output_write_fd(fds[1], "standard output", "x", 1, &err), -EPIPE);
	close(fds[1]);
}
END_TEST

Suite *cli_output_suite(void)
{
	Suite *suite = suite_create("cli_output");
	TCase *tc = tcase_create("output");

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_add_test(tc, whole_or_not_at_all);
	tcase_add_test(tc, uncommitted_leaves_nothing);
	tcase_add_test(tc, published_is_there_at_once);
	tcase_add_test(tc, what_was_kept_stays);
	tcase_add_test(tc, bad_places_are_refused);
	tcase_add_test(tc, late_link_is_not_followed);
	tcase_add_test(tc, full_disk_shows_at_the_start);
	tcase_add_test(tc, file_belongs_to_the_user_behind_sudo);
	tcase_add_test(tc, descriptor_errors_are_told);
	suite_add_tcase(suite, tc);
	return suite;
}
