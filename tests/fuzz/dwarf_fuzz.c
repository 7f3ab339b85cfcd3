// SPDX-License-Identifier: GPL-2.0-only
/*
 * DWARF, read in a child as concprof itself does it.  libdw may crash there on what is damaged: the
 * parent must neither crash nor hang, and take no answer that makes no sense.
 *
 * With FUZZ_IN_PROCESS=1 the same is done without a child, to see what brings it down.
 */
#include "symbol/dwarf_info.h"

#include "tests/fuzz/elf_mutate.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>

#include "symbol/source_lines.h"

#define QUERIES_MAX 64
#define LIMIT_NS UINT64_C(500000000)

struct answers {
	const struct line_query *queries;
	size_t len;
	size_t next;
};

static void take_places(void *ctx, size_t query, const struct dwarf_place *places, size_t len)
{
	struct answers *a = ctx;

	FUZZ_CHECK(query >= a->next && query < a->len &&
		   a->queries[query].kind == LINE_QUERY_PLACES);
	FUZZ_CHECK(len > 0 && len <= DWARF_PLACES_MAX);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(memchr(places[i].function, '\0', DWARF_NAME_MAX) &&
			   memchr(places[i].file, '\0', DWARF_FILE_MAX));
	a->next = query + 1;
}

static void take_member(void *ctx, size_t query, const char *path)
{
	struct answers *a = ctx;

	FUZZ_CHECK(query >= a->next && query < a->len &&
		   a->queries[query].kind == LINE_QUERY_MEMBER);
	FUZZ_CHECK(strlen(path) < DWARF_NAME_MAX);
	a->next = query + 1;
}

static void take_objects(void *ctx, size_t query, const struct dwarf_object *objects, size_t len)
{
	struct answers *a = ctx;

	FUZZ_CHECK(query >= a->next && query < a->len &&
		   a->queries[query].kind == LINE_QUERY_OBJECTS);
	FUZZ_CHECK(len > 0 && len <= DWARF_OBJECTS_MAX);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(memchr(objects[i].name, '\0', DWARF_NAME_MAX) &&
			   objects[i].offset < objects[i].bytes);
	a->next = query + 1;
}

/* The child's crash is no finding: it neither speaks nor keeps an input. */
static void hush_child(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGXCPU};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	__sanitizer_set_death_callback(NULL);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], SIG_DFL);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
}

int LLVMFuzzerInitialize(const int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return pthread_atfork(NULL, NULL, hush_child);
}

static void add(struct line_query *queries, size_t *len, int fd, uint64_t vaddr, uint64_t offset)
{
	if (*len + 3 > QUERIES_MAX)
		return;
	queries[(*len)++] = (struct line_query){.fd = fd, .vaddr = vaddr};
	queries[(*len)++] = (struct line_query){
		.fd = fd, .kind = LINE_QUERY_MEMBER, .vaddr = vaddr, .offset = offset};
	queries[(*len)++] = (struct line_query){
		.fd = fd, .kind = LINE_QUERY_OBJECTS, .vaddr = vaddr, .primitive = DWARF_MUTEX};
}

/* Addresses of symbols, where the section headers are still good enough to find some. */
static size_t make_queries(struct line_query *queries, int fd, const uint8_t *data, size_t size)
{
	Elf64_Ehdr header;
	size_t len = 0;

	memcpy(&header, data, sizeof(header));
	for (size_t i = 0; i < header.e_shnum && i < 64; i++) {
		uint64_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
		Elf64_Shdr s;

		if (at > size || size - at < sizeof(s))
			break;
		memcpy(&s, data + at, sizeof(s));
		if (s.sh_type != SHT_SYMTAB || s.sh_offset > size || size - s.sh_offset < s.sh_size)
			continue;
		for (uint64_t k = 0; k + sizeof(Elf64_Sym) <= s.sh_size; k += sizeof(Elf64_Sym)) {
			Elf64_Sym sym;

			memcpy(&sym, data + s.sh_offset + k, sizeof(sym));
			if (sym.st_size)
				add(queries, &len, fd, sym.st_value, sym.st_size / 2);
		}
	}
	add(queries, &len, fd, header.e_entry, 0);
	return len;
}

static void look_up_here(int fd, const struct line_query *queries, size_t len)
{
	struct dwarf_place places[DWARF_PLACES_MAX];
	struct dwarf_info *info;
	struct dwarf_object objects[DWARF_OBJECTS_MAX];
	char path[DWARF_NAME_MAX];

	if (dwarf_info_open(fd, &info) < 0)
		return;
	for (size_t i = 0; i < len; i++) {
		switch (queries[i].kind) {
		case LINE_QUERY_PLACES:
			(void)dwarf_info_places(info, queries[i].vaddr, places);
			break;
		case LINE_QUERY_MEMBER:
			(void)dwarf_info_member(info, queries[i].vaddr, queries[i].offset, path,
						sizeof(path));
			break;
		case LINE_QUERY_OBJECTS:
			(void)dwarf_info_objects(info, queries[i].vaddr, queries[i].primitive,
						 objects);
			break;
		}
	}
	dwarf_info_free(info);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return elf_mutate(data, size, size_max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_query queries[QUERIES_MAX];
	struct answers answers = {.queries = queries};
	const struct line_sink sink = {.places = take_places,
				       .member = take_member,
				       .objects = take_objects,
				       .ctx = &answers};
	int fd;

	if (size < sizeof(Elf64_Ehdr))
		return 0;
	fd = fuzz_file(data, size);
	answers.len = make_queries(queries, fd, data, size);
	/* The parent looks at the section headers first, and forks for nothing else. */
	if (dwarf_info_present(fd)) {
		if (getenv("FUZZ_IN_PROCESS")) {
			look_up_here(fd, queries, answers.len);
		} else {
			long missing = source_lines_find(queries, answers.len, LIMIT_NS, &sink);

			FUZZ_CHECK(missing <= (long)answers.len);
		}
	}
	FUZZ_CHECK_SEED(answers.next > 0);
	close(fd);
	return 0;
}
