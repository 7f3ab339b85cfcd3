/* SPDX-License-Identifier: GPL-2.0-only */
/* Which version of CPython a file holds. */
#ifndef RUNTIME_PYTHON_VERSION_H
#define RUNTIME_PYTHON_VERSION_H

#include <stdint.h>

struct elf_file;
struct elf_lookup;

#define PYTHON_VERSION_TEXT_MAX 32

/*
 * The version (PYTHON_VERSION()) of the interpreter in @file, whose name is @name: by Py_Version
 * (@version, from 3.11 on), else by its name and the version text among its constants, else by
 * that text alone where the size of _PyRuntime (@runtime) does not speak against it.
 * Returns 0, with "" in @text, where that tells nothing sure.
 */
uint16_t python_version_of(const struct elf_file *file, const char *name,
			   const struct elf_lookup *version, const struct elf_lookup *runtime,
			   char text[PYTHON_VERSION_TEXT_MAX]);

#endif
