// SPDX-License-Identifier: GPL-2.0-only
#include "model/hist.h"

#include "base/num.h"

void hist_merge(struct snap_hist *into, uint64_t count, uint64_t max_ns, const uint64_t *bucket)
{
	into->count = num_sat_add(into->count, count);
	into->max_ns = num_max_u64(into->max_ns, max_ns);
	for (int i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] = num_sat_add(into->bucket[i], bucket[i]);
}

/* Upper edge of bucket @i; the last bucket is open, its edge is the largest value seen. */
static double upper_edge(const struct snap_hist *hist, int i)
{
	double edge = i == HIST_BUCKETS - 1 ? (double)hist->max_ns : (double)(2ULL << i);

	return edge < (double)hist->max_ns ? edge : (double)hist->max_ns;
}

uint64_t snap_hist_quantile(const struct snap_hist *hist, double q)
{
	double total = 0;
	double before = 0;
	double rank;

	for (int i = 0; i < HIST_BUCKETS; i++)
		total += (double)hist->bucket[i];
	if (total <= 0)
		return 0;
	if (!(q > 0)) /* NaN too */
		q = 0;
	rank = (q < 1 ? q : 1) * total;
	for (int i = 0; i < HIST_BUCKETS; i++) {
		double count = (double)hist->bucket[i];
		double low = i ? (double)(1ULL << i) : 0; /* 0 itself is counted in bucket 0 */
		double high = upper_edge(hist, i);
		double value;

		if (count <= 0 || before + count < rank) {
			before += count;
			continue;
		}
		if (high <= low)
			return hist->max_ns;
		value = low + (high - low) * (rank - before) / count;
		return value < (double)hist->max_ns ? (uint64_t)value : hist->max_ns;
	}
	return hist->max_ns;
}
