// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/libc_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "symbol/elf_file.h"

#define DYNSTR_BYTES_MAX (1U << 20)
/* So are the symbol versions of all architectures named: sysdeps' "Versions" files. */
#define VERSION_PREFIX "GLIBC_2."
#define MINOR_MAX 999

static bool is_musl(const char *path)
{
	return strncmp(text_base_name(path), "ld-musl-", 8) == 0 ||
	       strncmp(text_base_name(path), "libc.musl-", 10) == 0;
}

bool libc_version_is_libc(const char *path)
{
	const char *name = text_base_name(path);

	return strcmp(name, "libc.so.6") == 0 || strncmp(name, "libc-2.", 7) == 0 || is_musl(path);
}

/* The highest N of the names "GLIBC_2.N", 0 where there is none. */
static unsigned long newest(const struct elf_section *names)
{
	const char *text = (const char *)names->data;
	unsigned long highest = 0;
	size_t at = 0;

	while (at < names->len) {
		size_t len = strnlen(text + at, names->len - at);

		if (len == names->len - at)
			break; /* without its NUL: no string */
		if (strncmp(text + at, VERSION_PREFIX, strlen(VERSION_PREFIX)) == 0) {
			unsigned long minor = strtoul(text + at + strlen(VERSION_PREFIX), NULL, 10);

			if (minor <= MINOR_MAX)
				highest = num_max_u64(highest, minor);
		}
		at += len + 1;
	}
	return highest;
}

bool libc_version_read(int fd, const char *path, char *to, size_t size)
{
	struct elf_section names;
	struct elf_file file;
	unsigned long minor = 0;

	snprintf(to, size, "%s", is_musl(path) ? "musl" : "");
	if (*to || elf_file_open(fd, NULL, 0, &file, NULL) < 0)
		return *to != '\0';
	if (elf_file_section(&file, ".dynstr", DYNSTR_BYTES_MAX, &names) == 0)
		minor = newest(&names);
	elf_file_close(&file);
	if (minor)
		snprintf(to, size, "glibc 2.%lu", minor);
	return minor > 0;
}
