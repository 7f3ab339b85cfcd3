// SPDX-License-Identifier: GPL-2.0-only
/* Call frame instructions (DWARF 5, 6.4.2), run for what a row can hold. */
#include <dwarf.h>
#include <errno.h>

#include "symbol/unwind_internal.h"

/* States kept by DW_CFA_remember_state; compilers keep one. */
#define REMEMBERED_MAX 16

/* The upper two bits of an instruction, where the lower six are an operand. */
#define OP_PACKED 0xc0
#define OP_OPERAND 0x3f

/* Of the frame that the kernel makes for a handler, from rsp at __restore_rt: struct ucontext. */
#define SIGNAL_RBP 120
#define SIGNAL_RSP 160
#define SIGNAL_RIP 168

struct run {
	const struct unwind_section *section;
	const struct unwind_cie *cie;
	struct unwind_builder *builder; /* NULL while the CIE's own instructions run */
	uint64_t base_vaddr;
	struct cursor c;
	struct unwind_state state;
	struct unwind_state remembered[REMEMBERED_MAX];
	size_t remembered_len;
	uint64_t pc; /* from base_vaddr */
	uint64_t end;
	int r; /* of adding rows */
};

static uint64_t pack(enum unwind_kind kind, int64_t cfa_field, int64_t rbp_field)
{
	return (uint64_t)kind << 56 | (uint64_t)(uint8_t)rbp_field << 48 |
	       (uint64_t)(uint16_t)cfa_field << 32;
}

/* @offset in eighths, if it is a whole number of them in [-limit, limit). */
static bool eighths(int64_t offset, int64_t limit, int64_t *ret)
{
	if (offset % 8 != 0 || offset / 8 < -limit || offset / 8 >= limit)
		return false;
	*ret = offset / 8;
	return true;
}

static bool is_rule(const struct unwind_rule *rule, int kind, int64_t value)
{
	return (int)rule->kind == kind && rule->value == value;
}

/* A handler's frame is one that the kernel made, and no other that calls itself so. */
static uint64_t signal_row(const struct unwind_state *s)
{
	if (s->cfa == CFA_DEREF && s->cfa_reg == UNWIND_REG_RSP && s->cfa_offset == SIGNAL_RSP &&
	    is_rule(&s->rules[TRACKED_RBP], RULE_AT_RSP, SIGNAL_RBP) &&
	    is_rule(&s->rules[TRACKED_RSP], RULE_AT_RSP, SIGNAL_RSP) &&
	    is_rule(&s->rules[TRACKED_RA], RULE_AT_RSP, SIGNAL_RIP))
		return pack(UNWIND_SIGNAL, 0, 0);
	return pack(UNWIND_UNSUPPORTED, 0, 0);
}

/* False where rbp is somewhere that a row cannot tell. */
static bool rbp_field(const struct unwind_rule *rule, int64_t *ret)
{
	switch (rule->kind) {
	case RULE_DEFAULT:
	case RULE_SAME:
	case RULE_UNDEFINED:
		*ret = 0;
		return true;
	case RULE_OFFSET:
		/* At the CFA itself nobody saves it; the field's 0 means something else. */
		return rule->value != 0 && eighths(rule->value, 128, ret);
	default:
		return false;
	}
}

static uint64_t row_of(const struct unwind_cie *cie, const struct unwind_state *s)
{
	const uint64_t unsupported = pack(UNWIND_UNSUPPORTED, 0, 0);
	const struct unwind_rule *rbp = &s->rules[TRACKED_RBP];
	int64_t cfa, saved;

	if (s->rules[TRACKED_RA].kind == RULE_UNDEFINED)
		return pack(UNWIND_END, 0, 0);
	if (cie->signal)
		return signal_row(s);
	if (!is_rule(&s->rules[TRACKED_RA], RULE_OFFSET, -8) ||
	    s->rules[TRACKED_RSP].kind != RULE_DEFAULT)
		return unsupported;
	if (s->cfa == CFA_DEREF && s->cfa_reg == UNWIND_REG_RBP)
		return is_rule(rbp, RULE_AT_RBP, 0) && eighths(s->cfa_offset, 32768, &cfa)
			       ? pack(UNWIND_DEREF_RBP, cfa, 0)
			       : unsupported;
	if (!rbp_field(rbp, &saved))
		return unsupported;
	if (s->cfa == CFA_PLT)
		return saved == 0 ? pack(UNWIND_PLT, s->cfa_offset, 0) : unsupported;
	if (s->cfa != CFA_REG || !eighths(s->cfa_offset, 32768, &cfa))
		return unsupported;
	if (s->cfa_reg == UNWIND_REG_RSP)
		return pack(UNWIND_RSP, cfa, saved);
	return s->cfa_reg == UNWIND_REG_RBP ? pack(UNWIND_RBP, cfa, saved) : unsupported;
}

int unwind_rows_add(struct unwind_builder *b, uint64_t pc, uint64_t row)
{
	struct unwind_stats *stats = &b->table->stats;
	uint64_t *added;

	if (b->full)
		return 0;
	/* Without the pc, which fills the low half. */
	if (b->rows.len && b->rows.at[b->rows.len - 1] >> 32 == row >> 32) {
		stats->rows_merged++;
		return 0;
	}
	if (b->rows.len == UNWIND_ROWS_MAX - 1) {
		b->full = true;
		row = pack(UNWIND_GAP, 0, 0);
	}
	added = vec_add(&b->rows);
	if (!added)
		return -ENOMEM;
	*added = row | pc;
	stats->rows_gap += unwind_row_kind(row) == UNWIND_GAP;
	stats->rows_unsupported += unwind_row_kind(row) == UNWIND_UNSUPPORTED;
	return 0;
}

/* What held so far held up to @pc. False where that is no place ahead of here. */
static bool advance_to(struct run *x, uint64_t pc)
{
	if (!x->builder || pc < x->pc)
		return false;
	if (pc > x->end)
		pc = x->end;
	if (pc > x->pc)
		x->r = unwind_rows_add(x->builder, x->pc, row_of(x->cie, &x->state));
	x->pc = pc;
	return x->r == 0;
}

static bool advance(struct run *x, uint64_t delta)
{
	uint64_t pc;

	if (__builtin_mul_overflow(delta, x->cie->code_align, &delta) ||
	    __builtin_add_overflow(x->pc, delta, &pc))
		pc = UINT64_MAX;
	return advance_to(x, pc);
}

static bool set_loc(struct run *x)
{
	uint64_t here = x->section->vaddr + (uint64_t)(x->c.at - x->section->data);
	uint64_t vaddr = cursor_encoded(&x->c, x->cie->encoding, here);

	return vaddr >= x->base_vaddr && advance_to(x, vaddr - x->base_vaddr);
}

/* An offset in units of the CIE's data alignment; hostile ones wrap. */
static int64_t factored(const struct run *x, uint64_t offset)
{
	return (int64_t)(offset * (uint64_t)x->cie->data_align);
}

/* The one of TRACKED_* that @reg is, or TRACKED_COUNT. */
static enum unwind_tracked tracked(uint64_t reg)
{
	switch (reg) {
	case UNWIND_REG_RBP:
		return TRACKED_RBP;
	case UNWIND_REG_RSP:
		return TRACKED_RSP;
	case UNWIND_REG_RA:
		return TRACKED_RA;
	default:
		return TRACKED_COUNT;
	}
}

static void set_rule(struct run *x, uint64_t reg, int kind, int64_t value)
{
	enum unwind_tracked which = tracked(reg);

	if (which == TRACKED_COUNT)
		return;
	x->state.rules[which].kind = kind;
	x->state.rules[which].value = value;
}

static void restore_rule(struct run *x, uint64_t reg)
{
	enum unwind_tracked which = tracked(reg);

	if (which != TRACKED_COUNT)
		x->state.rules[which] = x->cie->initial.rules[which];
}

/* The operand block of an expression. */
static struct cursor take_block(struct run *x)
{
	return cursor_take(&x->c, cursor_uleb(&x->c));
}

/* `DW_OP_breg<reg> offset`, all of @e or its start. False where it starts otherwise. */
static bool take_breg(struct cursor *e, uint64_t *ret_reg, int64_t *ret_offset)
{
	uint8_t op = cursor_u8(e);

	if (op < DW_OP_breg0 || op > DW_OP_breg31)
		return false;
	*ret_reg = (uint64_t)(op - DW_OP_breg0);
	*ret_offset = cursor_sleb(e);
	return !e->failed;
}

/*
 * The rest of what linkers write for .plt, behind `breg7 8`: an entry has pushed the relocation's
 * number, or not yet, by how far in its 16 bytes rip is.  Which byte that is depends on the kind of
 * PLT (binutils, elf_x86_64_eh_frame_plt and its sisters).
 */
static bool take_plt(struct cursor *e, int64_t *ret_threshold)
{
	static const uint8_t before[] = {DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and};
	static const uint8_t after[] = {DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};
	uint8_t threshold;

	if (cursor_left(e) != sizeof(before) + 1 + sizeof(after) ||
	    memcmp(e->at, before, sizeof(before)) != 0 ||
	    memcmp(e->end - sizeof(after), after, sizeof(after)) != 0)
		return false;
	threshold = e->at[sizeof(before)];
	if (threshold < DW_OP_lit0 || threshold > DW_OP_lit15)
		return false;
	*ret_threshold = threshold - DW_OP_lit0;
	return true;
}

static void cfa_expression(struct run *x)
{
	struct unwind_state *s = &x->state;
	struct cursor e = take_block(x);

	s->cfa = CFA_OTHER;
	if (!take_breg(&e, &s->cfa_reg, &s->cfa_offset))
		return;
	if (cursor_left(&e) == 0)
		s->cfa = CFA_REG;
	else if (cursor_left(&e) == 1 && *e.at == DW_OP_deref)
		s->cfa = CFA_DEREF;
	else if (s->cfa_reg == UNWIND_REG_RSP && s->cfa_offset == 8 && take_plt(&e, &s->cfa_offset))
		s->cfa = CFA_PLT;
}

static void rule_expression(struct run *x)
{
	uint64_t reg = cursor_uleb(&x->c), base;
	struct cursor e = take_block(x);
	int64_t offset;

	if (take_breg(&e, &base, &offset) && cursor_left(&e) == 0 &&
	    (base == UNWIND_REG_RBP || base == UNWIND_REG_RSP))
		set_rule(x, reg, base == UNWIND_REG_RBP ? RULE_AT_RBP : RULE_AT_RSP, offset);
	else
		set_rule(x, reg, RULE_OTHER, 0);
}

/* DW_CFA_val_offset: a register's value, not its place. Of the CFA as rsp it says nothing new. */
static void value_rule(struct run *x, uint64_t reg, int64_t offset)
{
	set_rule(x, reg, reg == UNWIND_REG_RSP && offset == 0 ? RULE_DEFAULT : RULE_OTHER, 0);
}

/* The instructions that move on, or keep a state; false where @op is none, or makes no sense. */
static bool do_place(struct run *x, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_set_loc:
		return set_loc(x);
	case DW_CFA_advance_loc1:
		return advance(x, cursor_uint(&x->c, 1));
	case DW_CFA_advance_loc2:
		return advance(x, cursor_uint(&x->c, 2));
	case DW_CFA_advance_loc4:
		return advance(x, cursor_uint(&x->c, 4));
	case DW_CFA_remember_state:
		if (x->remembered_len == REMEMBERED_MAX)
			return false;
		x->remembered[x->remembered_len++] = x->state;
		return true;
	case DW_CFA_restore_state:
		if (x->remembered_len == 0)
			return false;
		x->state = x->remembered[--x->remembered_len];
		return true;
	case DW_CFA_GNU_args_size:
		/* For landing pads alone. */
		(void)cursor_uleb(&x->c);
		return true;
	default:
		return false;
	}
}

static bool set_cfa_offset(struct run *x, int64_t offset)
{
	x->state.cfa_offset = offset;
	return x->state.cfa == CFA_REG;
}

/* The instructions that define the CFA. */
static bool do_cfa(struct run *x, uint8_t op)
{
	struct unwind_state *s = &x->state;

	switch (op) {
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
		s->cfa = CFA_REG;
		s->cfa_reg = cursor_uleb(&x->c);
		s->cfa_offset = op == DW_CFA_def_cfa ? (int64_t)cursor_uleb(&x->c)
						     : factored(x, cursor_leb(&x->c, true));
		return true;
	case DW_CFA_def_cfa_register:
		s->cfa_reg = cursor_uleb(&x->c);
		return s->cfa == CFA_REG;
	case DW_CFA_def_cfa_offset:
		return set_cfa_offset(x, (int64_t)cursor_uleb(&x->c));
	case DW_CFA_def_cfa_offset_sf:
		return set_cfa_offset(x, factored(x, cursor_leb(&x->c, true)));
	case DW_CFA_def_cfa_expression:
		cfa_expression(x);
		return true;
	default:
		return do_place(x, op);
	}
}

/* The instructions that say where a register is. */
static bool do_rule(struct run *x, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
		reg = cursor_uleb(&x->c);
		set_rule(x, reg, RULE_OFFSET,
			 factored(x, cursor_leb(&x->c, op == DW_CFA_offset_extended_sf)));
		return true;
	case DW_CFA_GNU_negative_offset_extended:
		reg = cursor_uleb(&x->c);
		set_rule(x, reg, RULE_OFFSET, factored(x, 0 - cursor_uleb(&x->c)));
		return true;
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		reg = cursor_uleb(&x->c);
		value_rule(x, reg, factored(x, cursor_leb(&x->c, op == DW_CFA_val_offset_sf)));
		return true;
	case DW_CFA_restore_extended:
		restore_rule(x, cursor_uleb(&x->c));
		return true;
	case DW_CFA_undefined:
		set_rule(x, cursor_uleb(&x->c), RULE_UNDEFINED, 0);
		return true;
	case DW_CFA_same_value:
		set_rule(x, cursor_uleb(&x->c), RULE_SAME, 0);
		return true;
	case DW_CFA_register:
		set_rule(x, cursor_uleb(&x->c), RULE_OTHER, 0);
		(void)cursor_uleb(&x->c);
		return true;
	case DW_CFA_expression:
		rule_expression(x);
		return true;
	case DW_CFA_val_expression:
		set_rule(x, cursor_uleb(&x->c), RULE_OTHER, 0);
		(void)take_block(x);
		return true;
	default:
		return do_cfa(x, op);
	}
}

static bool do_one(struct run *x)
{
	uint8_t op = cursor_u8(&x->c);

	switch (op & OP_PACKED) {
	case DW_CFA_advance_loc:
		return advance(x, op & OP_OPERAND);
	case DW_CFA_offset:
		set_rule(x, op & OP_OPERAND, RULE_OFFSET, factored(x, cursor_uleb(&x->c)));
		return true;
	case DW_CFA_restore:
		restore_rule(x, op & OP_OPERAND);
		return true;
	default:
		return do_rule(x, op);
	}
}

/* False where an instruction is unknown, incomplete, or makes no sense. */
static bool run(struct run *x)
{
	while (cursor_left(&x->c) > 0) {
		if (!do_one(x) || x->c.failed)
			return false;
		if (x->builder && x->pc == x->end)
			break;
	}
	return true;
}

bool unwind_rows_prepare(const struct unwind_section *section, struct unwind_cie *cie,
			 struct cursor program)
{
	struct run x = {.section = section, .cie = cie, .c = program};

	if (!run(&x))
		return false;
	cie->initial = x.state;
	return true;
}

int unwind_rows_run(struct unwind_builder *b, const struct unwind_fde *fde, uint64_t end)
{
	const uint8_t *program = b->section.data + fde->program_at;
	const struct unwind_cie *cie = &b->cies.at[fde->cie];
	struct run x;
	bool sane;

	/* Not initialized as a whole: the remembered states are large. */
	x.section = &b->section;
	x.cie = cie;
	x.builder = b;
	x.base_vaddr = b->table->base_vaddr;
	x.c = (struct cursor){.at = program, .end = program + fde->program_len};
	x.state = cie->initial;
	x.remembered_len = 0;
	x.pc = fde->pc;
	x.end = end;
	x.r = 0;
	sane = run(&x);
	if (x.r < 0 || x.pc == end)
		return x.r;
	return unwind_rows_add(b, x.pc,
			       sane ? row_of(cie, &x.state) : pack(UNWIND_UNSUPPORTED, 0, 0));
}
