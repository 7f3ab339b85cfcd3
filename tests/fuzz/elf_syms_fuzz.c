// SPDX-License-Identifier: GPL-2.0-only
/* The symbols of an ELF file. */
#include "symbol/elf_syms.h"

#include "tests/fuzz/elf_mutate.h"

#include "base/err.h"

static void look_up(struct elf_syms *es, uint64_t vaddr)
{
	const char *name = NULL;
	uint64_t offset = 0;

	if (elf_syms_find_func(es, vaddr, &name, &offset) == 0)
		FUZZ_CHECK(strlen(name) < ELF_SYMS_NAME_MAX && offset <= vaddr);
	if (elf_syms_find_object(es, vaddr, &name, &offset) == 0)
		FUZZ_CHECK(strlen(name) < ELF_SYMS_NAME_MAX && offset <= vaddr);
}

/* The values of aligned words: addresses of symbols, sections and segments among them. */
static void look_up_words(struct elf_syms *es, const uint8_t *data, size_t size)
{
	const size_t words_max = 512, step = size / 8 / words_max + 1;

	for (size_t i = 0; (i + 1) * 8 <= size; i += step) {
		uint64_t word;

		memcpy(&word, data + i * 8, sizeof(word));
		look_up(es, word);
		look_up(es, word + 1);
	}
	look_up(es, 0);
	look_up(es, UINT64_MAX);
}

/* As if the kernel had mapped the file's segments, wherever their headers say. */
static void map_segments(const struct elf_syms *es, const uint8_t *data, size_t size)
{
	const uint64_t load = UINT64_C(0x7f0000000000);
	Elf64_Ehdr header;

	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	for (size_t i = 0; i < header.e_phnum && i < 16; i++) {
		uint64_t at = header.e_phoff + i * sizeof(Elf64_Phdr), vaddr;
		struct elf_mapping m;
		Elf64_Phdr p;

		if (at > size || size - at < sizeof(p))
			return;
		memcpy(&p, data + at, sizeof(p));
		m = (struct elf_mapping){
			.start = load + p.p_vaddr,
			.end = load + p.p_vaddr + p.p_filesz,
			.offset = p.p_offset,
			.writable = p.p_flags & PF_W,
		};
		(void)elf_syms_vaddr(es, &m, load, m.start, &vaddr);
		(void)elf_syms_vaddr(es, &m, load, m.end, &vaddr);
		(void)elf_syms_vaddr(es, &m, load, load + p.p_vaddr + p.p_memsz - 1, &vaddr);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return elf_mutate(data, size, size_max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_syms *es = NULL;
	struct elf_syms_info info;
	struct err err = {0};
	uint64_t offset, span;
	int fd = fuzz_file(data, size);
	int r = elf_syms_load(fd, &es, &err);

	FUZZ_CHECK(r == err.code && (r == 0) == (es != NULL));
	FUZZ_CHECK_SEED(r == 0);
	if (r == 0) {
		elf_syms_info(es, &info);
		FUZZ_CHECK(info.functions + info.objects <= ELF_SYMS_MAX);
		(void)elf_syms_extent(es, &offset, &span);
		look_up_words(es, data, size);
		map_segments(es, data, size);
		elf_syms_free(es);
	}
	close(fd);
	return 0;
}
