// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a frame of the screen costs: 1,000 threads and 500 locks through model, analysis and each
 * view, 3,600 times.  Prints milliseconds of CPU time and what memory grew by.
 */
#include "analysis/analysis.h"
#include "base/num.h"
#include "model/history.h"
#include "report/report.h"
#include "tui/app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 1000
#define LOCKS 500
#define FRAMES 3600
#define COLUMNS 200
#define ROWS 60

static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static long rss_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void put(struct model *m, const struct record *rec)
{
	if (model_apply(m, rec, NULL) < 0)
		exit(EXIT_FAILURE);
}

static void second(struct model *m, unsigned s)
{
	const uint64_t at_ns = s * NS_PER_S;

	for (uint32_t i = 0; i < THREADS; i++) {
		struct record rec = {.type = RECORD_COUNTERS};

		rec.counters.pid = 1;
		rec.counters.tid = 1 + i;
		snprintf(rec.counters.name, sizeof(rec.counters.name), "worker-%u", i);
		rec.counters.until_ns = at_ns;
		rec.counters.class_ns[CLASS_RUN] = at_ns * (1 + i % 7) / 20;
		rec.counters.futex_ns = at_ns / 2;
		rec.counters.class_ns[CLASS_SLEEP] = at_ns - at_ns / 2 - at_ns * (1 + i % 7) / 20;
		rec.counters.voluntary_switches = 100ULL * s;
		put(m, &rec);
		rec = (struct record){.type = RECORD_WAIT};
		rec.wait.lock = 1 + i % LOCKS;
		rec.wait.tid = 1 + i;
		rec.wait.op = FUTEX_OP_LOCK_PI;
		rec.wait.waits = 50ULL * s;
		rec.wait.blocked_ns = at_ns / 2;
		rec.wait.hist[20] = 50ULL * s;
		put(m, &rec);
	}
	put(m, &(struct record){.type = RECORD_SLICE, .slice = {.end_ns = at_ns}});
}

static struct model *make(void)
{
	struct model *m = model_new();
	struct record run = {.type = RECORD_RUN};

	if (!m)
		exit(EXIT_FAILURE);
	run.run.cpus_online = run.run.cpus_allowed = 8;
	put(m, &run);
	for (uint64_t i = 0; i < LOCKS; i++)
		put(m,
		    &(struct record){.type = RECORD_LOCK,
				     .lock = {.lock = 1 + i, .address = 4096 + 64 * i, .pid = 1}});
	return m;
}

int main(void)
{
	struct model *m = make();
	struct history *h = history_new(HISTORY_BYTES_MAX);
	struct app *app = app_new(false);
	struct canvas *canvas = canvas_new(COLUMNS, ROWS, false);
	const struct app_status status = {.live = true, .window = "last 10 s"};
	struct model_mark *mark;
	struct snapshot *snap;
	struct verdict verdict = {0};
	struct report rep;
	double start, draw_ms[7] = {0};
	long before_kib = 0;

	for (unsigned s = 1; s <= 5; s++)
		second(m, s);
	mark = model_mark_new(m);
	second(m, 6);
	if (!h || !app || !canvas || !mark)
		return EXIT_FAILURE;
	start = cpu_ms();
	history_add(h, m);
	second(m, 7);
	history_add(h, m);
	printf("history      %8.2f ms a second, with reading\n", (cpu_ms() - start) / 2);
	start = cpu_ms();
	snap = model_freeze_since(m, mark);
	printf("freeze       %8.2f ms\n", cpu_ms() - start);
	start = cpu_ms();
	if (!snap || analysis_run(snap, &verdict, NULL) < 0)
		return EXIT_FAILURE;
	printf("analysis     %8.2f ms\n", cpu_ms() - start);
	rep = report_make(snap, &verdict);
	for (unsigned frame = 0; frame < FRAMES; frame++) {
		unsigned view = frame % 7;

		app_frame(app, &rep, NULL, &status);
		app_key(app, (int)('1' + view));
		start = cpu_ms();
		app_draw(app, canvas);
		draw_ms[view] += cpu_ms() - start;
		if (frame == 70)
			before_kib = rss_kib();
	}
	for (unsigned view = 0; view < 7; view++)
		printf("draw view %u  %8.2f ms\n", view + 1, draw_ms[view] * 7 / FRAMES);
	printf("memory grew by %ld KiB in %d frames\n", rss_kib() - before_kib, FRAMES);
	verdict_free(&verdict);
	snapshot_free(snap);
	model_mark_free(mark);
	history_free(h);
	canvas_free(canvas);
	app_free(app);
	model_free(m);
	return 0;
}
