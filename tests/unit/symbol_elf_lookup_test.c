// SPDX-License-Identifier: GPL-2.0-only
/* Symbols of this very program and of its C library, against where they really are. */
#include "symbol/elf_lookup.h"

#include "tests/unit/suites.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "symbol/elf_file.h"

static const uint32_t constant_here[4] = {0x600dcafe, 2, 3, 4};
static uint32_t zeros_here[64];

static int function_here(int x)
{
	return x + (int)constant_here[1];
}

static struct elf_file file;
static int fd;

static void open_file(const char *path)
{
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(elf_file_open(fd, NULL, 0, &file, NULL), 0);
}

static void close_file(void)
{
	elf_file_close(&file);
	close(fd);
}

/* What ld.so added to the virtual addresses of the program. */
static uint64_t own_bias(void)
{
	struct link_map *map = NULL;

	ck_assert_int_eq(dlinfo(dlopen(NULL, RTLD_NOW), RTLD_DI_LINKMAP, &map), 0);
	return map->l_addr;
}

START_TEST(this_program)
{
	struct elf_lookup wanted[] = {{.name = "constant_here"},
				      {.name = "function_here"},
				      {.name = "no_such_symbol"},
				      {.name = "zeros_here"}};
	volatile uint32_t *zeros = zeros_here;
	uint32_t value[4] = {9, 9, 9, 9};
	uint64_t bias = own_bias();

	zeros[0] = (uint32_t)function_here(1);
	open_file("/proc/self/exe");
	ck_assert_uint_eq(elf_lookup(&file, ELF_LOOKUP_ALL, wanted, ARRAY_LEN(wanted)), 3);
	ck_assert_uint_eq(bias + wanted[0].vaddr, (uintptr_t)constant_here);
	ck_assert_uint_ge(wanted[0].size, sizeof(constant_here));
	ck_assert_uint_eq(bias + wanted[1].vaddr, (uintptr_t)function_here);
	ck_assert_uint_gt(wanted[1].size, 0);
	ck_assert(!wanted[2].found);
	ck_assert_uint_eq(bias + wanted[3].vaddr, (uintptr_t)zeros_here);
	/* Nothing is left to find but what is not there. */
	ck_assert_uint_eq(elf_lookup(&file, ELF_LOOKUP_ALL, wanted, ARRAY_LEN(wanted)), 0);
	ck_assert_int_eq(elf_lookup_read(&file, wanted[0].vaddr, value, sizeof(value)), 0);
	ck_assert_mem_eq(value, constant_here, sizeof(value));
	/* .bss is not in the file. */
	ck_assert_int_eq(elf_lookup_read(&file, wanted[3].vaddr, value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(elf_lookup_read(&file, UINT64_MAX - 3, value, 4), -ENOENT);
	ck_assert_mem_eq(value, constant_here, sizeof(value));
	close_file();
}
END_TEST

START_TEST(the_library)
{
	struct elf_lookup wanted[] = {{.name = "malloc"}, {.name = "environ"}};
	void *symbol = dlsym(RTLD_DEFAULT, "environ"), *in_libc;
	uint64_t offset = 99, vaddr = 99;
	struct link_map *map = NULL;
	Dl_info info;
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

	ck_assert_ptr_nonnull(libc);
	ck_assert_ptr_nonnull(symbol);
	in_libc = dlsym(libc, "malloc");
	ck_assert_int_eq(dlinfo(libc, RTLD_DI_LINKMAP, &map), 0);
	ck_assert(dladdr(dlsym(libc, "gnu_get_libc_version"), &info));
	open_file(info.dli_fname);
	ck_assert_uint_eq(elf_lookup(&file, ELF_LOOKUP_EXPORTED, wanted, 2), 2);
	ck_assert_ptr_nonnull(in_libc);
	ck_assert_uint_gt(wanted[0].vaddr, 0);
	ck_assert_uint_eq(wanted[1].size, sizeof(char *));
	ck_assert_uint_eq(map->l_addr + wanted[1].vaddr, (uintptr_t)dlsym(libc, "environ"));
	ck_assert_int_eq(elf_lookup_load(&file, &offset, &vaddr), 0);
	ck_assert_uint_eq(offset, 0);
	ck_assert_uint_eq(map->l_addr + vaddr, (uintptr_t)info.dli_fbase);
	close_file();
	dlclose(libc);
}
END_TEST

/* Each byte of the headers changed in turn, in a copy: no answer matters, all reads are inside. */
START_TEST(damaged_headers)
{
	static uint8_t image[256 << 10];
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC);
	ssize_t len = read(from, image, sizeof(image));
	uint64_t offset, vaddr, value;

	close(from);
	ck_assert_int_gt(len, 4096);
	ck_assert_int_lt(len, (ssize_t)sizeof(image));
	for (size_t i = 0; i < 2048; i++) {
		size_t at = i < 1024 ? i : (size_t)len - (i - 1023);
		struct elf_lookup wanted[] = {{.name = "malloc"}, {.name = "environ"}};
		uint8_t *copy = malloc((size_t)len), keep = image[at];

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, image, (size_t)len);
		copy[at] = (uint8_t)(keep ^ 0xff);
		if (elf_file_open(-1, copy, (size_t)len, &file, NULL) == 0) {
			elf_lookup(&file, ELF_LOOKUP_EXPORTED, wanted, 2);
			elf_lookup(&file, ELF_LOOKUP_ALL, wanted, 2);
			elf_lookup_load(&file, &offset, &vaddr);
			elf_lookup_read(&file, i * 64, &value, sizeof(value));
			elf_file_close(&file);
		}
		free(copy);
	}
}
END_TEST

Suite *symbol_elf_lookup_suite(void)
{
	Suite *suite = suite_create("symbol_elf_lookup");
	TCase *tcase = tcase_create("lookup");

	tcase_add_test(tcase, this_program);
	tcase_add_test(tcase, the_library);
	tcase_add_test(tcase, damaged_headers);
	suite_add_tcase(suite, tcase);
	return suite;
}
