// SPDX-License-Identifier: GPL-2.0-only
#include "source/python_merge.h"

#include "base/num.h"
#include "model/python_word.h"

uint32_t python_merge(const struct python_eval *eval, const uint64_t *ips, uint32_t native,
		      uint32_t len, uint64_t *ret, uint32_t max)
{
	uint32_t at, n = 0;

	native = (uint32_t)num_min_u64(native, len);
	at = native;
	for (uint32_t i = 0; i < native && n < max; i++) {
		/* All but the innermost are return addresses: the call may be the last instruction.
		 */
		uint64_t call = i ? ips[i] - 1 : ips[i];

		if (call < eval->start || call >= eval->end || at >= len) {
			ret[n++] = ips[i];
			continue;
		}
		do {
			if (ips[at] != PYTHON_WORD_LEFT)
				ret[n++] = ips[at];
		} while (!python_word_entry(ips[at++]) && at < len && n < max);
	}
	for (; at < len && n < max; at++)
		if (ips[at] != PYTHON_WORD_LEFT)
			ret[n++] = ips[at];
	return n;
}
