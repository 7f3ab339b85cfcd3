// SPDX-License-Identifier: GPL-2.0-only
/* Files that are damaged, or made to do harm. */
#include "symbol/elf_syms.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define MUTATIONS 4000

static char dir[FIXTURE_PATH_MAX];
static char library[FIXTURE_PATH_MAX];

static void setup(void)
{
	fixture_dir_make(dir);
	fixture_compile_library(fixture_path(library, dir, "library.so"));
}

static void teardown(void)
{
	fixture_dir_remove(dir);
}

START_TEST(not_elf_is_said_so)
{
	static const struct {
		const char *text;
		size_t len;
		int want;
	} cases[] = {
		{"", 0, -ENOEXEC},
		{"#!/bin/sh\n", 10, -ENOEXEC},
		{"\177ELF", 4, -ENOEXEC},
		{"!<arch>\nand so on and so on and so on and so on and so on and so on", 67,
		 -ENOEXEC},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct elf_syms *es = (void *)1;
		struct err err = {0};
		int fd = memfd_create("case", MFD_CLOEXEC);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(write(fd, cases[i].text, cases[i].len), (ssize_t)cases[i].len);
		ck_assert_int_eq(elf_syms_load(fd, &es, &err), cases[i].want);
		ck_assert_ptr_eq(es, (void *)1);
		ck_assert_int_eq(err.code, cases[i].want);
		close(fd);
	}
}
END_TEST

/* A file in memory that a test may spoil. */
struct image {
	int fd;
	size_t len;
	unsigned char *bytes;
};

static struct image image_make(const char *path)
{
	struct image image = {.fd = memfd_create("image", MFD_CLOEXEC)};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert(fd >= 0 && image.fd >= 0 && fstat(fd, &st) == 0);
	image.len = (size_t)st.st_size;
	image.bytes = malloc(image.len);
	ck_assert_ptr_nonnull(image.bytes);
	ck_assert_int_eq(read(fd, image.bytes, image.len), (ssize_t)image.len);
	close(fd);
	return image;
}

static void image_write(const struct image *image)
{
	ck_assert_int_eq(ftruncate(image->fd, (off_t)image->len), 0);
	ck_assert_int_eq(pwrite(image->fd, image->bytes, image->len, 0), (ssize_t)image->len);
}

static void image_free(struct image *image)
{
	close(image->fd);
	free(image->bytes);
}

/* The image's first section header of @type. */
static Elf64_Shdr *image_section(const struct image *image, uint32_t type)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image->bytes;
	Elf64_Shdr *sections = (Elf64_Shdr *)(image->bytes + header->e_shoff);

	ck_assert_uint_eq(header->e_ident[EI_CLASS], ELFCLASS64);
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		if (sections[i].sh_type == type)
			return &sections[i];
	}
	ck_abort_msg("no section of type %u", type);
}

static int load_image(const struct image *image, struct elf_syms **ret)
{
	struct err err = {0};
	int r;

	image_write(image);
	r = elf_syms_load(image->fd, ret, &err);
	ck_assert_int_eq(r, err.code);
	ck_assert(r == 0 || err.msg[0]);
	return r;
}

START_TEST(impossible_headers_are_refused)
{
	struct image image = image_make(library);
	Elf64_Ehdr *header = (Elf64_Ehdr *)image.bytes;
	Elf64_Ehdr good = *header;
	Elf64_Shdr *symtab = image_section(&image, SHT_SYMTAB);
	Elf64_Shdr good_symtab = *symtab;
	Elf64_Phdr *segments = (Elf64_Phdr *)(image.bytes + header->e_phoff);
	Elf64_Phdr good_segment = segments[0];
	struct elf_syms *es = NULL;

	header->e_shnum = 0;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	*header = good;
	header->e_phnum = PN_XNUM;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	*header = good;
	header->e_type = ET_REL;
	ck_assert_int_eq(load_image(&image, &es), -ENOEXEC);
	*header = good;
	header->e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
	ck_assert_int_eq(load_image(&image, &es), -ENOEXEC);
	*header = good;
	segments[0].p_filesz = segments[0].p_memsz + 1;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	segments[0] = good_segment;
	segments[0].p_vaddr = UINT64_MAX;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	segments[0] = good_segment;
	symtab->sh_entsize = 1;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	*symtab = good_symtab;
	symtab->sh_link = 0xffff;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	*symtab = good_symtab;
	symtab->sh_size = UINT64_MAX;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	*symtab = good_symtab;
	symtab->sh_offset = image.len - 24;
	ck_assert_int_eq(load_image(&image, &es), -EBADMSG);
	*symtab = good_symtab;
	ck_assert_int_eq(load_image(&image, &es), 0);
	elf_syms_free(es);
	image_free(&image);
}
END_TEST

/* The symbol table grown into a hole of the file, as no honest one is. */
START_TEST(too_many_symbols_are_counted)
{
	struct image image = image_make(library);
	Elf64_Shdr *symtab = image_section(&image, SHT_SYMTAB);
	size_t dynsyms = image_section(&image, SHT_DYNSYM)->sh_size / sizeof(Elf64_Sym);
	const uint64_t beyond = 10;
	struct elf_syms *es = NULL;
	struct elf_syms_info info;

	symtab->sh_size = (ELF_SYMS_MAX - dynsyms + beyond) * sizeof(Elf64_Sym);
	image_write(&image);
	ck_assert_int_eq(ftruncate(image.fd, (off_t)(symtab->sh_offset + symtab->sh_size)), 0);
	ck_assert_int_eq(elf_syms_load(image.fd, &es, NULL), 0);
	elf_syms_info(es, &info);
	ck_assert_uint_eq(info.dropped, beyond);
	elf_syms_free(es);
	image_free(&image);
}
END_TEST

/* The image's entry in .symtab of the object at @vaddr. */
static Elf64_Sym *image_object(const struct image *image, uint64_t vaddr)
{
	const Elf64_Shdr *symtab = image_section(image, SHT_SYMTAB);
	Elf64_Sym *symbols = (Elf64_Sym *)(image->bytes + symtab->sh_offset);

	for (size_t i = 0; i < symtab->sh_size / sizeof(*symbols); i++) {
		if (symbols[i].st_value == vaddr && ELF64_ST_TYPE(symbols[i].st_info) == STT_OBJECT)
			return &symbols[i];
	}
	ck_abort_msg("no object at %" PRIx64, vaddr);
}

/* What a symbol says of a section that is not in memory, or of none, is no address. */
START_TEST(values_that_are_no_addresses)
{
	struct image image = image_make(library);
	const Elf64_Shdr *symtab = image_section(&image, SHT_SYMTAB);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image.bytes;
	const uint16_t not_allocated =
		(uint16_t)(symtab - (Elf64_Shdr *)(image.bytes + header->e_shoff));
	const uint16_t sections[] = {SHN_UNDEF, SHN_ABS, SHN_COMMON, not_allocated, 0xfeff};
	uint64_t vaddr = fixture_symbol_value(library, "hidden_data"), offset;
	Elf64_Sym *hidden = image_object(&image, vaddr);
	struct elf_syms *es = NULL;
	const char *name;

	ck_assert_int_eq(load_image(&image, &es), 0);
	ck_assert_int_eq(elf_syms_find_object(es, vaddr, &name, &offset), 0);
	elf_syms_free(es);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		hidden->st_shndx = sections[i];
		ck_assert_int_eq(load_image(&image, &es), 0);
		ck_assert_int_eq(elf_syms_find_object(es, vaddr, &name, &offset), -ENOENT);
		elf_syms_free(es);
	}
	image_free(&image);
}
END_TEST

START_TEST(bad_names_are_counted)
{
	struct image image = image_make(library);
	Elf64_Shdr *symtab = image_section(&image, SHT_SYMTAB);
	Elf64_Ehdr *header = (Elf64_Ehdr *)image.bytes;
	Elf64_Shdr *sections = (Elf64_Shdr *)(image.bytes + header->e_shoff);
	Elf64_Shdr *names = &sections[symtab->sh_link];
	uint64_t vaddr = fixture_symbol_value(library, "hidden_data"), offset;
	Elf64_Sym *hidden = image_object(&image, vaddr);
	struct elf_syms *es = NULL;
	struct elf_syms_info info;
	const char *name;

	/* A name that its table does not hold. */
	hidden->st_name = (Elf64_Word)names->sh_size;
	ck_assert_int_eq(load_image(&image, &es), 0);
	elf_syms_info(es, &info);
	ck_assert_uint_eq(info.dropped, 1);
	ck_assert_int_eq(elf_syms_find_object(es, vaddr, &name, &offset), -ENOENT);
	elf_syms_free(es);

	/* A name that its table does not end. */
	hidden->st_name = (Elf64_Word)names->sh_size - 1;
	image.bytes[names->sh_offset + names->sh_size - 1] = 'x';
	ck_assert_int_eq(load_image(&image, &es), 0);
	ck_assert_int_eq(elf_syms_find_object(es, vaddr, &name, &offset), -EBADMSG);
	elf_syms_info(es, &info);
	ck_assert_uint_eq(info.names_failed, 1);
	elf_syms_free(es);
	image_free(&image);
}
END_TEST

START_TEST(a_changed_file_gives_no_names)
{
	struct image image = image_make(library);
	uint64_t vaddr = fixture_symbol_value(library, "library_function"), offset;
	struct elf_syms *es = NULL;
	const char *name = NULL;

	ck_assert_int_eq(load_image(&image, &es), 0);
	ck_assert_int_eq(ftruncate(image.fd, 100), 0);
	ck_assert_int_eq(elf_syms_find_func(es, vaddr, &name, &offset), -ESTALE);
	ck_assert_ptr_null(name);
	elf_syms_free(es);

	/* A name read before stays. */
	ck_assert_int_eq(load_image(&image, &es), 0);
	ck_assert_int_eq(elf_syms_find_func(es, vaddr, &name, &offset), 0);
	ck_assert_int_eq(ftruncate(image.fd, 0), 0);
	ck_assert_int_eq(elf_syms_find_func(es, vaddr, &name, &offset), 0);
	ck_assert_str_eq(name, "library_function");
	elf_syms_free(es);
	image_free(&image);
}
END_TEST

/*
 * As lld lays files out: segments follow each other in the file without padding, so that a page of
 * it is mapped several times.  Code, then data with .bss, then constants.
 */
static const Elf64_Phdr shared_page_segments[] = {
	{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x1100, .p_memsz = 0x1100},
	{.p_type = PT_LOAD,
	 .p_flags = PF_R | PF_W,
	 .p_offset = 0x1100,
	 .p_vaddr = 0x2100,
	 .p_filesz = 0x200,
	 .p_memsz = 0x5000},
	{.p_type = PT_LOAD,
	 .p_flags = PF_R,
	 .p_offset = 0x1300,
	 .p_vaddr = 0x8300,
	 .p_filesz = 0x100,
	 .p_memsz = 0x100},
};

#define BASE UINT64_C(0x7f0000000000)

static const struct elf_mapping at_code = {BASE, BASE + 0x2000, 0, false};
static const struct elf_mapping at_data = {BASE + 0x2000, BASE + 0x3000, 0x1000, true};
static const struct elf_mapping at_constants = {BASE + 0x8000, BASE + 0x9000, 0x1000, false};
static const struct elf_mapping at_strange = {BASE + 0x2000, BASE + 0x3000, 0x3000, true};
static const struct elf_mapping at_again = {BASE + 0x3000, BASE + 0x4000, 0x1000, true};
static const struct elf_mapping at_behind = {BASE + 0x5000, BASE + 0x6000, 0x4000, true};
static const struct elf_mapping at_before = {BASE + 0x1000, BASE + 0x2000, 0, true};
static const struct {
	const struct elf_mapping *mapping;
	uint64_t vaddr;
	bool want;
} shared_page_cases[] = {
	{&at_code, 0, true},
	{&at_code, 0x10ff, true},
	{&at_code, 0x1150, false}, /* the data's bytes, but not its place */
	{&at_data, 0x2050, false}, /* the code's bytes, but not its place */
	{&at_data, 0x2100, true},
	{&at_data, 0x22ff, true},
	{&at_data, 0x2fff, true}, /* .bss in the last page of the file */
	{&at_data, 0x3000, true}, /* .bss behind it */
	{&at_data, 0x70ff, true},
	{&at_data, 0x7100, false},
	{&at_code, 0x3000, false}, /* .bss lies behind data, not code */
	{&at_constants, 0x8300, true},
	{&at_constants, 0x83ff, true},
	{&at_constants, 0x8400, false},
	{&at_strange, 0x2100, false}, /* no segment has that part of the file */
	/* The file mapped once more, over its .bss: no segment is there. */
	{&at_again, 0x3000, false},
	/* As far from its place in the file as the data are, but not they. */
	{&at_behind, 0x5000, false},
	{&at_before, 0x3000, false},
};

START_TEST(segments_that_share_a_page)
{
	struct image image = image_make(library);
	Elf64_Ehdr *header = (Elf64_Ehdr *)image.bytes;
	struct elf_syms *es = NULL;
	uint64_t offset, span;

	if (sysconf(_SC_PAGESIZE) != 4096)
		return; /* the numbers above are for this size */
	ck_assert_uint_ge(header->e_phnum, 3);
	header->e_phnum = 3;
	memcpy(image.bytes + header->e_phoff, shared_page_segments, sizeof(shared_page_segments));
	ck_assert_int_eq(load_image(&image, &es), 0);
	ck_assert_int_eq(elf_syms_extent(es, &offset, &span), 0);
	ck_assert_uint_eq(offset, 0);
	ck_assert_uint_eq(span, 0x8400);
	for (size_t i = 0; i < sizeof(shared_page_cases) / sizeof(shared_page_cases[0]); i++) {
		const uint64_t want = shared_page_cases[i].want ? shared_page_cases[i].vaddr : 77;
		uint64_t vaddr = 77;
		int r = elf_syms_vaddr(es, shared_page_cases[i].mapping, BASE,
				       BASE + shared_page_cases[i].vaddr, &vaddr);

		ck_assert_msg(r == (shared_page_cases[i].want ? 0 : -ENOENT) && vaddr == want,
			      "case %zu: %d, %" PRIx64, i, r, vaddr);
	}
	elf_syms_free(es);
	image_free(&image);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Spoil up to eight bytes, mostly where structure is: headers, symbols, sections. */
static void flip(const struct image *image, unsigned char *bytes, uint64_t *state)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image->bytes;
	const Elf64_Shdr *symtab = image_section(image, SHT_SYMTAB);
	const Elf64_Shdr *dynsym = image_section(image, SHT_DYNSYM);
	const struct {
		uint64_t offset, size;
	} places[] = {
		{0, sizeof(*header)},
		{header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr)},
		{header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr)},
		{symtab->sh_offset, symtab->sh_size},
		{dynsym->sh_offset, dynsym->sh_size},
		{0, image->len},
	};
	uint64_t flips = 1 + next_random(state) % 8;

	for (uint64_t i = 0; i < flips; i++) {
		size_t p = next_random(state) % (sizeof(places) / sizeof(places[0]));
		uint64_t at = places[p].offset + next_random(state) % places[p].size;

		/* Zeros and ones all over make the edge values that random bits do not. */
		switch (next_random(state) % 3) {
		case 0:
			bytes[at] ^= (unsigned char)(1 << next_random(state) % 8);
			break;
		case 1:
			bytes[at] = 0;
			break;
		case 2:
			bytes[at] = 0xff;
			break;
		}
	}
}

static void look_around(struct elf_syms *es, uint64_t *state)
{
	for (int i = 0; i < 20; i++) {
		uint64_t vaddr = next_random(state) % 0x6000, offset, span;
		struct elf_mapping mapping = {
			.start = 0x10000,
			.end = 0x14000,
			.offset = next_random(state) % 5 * 4096,
			.writable = i & 1,
		};
		const char *name;

		if (elf_syms_find_func(es, vaddr, &name, &offset) == 0)
			ck_assert_uint_lt(strlen(name), ELF_SYMS_NAME_MAX);
		if (elf_syms_find_object(es, vaddr, &name, &offset) == 0)
			ck_assert_uint_le(offset, vaddr);
		(void)elf_syms_extent(es, &offset, &span);
		(void)elf_syms_vaddr(es, &mapping, 0x10000 - mapping.offset, 0x10000 + vaddr,
				     &offset);
	}
}

START_TEST(spoiled_files_do_no_harm)
{
	const struct image image = image_make(library);
	struct image spoiled = image_make(library);
	uint64_t state = 0x9e3779b97f4a7c15;
	size_t loaded = 0, refused = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		struct elf_syms *es = NULL;
		int r;

		memcpy(spoiled.bytes, image.bytes, image.len);
		spoiled.len = image.len;
		flip(&image, spoiled.bytes, &state);
		if (i % 8 == 0)
			spoiled.len = next_random(&state) % image.len;
		r = load_image(&spoiled, &es);
		ck_assert_msg(r == 0 || r == -ENOEXEC || r == -EBADMSG, "mutation %d: %d", i, r);
		if (r < 0) {
			refused++;
			continue;
		}
		loaded++;
		look_around(es, &state);
		elf_syms_free(es);
	}
	/* Both ways have been taken often. */
	ck_assert_uint_gt(loaded, MUTATIONS / 10);
	ck_assert_uint_gt(refused, MUTATIONS / 10);
	spoiled.len = image.len;
	image_free(&spoiled);
	image_free(&(struct image){image.fd, image.len, image.bytes});
}
END_TEST

Suite *symbol_elf_load_suite(void)
{
	Suite *suite = suite_create("symbol_elf_load");
	TCase *tcase = tcase_create("elf_load");

	tcase_set_timeout(tcase, 30);
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, not_elf_is_said_so);
	tcase_add_test(tcase, impossible_headers_are_refused);
	tcase_add_test(tcase, too_many_symbols_are_counted);
	tcase_add_test(tcase, values_that_are_no_addresses);
	tcase_add_test(tcase, bad_names_are_counted);
	tcase_add_test(tcase, segments_that_share_a_page);
	tcase_add_test(tcase, a_changed_file_gives_no_names);
	tcase_add_test(tcase, spoiled_files_do_no_harm);
	suite_add_tcase(suite, tcase);
	return suite;
}
