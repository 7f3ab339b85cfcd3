// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/symbol_unwind_image.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/symbol_unwind_oracle.h"

/* The image: headers, text, and the frames last, so that reading behind them is seen. */
#define NAMES_AT 0x300
#define SECTIONS_AT 0x400
#define EH_FRAME_HDR_AT 0x800

#define PCREL_SDATA4 0x1b

static uint64_t frames_at(const struct frames *f)
{
	return IMAGE_TEXT_AT + (f->text_bytes ? f->text_bytes : IMAGE_TEXT_BYTES);
}

void frames_put(struct frames *f, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		uint8_t *byte = vec_add(&f->v);

		if (!byte)
			ck_abort_msg("out of memory");
		*byte = (uint8_t)(value >> 8 * i);
	}
}

void frames_put_bytes(struct frames *f, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		frames_put(f, bytes[i], 1);
}

size_t frames_begin(struct frames *f)
{
	frames_put(f, 0, 4);
	return f->v.len - 4;
}

void frames_end(struct frames *f, size_t at)
{
	uint32_t len = (uint32_t)(f->v.len - at - 4);

	memcpy(f->v.at + at, &len, sizeof(len));
}

/* A CIE of rsp + 8 with the return address below; returns its place. */
size_t frames_cie(struct frames *f, const char *augmentation, const uint8_t *data, size_t data_len)
{
	size_t at = frames_begin(f);

	frames_put(f, f->debug_frame ? UINT32_MAX : 0, 4);
	frames_put(f, 1, 1);
	frames_put_bytes(f, (const uint8_t *)augmentation, strlen(augmentation) + 1);
	frames_put_bytes(f, BYTES(1, 0x78, 16));
	if (augmentation[0] == 'z')
		frames_put(f, data_len, 1);
	frames_put_bytes(f, data, data_len);
	frames_put_bytes(f, BYTES(0x0c, 7, 8, 0x90, 1));
	frames_end(f, at);
	return at;
}

size_t frames_usual_cie(struct frames *f)
{
	return frames_cie(f, "zR", BYTES(PCREL_SDATA4));
}

void frames_put_cie_pointer(struct frames *f, size_t cie)
{
	frames_put(f, f->debug_frame ? cie : f->v.len - cie, 4);
}

uint64_t frames_pcrel(const struct frames *f, uint64_t vaddr)
{
	return vaddr - (frames_at(f) + f->v.len);
}

/* An FDE of a usual CIE. */
void frames_fde(struct frames *f, size_t cie, uint64_t vaddr, uint64_t len, const uint8_t *program,
		size_t program_len)
{
	size_t at = frames_begin(f);

	frames_put_cie_pointer(f, cie);
	frames_put(f, frames_pcrel(f, vaddr), 4);
	frames_put(f, len, 4);
	frames_put(f, 0, 1);
	frames_put_bytes(f, program, program_len);
	frames_end(f, at);
}

struct image image_make(const struct frames *f)
{
	static const char names[] = "\0.eh_frame\0.debug_frame";
	struct image i = {.len = frames_at(f) + f->v.len};

	i.bytes = calloc(1, i.len);
	ck_assert_ptr_nonnull(i.bytes);
	i.header = (Elf64_Ehdr *)i.bytes;
	i.segments = (Elf64_Phdr *)(i.bytes + sizeof(*i.header));
	i.sections = (Elf64_Shdr *)(i.bytes + SECTIONS_AT);
	*i.header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
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
	i.segments[0] = (Elf64_Phdr){
		PT_LOAD, PF_R | PF_X, IMAGE_TEXT_AT, IMAGE_TEXT_AT, IMAGE_TEXT_AT, 0, 0, 4096};
	i.segments[0].p_filesz = i.segments[0].p_memsz = frames_at(f) - IMAGE_TEXT_AT;
	i.segments[1] = (Elf64_Phdr){PT_LOAD, PF_R, frames_at(f), frames_at(f), 0, 0, 0, 4096};
	i.segments[1].p_filesz = i.segments[1].p_memsz = f->v.len;
	i.segments[2] = (Elf64_Phdr){f->debug_frame ? PT_NULL : PT_GNU_EH_FRAME,
				     PF_R,
				     EH_FRAME_HDR_AT,
				     EH_FRAME_HDR_AT,
				     0,
				     8,
				     8,
				     4};
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

int image_build(const struct image *image, struct unwind_table **ret)
{
	struct err err = {0};
	int r = unwind_table_build_memory(image->bytes, image->len, ret, &err);

	if (r != err.code || (r < 0 && !err.msg[0]))
		ck_abort_msg("%d, %d: %s", r, err.code, err.msg);
	if (r == 0)
		oracle_check_shape(*ret);
	return r;
}

struct unwind_table *frames_build(const struct frames *f)
{
	struct image image = image_make(f);
	struct unwind_table *table = NULL;

	ck_assert_int_eq(image_build(&image, &table), 0);
	free(image.bytes);
	return table;
}

/* The same, and every byte of the text means what libdw says. */
struct unwind_table *frames_build_as_libdw(const struct frames *f)
{
	struct image image = image_make(f);
	struct unwind_table *table = NULL;
	struct oracle o;

	ck_assert_int_eq(image_build(&image, &table), 0);
	oracle_open_memory(&o, image.bytes, image.len);
	if (f->debug_frame)
		oracle_use_debug_frame(&o);
	oracle_check_all(&o, table, 1, 1);
	oracle_close(&o);
	free(image.bytes);
	return table;
}

void image_check_row(const struct unwind_table *table, uint64_t vaddr, enum unwind_kind kind,
		     int cfa)
{
	uint64_t row = unwind_table_find(table, vaddr);

	ck_assert_msg(unwind_row_kind(row) == kind && unwind_row_cfa_field(row) == cfa,
		      "at %" PRIx64 ": %016" PRIx64 ", not kind %d of %d", vaddr, row, kind, cfa);
}
