/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF file, opened with libelf after a look at what libelf would trust, and read in bounded
 * pieces.  The file is the target's: hostile, and it may change while it is read.  It is never
 * mapped, for a file cut short under a mapping would end us by SIGBUS.
 */
#ifndef SYMBOL_ELF_FILE_H
#define SYMBOL_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Bytes read of the names of sections, and of each segment of notes. */
#define ELF_FILE_NAMES_MAX (1U << 20)
#define ELF_FILE_NOTES_MAX (64U << 10)
/* A build id is a hash: SHA-1 has 20 bytes, linkers offer up to 64. */
#define ELF_FILE_BUILD_ID_MAX 64

/* Released with elf_file_close(). */
struct elf_file {
	struct Elf *elf;
	uint64_t size;	       /* of the file, bytes */
	unsigned int machine;  /* EM_* */
	unsigned int sections; /* as the header counts them */
	bool wide;	       /* ELFCLASS64 */
};

/* Bytes of a section, in memory of the file's reader: they live as long as it is open. */
struct elf_section {
	const uint8_t *data;
	size_t len;
	uint64_t vaddr;
};

struct elf_build_id {
	size_t len; /* 0 = there is none */
	uint8_t bytes[ELF_FILE_BUILD_ID_MAX];
};

/*
 * Open the executable, shared library or debug file @fd, which stays the caller's, or where @image
 * is not NULL its @len bytes, which must stay.
 * Returns 0; -ENOEXEC (no ELF executable or library of this machine's byte order), -EBADMSG
 * (damaged), or what reading gives; *ret untouched on failure.
 */
int elf_file_open(int fd, const void *image, size_t len, struct elf_file *ret, struct err *err);
void elf_file_close(struct elf_file *file);

/* Bytes of the file, NULL where they are not (all) in it. They live as long as it is open. */
const uint8_t *elf_file_chunk(const struct elf_file *file, uint64_t offset, uint64_t len);

/*
 * The section @name, of @max bytes at most; decompressed where it is compressed.
 * Returns 0, or -ENODATA where there is no such section, it is larger or its bytes are missing.
 */
int elf_file_section(const struct elf_file *file, const char *name, uint64_t max,
		     struct elf_section *ret);

/* Whether there is such a section with bytes in the file, of whatever size. */
bool elf_file_has_section(const struct elf_file *file, const char *name);

/* Fills in *ret always. */
void elf_file_build_id(const struct elf_file *file, struct elf_build_id *ret);

#endif
