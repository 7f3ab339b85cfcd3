/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutations of ELF files that keep each byte's place: headers tell offsets, which all break where
 * bytes are inserted or left out. */
#ifndef TESTS_FUZZ_ELF_MUTATE_H
#define TESTS_FUZZ_ELF_MUTATE_H

#include "tests/fuzz/fuzz.h"

#include <elf.h>
#include <stdbool.h>

#define ELF_MUTATE_BYTES_MAX 64

static inline uint64_t elf_mutate_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

/* Bytes [*at, *at + *len) of the file for one of its sections, or the headers themselves. */
static inline bool elf_mutate_part(const uint8_t *data, size_t size, uint64_t *random,
				   uint64_t *ret_at, uint64_t *ret_len)
{
	uint64_t pick = elf_mutate_random(random), at;
	Elf64_Ehdr header;
	Elf64_Shdr s;

	memcpy(&header, data, sizeof(header));
	*ret_at = pick % 16 == 0 ? 0 : header.e_shoff;
	*ret_len = pick % 16 == 0 ? sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr)
				  : header.e_shnum * sizeof(s);
	if (pick % 8 > 1) {
		at = header.e_shoff + pick / 16 % (header.e_shnum + UINT64_C(1)) * sizeof(s);
		if (at > size || size - at < sizeof(s))
			return false;
		memcpy(&s, data + at, sizeof(s));
		*ret_at = s.sh_offset;
		*ret_len = s.sh_size;
	}
	return *ret_len && *ret_at <= size && *ret_len <= size - *ret_at;
}

/* For LLVMFuzzerCustomMutator(). What is no ELF file of 64 bits is mutated as any bytes. */
static inline size_t elf_mutate(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	uint8_t bytes[ELF_MUTATE_BYTES_MAX];
	uint64_t random = seed, at, len, n;

	if (size < sizeof(Elf64_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0 || seed % 32 == 0 ||
	    !elf_mutate_part(data, size, &random, &at, &len))
		return LLVMFuzzerMutate(data, size, size_max);
	n = 1 + elf_mutate_random(&random) % sizeof(bytes);
	n = n < len ? n : len;
	at += elf_mutate_random(&random) % (len - n + 1);
	memcpy(bytes, data + at, n);
	memcpy(data + at, bytes, LLVMFuzzerMutate(bytes, n, n));
	return size;
}

#endif
