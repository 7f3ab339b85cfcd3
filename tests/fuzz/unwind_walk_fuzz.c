// SPDX-License-Identifier: GPL-2.0-only
/* A walk over a stack by rows, all three of which are the input's. */
#include "symbol/unwind_walk.h"

#include "tests/fuzz/fuzz.h"

#include "symbol/unwind_table.h"

#define FRAMES_MAX 127
/* Words that one step may read: of the kinds in tables 3, and one more for the rbp field that a
 * table never gives UNWIND_DEREF_RBP. */
#define READS_MAX 4
#define ROWS_MAX 32

struct scene {
	struct fuzz_bytes stack; /* readable from `base` on */
	uint64_t base;
	uint64_t rows[ROWS_MAX];
	size_t rows_len;
	size_t rows_asked;
	size_t reads;
};

static bool read_word(void *ctx, uint64_t addr, uint64_t *ret)
{
	struct scene *s = ctx;
	uint64_t at = addr - s->base;

	s->reads++;
	if (at >= s->stack.left || s->stack.left - at < 8)
		return false;
	memcpy(ret, s->stack.at + at, sizeof(*ret));
	return true;
}

static uint64_t row_of(void *ctx, uint64_t ip)
{
	struct scene *s = ctx;

	s->rows_asked++;
	return s->rows_len ? s->rows[ip % s->rows_len] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes in = {data, size};
	struct unwind_outcome outcome;
	struct scene s = {0};
	struct unwind_view view = {.read = read_word, .row = row_of, .ctx = &s};
	size_t max = fuzz_take(&in, 1) % (FRAMES_MAX + 1), len;
	uint64_t *ips = malloc(max * sizeof(*ips) + (max == 0));
	struct unwind_regs regs;

	FUZZ_CHECK(ips);
	s.rows_len = fuzz_take(&in, 1) % (ROWS_MAX + 1);
	for (size_t i = 0; i < s.rows_len; i++)
		s.rows[i] = fuzz_take(&in, 4) << 32;
	s.base = fuzz_take(&in, 8);
	regs.ip = fuzz_take(&in, 8);
	regs.sp = s.base + fuzz_take(&in, 2);
	regs.bp = s.base + fuzz_take(&in, 2);
	s.stack = in;
	len = unwind_walk(&view, &regs, ips, max, &outcome);
	FUZZ_CHECK(len <= max && (max == 0 || len >= 1));
	FUZZ_CHECK(len == 0 || ips[0] == regs.ip);
	FUZZ_CHECK(s.rows_asked == len && s.reads <= READS_MAX * len);
	for (size_t i = 1; i < len; i++)
		FUZZ_CHECK(ips[i]);
	free(ips);
	return 0;
}
