// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/symbol_unwind_oracle.h"

#include <check.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RBP 6
#define RSP 7
#define RIP 16

/* Where the caller's frame is, with the registers and the memory below. */
struct frame {
	bool known;
	bool odd; /* not to be told by addresses, or not understood here */
	bool signal;
	bool end;
	uint64_t cfa;
	uint64_t ra_at;
	bool rbp_saved;
	uint64_t rbp_at;
};

/* Far apart, so that an offset from one cannot be taken for one from another. */
static uint64_t reg_value(uint64_t reg, uint64_t pc)
{
	return reg == RIP ? pc : 0x100000000000 + reg * 0x10000000000;
}

static uint64_t memory_value(uint64_t addr)
{
	return (addr + 1) * 0x9e3779b97f4a7c15;
}

static void open_cfi(struct oracle *o)
{
	ck_assert_msg(o->elf != NULL, "libelf: %s", elf_errmsg(-1));
	o->cfi = dwarf_getcfi_elf(o->elf);
}

void oracle_open(struct oracle *ret, const char *path)
{
	*ret = (struct oracle){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	ck_assert_msg(ret->fd >= 0, "%s", path);
	ck_assert_uint_ne(elf_version(EV_CURRENT), EV_NONE);
	ret->elf = elf_begin(ret->fd, ELF_C_READ, NULL);
	open_cfi(ret);
}

void oracle_open_memory(struct oracle *ret, void *image, size_t len)
{
	*ret = (struct oracle){.fd = -1};
	ck_assert_uint_ne(elf_version(EV_CURRENT), EV_NONE);
	ret->elf = elf_memory(image, len);
	open_cfi(ret);
}

void oracle_use_debug_frame(struct oracle *o)
{
	if (o->cfi)
		ck_assert_int_eq(dwarf_cfi_end(o->cfi), 0);
	o->dwarf = dwarf_begin_elf(o->elf, DWARF_C_READ, NULL);
	ck_assert_msg(o->dwarf != NULL, "libdw: %s", dwarf_errmsg(-1));
	o->cfi = dwarf_getcfi(o->dwarf);
	ck_assert_ptr_nonnull(o->cfi);
}

void oracle_close(struct oracle *o)
{
	if (o->dwarf)
		dwarf_end(o->dwarf);
	else if (o->cfi)
		dwarf_cfi_end(o->cfi);
	elf_end(o->elf);
	if (o->fd >= 0)
		close(o->fd);
}

struct machine {
	uint64_t stack[16];
	size_t len;
	uint64_t pc;
	uint64_t cfa;
	bool is_value; /* DW_OP_stack_value: no address */
};

static bool push(struct machine *m, uint64_t value)
{
	if (m->len == 16)
		return false;
	m->stack[m->len++] = value;
	return true;
}

static bool binary(struct machine *m, uint8_t op)
{
	uint64_t a, b;

	if (m->len < 2)
		return false;
	b = m->stack[--m->len];
	a = m->stack[--m->len];
	switch (op) {
	case DW_OP_plus:
		return push(m, a + b);
	case DW_OP_and:
		return push(m, a & b);
	case DW_OP_mul:
		return push(m, a * b);
	case DW_OP_ge:
		return push(m, (int64_t)a >= (int64_t)b);
	case DW_OP_shl:
		return push(m, b < 64 ? a << b : 0);
	default:
		return false;
	}
}

static bool step(struct machine *m, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push(m, reg_value((uint64_t)(op->atom - DW_OP_breg0), m->pc) + op->number);
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(m, (uint64_t)(op->atom - DW_OP_lit0));
	switch (op->atom) {
	case DW_OP_bregx:
		return push(m, reg_value(op->number, m->pc) + op->number2);
	case DW_OP_call_frame_cfa:
		return push(m, m->cfa);
	case DW_OP_stack_value:
		m->is_value = true;
		return true;
	case DW_OP_plus_uconst:
		if (m->len == 0)
			return false;
		m->stack[m->len - 1] += op->number;
		return true;
	case DW_OP_deref:
		if (m->len == 0)
			return false;
		m->stack[m->len - 1] = memory_value(m->stack[m->len - 1]);
		return true;
	default:
		return binary(m, op->atom);
	}
}

static bool evaluate(struct machine *m, const Dwarf_Op *ops, size_t len)
{
	m->len = 0;
	m->is_value = false;
	for (size_t i = 0; i < len; i++) {
		if (!step(m, &ops[i]))
			return false;
	}
	return m->len > 0;
}

/* The places of the caller's rbp, rsp and pc; false where one is no address. */
static bool take_registers(Dwarf_Frame *f, struct machine *m, int ra, struct frame *ret)
{
	Dwarf_Op mem[3], *ops;
	size_t len;

	if (dwarf_frame_register(f, ra, mem, &ops, &len) != 0)
		return false;
	ret->end = len == 0 && ops == mem;
	if (ret->end)
		return true;
	if (!evaluate(m, ops, len) || m->is_value)
		return false;
	ret->ra_at = m->stack[m->len - 1];
	if (dwarf_frame_register(f, RSP, mem, &ops, &len) != 0 || !evaluate(m, ops, len) ||
	    (m->is_value ? m->stack[m->len - 1] : memory_value(m->stack[m->len - 1])) != m->cfa)
		return false;
	if (dwarf_frame_register(f, RBP, mem, &ops, &len) != 0)
		return false;
	if (len == 0)
		return true;
	ret->rbp_saved = true;
	if (!evaluate(m, ops, len) || m->is_value)
		return false;
	ret->rbp_at = m->stack[m->len - 1];
	return true;
}

/* By libdw. */
static struct frame true_frame(struct oracle *o, uint64_t vaddr)
{
	struct frame ret = {0};
	struct machine m = {.pc = vaddr};
	Dwarf_Frame *f = NULL;
	Dwarf_Op *ops;
	size_t len;
	int ra;

	/* Frames of a broken program are not known to libdw; nor is their address. */
	if (!o->cfi || dwarf_cfi_addrframe(o->cfi, vaddr, &f) != 0)
		return ret;
	ret.known = true;
	ra = dwarf_frame_info(f, NULL, NULL, &ret.signal);
	if (dwarf_frame_cfa(f, &ops, &len) != 0 || !evaluate(&m, ops, len)) {
		ret.odd = true;
	} else {
		ret.cfa = m.cfa = m.stack[m.len - 1];
		ret.odd = !take_registers(f, &m, ra, &ret);
	}
	free(f);
	return ret;
}

/* By the row, as bpf/ walks it. */
static struct frame row_frame(uint64_t row, uint64_t vaddr)
{
	uint64_t rsp = reg_value(RSP, vaddr), rbp = reg_value(RBP, vaddr);
	int64_t cfa = unwind_row_cfa_field(row), saved = unwind_row_rbp_field(row);
	struct frame ret = {.known = true};

	switch (unwind_row_kind(row)) {
	case UNWIND_RSP:
		ret.cfa = rsp + (uint64_t)(cfa * 8);
		break;
	case UNWIND_RBP:
		ret.cfa = rbp + (uint64_t)(cfa * 8);
		break;
	case UNWIND_DEREF_RBP:
		ret.cfa = memory_value(rbp + (uint64_t)(cfa * 8));
		ret.rbp_saved = true;
		ret.rbp_at = rbp;
		break;
	case UNWIND_PLT:
		ret.cfa = rsp + 8 + ((vaddr & 15) >= (uint64_t)cfa ? 8 : 0);
		break;
	case UNWIND_SIGNAL:
		ret.cfa = memory_value(rsp + 160);
		ret.signal = ret.rbp_saved = true;
		ret.rbp_at = rsp + 120;
		ret.ra_at = rsp + 168;
		return ret;
	case UNWIND_END:
		ret.end = true;
		return ret;
	default:
		ret.known = false;
	}
	ret.ra_at = ret.cfa - 8;
	if (saved) {
		ret.rbp_saved = true;
		ret.rbp_at = ret.cfa + (uint64_t)(saved * 8);
	}
	return ret;
}

static bool in_range(int64_t offset, int64_t limit)
{
	return offset % 8 == 0 && offset >= -limit * 8 && offset < limit * 8;
}

/* Whether a row could have told @t: then there is no excuse for UNWIND_UNSUPPORTED. */
static bool expressible(const struct frame *t, uint64_t vaddr)
{
	int64_t rbp_off = (int64_t)(t->rbp_at - t->cfa);

	if (t->odd || t->signal || t->end)
		return t->end;
	return t->ra_at == t->cfa - 8 &&
	       (in_range((int64_t)(t->cfa - reg_value(RSP, vaddr)), 32768) ||
		in_range((int64_t)(t->cfa - reg_value(RBP, vaddr)), 32768)) &&
	       (!t->rbp_saved || (rbp_off != 0 && in_range(rbp_off, 128)));
}

/* Whether libdw knows frames so close on both sides that the table needs no gap between them. */
static bool is_padding(struct oracle *o, uint64_t vaddr)
{
	int before = 1, after = 1;

	while (before < UNWIND_GAP_BYTES_MIN && !true_frame(o, vaddr - (uint64_t)before).known)
		before++;
	while (after < UNWIND_GAP_BYTES_MIN && !true_frame(o, vaddr + (uint64_t)after).known)
		after++;
	return before + after - 1 < UNWIND_GAP_BYTES_MIN;
}

void oracle_check(struct oracle *o, const struct unwind_table *table, uint64_t vaddr)
{
	uint64_t row = unwind_table_find(table, vaddr);
	struct frame want = true_frame(o, vaddr), got = row_frame(row, vaddr);
	enum unwind_kind kind = unwind_row_kind(row);
	bool same;

	if (kind == UNWIND_GAP || !want.known)
		same = !want.known && (kind == UNWIND_GAP || is_padding(o, vaddr));
	else if (kind == UNWIND_UNSUPPORTED)
		same = !expressible(&want, vaddr);
	else if (got.end || want.end)
		same = got.end && want.end;
	else
		same = !want.odd && got.signal == want.signal && got.cfa == want.cfa &&
		       got.ra_at == want.ra_at && got.rbp_saved == want.rbp_saved &&
		       got.rbp_at == want.rbp_at;
	if (same)
		return;
	ck_abort_msg("at %" PRIx64 ": row %016" PRIx64 ", libdw: known %d odd %d signal %d end %d "
		     "cfa %" PRIx64 " return address at %" PRIx64 " rbp (%d) at %" PRIx64,
		     vaddr, row, want.known, want.odd, want.signal, want.end, want.cfa, want.ra_at,
		     want.rbp_saved, want.rbp_at);
}

size_t oracle_check_all(struct oracle *o, const struct unwind_table *table, uint32_t row_step,
			uint64_t stride)
{
	size_t known = 0;

	for (uint32_t i = 0; i < table->rows_len; i += row_step) {
		uint64_t start = unwind_row_pc(table->rows[i]);
		uint64_t end = i + 1 < table->rows_len ? unwind_row_pc(table->rows[i + 1])
						       : table->text_bytes;

		if (unwind_table_find(table, table->base_vaddr + start) != table->rows[i])
			ck_abort_msg("row %u is not found", i);
		oracle_check(o, table, table->base_vaddr + start);
		oracle_check(o, table, table->base_vaddr + end - 1);
		known += unwind_row_kind(table->rows[i]) != UNWIND_GAP;
	}
	for (uint64_t pc = 0; pc < table->text_bytes; pc += stride)
		oracle_check(o, table, table->base_vaddr + pc);
	return known;
}

static bool row_has_form(uint64_t row)
{
	enum unwind_kind kind = unwind_row_kind(row);
	int cfa = unwind_row_cfa_field(row), rbp = unwind_row_rbp_field(row);

	switch (kind) {
	case UNWIND_RSP:
	case UNWIND_RBP:
		return true;
	case UNWIND_DEREF_RBP:
		return rbp == 0;
	case UNWIND_PLT:
		return rbp == 0 && cfa >= 0 && cfa < 16;
	default:
		return kind <= UNWIND_UNSUPPORTED && rbp == 0 && cfa == 0;
	}
}

static void check_index(const struct unwind_table *table)
{
	const uint64_t blocks = (table->text_bytes + 255) / 256;

	ck_assert_uint_eq(table->index_len, blocks + 1);
	ck_assert_uint_eq(table->index[blocks], table->rows_len - 1);
	for (uint32_t i = 0; i < blocks; i++) {
		uint32_t row = table->index[i];

		if (row >= table->rows_len || unwind_row_pc(table->rows[row]) > i * 256 ||
		    (row + 1 < table->rows_len && unwind_row_pc(table->rows[row + 1]) <= i * 256))
			ck_abort_msg("index %u: row %u", i, row);
	}
}

void oracle_check_shape(const struct unwind_table *table)
{
	uint32_t unsupported = 0, gaps = 0;

	ck_assert_uint_gt(table->rows_len, 0);
	ck_assert_uint_le(table->rows_len, UNWIND_ROWS_MAX);
	ck_assert_uint_le(table->text_bytes, UNWIND_TEXT_MAX);
	ck_assert_uint_eq(unwind_row_pc(table->rows[0]), 0);
	for (uint32_t i = 0; i < table->rows_len; i++) {
		uint64_t row = table->rows[i], last = i ? table->rows[i - 1] : 0;

		if (!row_has_form(row) || unwind_row_pc(row) >= table->text_bytes ||
		    (i && (unwind_row_pc(row) <= unwind_row_pc(last) || row >> 32 == last >> 32)))
			ck_abort_msg("row %u: %016" PRIx64 " after %016" PRIx64, i, row, last);
		unsupported += unwind_row_kind(row) == UNWIND_UNSUPPORTED;
		gaps += unwind_row_kind(row) == UNWIND_GAP;
	}
	ck_assert_uint_eq(table->stats.rows_unsupported, unsupported);
	ck_assert_uint_eq(table->stats.rows_gap, gaps);
	check_index(table);
}
