/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs whose addresses are known, for the tests of symbol/: compiled here, run as children, and
 * described by binutils and by themselves, never by the code under test.
 */
#ifndef TESTS_UNIT_SYMBOL_FIXTURE_H
#define TESTS_UNIT_SYMBOL_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FIXTURE_PATH_MAX 256
#define FIXTURE_LINES_MAX 64

/* A directory of its own under $TMPDIR (else /tmp). Fails the test on error, as all of these do. */
void fixture_dir_make(char path[FIXTURE_PATH_MAX]);
/* Remove it with all that lies directly in it. */
void fixture_dir_remove(const char *path);
/* "@dir/@name", in a buffer of the caller. */
const char *fixture_path(char buf[FIXTURE_PATH_MAX], const char *dir, const char *name);

/* Run argv[0] (found by $PATH; "cc" is $CC where that is set) to its end, which must be exit 0. */
void fixture_run(const char *const argv[]);
/* Compile @source to @out; @flags end with NULL. Leaves @out.c beside it. */
void fixture_compile_source(const char *out, const char *source, const char *const flags[]);
/* The same by another compiler, of a source file that ends in @suffix. */
void fixture_compile_as(const char *compiler, const char *suffix, const char *out,
			const char *source, const char *const flags[]);
/* Compile the target program (its source is in symbol_fixture.c) to @out. */
void fixture_compile(const char *out, const char *const flags[]);
/* Compile the library, which exports library_function() and library_data, to @out. */
void fixture_compile_library(const char *out);
void fixture_write(const char *path, const char *text);
void fixture_copy(const char *from, const char *to);

struct fixture_symbol {
	uint64_t value;
	uint64_t size;
	bool function; /* else an object */
	bool local;
	char name[128]; /* without its version */
};

/*
 * The sized function and object symbols of @file by readelf (binutils): @tables is "--syms" or
 * "--dyn-syms".  The caller frees *ret.  Returns how many.
 */
size_t fixture_symbols(const char *file, const char *tables, struct fixture_symbol **ret);
/* The value of symbol @name by readelf. */
uint64_t fixture_symbol_value(const char *file, const char *name);

/*
 * A child that has printed "name address" lines and "ready", and now waits for its standard input:
 * "load PATH" makes it dlopen PATH and print more; the end of file, which comes at the latest with
 * our own end, ends it.
 */
struct fixture_child {
	pid_t pid;
	int to;
	int from;
	size_t lines;
	struct {
		char name[64];
		uint64_t address;
	} line[FIXTURE_LINES_MAX];
};

/* Start argv; with @root (may be NULL) it first makes that its root directory (needs uid 0). */
void fixture_start(struct fixture_child *child, const char *const argv[], const char *root);
/* Send @text and wait for "ready" again (@text may be ""). */
void fixture_talk(struct fixture_child *child, const char *text);
/* Close its input and wait for its end. */
void fixture_stop(struct fixture_child *child);
/* The address that it printed last for @name. */
uint64_t fixture_address(const struct fixture_child *child, const char *name);

#endif
