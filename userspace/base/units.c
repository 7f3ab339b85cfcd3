// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every fraction is printed from integer tenths: printf("%.1f") would use the locale's decimal
 * point, and a report must not depend on it.
 */
#include "base/units.h"

#include "base/num.h"
#include "base/strbuf.h"

#include <inttypes.h>

#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_H (60 * NS_PER_MIN)
#define BAR_STEPS 8	  /* block characters divide a cell by eight */
#define READABLE_MAX 1e15 /* a ratio beyond this comes from a broken input */

struct unit {
	const char *name;
	uint64_t size;
	uint64_t below;	     /* from this many on the next larger unit is used */
	uint64_t tenths_max; /* below this many tenths one decimal is shown */
};

static const struct unit duration_units[] = {
	{"ns", 1, 1000, 0},
	{"us", NS_PER_US, 1000, 100},
	{"ms", NS_PER_MS, 1000, 100},
	{"s", NS_PER_S, 1000, 1000},
	{"min", NS_PER_MIN, 1000, 1000},
	{"h", NS_PER_H, UINT64_MAX, 1000},
};

static const struct unit byte_units[] = {
	{"B", 1, 1024, 0},
	{"KiB", 1ULL << 10, 1024, 100},
	{"MiB", 1ULL << 20, 1024, 100},
	{"GiB", 1ULL << 30, 1024, 100},
	{"TiB", 1ULL << 40, 1024, 100},
	{"PiB", 1ULL << 50, 1024, 100},
	{"EiB", 1ULL << 60, UINT64_MAX, 100},
};

static void add_tenths(struct strbuf *sb, uint64_t tenths)
{
	strbuf_printf(sb, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

/* Append @value in @unit; false, nothing appended, when a larger unit is called for. */
static bool add_scaled(struct strbuf *sb, uint64_t value, const struct unit *unit)
{
	uint64_t whole = value / unit->size;
	uint64_t rest = value % unit->size; /* <= 2^60: ten times it still fits */
	uint64_t nearest = whole + (rest * 2 >= unit->size);
	uint64_t tenths;

	if (nearest >= unit->below)
		return false;
	tenths = num_sat_add(num_sat_mul(whole, 10), (rest * 10 + unit->size / 2) / unit->size);
	if (tenths < unit->tenths_max)
		add_tenths(sb, tenths);
	else
		units_count(sb, nearest);
	strbuf_printf(sb, " %s", unit->name);
	return true;
}

static void add_in_best_unit(struct strbuf *sb, uint64_t value, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (add_scaled(sb, value, &units[i]))
			return;
	}
}

void units_duration(struct strbuf *sb, uint64_t ns)
{
	if (ns == 0)
		strbuf_putc(sb, '0');
	else
		add_in_best_unit(sb, ns, duration_units, ARRAY_LEN(duration_units));
}

void units_bytes(struct strbuf *sb, uint64_t bytes)
{
	add_in_best_unit(sb, bytes, byte_units, ARRAY_LEN(byte_units));
}

void units_count(struct strbuf *sb, uint64_t count)
{
	uint64_t group = 1; /* of thousands, the highest first */

	while (count / group >= 1000)
		group *= 1000;
	strbuf_printf(sb, "%" PRIu64, count / group);
	for (group /= 1000; group > 0; group /= 1000)
		strbuf_printf(sb, ",%03" PRIu64, count / group % 1000);
}

void units_percent(struct strbuf *sb, double ratio)
{
	uint64_t tenths;

	if (!(ratio > -READABLE_MAX && ratio < READABLE_MAX)) {
		strbuf_putc(sb, '-');
		return;
	}
	if (ratio > 0 && ratio < 0.001) {
		strbuf_puts(sb, "<0.1%");
		return;
	}
	tenths = ratio > 0 ? (uint64_t)(ratio * 1000 + 0.5) : 0;
	if (tenths > 0 && tenths < 10)
		add_tenths(sb, tenths);
	else
		strbuf_printf(sb, "%" PRIu64, ratio > 0 ? (uint64_t)(ratio * 100 + 0.5) : 0);
	strbuf_putc(sb, '%');
}

void units_factor(struct strbuf *sb, double factor)
{
	uint64_t tenths;

	if (!(factor >= 0 && factor < READABLE_MAX)) {
		strbuf_putc(sb, '-');
		return;
	}
	tenths = (uint64_t)(factor * 10 + 0.5);
	if (tenths < 100)
		add_tenths(sb, tenths);
	else
		units_count(sb, (uint64_t)(factor + 0.5));
	strbuf_putc(sb, 'x');
}

void units_bar(struct strbuf *sb, double ratio, unsigned columns, int ascii)
{
	/* U+258F (one eighth) to U+2588 (full) */
	static const char *const blocks[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
	unsigned steps_per_cell = ascii ? 1 : BAR_STEPS;
	uint64_t steps;

	if (!(ratio > 0))
		return;
	steps = (uint64_t)((ratio < 1 ? ratio : 1) * columns * steps_per_cell + 0.5);
	for (uint64_t i = 0; i < steps / steps_per_cell; i++)
		strbuf_puts(sb, ascii ? "#" : blocks[BAR_STEPS]);
	strbuf_puts(sb, blocks[steps % steps_per_cell]);
}
