// SPDX-License-Identifier: GPL-2.0-only
#include "base/num.h"

#include <errno.h>
#include <float.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int num_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	bool wrapped = false;

	if (!text || !*text)
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		if (!is_digit(*p))
			return -EINVAL;
		wrapped |= __builtin_mul_overflow(value, 10, &value);
		wrapped |= __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	}
	if (wrapped || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/*
 * strtod() is no help here: it reads the locale's decimal point and much more than we accept.
 * Up to 15 digits in all, of which up to 15 after the point, the result is the nearest double,
 * since mantissa and power of ten are both exact; longer numbers may be off by a few last bits.
 */
int num_parse_double(const char *text, double min, double max, double *ret)
{
	const char *p = text;
	double mantissa = 0;
	double divisor = 1;

	if (!text || !is_digit(*text))
		return -EINVAL;
	for (; is_digit(*p); p++)
		mantissa = mantissa * 10 + (*p - '0');
	if (*p == '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (; is_digit(*p); p++) {
			/* Past 2^53 a further decimal could change the last bit at most. */
			if (mantissa >= 0x1p53 || divisor >= 1e22)
				continue;
			mantissa = mantissa * 10 + (*p - '0');
			divisor *= 10;
		}
	}
	if (*p)
		return -EINVAL;
	mantissa /= divisor;
	if (!(mantissa >= min && mantissa <= max) || mantissa > DBL_MAX)
		return -ERANGE;
	*ret = mantissa;
	return 0;
}
