// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/python_find.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/python_version.h"
#include "symbol/elf_file.h"
#include "symbol/elf_lookup.h"
#include "symbol/maps.h"
#include "symbol/target_file.h"

/* Files of one process that are looked into. */
#define FILES_MAX 16

enum { RUNTIME, VERSION, CODE_TYPE, EVAL, EVAL_OLD, SYMBOLS };

static const struct elf_lookup symbols[SYMBOLS] = {
	[RUNTIME] = {.name = "_PyRuntime"},	     [VERSION] = {.name = "Py_Version"},
	[CODE_TYPE] = {.name = "PyCode_Type"},	     [EVAL] = {.name = "_PyEval_EvalFrameDefault"},
	[EVAL_OLD] = {.name = "PyEval_EvalFrameEx"}, /* 2.7 has this alone */
};

/* Where what was found in the files so far lies in the process; 0 = not found. */
struct places {
	uint64_t at[SYMBOLS];
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool named_python(const char *path)
{
	const char *name = base_name(path);

	return strncmp(name, "python", 6) == 0 || strncmp(name, "libpython", 9) == 0;
}

/* The path of the executable as the mappings have it. */
static void executable_path(pid_t pid, char ret[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	const size_t suffix = sizeof(deleted) - 1;
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	len = readlink(link, ret, PATH_MAX - 1);
	if (len < 0)
		len = 0;
	if ((size_t)len > suffix && memcmp(ret + len - suffix, deleted, suffix) == 0)
		len -= (ssize_t)suffix;
	ret[len] = '\0';
}

static bool same_file(const struct mapping *a, const struct mapping *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* The files to look into, each by its first mapping, in the order in which ld.so looks names up:
 * the executable, then the others. Returns how many. */
static size_t candidates(const struct maps *maps, const char *exe,
			 const struct mapping *ret[FILES_MAX])
{
	size_t len = 0;

	for (int others = 0; others < 2; others++) {
		for (size_t i = 0; i < maps->len && len < FILES_MAX; i++) {
			const struct mapping *m = &maps->at[i];
			const char *path = maps_path(maps, m);
			size_t same = 0;

			if (m->kind != MAPPING_FILE || (strcmp(path, exe) == 0) == others ||
			    (others && !named_python(path)))
				continue;
			while (same < len && !same_file(ret[same], m))
				same++;
			if (same == len)
				ret[len++] = m;
		}
	}
	return len;
}

/* What to add to the file's virtual addresses; @first is its first mapping. */
static int load_bias(const struct elf_file *file, const struct maps *maps,
		     const struct mapping *first, uint64_t *ret)
{
	uint64_t offset, vaddr;

	if (elf_lookup_load(file, &offset, &vaddr) < 0)
		return -ENOENT;
	for (const struct mapping *m = first; m < maps->at + maps->len; m++) {
		if (m->kind != MAPPING_FILE || !same_file(m, first) || m->offset != offset)
			continue;
		*ret = m->start - vaddr;
		return 0;
	}
	return -ENOENT;
}

/* Fill in what is known of the interpreter when its own file is found. */
static int describe(const struct elf_file *file, const char *path, const struct places *places,
		    const struct elf_lookup *found, const struct python_memory *memory,
		    struct python_process *ret)
{
	uint8_t offsets[PYTHON_DEBUG_OFFSETS_BYTES];
	struct python_process p = {
		.runtime = places->at[RUNTIME],
		.code_type = places->at[CODE_TYPE],
		.eval_start = places->at[EVAL],
	};
	size_t len = 0, text_len;
	uint16_t version;

	p.eval_end = p.eval_start + (p.eval_start ? found[EVAL].size : 0);
	version = python_version_of(file, base_name(path), &found[VERSION], &found[RUNTIME],
				    p.version);
	if (version >= PYTHON_VERSION(3, 13) && p.runtime) {
		if (!python_read(memory, p.runtime, 0, offsets, sizeof(offsets)))
			return -EIO;
		len = sizeof(offsets);
	}
	p.known = p.runtime && python_layout_get(version, offsets, len, &p.layout) == 0;
	if (p.known && p.layout.free_threaded) {
		text_len = strnlen(p.version, sizeof(p.version) - 2);
		memcpy(p.version + text_len, "t", 2);
	}
	*ret = p;
	return 0;
}

/* Look into one file. Returns 0 (*ret filled in), -ENOENT (the interpreter is not in it) or an
 * error. */
static int look_into(const struct elf_file *file, const struct maps *maps,
		     const struct mapping *first, struct places *places,
		     const struct python_memory *memory, struct python_process *ret)
{
	const char *path = maps_path(maps, first);
	struct elf_lookup found[SYMBOLS];
	uint64_t bias;

	memcpy(found, symbols, sizeof(found));
	elf_lookup(file, ELF_LOOKUP_EXPORTED, found, SYMBOLS);
	/* All symbols of a large program take long to go through: only where they are likely. */
	if (!found[RUNTIME].found &&
	    (named_python(path) || elf_file_has_section(file, ".PyRuntime")))
		elf_lookup(file, ELF_LOOKUP_ALL, found, SYMBOLS);
	if (load_bias(file, maps, first, &bias) < 0)
		return -ENOENT;
	/* The first of one name is everybody's: an executable may have copies of a library's data.
	 */
	for (int i = 0; i < SYMBOLS; i++)
		if (found[i].found && !places->at[i])
			places->at[i] = bias + found[i].vaddr;
	if (!found[EVAL].found && !found[EVAL_OLD].found)
		return -ENOENT;
	return describe(file, path, places, found, memory, ret);
}

int python_find(pid_t pid, const struct target_root *root, const struct maps *maps,
		const struct python_memory *memory, struct python_process *ret)
{
	const struct mapping *files[FILES_MAX];
	struct places places = {0};
	char exe[PATH_MAX];
	int result = -ENOENT;
	size_t len;

	executable_path(pid, exe);
	len = candidates(maps, exe, files);
	for (size_t i = 0; i < len; i++) {
		const char *path = maps_path(maps, files[i]);
		struct target_file opened;
		struct elf_file file;
		int r = target_file_open(pid, root, files[i], path, &opened);

		if (r == 0) {
			r = elf_file_open(opened.fd, NULL, 0, &file, NULL);
			if (r == 0) {
				r = look_into(&file, maps, files[i], &places, memory, ret);
				elf_file_close(&file);
			}
			close(opened.fd);
		}
		if (r == 0)
			return 0;
		/* What is named so and cannot be read may well be it. */
		if (r != -ENOENT && r != -ENOEXEC && named_python(path) && result == -ENOENT)
			result = r;
	}
	return result;
}
