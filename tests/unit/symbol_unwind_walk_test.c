// SPDX-License-Identifier: GPL-2.0-only
/* Walks over stacks laid out by hand: each number below is what a debugger would find there. */
#include "symbol/unwind_walk.h"

#include "tests/unit/suites.h"

#include <string.h>

#include "base/num.h"
#include "symbol/unwind_table.h"

#define WORDS_MAX 32
#define ROWS_MAX 16
#define IPS_MAX 32

struct scene {
	struct {
		uint64_t addr, value;
	} words[WORDS_MAX];
	size_t words_len;
	struct {
		uint64_t low, high, row;
	} rows[ROWS_MAX];
	size_t rows_len;
	uint64_t asked[IPS_MAX]; /* the addresses that rows were asked for */
	size_t asked_len;
};

static struct scene scene;
static uint64_t ips[IPS_MAX];
static struct unwind_outcome outcome;

static void setup(void)
{
	scene = (struct scene){0};
	memset(ips, 0xaa, sizeof(ips));
	memset(&outcome, 0xaa, sizeof(outcome));
}

static bool read_word(void *ctx, uint64_t addr, uint64_t *ret)
{
	const struct scene *from = ctx;

	for (size_t i = 0; i < from->words_len; i++) {
		if (from->words[i].addr != addr)
			continue;
		*ret = from->words[i].value;
		return true;
	}
	return false;
}

static uint64_t row_at(void *ctx, uint64_t ip)
{
	struct scene *from = ctx;

	if (from->asked_len < IPS_MAX)
		from->asked[from->asked_len++] = ip;
	for (size_t i = 0; i < from->rows_len; i++)
		if (ip >= from->rows[i].low && ip < from->rows[i].high)
			return from->rows[i].row;
	return 0;
}

static void word(uint64_t addr, uint64_t value)
{
	ck_assert_uint_lt(scene.words_len, WORDS_MAX);
	scene.words[scene.words_len].addr = addr;
	scene.words[scene.words_len++].value = value;
}

/* The layout that unwind_table.h tells, put together here from its words alone. */
static void code(uint64_t low, uint64_t high, unsigned kind, int cfa_field, int rbp_field)
{
	ck_assert_uint_lt(scene.rows_len, ROWS_MAX);
	scene.rows[scene.rows_len].low = low;
	scene.rows[scene.rows_len].high = high;
	scene.rows[scene.rows_len++].row = (uint64_t)kind << 56 |
					   (uint64_t)(uint8_t)rbp_field << 48 |
					   (uint64_t)(uint16_t)cfa_field << 32;
}

static size_t walk_max(uint64_t ip, uint64_t sp, uint64_t bp, size_t max)
{
	const struct unwind_view view = {.read = read_word, .row = row_at, .ctx = &scene};
	const struct unwind_regs regs = {.ip = ip, .sp = sp, .bp = bp};

	return unwind_walk(&view, &regs, ips, max, &outcome);
}

static size_t walk(uint64_t ip, uint64_t sp, uint64_t bp)
{
	return walk_max(ip, sp, bp, IPS_MAX);
}

static void expect(size_t len, const uint64_t *want, size_t want_len, bool complete,
		   bool frame_pointers)
{
	ck_assert_uint_eq(len, want_len);
	for (size_t i = 0; i < len; i++)
		ck_assert_msg(ips[i] == want[i], "frame %zu: %#lx, not %#lx", i,
			      (unsigned long)ips[i], (unsigned long)want[i]);
	ck_assert_int_eq(outcome.complete, complete);
	ck_assert_int_eq(outcome.frame_pointers, frame_pointers);
}

#define EXPECT(len, complete, frame_pointers, ...)                              \
	do {                                                                    \
		const uint64_t want_[] = {__VA_ARGS__};                         \
		expect(len, want_, ARRAY_LEN(want_), complete, frame_pointers); \
	} while (0)

START_TEST(by_the_stack_pointer)
{
	/* push; sub 16: CFA = rsp + 32, and rbp is saved at CFA - 16. */
	code(0x1000, 0x1100, UNWIND_RSP, 4, -2);
	code(0x2000, 0x2100, UNWIND_RSP, 2, 0);
	code(0x3000, 0x3100, UNWIND_END, 0, 0);
	word(0x7018, 0x2050);
	word(0x7010, 0xbbbb);
	word(0x7028, 0x3050);
	EXPECT(walk(0x1010, 0x7000, 0x1), true, false, 0x1010, 0x2050, 0x3050);
	/* The first address is the instruction itself, the others are what a call returns to. */
	ck_assert_uint_eq(scene.asked[0], 0x1010);
	ck_assert_uint_eq(scene.asked[1], 0x204f);
	ck_assert_uint_eq(scene.asked[2], 0x304f);
}
END_TEST

START_TEST(a_call_at_the_end_of_a_function)
{
	/* Where abort() is called last, the return address is the next function's. */
	code(0x1000, 0x1100, UNWIND_RSP, 1, 0);
	code(0x2000, 0x2100, UNWIND_END, 0, 0);
	code(0x2100, 0x2200, UNWIND_UNSUPPORTED, 0, 0);
	word(0x7000, 0x2100);
	EXPECT(walk(0x1000, 0x7000, 0), true, false, 0x1000, 0x2100);
}
END_TEST

START_TEST(by_the_frame_pointer_row)
{
	/* push rbp; mov rsp, rbp: CFA = rbp + 16. The saved rbp serves the caller's row. */
	code(0x1000, 0x1100, UNWIND_RBP, 2, -2);
	code(0x2000, 0x2100, UNWIND_RBP, 2, -2);
	code(0x3000, 0x3100, UNWIND_END, 0, 0);
	word(0x7100, 0x7200);
	word(0x7108, 0x2050);
	word(0x7200, 0);
	word(0x7208, 0x3050);
	EXPECT(walk(0x1010, 0x7000, 0x7100), true, false, 0x1010, 0x2050, 0x3050);
}
END_TEST

START_TEST(a_realigned_frame)
{
	/* gcc: CFA = *(rbp - 8), the caller's rbp at *rbp. */
	code(0x1000, 0x1100, UNWIND_DEREF_RBP, -1, 0);
	code(0x2000, 0x2100, UNWIND_RBP, 2, -2);
	code(0x3000, 0x3100, UNWIND_END, 0, 0);
	word(0x70f8, 0x7180);
	word(0x7100, 0x7200);
	word(0x7178, 0x2050);
	word(0x7200, 0);
	word(0x7208, 0x3050);
	EXPECT(walk(0x1010, 0x7000, 0x7100), true, false, 0x1010, 0x2050, 0x3050);
}
END_TEST

START_TEST(a_plt_entry)
{
	/* push at byte 6, so from byte 11 of each 16 on there is one word more on the stack. */
	code(0x1000, 0x1100, UNWIND_PLT, 11, 0);
	code(0x2000, 0x2100, UNWIND_END, 0, 0);
	word(0x7000, 0x2050);
	word(0x7008, 0x2060);
	EXPECT(walk(0x102a, 0x7000, 0), true, false, 0x102a, 0x2050);
	EXPECT(walk(0x102b, 0x7000, 0), true, false, 0x102b, 0x2060);
}
END_TEST

/* The offsets are the compiler's: struct ucontext begins at the stack pointer of __restore_rt. */
START_TEST(a_signal_frame)
{
	code(0x1000, 0x1100, UNWIND_RSP, 1, 0);
	code(0x2000, 0x2100, UNWIND_SIGNAL, 0, 0);
	code(0x3000, 0x3001, UNWIND_RBP, 2, -2);
	code(0x4000, 0x4100, UNWIND_END, 0, 0);
	word(0x7000, 0x2001);
	/* The handler ran on a stack above the interrupted one. */
	word(0x7008 + 120, 0x5100);
	word(0x7008 + 160, 0x5000);
	word(0x7008 + 168, 0x3000);
	word(0x5100, 0);
	word(0x5108, 0x4050);
	EXPECT(walk(0x1000, 0x7000, 0), true, false, 0x1000, 0x2001, 0x3000, 0x4050);
	/* What a signal interrupted is the very instruction again. */
	ck_assert_uint_eq(scene.asked[2], 0x3000);
}
END_TEST

START_TEST(a_signal_frame_that_cannot_be_read)
{
	code(0x2000, 0x2100, UNWIND_SIGNAL, 0, 0);
	word(0x7000 + 120, 0x5100);
	word(0x7000 + 160, 0x5000);
	EXPECT(walk(0x2001, 0x7000, 0), false, false, 0x2001);
	word(0x7000 + 168, 0);
	EXPECT(walk(0x2001, 0x7000, 0), false, false, 0x2001);
}
END_TEST

/* Hostile: the frame of a signal that tells of itself. */
START_TEST(a_signal_frame_that_never_ends)
{
	code(0x2000, 0x2100, UNWIND_SIGNAL, 0, 0);
	word(0x7000 + 120, 0);
	word(0x7000 + 160, 0x7000);
	word(0x7000 + 168, 0x2001);
	ck_assert_uint_eq(walk_max(0x2001, 0x7000, 0, IPS_MAX), IPS_MAX);
	ck_assert(!outcome.complete);
}
END_TEST

START_TEST(without_a_row_by_frame_pointers)
{
	word(0x7100, 0x7200);
	word(0x7108, 0x2050);
	word(0x7200, 0x7300);
	word(0x7208, 0x3050);
	word(0x7300, 0);
	word(0x7308, 0);
	EXPECT(walk(0x1010, 0x7000, 0x7100), true, true, 0x1010, 0x2050, 0x3050);
}
END_TEST

START_TEST(back_to_a_table_behind_a_gap)
{
	code(0x2000, 0x2100, UNWIND_RSP, 2, 0);
	code(0x3000, 0x3100, UNWIND_END, 0, 0);
	word(0x7100, 0x7200);
	word(0x7108, 0x2050);
	word(0x7118, 0x3050);
	EXPECT(walk(0x1010, 0x7000, 0x7100), true, true, 0x1010, 0x2050, 0x3050);
}
END_TEST

START_TEST(a_frame_pointer_below_the_stack)
{
	word(0x6ff0, 0x7200);
	word(0x6ff8, 0x2050);
	EXPECT(walk(0x1010, 0x7000, 0x6ff0), false, true, 0x1010);
}
END_TEST

START_TEST(cycles_end)
{
	/* A frame that is its own caller. */
	word(0x7100, 0x7100);
	word(0x7108, 0x2050);
	EXPECT(walk(0x1010, 0x7000, 0x7100), false, true, 0x1010, 0x2050);
	/* A row whose CFA is the stack pointer, and one that goes back. */
	code(0x1000, 0x1100, UNWIND_RSP, 0, 0);
	code(0x4000, 0x4100, UNWIND_RSP, -2, 0);
	word(0x6ff8, 0x1010);
	word(0x6fe8, 0x4010);
	EXPECT(walk(0x1010, 0x7000, 0), false, false, 0x1010);
	EXPECT(walk(0x4010, 0x7000, 0), false, false, 0x4010);
}
END_TEST

START_TEST(the_outermost_has_no_return_address)
{
	code(0x1000, 0x1100, UNWIND_RSP, 1, 0);
	word(0x7000, 0);
	EXPECT(walk(0x1010, 0x7000, 0), true, false, 0x1010);
}
END_TEST

START_TEST(what_no_row_can_hold)
{
	code(0x1000, 0x1100, UNWIND_UNSUPPORTED, 0, 0);
	word(0x7100, 0x7200);
	word(0x7108, 0x2050);
	EXPECT(walk(0x1010, 0x7000, 0x7100), false, false, 0x1010);
}
END_TEST

START_TEST(memory_that_cannot_be_read)
{
	const unsigned kinds[] = {UNWIND_RSP, UNWIND_RBP, UNWIND_DEREF_RBP, UNWIND_PLT};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		code(0x1000 + i * 0x100, 0x1100 + i * 0x100, kinds[i], 2, 0);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		EXPECT(walk(0x1010 + i * 0x100, 0x7000, 0x7100), false, false, 0x1010 + i * 0x100);
	/* The return address is there, the saved rbp is not. */
	code(0x2000, 0x2100, UNWIND_RSP, 2, -2);
	word(0x7008, 0x3000);
	EXPECT(walk(0x2000, 0x7000, 0), false, false, 0x2000);
	/* Addresses at the very end of what there is. */
	EXPECT(walk(0x9000, UINT64_MAX - 8, UINT64_MAX - 4), false, true, 0x9000);
}
END_TEST

START_TEST(no_more_than_asked_for)
{
	code(0x1000, 0x1100, UNWIND_RSP, 1, 0);
	code(0x3000, 0x3100, UNWIND_END, 0, 0);
	for (uint64_t i = 0; i < 8; i++)
		word(0x7000 + 8 * i, 0x1010 + i);
	word(0x7040, 0x3050);
	ips[4] = 0x1234;
	ck_assert_uint_eq(walk_max(0x1000, 0x7000, 0, 4), 4);
	ck_assert_uint_eq(ips[3], 0x1012);
	ck_assert_uint_eq(ips[4], 0x1234);
	ck_assert(!outcome.complete);
	ck_assert_uint_eq(walk_max(0x1000, 0x7000, 0, 0), 0);
	ck_assert_uint_eq(walk_max(0x1000, 0x7000, 0, 10), 10);
	ck_assert(outcome.complete);
	ck_assert_uint_eq(ips[9], 0x3050);
}
END_TEST

Suite *symbol_unwind_walk_suite(void)
{
	Suite *suite = suite_create("symbol_unwind_walk");
	TCase *tcase = tcase_create("unwind_walk");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, by_the_stack_pointer);
	tcase_add_test(tcase, a_call_at_the_end_of_a_function);
	tcase_add_test(tcase, by_the_frame_pointer_row);
	tcase_add_test(tcase, a_realigned_frame);
	tcase_add_test(tcase, a_plt_entry);
	tcase_add_test(tcase, a_signal_frame);
	tcase_add_test(tcase, a_signal_frame_that_cannot_be_read);
	tcase_add_test(tcase, a_signal_frame_that_never_ends);
	tcase_add_test(tcase, without_a_row_by_frame_pointers);
	tcase_add_test(tcase, back_to_a_table_behind_a_gap);
	tcase_add_test(tcase, a_frame_pointer_below_the_stack);
	tcase_add_test(tcase, cycles_end);
	tcase_add_test(tcase, the_outermost_has_no_return_address);
	tcase_add_test(tcase, what_no_row_can_hold);
	tcase_add_test(tcase, memory_that_cannot_be_read);
	tcase_add_test(tcase, no_more_than_asked_for);
	suite_add_tcase(suite, tcase);
	return suite;
}
