// SPDX-License-Identifier: GPL-2.0-only
#include "report/columns_tree.h"

#include "base/num.h"

static double per_second(const struct report *rep, uint64_t count)
{
	return num_ratio((double)count * (double)NS_PER_S, (double)rep->snap->duration_ns);
}

static const struct snap_process *process_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->processes[row];
}

double column_process_exits(const struct report *rep, uint32_t row)
{
	return (double)process_at(rep, row)->exits;
}

double column_process_migrations(const struct report *rep, uint32_t row)
{
	return per_second(rep, process_at(rep, row)->migrations);
}

double column_process_copy_faults(const struct report *rep, uint32_t row)
{
	return per_second(rep, process_at(rep, row)->copy_faults);
}

double column_process_cpus(const struct report *rep, uint32_t row)
{
	return process_at(rep, row)->cpus_allowed;
}

/* What making and ending processes takes of its computing. */
double column_process_forking(const struct report *rep, uint32_t row)
{
	const struct snap_process *process = process_at(rep, row);
	const struct snap_cost *cost = &process->cost;

	return num_ratio((double)cost->fork_ns + (double)cost->exec_ns + (double)cost->exit_ns +
				 (double)cost->copy_ns,
			 (double)process->class_ns[CLASS_RUN]);
}

/* Edges: who waited for whom */

static const struct snap_edge *edge_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->edges[row];
}

void column_edge_from(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	report_thread(sb, rep->snap, edge_at(rep, row)->from_thread);
}

void column_edge_to(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	report_thread(sb, rep->snap, edge_at(rep, row)->to_thread);
}

void column_edge_kind(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_puts(sb, edge_kind_name(edge_at(rep, row)->kind));
}

double column_edge_rate(const struct report *rep, uint32_t row)
{
	return per_second(rep, edge_at(rep, row)->waits);
}

double column_edge_wait(const struct report *rep, uint32_t row)
{
	return (double)edge_at(rep, row)->wait_ns;
}

static void edge_site(struct strbuf *sb, const struct report *rep, uint32_t row, bool waking)
{
	const struct snap_edge *edge = edge_at(rep, row);
	uint32_t stack = SNAP_NONE;

	if (edge->sites_len)
		stack = waking ? edge->sites[0].wake_stack : edge->sites[0].wait_stack;
	if (stack == SNAP_NONE)
		strbuf_puts(sb, "-");
	else
		report_call_site(sb, rep->snap, stack);
}

void column_edge_waiting_in(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	edge_site(sb, rep, row, false);
}

void column_edge_woken_in(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	edge_site(sb, rep, row, true);
}
