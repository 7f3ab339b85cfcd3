// SPDX-License-Identifier: GPL-2.0-only
#include "model/divide.h"

#include "base/num.h"

#include <string.h>

typedef unsigned __int128 u128;

static u128 sum_of(const uint64_t *part, size_t len)
{
	u128 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += part[i];
	return sum;
}

void divide_scale(uint64_t *part, size_t len, uint64_t total)
{
	u128 sum = sum_of(part, len);
	u128 before = 0;
	uint64_t given = 0;

	/* Only hostile records sum beyond 2^63: a shift keeps the product below within 128 bits. */
	for (; sum >> 63; sum = sum_of(part, len))
		for (size_t i = 0; i < len; i++)
			part[i] >>= 1;
	if (!sum)
		return;
	/* Each part gets what the rounded running sum grows by, so the roundings cancel out. */
	for (size_t i = 0; i < len; i++) {
		uint64_t until;

		before += part[i];
		until = (uint64_t)(before * total / sum);
		part[i] = until - given;
		given = until;
	}
}

void divide_fill(uint64_t class_ns[CLASS_COUNT], uint64_t total)
{
	u128 sum = sum_of(class_ns, CLASS_COUNT);

	if (sum > total)
		divide_scale(class_ns, CLASS_COUNT, total);
	else
		class_ns[CLASS_OTHER] += (uint64_t)(total - sum);
}

void divide_lifetime(const uint64_t class_ns[CLASS_COUNT], uint64_t futex_ns,
		     const uint64_t futex_class_ns[CLASS_COUNT], uint64_t lifetime_ns,
		     uint64_t ret[CLASS_COUNT])
{
	uint64_t futex[CLASS_COUNT];

	memcpy(futex, futex_class_ns, sizeof(futex));
	divide_fill(futex, futex_ns);
	for (int i = 0; i < CLASS_COUNT; i++)
		ret[i] = num_sat_add(class_ns[i], futex[i]);
	divide_fill(ret, lifetime_ns);
}
