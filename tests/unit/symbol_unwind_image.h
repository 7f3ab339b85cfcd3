/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF files made in memory around unwind information that a test writes byte by byte. */
#ifndef TESTS_UNIT_SYMBOL_UNWIND_IMAGE_H
#define TESTS_UNIT_SYMBOL_UNWIND_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "symbol/unwind_table.h"

/* The text's place in the file and in memory, and how long it is unless told otherwise. */
#define IMAGE_TEXT_AT 0x1000
#define IMAGE_TEXT_BYTES 0x1000

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* The bytes of .eh_frame, which lies behind the text; vec_free(&f.v) ends it. */
struct frames {
	VEC(uint8_t) v;
	bool debug_frame;
	uint64_t text_bytes; /* 0 = IMAGE_TEXT_BYTES */
};

/* Append a little-endian number, or bytes. */
void frames_put(struct frames *f, uint64_t value, size_t width);
void frames_put_bytes(struct frames *f, const uint8_t *bytes, size_t len);
/* Append the start of an entry; its length is told at its end. Returns its place. */
size_t frames_begin(struct frames *f);
void frames_end(struct frames *f, size_t at);
/* Append what an FDE points to its CIE with. */
void frames_put_cie_pointer(struct frames *f, size_t cie);
/* Where @vaddr is, from the byte that is written next. */
uint64_t frames_pcrel(const struct frames *f, uint64_t vaddr);

/* A CIE of rsp + 8 with the return address below; returns its place. */
size_t frames_cie(struct frames *f, const char *augmentation, const uint8_t *data, size_t data_len);
/* One with addresses as gcc encodes them, and an FDE of such a one. */
size_t frames_usual_cie(struct frames *f);
void frames_fde(struct frames *f, size_t cie, uint64_t vaddr, uint64_t len, const uint8_t *program,
		size_t program_len);

struct image {
	uint8_t *bytes;
	size_t len;
	Elf64_Ehdr *header;
	Elf64_Phdr *segments; /* text, frames, .eh_frame_hdr */
	Elf64_Shdr *sections; /* none, frames, names */
};

/* The whole file, the frames last, so that reading behind them is seen. Ends with free(bytes). */
struct image image_make(const struct frames *f);

/* unwind_table_build_memory(), with the shape of the table and of the error checked. */
int image_build(const struct image *image, struct unwind_table **ret);
/* The table of a good image of @f. */
struct unwind_table *frames_build(const struct frames *f);
/* The same, and every byte of the text means what libdw says. */
struct unwind_table *frames_build_as_libdw(const struct frames *f);

/* Fail the test unless the row at @vaddr is of @kind and has @cfa in its field. */
void image_check_row(const struct unwind_table *table, uint64_t vaddr, enum unwind_kind kind,
		     int cfa);

#endif
