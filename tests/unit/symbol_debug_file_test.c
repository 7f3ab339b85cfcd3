// SPDX-License-Identifier: GPL-2.0-only
/* Debug files made by objcopy, put where gdb's manual says that they are looked for. */
#include "symbol/debug_file.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbol/target_file.h"

#define SOURCE "int hidden(int x) { return x + 1; }\nint main(void) { return hidden(1); }\n"

static char files[FIXTURE_PATH_MAX]; /* made once */
static char root[FIXTURE_PATH_MAX];  /* a target's root, made for each test */
static char build_id_path[FIXTURE_PATH_MAX];
static struct target_root target;
static int program; /* the stripped program, open */

/* objcopy and strip make what distributions ship: NAME, NAME.debug and NAME.stripped in `files`. */
static void make_program(const char *name, const char *const flags[], const char *source)
{
	char path[FIXTURE_PATH_MAX], debug[FIXTURE_PATH_MAX + 8], stripped[FIXTURE_PATH_MAX + 16];
	char link[FIXTURE_PATH_MAX + 64];
	const char *const split[] = {"objcopy", "--only-keep-debug", path, debug, NULL};
	const char *const strip[] = {"objcopy", "--strip-all", link, path, stripped, NULL};

	fixture_compile_source(fixture_path(path, files, name), source, flags);
	snprintf(debug, sizeof(debug), "%s.debug", path);
	snprintf(stripped, sizeof(stripped), "%s.stripped", path);
	snprintf(link, sizeof(link), "--add-gnu-debuglink=%s", debug);
	fixture_run(split);
	fixture_run(strip);
}

static void setup_files(void)
{
	static const char *const with_id[] = {"-g", "-Wl,--build-id=sha1", NULL};
	static const char *const without_id[] = {"-g", "-Wl,--build-id=none", NULL};

	fixture_dir_make(files);
	make_program("with", with_id, SOURCE);
	make_program("other", with_id, "int main(void) { return 7; }\n");
	make_program("without", without_id, SOURCE);
}

static void teardown_files(void)
{
	fixture_dir_remove(files);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void setup(void)
{
	fixture_dir_make(root);
	target = (struct target_root){
		.fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.path = strdup("/"), /* a container's own view */
	};
	ck_assert_int_ge(target.fd, 0);
	program = -1;
}

static void teardown(void)
{
	close(program);
	target_root_close(&target);
	ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void open_program(const char *name)
{
	char path[FIXTURE_PATH_MAX];

	program = open(fixture_path(path, files, name), O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(program, 0);
}

/* The path of @inside (absolute) below the target's root, all directories on the way made. */
static const char *below(char buf[FIXTURE_PATH_MAX], const char *inside)
{
	ck_assert_int_lt(snprintf(buf, FIXTURE_PATH_MAX, "%s%s", root, inside), FIXTURE_PATH_MAX);
	for (char *slash = buf + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		ck_assert(mkdir(buf, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	return buf;
}

static void put(const char *name, const char *inside)
{
	char from[FIXTURE_PATH_MAX], to[FIXTURE_PATH_MAX];

	fixture_copy(fixture_path(from, files, name), below(to, inside));
}

/* "/usr/lib/debug/.build-id/ab/cdef.debug" of the program with an id, by readelf. */
static const char *build_id(void)
{
	char command[2 * FIXTURE_PATH_MAX], line[256], id[128] = "";
	FILE *f;

	snprintf(command, sizeof(command), "readelf -n '%s/with'", files);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		(void)sscanf(line, " Build ID: %127s", id);
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_uint_eq(strlen(id), 40);
	snprintf(build_id_path, sizeof(build_id_path), "/usr/lib/debug/.build-id/%.2s/%s.debug", id,
		 id + 2);
	return build_id_path;
}

static int find(const char *path)
{
	return debug_file_open(program, path, &target);
}

/* @fd is the file with the contents of @name. */
static void check_is(int fd, const char *name)
{
	char path[FIXTURE_PATH_MAX], a[4096], b[4096];
	off_t at = 0;
	ssize_t n;
	int want = open(fixture_path(path, files, name), O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(-fd));
	ck_assert_int_ge(want, 0);
	do {
		n = pread(want, a, sizeof(a), at);
		ck_assert_int_eq(pread(fd, b, sizeof(b), at), n);
		ck_assert_mem_eq(a, b, n);
		at += n;
	} while (n > 0);
	close(want);
	close(fd);
}

START_TEST(by_the_build_id)
{
	open_program("with.stripped");
	ck_assert_int_eq(find("/bin/with"), -ENOENT);
	put("with.debug", build_id());
	check_is(find("/bin/with"), "with.debug");
	/* The name of the program plays no part. */
	check_is(find("/somewhere/else"), "with.debug");
}
END_TEST

START_TEST(of_another_build)
{
	open_program("with.stripped");
	put("other.debug", build_id());
	ck_assert_int_eq(find("/bin/with"), -ESTALE);
	/* The link may lead to the right one all the same. */
	put("with.debug", "/bin/.debug/with.debug");
	check_is(find("/bin/with"), "with.debug");
}
END_TEST

/* The three places of gdb's manual. */
static const char *const places[] = {"/opt/x/without.debug", "/opt/x/.debug/without.debug",
				     "/usr/lib/debug/opt/x/without.debug"};

START_TEST(by_the_link)
{
	open_program("without.stripped");
	ck_assert_int_eq(find("/opt/x/prog"), -ENOENT);
	put("without.debug", places[_i]);
	check_is(find("/opt/x/prog"), "without.debug");
	ck_assert_int_eq(find("/opt/y/prog"), -ENOENT);
}
END_TEST

START_TEST(by_the_link_with_another_checksum)
{
	char path[FIXTURE_PATH_MAX];
	int fd;

	open_program("without.stripped");
	put("without.debug", places[_i]);
	fd = open(below(path, places[_i]), O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "", 1), 1);
	close(fd);
	ck_assert_int_eq(find("/opt/x/prog"), -ESTALE);
	/* A right one in a later place, or an earlier one, is found. */
	put("without.debug", places[(_i + 1) % 3]);
	check_is(find("/opt/x/prog"), "without.debug");
}
END_TEST

START_TEST(a_program_named_as_its_link)
{
	open_program("without.stripped");
	/* Else it would be read as a debug file that does not fit. */
	put("without.stripped", "/opt/x/without.debug");
	ck_assert_int_eq(find("/opt/x/without.debug"), -ENOENT);
	ck_assert_int_eq(find("/opt/x/prog"), -ESTALE);
}
END_TEST

START_TEST(a_program_in_the_root_directory)
{
	open_program("without.stripped");
	put("without.debug", "/usr/lib/debug/without.debug");
	check_is(find("/prog"), "without.debug");
}
END_TEST

START_TEST(a_chroot_with_its_directory_before_the_path)
{
	char path[FIXTURE_PATH_MAX + 16];

	open_program("without.stripped");
	put("without.debug", "/opt/x/.debug/without.debug");
	free(target.path);
	target.path = strdup(root);
	snprintf(path, sizeof(path), "%s/opt/x/prog", root);
	check_is(find(path), "without.debug");
}
END_TEST

START_TEST(links_do_not_leave_the_root)
{
	char link[FIXTURE_PATH_MAX], up[FIXTURE_PATH_MAX + 64], debug[FIXTURE_PATH_MAX];

	open_program("with.stripped");
	/* The right file, but outside: absolute, and by the way up. */
	fixture_path(debug, files, "with.debug");
	ck_assert_int_eq(symlink(debug, below(link, build_id())), 0);
	ck_assert_int_eq(find("/bin/with"), -ENOENT);
	ck_assert_int_eq(unlink(link), 0);
	snprintf(up, sizeof(up), "../../../../../../../../../../..%s", debug);
	ck_assert_int_eq(symlink(up, link), 0);
	ck_assert_int_eq(find("/bin/with"), -ENOENT);
	/* The same link is good where its end lies inside. */
	put("with.debug", debug);
	check_is(find("/bin/with"), "with.debug");
}
END_TEST

START_TEST(what_is_no_regular_file)
{
	char path[FIXTURE_PATH_MAX];
	int found;

	open_program("with.stripped");
	below(path, build_id());
	/* Opening the FIFO would wait for a writer for ever. */
	ck_assert_int_eq(_i ? mkdir(path, 0700) : mkfifo(path, 0600), 0);
	found = find("/bin/with");
	ck_assert_msg(found < 0, "a FIFO or directory was opened");
	put("with.debug", "/bin/with.debug");
	check_is(find("/bin/with"), "with.debug");
}
END_TEST

START_TEST(no_elf_file_in_its_place)
{
	char path[FIXTURE_PATH_MAX];

	open_program("with.stripped");
	fixture_write(below(path, build_id()), "hostile");
	ck_assert_int_lt(find("/bin/with"), 0);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_lt(find("/bin/with"), 0);
	put("with.debug", "/bin/with.debug");
	check_is(find("/bin/with"), "with.debug");
}
END_TEST

START_TEST(below_our_own_root)
{
	char path[FIXTURE_PATH_MAX];

	/* The link's name lies beside the program, as our own view has it. */
	open_program("without.stripped");
	fixture_path(path, files, "without");
	check_is(debug_file_open(program, path, NULL), "without.debug");
	/* .. which is where it is looked for when the target lacks it. */
	check_is(find(path), "without.debug");
	/* The target's own goes first, also when it does not fit. */
	put("other.debug", "/opt/x/without.debug");
	ck_assert_int_eq(find("/opt/x/prog"), -ESTALE);
}
END_TEST

/* Without a build id, a link and symbols. */
static void make_bare(void)
{
	char path[FIXTURE_PATH_MAX], bare[FIXTURE_PATH_MAX];
	const char *const strip[] = {"objcopy", "--strip-all", path, bare, NULL};

	fixture_path(path, files, "without");
	fixture_path(bare, files, "bare");
	fixture_run(strip);
}

START_TEST(neither_id_nor_link)
{
	make_bare();
	open_program("bare");
	put("without.debug", places[0]);
	ck_assert_int_eq(find("/opt/x/prog"), -ENOENT);
	ck_assert_int_eq(debug_file_open_mini(program), -ENOENT);
}
END_TEST

/* A section made by hand: what objcopy never writes. */
static void with_section(const char *section, const void *bytes, size_t len)
{
	char path[FIXTURE_PATH_MAX], contents[FIXTURE_PATH_MAX], out[FIXTURE_PATH_MAX];
	char add[FIXTURE_PATH_MAX + 64];
	const char *const copy[] = {"objcopy", "--add-section", add, path, out, NULL};
	FILE *f = fopen(fixture_path(contents, files, "section"), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	snprintf(add, sizeof(add), "%s=%s", section, contents);
	fixture_path(path, files, "bare");
	fixture_path(out, files, "made");
	fixture_run(copy);
	open_program("made");
}

START_TEST(hostile_links)
{
	static const struct {
		const char *bytes;
		size_t len;
	} links[] = {
		{"", 1},			   /* no name */
		{"\0\0\0\0\0\0\0\0", 8},	   /* an empty one, and a checksum */
		{"../../etc/x\0\0\0\0\0", 16},	   /* a path */
		{"without.debug", 13},		   /* without an end */
		{"without.debug\0\0\0", 16},	   /* without a checksum */
		{"without.debug\0\0\0\1\2\3", 19}, /* with a part of one */
		{"..\0\0\1\2\3\4", 8},		   /* the directory above */
	};

	make_bare();
	with_section(".gnu_debuglink", links[_i].bytes, links[_i].len);
	put("without.debug", places[0]);
	ck_assert_int_lt(find("/opt/x/prog"), 0);
	ck_assert_int_lt(find(""), 0);
}
END_TEST

/* ---- MiniDebugInfo ---- */

#define PACKED_MAX (1U << 20)

static uint8_t packed[PACKED_MAX];

/* What xz makes of @len bytes of @bytes, or of zeros where that is NULL. */
static size_t pack(const uint8_t *bytes, uint64_t len)
{
	static const uint8_t zeros[1 << 20];
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_ret code = lzma_easy_encoder(&xz, 0, LZMA_CHECK_CRC32);
	uint64_t given = 0;

	ck_assert_int_eq(code, LZMA_OK);
	xz.next_out = packed;
	xz.avail_out = sizeof(packed);
	while (code == LZMA_OK) {
		if (xz.avail_in == 0 && given < len) {
			uint64_t piece =
				bytes || len - given < sizeof(zeros) ? len - given : sizeof(zeros);

			xz.next_in = bytes ? bytes : zeros;
			xz.avail_in = piece;
			given += piece;
		}
		code = lzma_code(&xz, given < len ? LZMA_RUN : LZMA_FINISH);
	}
	ck_assert_int_eq(code, LZMA_STREAM_END);
	lzma_end(&xz);
	return sizeof(packed) - xz.avail_out;
}

START_TEST(packed_by_xz)
{
	char debug[FIXTURE_PATH_MAX], mini[FIXTURE_PATH_MAX], xz_file[FIXTURE_PATH_MAX + 4];
	char add[FIXTURE_PATH_MAX + 64], bare[FIXTURE_PATH_MAX], out[FIXTURE_PATH_MAX];
	const char *const compress[] = {"xz", "--keep", "--force", mini, NULL};
	const char *const copy[] = {"objcopy", "--add-section", add, bare, out, NULL};

	/* As the manual of gdb makes it, "MiniDebugInfo". */
	make_bare();
	fixture_copy(fixture_path(debug, files, "without.debug"),
		     fixture_path(mini, files, "mini"));
	fixture_run(compress);
	snprintf(xz_file, sizeof(xz_file), "%s.xz", mini);
	snprintf(add, sizeof(add), ".gnu_debugdata=%s", xz_file);
	fixture_path(bare, files, "bare");
	fixture_path(out, files, "made");
	fixture_run(copy);
	open_program("made");
	check_is(debug_file_open_mini(program), "mini");
	/* It is no file that lies anywhere, and ours alone. */
	ck_assert_int_eq(debug_file_open(program, "/opt/x/prog", &target), -ENOENT);
}
END_TEST

START_TEST(damaged_packing)
{
	uint8_t text[3000];
	size_t len;

	make_bare();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * i >> 3);
	len = pack(text, sizeof(text));
	switch (_i) {
	case 0: /* the data's own checksum */
		packed[len / 2] ^= 0x10;
		break;
	case 1: /* the header */
		packed[0] ^= 1;
		break;
	case 2: /* cut short */
		len -= 1;
		break;
	case 3:
		len /= 2;
		break;
	case 4:
		len = 1;
		break;
	case 5: /* the footer */
		packed[len - 1] ^= 1;
		break;
	default: /* no xz at all */
		memset(packed, 'x', len);
		break;
	}
	with_section(".gnu_debugdata", packed, len);
	ck_assert_int_eq(debug_file_open_mini(program), -EBADMSG);
}
END_TEST

START_TEST(packed_beyond_the_bound)
{
	struct stat st;
	size_t len;
	int fd;

	make_bare();
	len = pack(NULL, DEBUG_MINI_BYTES_MAX + _i);
	with_section(".gnu_debugdata", packed, len);
	fd = debug_file_open_mini(program);
	if (_i) {
		ck_assert_int_eq(fd, -EFBIG);
		return;
	}
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, DEBUG_MINI_BYTES_MAX);
	close(fd);
}
END_TEST

START_TEST(nothing_packed)
{
	open_program("with.stripped");
	ck_assert_int_eq(debug_file_open_mini(program), -ENOENT);
}
END_TEST

START_TEST(damaged_programs)
{
	char path[FIXTURE_PATH_MAX], cut[FIXTURE_PATH_MAX];

	/* Text, and a header of which the rest is missing. */
	fixture_write(fixture_path(path, files, "text"), "#!/bin/sh\n");
	open_program("text");
	ck_assert_int_eq(find("/bin/text"), -ENOEXEC);
	ck_assert_int_eq(debug_file_open_mini(program), -ENOEXEC);
	close(program);
	fixture_copy(fixture_path(path, files, "with"), fixture_path(cut, files, "short"));
	ck_assert_int_eq(truncate(cut, 40), 0);
	open_program("short");
	ck_assert_int_eq(find("/bin/short"), -EBADMSG);
	ck_assert_int_eq(debug_file_open_mini(program), -EBADMSG);
}
END_TEST

Suite *symbol_debug_file_suite(void)
{
	Suite *suite = suite_create("symbol_debug_file");
	TCase *tcase = tcase_create("debug_file");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, setup_files, teardown_files);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, by_the_build_id);
	tcase_add_test(tcase, of_another_build);
	tcase_add_loop_test(tcase, by_the_link, 0, 3);
	tcase_add_loop_test(tcase, by_the_link_with_another_checksum, 0, 3);
	tcase_add_test(tcase, a_program_named_as_its_link);
	tcase_add_test(tcase, a_program_in_the_root_directory);
	tcase_add_test(tcase, a_chroot_with_its_directory_before_the_path);
	tcase_add_test(tcase, links_do_not_leave_the_root);
	tcase_add_loop_test(tcase, what_is_no_regular_file, 0, 2);
	tcase_add_test(tcase, no_elf_file_in_its_place);
	tcase_add_test(tcase, below_our_own_root);
	tcase_add_test(tcase, neither_id_nor_link);
	tcase_add_loop_test(tcase, hostile_links, 0, 7);
	tcase_add_test(tcase, packed_by_xz);
	tcase_add_loop_test(tcase, damaged_packing, 0, 7);
	tcase_add_loop_test(tcase, packed_beyond_the_bound, 0, 2);
	tcase_add_test(tcase, nothing_packed);
	tcase_add_test(tcase, damaged_programs);
	suite_add_tcase(suite, tcase);
	return suite;
}
