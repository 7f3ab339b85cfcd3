/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of kernel functions, from text in the format of /proc/kallsyms. */
#ifndef SYMBOL_KALLSYMS_H
#define SYMBOL_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define KALLSYMS_NAME_MAX 128
#define KALLSYMS_MODULE_MAX 64
/* An address further behind the last symbol is in no function. */
#define KALLSYMS_REACH_BYTES (1ULL << 20)
#define KALLSYMS_LINES_MAX (4U << 20)

struct kallsyms_query {
	uint64_t addr;			  /* asked for */
	uint64_t start;			  /* of the function, 0 = none found */
	char name[KALLSYMS_NAME_MAX];	  /* cut to this length */
	char module[KALLSYMS_MODULE_MAX]; /* "" = the kernel itself */
};

/*
 * Fill in start, name and module of each query whose address lies in a function.  @queries is
 * sorted by addr on the way.  One pass over @file and no table of all symbols: a kernel has 200,000
 * of them, of which a report needs a few hundred.  Where the kernel hides its addresses (all zero:
 * kptr_restrict) nothing is found.
 */
void kallsyms_resolve(FILE *file, struct kallsyms_query *queries, size_t len);

#endif
