/* SPDX-License-Identifier: GPL-2.0-only */
/* Arithmetic that cannot wrap, and strict parsing of numbers that a user typed. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

static inline uint64_t num_sat_add(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* a - b, or 0 where b is the larger: a counter read twice can be torn, never negative. */
static inline uint64_t num_sat_sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static inline uint64_t num_sat_mul(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

static inline uint64_t num_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t num_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a / b, and 0 when b is 0: shares of an empty window are 0, not NaN. */
static inline double num_ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

/* The whole part of @value; 0 below 0 and for NaN, UINT64_MAX beyond it: C leaves these undefined.
 * UINT64_MAX itself is no double, the nearest one lies beyond. */
static inline uint64_t num_to_u64(double value)
{
	if (value >= 0x1p64)
		return UINT64_MAX;
	return value > 0 ? (uint64_t)value : 0;
}

/*
 * The whole of @text as a decimal number in [min, max].  No sign, no space, no rest.
 * Returns 0, -EINVAL (not a number) or -ERANGE; *ret untouched on failure.
 */
int num_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* The same for a decimal fraction ("0.5", "2"); "inf", "nan", hex and exponents are refused. */
int num_parse_double(const char *text, double min, double max, double *ret);

#endif
