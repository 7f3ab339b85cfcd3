// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads whose names attack whatever prints them, contending on one lock so that all of them
 * appear in a report. The truth lines show each byte that is not plain as \xHH.
 */
#include "sample.h"

#define INSIDE_US 100
#define OUTSIDE_US 50
#define PAUSE_US 200

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

/* At most 15 bytes each. */
static const char *const hostile[] = {
	"\x1b[2J\x1b]0;own\a",	/* clears a terminal, sets its title */
	"a\nready pid=1\r",	/* forges a line */
	"\"quote'`\\",		/* ends strings in JSON, shell and C */
	"\xff\xfe\xc3(",	/* not UTF-8 */
	"\xed\xa0\x80\xc0\xaf", /* a surrogate and an overlong slash */
	"</script><b>",		/* ends a script in HTML */
	"&lt;\"onload=x",	/* leaves an attribute */
	"=cmd|'/C'!A0",		/* a formula in CSV */
	"a) R (1 2 3;4 5",	/* the shape of /proc/PID/stat, frames in a folded stack */
	"%s%n%s%n",		/* a format string */
	"\342\200\256drawkcab", /* right-to-left override */
	"12345678901234\xc3",	/* UTF-8 cut in the middle by the 15 bytes */
	"\302\23331m\x7f\x01",	/* C1 and other control characters */
	"",			/* no name */
};

#define THREADS (sizeof(hostile) / sizeof(hostile[0]))

static void worker(struct sample_thread *self)
{
	sample_rename(self, hostile[self->index]);
	while (!sample_stopping(self->sample)) {
		struct sample_turn turn = sample_ask(&self->tally);
		pthread_mutex_lock(&names_lock);
		sample_got(&turn);
		sample_work_us(self->sample, INSIDE_US);
		sample_done(&turn);
		pthread_mutex_unlock(&names_lock);
		sample_work_us(self->sample, OUTSIDE_US);
		sample_sleep_us(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "names",
		.does = "threads with hostile names contend on one lock",
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, THREADS, "worker", worker);
	return sample_run(&s);
}
