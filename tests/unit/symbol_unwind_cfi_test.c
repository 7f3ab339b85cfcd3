// SPDX-License-Identifier: GPL-2.0-only
/* Unwind information written byte by byte: rare forms against libdw, and what no compiler writes. */
#include "symbol/unwind_table.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_unwind_oracle.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "base/vec.h"

#define MUTATIONS 20000

/* The image: headers, text, and the frames last, so that reading behind them is seen. */
#define NAMES_AT 0x300
#define SECTIONS_AT 0x400
#define EH_FRAME_HDR_AT 0x800
#define TEXT_AT 0x1000
#define TEXT_BYTES 0x1000
#define FRAMES_AT (TEXT_AT + TEXT_BYTES)

#define PCREL_SDATA4 0x1b
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

struct frames {
	VEC(uint8_t) v;
	bool debug_frame;
	uint64_t text_bytes; /* 0 = TEXT_BYTES */
};

static uint64_t frames_at(const struct frames *f)
{
	return TEXT_AT + (f->text_bytes ? f->text_bytes : TEXT_BYTES);
}

static void put(struct frames *f, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		uint8_t *byte = vec_add(&f->v);

		ck_assert(byte != NULL);
		*byte = (uint8_t)(value >> 8 * i);
	}
}

static void put_bytes(struct frames *f, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(f, bytes[i], 1);
}

static size_t begin_entry(struct frames *f)
{
	put(f, 0, 4);
	return f->v.len - 4;
}

static void end_entry(struct frames *f, size_t at)
{
	uint32_t len = (uint32_t)(f->v.len - at - 4);

	memcpy(f->v.at + at, &len, sizeof(len));
}

/* A CIE of rsp + 8 with the return address below; returns its place. */
static size_t put_cie(struct frames *f, const char *augmentation, const uint8_t *data,
		      size_t data_len)
{
	size_t at = begin_entry(f);

	put(f, f->debug_frame ? UINT32_MAX : 0, 4);
	put(f, 1, 1);
	put_bytes(f, (const uint8_t *)augmentation, strlen(augmentation) + 1);
	put_bytes(f, BYTES(1, 0x78, 16));
	if (augmentation[0] == 'z')
		put(f, data_len, 1);
	put_bytes(f, data, data_len);
	put_bytes(f, BYTES(0x0c, 7, 8, 0x90, 1));
	end_entry(f, at);
	return at;
}

static size_t put_usual_cie(struct frames *f)
{
	return put_cie(f, "zR", BYTES(PCREL_SDATA4));
}

static void put_cie_pointer(struct frames *f, size_t cie)
{
	put(f, f->debug_frame ? cie : f->v.len - cie, 4);
}

static uint64_t pcrel(const struct frames *f, uint64_t vaddr)
{
	return vaddr - (frames_at(f) + f->v.len);
}

/* An FDE of a usual CIE. */
static void put_fde(struct frames *f, size_t cie, uint64_t vaddr, uint64_t len,
		    const uint8_t *program, size_t program_len)
{
	size_t at = begin_entry(f);

	put_cie_pointer(f, cie);
	put(f, pcrel(f, vaddr), 4);
	put(f, len, 4);
	put(f, 0, 1);
	put_bytes(f, program, program_len);
	end_entry(f, at);
}

struct image {
	uint8_t *bytes;
	size_t len;
	Elf64_Ehdr *header;
	Elf64_Phdr *segments; /* text, frames, .eh_frame_hdr */
	Elf64_Shdr *sections; /* none, frames, names */
};

static struct image image_make(const struct frames *f)
{
	static const char names[] = "\0.eh_frame\0.debug_frame";
	struct image i = {.len = frames_at(f) + f->v.len};

	i.bytes = calloc(1, i.len);
	ck_assert_ptr_nonnull(i.bytes);
	i.header = (Elf64_Ehdr *)i.bytes;
	i.segments = (Elf64_Phdr *)(i.bytes + sizeof(*i.header));
	i.sections = (Elf64_Shdr *)(i.bytes + SECTIONS_AT);
	*i.header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(*i.header),
		.e_shoff = SECTIONS_AT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
		.e_shstrndx = 2,
	};
	i.segments[0] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, TEXT_AT, TEXT_AT, TEXT_AT, 0, 0, 4096};
	i.segments[0].p_filesz = i.segments[0].p_memsz = frames_at(f) - TEXT_AT;
	i.segments[1] = (Elf64_Phdr){PT_LOAD, PF_R, frames_at(f), frames_at(f), 0, 0, 0, 4096};
	i.segments[1].p_filesz = i.segments[1].p_memsz = f->v.len;
	i.segments[2] = (Elf64_Phdr){PT_GNU_EH_FRAME, PF_R, EH_FRAME_HDR_AT, EH_FRAME_HDR_AT,
				     0,		      8,    8,		     4};
	memcpy(i.bytes + EH_FRAME_HDR_AT, (const uint8_t[]){1, PCREL_SDATA4, 0xff, 0xff}, 4);
	memcpy(i.bytes + EH_FRAME_HDR_AT + 4, &(uint32_t){frames_at(f) - EH_FRAME_HDR_AT - 4}, 4);
	i.sections[1] = (Elf64_Shdr){.sh_name = f->debug_frame ? 11 : 1,
				     .sh_type = SHT_PROGBITS,
				     .sh_addr = f->debug_frame ? 0 : frames_at(f),
				     .sh_offset = frames_at(f),
				     .sh_size = f->v.len};
	i.sections[2] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof(names)};
	memcpy(i.bytes + NAMES_AT, names, sizeof(names));
	if (f->v.len)
		memcpy(i.bytes + frames_at(f), f->v.at, f->v.len);
	return i;
}

static int build_image(const struct image *image, struct unwind_table **ret)
{
	struct err err = {0};
	int r = unwind_table_build_memory(image->bytes, image->len, ret, &err);

	if (r != err.code || (r < 0 && !err.msg[0]))
		ck_abort_msg("%d, %d: %s", r, err.code, err.msg);
	if (r == 0)
		oracle_check_shape(*ret);
	return r;
}

static struct unwind_table *build(const struct frames *f)
{
	struct image image = image_make(f);
	struct unwind_table *table = NULL;

	ck_assert_int_eq(build_image(&image, &table), 0);
	free(image.bytes);
	return table;
}

/* The same, and every byte of the text means what libdw says. */
static struct unwind_table *build_as_libdw(const struct frames *f)
{
	struct image image = image_make(f);
	struct unwind_table *table = NULL;
	struct oracle o;

	ck_assert_int_eq(build_image(&image, &table), 0);
	oracle_open_memory(&o, image.bytes, image.len);
	if (f->debug_frame)
		oracle_use_debug_frame(&o);
	oracle_check_all(&o, table, 1, 1);
	oracle_close(&o);
	free(image.bytes);
	return table;
}

static void check_row(const struct unwind_table *table, uint64_t vaddr, enum unwind_kind kind,
		      int cfa)
{
	uint64_t row = unwind_table_find(table, vaddr);

	ck_assert_msg(unwind_row_kind(row) == kind && unwind_row_cfa_field(row) == cfa,
		      "at %" PRIx64 ": %016" PRIx64 ", not kind %d of %d", vaddr, row, kind, cfa);
}

/* Below 2^14, in two bytes of LEB128; the same signed and unsigned below 2^13. */
static void put_leb(struct frames *f, uint64_t value)
{
	put(f, (value & 0x7f) | 0x80, 1);
	put(f, value >> 7, 1);
}

START_TEST(addresses_in_every_encoding)
{
	static const struct {
		uint8_t encoding;
		uint8_t width; /* 0 = LEB128 */
		bool relative;
	} cases[] = {
		{0x00, 8, false}, {0x10, 8, true},  {0x01, 0, false}, {0x02, 2, false},
		{0x03, 4, false}, {0x04, 8, false}, {0x09, 0, false}, {0x0a, 2, false},
		{0x0b, 4, false}, {0x0c, 8, false}, {0x1a, 2, true},  {0x1b, 4, true},
		{0x1c, 8, true},  {0x13, 4, true},  {0x14, 8, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frames f = {0};
		size_t cie = put_cie(&f, "zR", BYTES(cases[i].encoding)), at = begin_entry(&f);
		struct unwind_table *table;

		put_cie_pointer(&f, cie);
		if (cases[i].width) {
			put(&f, cases[i].relative ? pcrel(&f, 0x1100) : 0x1100, cases[i].width);
			put(&f, 0x40, cases[i].width);
		} else {
			put_leb(&f, 0x1100);
			put_leb(&f, 0x40);
		}
		put(&f, 0, 1);
		end_entry(&f, at);
		table = cases[i].encoding == 0x13 ? build(&f) : build_as_libdw(&f);
		/* Unsigned from behind: 4 GiB too far, and so not in the text. */
		if (cases[i].encoding == 0x13) {
			ck_abort_msg("it was no -ENODATA");
		}
		ck_assert_uint_eq(table->stats.fdes, 1);
		check_row(table, 0x10ff, UNWIND_GAP, 0);
		check_row(table, 0x1100, UNWIND_RSP, 1);
		check_row(table, 0x113f, UNWIND_RSP, 1);
		check_row(table, 0x1140, UNWIND_GAP, 0);
		unwind_table_free(table);
		vec_free(&f.v);
	}
}
END_TEST
