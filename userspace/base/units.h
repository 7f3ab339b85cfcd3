/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers as people read them. Each appends to @sb. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdint.h>

struct strbuf;

/*
 * 0 -> "0", 412 -> "412 ns", 8300 -> "8.3 us", 9.2e6 -> "9.2 ms", 41e6 -> "41 ms", 1.29e10 ->
 * "12.9 s", 1e12 -> "16.7 min", up to hours: two or three significant digits, halves rounded up.
 */
void units_duration(struct strbuf *sb, uint64_t ns);
/* 12402 -> "12,402" */
void units_count(struct strbuf *sb, uint64_t count);
/*
 * 0.414 -> "41%", 0.006 -> "0.6%", 0 -> "0%", 0.0004 -> "<0.1%": share of one.  May exceed one (2.5
 * -> "250%"); a negative one is "0%" (the residue of a subtraction); not finite, or absurd: "-".
 */
void units_percent(struct strbuf *sb, double ratio);
/* 1.62 -> "1.6x", 12.4 -> "12x"; negative, not finite or absurd: "-" */
void units_factor(struct strbuf *sb, double factor);
/* 1536 -> "1.5 KiB" */
void units_bytes(struct strbuf *sb, uint64_t bytes);
/* A 0..1 share as a bar of at most @columns cells: eighth blocks, or '#' when @ascii, to the
 * nearest; no padding. */
void units_bar(struct strbuf *sb, double ratio, unsigned columns, int ascii);

#endif
