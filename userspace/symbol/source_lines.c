// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/source_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/vec.h"
#include "symbol/isolate.h"

/* Files that may bring a reader down before it is given up. */
#define CRASHES_MAX 8
#define BUFFER_BYTES 65536

/* What the child writes for each query: this, then the places, the member's path or the objects. */
struct answer {
	uint32_t query;
	uint32_t bytes; /* that follow */
	uint32_t items; /* places or objects */
};

/* A place: this, then the two strings without a NUL. */
struct answer_place {
	uint32_t line;
	uint16_t function_len;
	uint16_t file_len;
};

#define ANSWER_BYTES_MAX \
	(DWARF_PLACES_MAX * (sizeof(struct answer_place) + DWARF_NAME_MAX + DWARF_FILE_MAX))

/* A file that brought a reader down: its queries from @from on were not looked at. */
struct left_out {
	int fd;
	size_t from;
};

struct job {
	const struct line_query *queries;
	size_t len;
	size_t next; /* the first query without an answer */
	VEC(struct left_out) left_out;
	const struct line_sink *sink;
	/* the parent's: bytes of an answer that is not whole yet */
	uint8_t *partial;
	size_t partial_len;
};

/* Whether the query @i is of a file that was left out before it came to it. */
static bool left_out(const struct job *job, size_t i)
{
	for (size_t k = 0; k < job->left_out.len; k++)
		if (job->left_out.at[k].fd == job->queries[i].fd)
			return i >= job->left_out.at[k].from;
	return false;
}

/* ---- the child ---- */

struct opened {
	int fd;
	struct dwarf_info *info; /* NULL: it has nothing of use */
};

struct writer {
	int out;
	size_t len;
	uint8_t bytes[BUFFER_BYTES];
};

static void flush(struct writer *w)
{
	for (size_t at = 0; at < w->len;) {
		ssize_t n = write(w->out, w->bytes + at, w->len - at);

		if (n <= 0)
			_exit(1);
		at += (size_t)n;
	}
	w->len = 0;
}

static void put(struct writer *w, const void *bytes, size_t len)
{
	memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

static void put_places(struct writer *w, uint32_t query, const struct dwarf_place *places,
		       size_t len)
{
	struct answer answer = {.query = query, .items = (uint32_t)len};

	for (size_t i = 0; i < len; i++)
		answer.bytes += (uint32_t)(sizeof(struct answer_place) +
					   strlen(places[i].function) + strlen(places[i].file));
	put(w, &answer, sizeof(answer));
	for (size_t i = 0; i < len; i++) {
		struct answer_place place = {
			.line = places[i].line,
			.function_len = (uint16_t)strlen(places[i].function),
			.file_len = (uint16_t)strlen(places[i].file),
		};

		put(w, &place, sizeof(place));
		put(w, places[i].function, place.function_len);
		put(w, places[i].file, place.file_len);
	}
}

static void put_member(struct writer *w, uint32_t query, const char *path, bool found)
{
	struct answer answer = {.query = query, .bytes = found ? (uint32_t)strlen(path) + 1 : 0};

	put(w, &answer, sizeof(answer));
	put(w, path, answer.bytes);
}

static void put_objects(struct writer *w, uint32_t query, const struct dwarf_object *objects,
			size_t len)
{
	struct answer answer = {.query = query,
				.bytes = (uint32_t)(len * sizeof(*objects)),
				.items = (uint32_t)len};

	put(w, &answer, sizeof(answer));
	put(w, objects, answer.bytes);
}

struct reader {
	VEC(struct opened) opened;
	struct writer w;
};

/* The DWARF of @fd, opened the first time. */
static struct dwarf_info *info_of(struct reader *r, int fd)
{
	struct opened *one;

	VEC_FOREACH (&r->opened, one)
		if (one->fd == fd)
			return one->info;
	one = vec_add(&r->opened);
	if (!one)
		_exit(1);
	one->fd = fd;
	if (dwarf_info_open(fd, &one->info) < 0)
		one->info = NULL;
	return one->info;
}

static void answer_query(struct writer *w, struct dwarf_info *info, const struct job *job, size_t i)
{
	const struct line_query *q = &job->queries[i];
	struct dwarf_place places[DWARF_PLACES_MAX];
	struct dwarf_object objects[DWARF_OBJECTS_MAX] = {0};
	char path[DWARF_NAME_MAX] = "";
	bool found;

	/* Before a query, not after it: what came before it must be out if it crashes. */
	if (w->len + sizeof(struct answer) + ANSWER_BYTES_MAX > sizeof(w->bytes))
		flush(w);
	switch (q->kind) {
	case LINE_QUERY_MEMBER:
		found = info && dwarf_info_member(info, q->vaddr, q->offset, path, sizeof(path));
		put_member(w, (uint32_t)i, path, found);
		break;
	case LINE_QUERY_OBJECTS:
		put_objects(w, (uint32_t)i, objects,
			    info ? dwarf_info_objects(info, q->vaddr, q->primitive, objects) : 0);
		break;
	case LINE_QUERY_PLACES:
		put_places(w, (uint32_t)i, places,
			   info ? dwarf_info_places(info, q->vaddr, places) : 0);
		break;
	}
}

/* Runs in the child. What was found is out before the next file, which may bring it down. */
static void look_up(void *ctx, int out)
{
	static struct reader r;
	const struct job *job = ctx;
	struct dwarf_info *info = NULL;
	int last_fd = -1;

	r.w.out = out;
	for (size_t i = job->next; i < job->len; i++) {
		int fd = job->queries[i].fd;

		if (left_out(job, i))
			continue;
		if (fd != last_fd) {
			flush(&r.w);
			info = info_of(&r, fd);
			last_fd = fd;
		}
		answer_query(&r.w, info, job, i);
	}
	flush(&r.w);
	/* Not freed: the process ends here. */
}

/* ---- the parent ---- */

static int take_places(const struct job *job, const struct answer *answer, const uint8_t *bytes)
{
	struct dwarf_place places[DWARF_PLACES_MAX];
	const uint8_t *end = bytes + answer->bytes;

	if (answer->items > DWARF_PLACES_MAX)
		return -EPROTO;
	memset(places, 0, sizeof(places));
	for (uint32_t i = 0; i < answer->items; i++) {
		struct answer_place place;

		if ((size_t)(end - bytes) < sizeof(place))
			return -EPROTO;
		memcpy(&place, bytes, sizeof(place));
		bytes += sizeof(place);
		if (place.function_len >= DWARF_NAME_MAX || place.file_len >= DWARF_FILE_MAX ||
		    (size_t)(end - bytes) < (size_t)place.function_len + place.file_len)
			return -EPROTO;
		places[i].line = place.line;
		memcpy(places[i].function, bytes, place.function_len);
		memcpy(places[i].file, bytes + place.function_len, place.file_len);
		bytes += place.function_len + place.file_len;
	}
	if (answer->items > 0)
		job->sink->places(job->sink->ctx, answer->query, places, answer->items);
	return 0;
}

static int take_objects(const struct job *job, const struct answer *answer, const uint8_t *bytes)
{
	struct dwarf_object objects[DWARF_OBJECTS_MAX];

	if (answer->items > DWARF_OBJECTS_MAX ||
	    answer->bytes != answer->items * sizeof(objects[0]))
		return -EPROTO;
	memcpy(objects, bytes, answer->bytes);
	for (uint32_t i = 0; i < answer->items; i++)
		if (!memchr(objects[i].name, '\0', sizeof(objects[i].name)))
			return -EPROTO;
	if (answer->items > 0)
		job->sink->objects(job->sink->ctx, answer->query, objects, answer->items);
	return 0;
}

static int take_answer(struct job *job, const struct answer *answer, const uint8_t *bytes)
{
	if (answer->query < job->next || answer->query >= job->len)
		return -EPROTO;
	job->next = (size_t)answer->query + 1;
	switch (job->queries[answer->query].kind) {
	case LINE_QUERY_PLACES:
		return take_places(job, answer, bytes);
	case LINE_QUERY_OBJECTS:
		return take_objects(job, answer, bytes);
	case LINE_QUERY_MEMBER:
		break;
	}
	if (answer->bytes == 0)
		return 0;
	if (answer->bytes > DWARF_NAME_MAX || bytes[answer->bytes - 1] != '\0')
		return -EPROTO;
	job->sink->member(job->sink->ctx, answer->query, (const char *)bytes);
	return 0;
}

/* The child read hostile data: what it says is checked like that. */
static int take(void *ctx, const uint8_t *bytes, size_t len)
{
	struct job *job = ctx;
	uint8_t *grown = realloc(job->partial, job->partial_len + len);
	size_t at = 0;
	int r = 0;

	if (!grown)
		return -ENOMEM;
	job->partial = grown;
	memcpy(grown + job->partial_len, bytes, len);
	job->partial_len += len;
	while (r == 0 && job->partial_len - at >= sizeof(struct answer)) {
		struct answer answer;

		memcpy(&answer, grown + at, sizeof(answer));
		if (answer.bytes > ANSWER_BYTES_MAX)
			return -EPROTO;
		if (job->partial_len - at < sizeof(answer) + answer.bytes)
			break;
		r = take_answer(job, &answer, grown + at + sizeof(answer));
		at += sizeof(answer) + answer.bytes;
	}
	job->partial_len -= at;
	memmove(grown, grown + at, job->partial_len);
	return r;
}

/* The files of the queries, each once; returns how many. */
static size_t files_of(const struct line_query *queries, size_t len, int *fds)
{
	size_t files = 0;

	for (size_t i = 0; i < len; i++) {
		size_t k = 0;

		if (i > 0 && queries[i].fd == queries[i - 1].fd)
			continue;
		while (k < files && fds[k] != queries[i].fd)
			k++;
		if (k == files)
			fds[files++] = queries[i].fd;
	}
	return files;
}

/* Leave out the file of the first query without an answer. False: nothing more can be done. */
static bool leave_out_next(struct job *job)
{
	struct left_out *one;

	while (job->next < job->len && left_out(job, job->next))
		job->next++;
	if (job->next >= job->len || job->left_out.len >= CRASHES_MAX)
		return false;
	one = vec_add(&job->left_out);
	if (!one)
		return false;
	*one = (struct left_out){.fd = job->queries[job->next].fd, .from = job->next};
	job->partial_len = 0;
	return true;
}

static long count_missing(const struct job *job, bool ended)
{
	long missing = 0;

	for (size_t i = 0; i < job->len; i++)
		missing += (!ended && i >= job->next) || left_out(job, i);
	return missing;
}

long source_lines_find(const struct line_query *queries, size_t len, uint64_t limit_ns,
		       const struct line_sink *sink)
{
	_cleanup_free_ int *fds = calloc(len + 1, sizeof(*fds));
	struct job job = {.queries = queries, .len = len, .sink = sink};
	struct isolate iso = {.work = look_up, .take = take, .ctx = &job, .keep_fds = fds};
	uint64_t end_ns = isolate_now_ns() + limit_ns, now;
	long missing;
	int r;

	if (len == 0)
		return 0;
	if (!fds || len > UINT32_MAX)
		return -ENOMEM;
	iso.keep_fds_len = files_of(queries, len, fds);
	do {
		now = isolate_now_ns();
		iso.limit_ns = num_sat_sub(end_ns, now);
		r = isolate_run(&iso);
	} while (r == -EIO && leave_out_next(&job));
	missing = count_missing(&job, r == 0);
	free(job.partial);
	vec_free(&job.left_out);
	return missing;
}
