// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/python_version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "runtime/python_layout.h"
#include "symbol/elf_file.h"
#include "symbol/elf_lookup.h"

#define CONSTANTS_BYTES_MAX (32U << 20)
#define NUMBER_MAX 99

/* A decimal number of at most two digits; NULL where there is none, else what follows it. */
static const char *number(const char *text, unsigned int *ret)
{
	unsigned int value = 0;
	const char *at = text;

	while (*at >= '0' && *at <= '9' && at - text < 3)
		value = value * 10 + (unsigned int)(*at++ - '0');
	if (at == text || value > NUMBER_MAX)
		return NULL;
	*ret = value;
	return at;
}

/* "3.9" at the beginning of @text: 0 where it is not there, else *ret_rest is what follows. */
static uint16_t major_minor(const char *text, const char **ret_rest)
{
	unsigned int major, minor;
	const char *at = number(text, &major);

	if (!at || *at != '.')
		return 0;
	at = number(at + 1, &minor);
	if (!at || (major != 2 && major != 3))
		return 0;
	*ret_rest = at;
	return PYTHON_VERSION(major, minor);
}

/* "libpython3.9.so.1.0", "python3.9", "python3.13t", "libpython3.7m.so.1.0". */
static uint16_t by_name(const char *name)
{
	const char *rest;

	if (strncmp(name, "lib", 3) == 0)
		name += 3;
	return strncmp(name, "python", 6) == 0 ? major_minor(name + 6, &rest) : 0;
}

/* Py_Version, whose bytes are: major, minor, micro, level (a, b, c, f) and serial. */
static uint16_t by_symbol(const struct elf_file *file, const struct elf_lookup *symbol,
			  char text[PYTHON_VERSION_TEXT_MAX])
{
	static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
	unsigned int major, minor, level;
	uint32_t value;
	int len;

	if (!symbol->found || elf_lookup_read(file, symbol->vaddr, &value, sizeof(value)) < 0)
		return 0;
	major = value >> 24;
	minor = value >> 16 & 0xff;
	level = value >> 4 & 0xf;
	if (major != 3)
		return 0;
	len = snprintf(text, PYTHON_VERSION_TEXT_MAX, "%u.%u.%u", major, minor, value >> 8 & 0xff);
	if (levels[level])
		snprintf(text + len, PYTHON_VERSION_TEXT_MAX - (size_t)len, "%s%u", levels[level],
			 value & 0xf);
	return PYTHON_VERSION(major, minor);
}

/* Whether @text is a whole version: "3.9.18", "3.10.0rc2", "3.8.0+". */
static uint16_t whole_version(const char *text)
{
	unsigned int ignored;
	const char *at;
	uint16_t version = major_minor(text, &at);

	if (!version || *at != '.')
		return 0;
	at = number(at + 1, &ignored);
	if (at && (*at == 'a' || *at == 'b'))
		at = number(at + 1, &ignored);
	else if (at && strncmp(at, "rc", 2) == 0)
		at = number(at + 2, &ignored);
	if (at && *at == '+')
		at++;
	return at && *at == '\0' ? version : 0;
}

/* The runtime of these versions has a size of its own; 0 = nothing is known of it. */
static uint64_t runtime_bytes(uint16_t version)
{
	switch (version) {
	case PYTHON_VERSION(3, 8):
		return 1464;
	case PYTHON_VERSION(3, 9):
		return 656;
	case PYTHON_VERSION(3, 10):
		return 672;
	default:
		return 0;
	}
}

/* What is to be found among the constants: of version @named, or where that is 0 of any that has
 * no Py_Version and whose _PyRuntime is as large as @runtime. */
struct search {
	uint16_t named;
	const struct elf_lookup *runtime;
};

static bool fits(const struct search *s, uint16_t version)
{
	uint64_t bytes = runtime_bytes(version);

	if (s->named)
		return version == s->named;
	if (!s->runtime->found)
		return version <= PYTHON_VERSION(3, 6);
	/* 3.7 alone has one of a size that is not known here. */
	return bytes ? bytes == s->runtime->size
		     : version == PYTHON_VERSION(3, 7) && s->runtime->size != 1464 &&
			       s->runtime->size != 656 && s->runtime->size != 672;
}

/* The whole version at the end of the string from @string to its NUL at @end, else NULL: linkers
 * let the text share the end of a longer one, such as the path of an installation. */
static const char *at_end(const char *string, const char *end)
{
	const char *from = end - string < PYTHON_VERSION_TEXT_MAX
				   ? string
				   : end - (PYTHON_VERSION_TEXT_MAX - 1);

	for (; from < end; from++) {
		bool inside =
			from > string && (from[-1] == '.' || (from[-1] >= '0' && from[-1] <= '9'));

		if ((*from == '2' || *from == '3') && !inside && whole_version(from))
			return from;
	}
	return NULL;
}

/* The one version text that fits; 0 where there is none, or several that differ. */
static uint16_t by_constants(const struct elf_file *file, const struct search *s,
			     char text[PYTHON_VERSION_TEXT_MAX])
{
	struct elf_section constants;
	uint16_t found = 0;
	size_t at = 0;

	if (elf_file_section(file, ".rodata", CONSTANTS_BYTES_MAX, &constants) < 0)
		return 0;
	while (at < constants.len) {
		const char *string = (const char *)constants.data + at;
		const char *end = memchr(string, '\0', constants.len - at);
		const char *version;

		if (!end)
			break; /* without its NUL: no string */
		at += (size_t)(end - string) + 1;
		version = at_end(string, end);
		if (!version || !fits(s, whole_version(version)) ||
		    (found && strcmp(text, version) == 0))
			continue;
		if (found) {
			*text = '\0';
			return 0;
		}
		found = whole_version(version);
		memcpy(text, version, (size_t)(end - version) + 1);
	}
	return found;
}

uint16_t python_version_of(const struct elf_file *file, const char *name,
			   const struct elf_lookup *version, const struct elf_lookup *runtime,
			   char text[PYTHON_VERSION_TEXT_MAX])
{
	struct search s = {.runtime = runtime};
	uint16_t found;

	*text = '\0';
	found = by_symbol(file, version, text);
	if (found)
		return found;
	s.named = by_name(name);
	found = by_constants(file, &s, text);
	if (!found && s.named) {
		found = s.named;
		snprintf(text, PYTHON_VERSION_TEXT_MAX, "%d.%d", found >> 8, found & 0xff);
	}
	return found;
}
