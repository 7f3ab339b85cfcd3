// SPDX-License-Identifier: GPL-2.0-only
/* Which file is opened: the mapped one or none, by the kernel's link and, without it, by path. */
#include "symbol/target_file.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"

static const char *const flags[] = {"-static", "-no-pie", "-DSTATIC", "-pthread", NULL};

static char dir[FIXTURE_PATH_MAX];
static char program[FIXTURE_PATH_MAX];
static char copy[FIXTURE_PATH_MAX];

static struct fixture_child child;
static struct target_root root;
static struct maps maps;
static struct mapping mapping; /* of the child's code */
static struct stat mapped;     /* the file that it runs */

static void setup_files(void)
{
	fixture_dir_make(dir);
	fixture_compile(fixture_path(program, dir, "program"), flags);
	fixture_path(copy, dir, "copy");
}

static void teardown_files(void)
{
	fixture_dir_remove(dir);
}

/* Run a copy of the program, in a chroot where @jail says so. */
static void start(const char *jail)
{
	const char *const argv[] = {jail ? "/copy" : copy, NULL};
	struct err err = {0};

	fixture_copy(program, copy);
	ck_assert_int_eq(stat(copy, &mapped), 0);
	fixture_start(&child, argv, jail);
	fixture_talk(&child, "");
	ck_assert_msg(target_root_open(child.pid, &root, &err) == 0, "%s", err.msg);
	ck_assert_msg(maps_read(child.pid, &maps, &err) == 0, "%s", err.msg);
	mapping = *maps_find(&maps, fixture_address(&child, "main"));
}

static void stop(void)
{
	fixture_stop(&child);
	target_root_close(&root);
	maps_free(&maps);
	(void)unlink(copy);
}

static void check_open(const char *path)
{
	struct target_file file = {.fd = -1};
	struct stat st;
	int r = target_file_open(child.pid, &root, &mapping, path, &file);

	ck_assert_msg(r == 0, "%s: %s", path, strerror(-r));
	ck_assert_int_eq(fstat(file.fd, &st), 0);
	ck_assert(st.st_ino == mapped.st_ino && st.st_dev == mapped.st_dev);
	ck_assert(file.inode == mapped.st_ino && file.dev == mapped.st_dev);
	ck_assert_int_eq(file.size, mapped.st_size);
	ck_assert_int_eq(fcntl(file.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	close(file.fd);
}

static void check_refused(const char *path, int want)
{
	struct target_file file = {.fd = 77};
	int r = target_file_open(child.pid, &root, &mapping, path, &file);

	ck_assert_msg(r == want, "%s: %d (%s), not %d", path, r, strerror(-r), want);
	ck_assert_int_eq(file.fd, 77);
}

/* As if the process had ended: no link of the kernel's has this range. */
static void hide_link(void)
{
	mapping.end = mapping.start + 1;
}

START_TEST(by_link_whatever_the_path)
{
	if (geteuid() != 0)
		return; /* the links are the superuser's */
	start(NULL);
	check_open("/nonsense");
	ck_assert_int_eq(unlink(copy), 0);
	check_open(copy);
	stop();
}
END_TEST

START_TEST(by_path)
{
	start(NULL);
	hide_link();
	check_open(copy);
	check_open(maps_path(&maps, &mapping));
	check_refused("/nonsense", -ENOENT);
	check_refused("", -ENOENT);
	stop();
}
END_TEST

/* A root whose path is unlike ours, as that of a chroot in a container. */
START_TEST(by_path_below_a_root)
{
	start(NULL);
	hide_link();
	target_root_close(&root);
	root = (struct target_root){
		.fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.path = strdup("/no/such/jail"),
	};
	ck_assert(root.fd >= 0 && root.path);
	check_open("/copy");
	check_open("/no/such/jail/copy");
	check_refused("/no/such/jailcopy", -ENOENT);
	/* Mapped before the chroot: only our own root has it. */
	check_open(copy);
	stop();
}
END_TEST

START_TEST(by_path_when_the_process_has_ended)
{
	pid_t pid;

	start(NULL);
	pid = child.pid;
	fixture_stop(&child);
	ck_assert_int_eq(child.pid, pid);
	check_open(copy);
	target_root_close(&root);
	maps_free(&maps);
}
END_TEST

START_TEST(by_path_in_a_chroot)
{
	char inside[FIXTURE_PATH_MAX];

	if (geteuid() != 0)
		return; /* chroot() is the superuser's */
	start(dir);
	hide_link();
	/* The kernel gives the path as we see it; in the chroot it is shorter. */
	ck_assert_str_eq(maps_path(&maps, &mapping), copy);
	ck_assert_str_eq(root.path, dir);
	check_open(copy);
	check_open("/copy");
	/* A link out of the chroot leads nowhere. */
	ck_assert_int_eq(rename(copy, fixture_path(inside, dir, "moved")), 0);
	ck_assert_int_eq(symlink("/../../../../../../etc/passwd", copy), 0);
	check_refused("/copy", -ENOENT);
	ck_assert_int_eq(unlink(copy), 0);
	/* A link inside it is followed as the target would. */
	ck_assert_int_eq(symlink("/moved", copy), 0);
	check_open("/copy");
	stop();
	ck_assert_int_eq(unlink(inside), 0);
}
END_TEST

START_TEST(nothing_else_is_opened)
{
	start(NULL);
	hide_link();
	/* Another file, a FIFO (whose opening would wait) and a directory in its place. */
	ck_assert_int_eq(unlink(copy), 0);
	fixture_copy(program, copy);
	check_refused(copy, -ESTALE);
	ck_assert_int_eq(unlink(copy), 0);
	ck_assert_int_eq(mkfifo(copy, 0600), 0);
	check_refused(copy, -ESTALE);
	/* Even if the mapping were of a FIFO. */
	ck_assert_int_eq(stat(copy, &mapped), 0);
	mapping.inode = mapped.st_ino;
	mapping.dev_major = major(mapped.st_dev);
	mapping.dev_minor = minor(mapped.st_dev);
	check_refused(copy, -ENOTSUP);
	check_refused(dir, -ESTALE);
	stop();
}
END_TEST

START_TEST(roots_are_compared)
{
	struct target_root own, other;
	struct err err = {0};

	start(geteuid() == 0 ? dir : NULL);
	ck_assert_int_eq(target_root_open(getpid(), &own, &err), 0);
	ck_assert_int_eq(target_root_open(getppid(), &other, &err), 0);
	ck_assert(target_root_same(&own, &other));
	if (geteuid() == 0)
		ck_assert(!target_root_same(&own, &root));
	target_root_close(&own);
	target_root_close(&other);
	target_root_close(&other);
	target_root_close(NULL);
	stop();
	other.fd = 77;
	ck_assert_int_eq(target_root_open(child.pid, &other, &err), -ESRCH);
	ck_assert_int_eq(other.fd, 77);
}
END_TEST

Suite *symbol_target_file_suite(void)
{
	Suite *suite = suite_create("symbol_target_file");
	TCase *tcase = tcase_create("target_file");

	tcase_set_timeout(tcase, 30);
	tcase_add_unchecked_fixture(tcase, setup_files, teardown_files);
	tcase_add_test(tcase, by_link_whatever_the_path);
	tcase_add_test(tcase, by_path);
	tcase_add_test(tcase, by_path_below_a_root);
	tcase_add_test(tcase, by_path_when_the_process_has_ended);
	tcase_add_test(tcase, by_path_in_a_chroot);
	tcase_add_test(tcase, nothing_else_is_opened);
	tcase_add_test(tcase, roots_are_compared);
	suite_add_tcase(suite, tcase);
	return suite;
}
