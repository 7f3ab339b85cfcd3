// SPDX-License-Identifier: GPL-2.0-only
/* .eh_frame: an ELF file as it is, anything else as the section in a good file around it. */
#include "symbol/unwind_table.h"

#include "tests/fuzz/elf_mutate.h"

#include "base/err.h"

#define TEXT_AT 0x1000
#define TEXT_BYTES 0x4000
#define FRAMES_AT (TEXT_AT + TEXT_BYTES)

/* One executable segment with the section behind it, which is last in the file. */
struct wrapper {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	Elf64_Shdr sections[3];
	char names[16];
};

static uint8_t *wrap(const uint8_t *data, size_t size, size_t *ret_len)
{
	struct wrapper w = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_phoff = offsetof(struct wrapper, segment),
			   .e_shoff = offsetof(struct wrapper, sections),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1,
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 3,
			   .e_shstrndx = 2},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_offset = TEXT_AT,
			    .p_vaddr = TEXT_AT,
			    .p_filesz = TEXT_BYTES,
			    .p_memsz = TEXT_BYTES},
		.sections = {[1] = {.sh_name = 1,
				    .sh_type = SHT_PROGBITS,
				    .sh_addr = FRAMES_AT,
				    .sh_offset = FRAMES_AT,
				    .sh_size = size},
			     [2] = {.sh_type = SHT_STRTAB,
				    .sh_offset = offsetof(struct wrapper, names),
				    .sh_size = sizeof(w.names)}},
		.names = "\0.eh_frame",
	};
	uint8_t *image = calloc(1, FRAMES_AT + size);

	FUZZ_CHECK(image);
	memcpy(image, &w, sizeof(w));
	if (size)
		memcpy(image + FRAMES_AT, data, size);
	*ret_len = FRAMES_AT + size;
	return image;
}

/* What unwind_table.h says of rows and index. */
static void check_shape(const struct unwind_table *t)
{
	uint64_t blocks = (t->text_bytes + UNWIND_INDEX_BYTES - 1) / UNWIND_INDEX_BYTES;

	FUZZ_CHECK(t->rows_len > 0 && t->rows_len <= UNWIND_ROWS_MAX);
	FUZZ_CHECK(t->text_bytes > 0 && t->text_bytes <= UNWIND_TEXT_MAX);
	FUZZ_CHECK(unwind_row_pc(t->rows[0]) == 0);
	for (uint32_t i = 0; i < t->rows_len; i++) {
		enum unwind_kind kind = unwind_row_kind(t->rows[i]);

		FUZZ_CHECK(kind <= UNWIND_UNSUPPORTED);
		FUZZ_CHECK(unwind_row_pc(t->rows[i]) < t->text_bytes);
		FUZZ_CHECK(kind == UNWIND_RSP || kind == UNWIND_RBP || kind == UNWIND_DEREF_RBP ||
			   kind == UNWIND_PLT || !unwind_row_cfa_field(t->rows[i]));
		FUZZ_CHECK(kind == UNWIND_RSP || kind == UNWIND_RBP ||
			   !unwind_row_rbp_field(t->rows[i]));
		FUZZ_CHECK(i == 0 || unwind_row_pc(t->rows[i - 1]) < unwind_row_pc(t->rows[i]));
		FUZZ_CHECK(i == 0 || t->rows[i - 1] >> 32 != t->rows[i] >> 32);
	}
	FUZZ_CHECK(t->index_len == blocks + 1 && t->index[blocks] == t->rows_len - 1);
	for (uint64_t i = 0; i < blocks; i++) {
		uint32_t row = t->index[i];

		FUZZ_CHECK(row <= t->index[i + 1]);
		FUZZ_CHECK(unwind_row_pc(t->rows[row]) <= i * UNWIND_INDEX_BYTES);
		FUZZ_CHECK(row + 1 == t->rows_len ||
			   unwind_row_pc(t->rows[row + 1]) > i * UNWIND_INDEX_BYTES);
	}
}

static void check_searches(const struct unwind_table *t)
{
	const uint32_t rows_max = 4096;
	uint64_t delta;

	for (uint32_t i = 0; i < t->rows_len && i < rows_max; i++) {
		uint64_t pc = unwind_row_pc(t->rows[i]);
		uint64_t end = i + 1 < t->rows_len ? unwind_row_pc(t->rows[i + 1]) : t->text_bytes;

		FUZZ_CHECK(unwind_table_find(t, t->base_vaddr + pc) == t->rows[i]);
		FUZZ_CHECK(unwind_table_find(t, t->base_vaddr + end - 1) == t->rows[i]);
	}
	FUZZ_CHECK(unwind_table_find(t, t->base_vaddr - 1) == 0);
	FUZZ_CHECK(unwind_table_find(t, t->base_vaddr + t->text_bytes) == 0);
	for (uint32_t i = 0; i < t->segments_len; i++)
		(void)unwind_table_delta(t, t->segments[i].offset, &delta);
}

static void check_table(struct unwind_table *t)
{
	check_shape(t);
	check_searches(t);
	unwind_table_free(t);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return elf_mutate(data, size, size_max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *wrapped = NULL;
	struct unwind_table *t;
	struct err err = {0};
	int fd, r;

	if (size < SELFMAG || memcmp(data, ELFMAG, SELFMAG) != 0)
		data = wrapped = wrap(data, size, &size);
	r = unwind_table_build_memory(data, size, &t, &err);
	FUZZ_CHECK(r == err.code);
	FUZZ_CHECK_SEED(r == 0);
	if (r == 0)
		check_table(t);
	fd = fuzz_file(data, size);
	/* libelf reads a file by pieces, and finds an end that it does not see in memory. */
	if (unwind_table_build(fd, &t, NULL) == 0)
		check_table(t);
	close(fd);
	free(wrapped);
	return 0;
}
