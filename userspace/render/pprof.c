// SPDX-License-Identifier: GPL-2.0-only
/*
 * pprof's profile: time on the CPU, blocked time, and waits for locks (their number and length), by
 * stack, with process, thread, class and lock as labels.
 */
#include "base/err.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "base/vec.h"
#include "model/strpool.h"
#include "proto/profile.pb-c.h"
#include "render/flames.h"
#include "render/formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the largest window, with gzip's header */
#define GZIP_MEMORY 8

enum value { VALUE_CPU, VALUE_OFF_CPU, VALUE_DELAY, VALUE_CONTENTIONS, VALUE_COUNT };

static const struct {
	const char *type;
	const char *unit;
} value_types[VALUE_COUNT] = {
	[VALUE_CPU] = {"cpu", "nanoseconds"},
	[VALUE_OFF_CPU] = {"off_cpu", "nanoseconds"},
	[VALUE_DELAY] = {"delay", "nanoseconds"},
	[VALUE_CONTENTIONS] = {"contentions", "count"},
};

/* The messages in the making: each list grows, and is handed to the encoder as pointers. */
struct profile {
	const struct snapshot *snap;
	struct strpool texts;
	struct hashmap functions; /* struct function_key -> id - 1 */
	struct hashmap locations; /* struct location_key -> id - 1 */
	struct hashmap mappings;  /* text -> id - 1 */
	VEC(Pprof__Function *) function;
	VEC(Pprof__Location *) location;
	VEC(Pprof__Mapping *) mapping;
	VEC(Pprof__Sample *) sample;
	bool failed;
};

struct function_key {
	int64_t name;
	int64_t file;
};

/* Frames inlined at one address share it, so the whole of a frame is its key. */
struct location_key {
	uint64_t function;
	uint64_t mapping;
	uint64_t address;
	int64_t line;
};

/* Index of @raw in the table of texts, whose first is "", as the format wants it. */
static int64_t text_id(struct profile *p, const char *raw)
{
	struct strbuf clean = {0};
	uint32_t id = 0;

	text_escape(&clean, raw, strlen(raw));
	p->failed |= clean.failed || strpool_put(&p->texts, strbuf_str(&clean), &id, NULL) < 0;
	strbuf_free(&clean);
	return (int64_t)id;
}

/* Id of the function; 0 when memory is short. */
static uint64_t function_id(struct profile *p, const char *name, const char *file)
{
	struct function_key key = {text_id(p, name), text_id(p, file)};
	bool added = false;
	uint32_t *at = hashmap_put(&p->functions, &key, (uint32_t)p->function.len, &added);
	Pprof__Function **slot = at && added ? vec_add(&p->function) : NULL;

	if (slot)
		*slot = calloc(1, sizeof(**slot));
	if (!at || (added && (!slot || !*slot))) {
		p->failed = true;
		return 0;
	}
	if (added) {
		pprof__function__init(*slot);
		(*slot)->id = (uint64_t)*at + 1;
		(*slot)->name = (*slot)->system_name = key.name;
		(*slot)->filename = key.file;
	}
	return (uint64_t)*at + 1;
}

static uint64_t mapping_id(struct profile *p, const char *module)
{
	int64_t name = text_id(p, *module ? module : "[unknown]");
	bool added = false;
	uint32_t *at = hashmap_put(&p->mappings, &name, (uint32_t)p->mapping.len, &added);
	Pprof__Mapping **slot = at && added ? vec_add(&p->mapping) : NULL;

	if (slot)
		*slot = calloc(1, sizeof(**slot));
	if (!at || (added && (!slot || !*slot))) {
		p->failed = true;
		return 0;
	}
	if (added) {
		pprof__mapping__init(*slot);
		(*slot)->id = (uint64_t)*at + 1;
		(*slot)->filename = name;
		(*slot)->has_functions = true; /* named here: readers need not look for the file */
	}
	return (uint64_t)*at + 1;
}

static void fill_location(struct profile *p, Pprof__Location *loc, uint64_t id,
			  const struct location_key *key)
{
	Pprof__Line *line = calloc(1, sizeof(*line));
	Pprof__Line **lines = calloc(1, sizeof(*lines));

	pprof__location__init(loc);
	if (!line || !lines) {
		free(line);
		free(lines);
		p->failed = true;
		return;
	}
	pprof__line__init(line);
	line->function_id = key->function;
	line->line = key->line;
	lines[0] = line;
	loc->id = id;
	loc->mapping_id = key->mapping;
	loc->address = key->address;
	loc->n_line = 1;
	loc->line = lines;
}

static uint64_t location_id(struct profile *p, const struct snap_frame *frame)
{
	struct location_key key = {.line = frame->line};
	struct strbuf name = {0};
	Pprof__Location **slot;
	bool added = false;
	uint32_t *at;

	report_frame(&name, frame);
	key.function = function_id(p, strbuf_str(&name), frame->file);
	key.mapping = mapping_id(p, frame->kernel ? "[kernel]" : frame->module);
	/* Words of Python are no addresses. */
	key.address = frame->python ? 0 : frame->ip;
	p->failed |= name.failed;
	strbuf_free(&name);
	at = hashmap_put(&p->locations, &key, (uint32_t)p->location.len, &added);
	slot = at && added ? vec_add(&p->location) : NULL;
	if (slot)
		*slot = calloc(1, sizeof(**slot));
	if (!at || (added && (!slot || !*slot))) {
		p->failed = true;
		return 0;
	}
	if (added)
		fill_location(p, *slot, (uint64_t)*at + 1, &key);
	return (uint64_t)*at + 1;
}

static void set_locations(struct profile *p, Pprof__Sample *sample, uint32_t stack)
{
	static const struct snap_frame unknown = {
		.name = "(stack unknown)", .module = "", .file = ""};
	bool known = stack < p->snap->stacks_len && p->snap->stacks[stack].frames_len;
	const struct snap_frame *frames = known ? p->snap->stacks[stack].frames : &unknown;
	uint32_t len = known ? p->snap->stacks[stack].frames_len : 1;

	sample->location_id = calloc(len, sizeof(*sample->location_id));
	if (!sample->location_id) {
		p->failed = true;
		return;
	}
	sample->n_location_id = len;
	for (uint32_t i = 0; i < len; i++)
		sample->location_id[i] = location_id(p, &frames[i]);
}

static void add_label(struct profile *p, Pprof__Sample *sample, const char *key, const char *str,
		      uint64_t num)
{
	Pprof__Label *label = calloc(1, sizeof(*label));

	if (!label) {
		p->failed = true;
		return;
	}
	pprof__label__init(label);
	label->key = text_id(p, key);
	label->str = str ? text_id(p, str) : 0;
	label->num = (int64_t)num;
	sample->label[sample->n_label++] = label;
}

static void set_labels(struct profile *p, Pprof__Sample *sample, const struct flame *flame)
{
	const struct snapshot *snap = p->snap;

	sample->label = calloc(5, sizeof(Pprof__Label *));
	if (!sample->label) {
		p->failed = true;
		return;
	}
	add_label(p, sample, "class", time_class_name(flame->cls), 0);
	if (*flame->detail)
		add_label(p, sample, flame->kind == FLAME_LOCK ? "lock" : "syscall", flame->detail,
			  0);
	if (flame->thread < snap->threads_len) {
		add_label(p, sample, "thread", snap->threads[flame->thread].name, 0);
		add_label(p, sample, "tid", NULL, snap->threads[flame->thread].tid);
		add_label(p, sample, "pid", NULL, snap->threads[flame->thread].pid);
	}
}

static void set_values(Pprof__Sample *sample, const struct flame *flame)
{
	int64_t ns = flame->ns > INT64_MAX ? INT64_MAX : (int64_t)flame->ns;

	if (!sample->value)
		return;
	sample->n_value = VALUE_COUNT;
	sample->value[flame->kind == FLAME_ON_CPU ? VALUE_CPU : VALUE_OFF_CPU] = ns;
	/* Waiting for work is no contention. */
	if (flame->kind != FLAME_LOCK || (flame->cls != CLASS_LOCK && flame->cls != CLASS_GIL))
		return;
	sample->value[VALUE_DELAY] = ns;
	sample->value[VALUE_CONTENTIONS] =
		flame->count > INT64_MAX ? INT64_MAX : (int64_t)flame->count;
}

static bool put(void *ctx, const struct flame *flame)
{
	struct profile *p = ctx;
	Pprof__Sample **slot;

	/* The time of FLAME_WAKE is that of FLAME_LOCK, seen from the other side. */
	if (flame->kind == FLAME_WAKE || (!flame->ns && !flame->count))
		return true;
	slot = vec_add(&p->sample);
	if (slot)
		*slot = calloc(1, sizeof(**slot));
	if (!slot || !*slot) {
		p->failed = true;
		return false;
	}
	pprof__sample__init(*slot);
	(*slot)->value = calloc(VALUE_COUNT, sizeof(*(*slot)->value));
	p->failed |= !(*slot)->value;
	set_values(*slot, flame);
	set_locations(p, *slot, flame->stack);
	set_labels(p, *slot, flame);
	return !p->failed;
}

static void profile_free(struct profile *p)
{
	Pprof__Function **function;
	Pprof__Mapping **mapping;
	Pprof__Location **location;
	Pprof__Sample **sample;

	VEC_FOREACH (&p->function, function)
		free(*function);
	VEC_FOREACH (&p->mapping, mapping)
		free(*mapping);
	VEC_FOREACH (&p->location, location) {
		if (*location && (*location)->line) {
			free((*location)->line[0]);
			free((*location)->line);
		}
		free(*location);
	}
	VEC_FOREACH (&p->sample, sample) {
		for (size_t i = 0; *sample && i < (*sample)->n_label; i++)
			free((*sample)->label[i]);
		if (*sample) {
			free((*sample)->label);
			free((*sample)->value);
			free((*sample)->location_id);
		}
		free(*sample);
	}
	vec_free(&p->function);
	vec_free(&p->mapping);
	vec_free(&p->location);
	vec_free(&p->sample);
	strpool_free(&p->texts);
	hashmap_free(&p->functions);
	hashmap_free(&p->locations);
	hashmap_free(&p->mappings);
}

/* Append @len bytes, compressed. */
static bool add_gzip(struct strbuf *sb, unsigned char *data, size_t len)
{
	z_stream stream = {.next_in = data, .avail_in = (uInt)len};
	unsigned char *to;
	size_t room;
	int rc;

	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	room = deflateBound(&stream, len);
	to = malloc(room);
	if (!to) {
		deflateEnd(&stream);
		return false;
	}
	stream.next_out = to;
	stream.avail_out = (uInt)room;
	rc = deflate(&stream, Z_FINISH);
	if (rc == Z_STREAM_END)
		strbuf_add(sb, (char *)to, stream.total_out);
	deflateEnd(&stream);
	free(to);
	return rc == Z_STREAM_END;
}

/* The texts as the encoder takes them: free() it; NULL when memory is short. */
static char **text_list(const struct profile *p)
{
	char **list = calloc(p->texts.offsets.len + 1, sizeof(*list));

	for (uint32_t i = 0; list && i < p->texts.offsets.len; i++)
		list[i] = (char *)strpool_get(&p->texts, i);
	return list;
}

static bool encode(struct profile *p, struct strbuf *sb)
{
	const struct snapshot *snap = p->snap;
	Pprof__Profile profile = PPROF__PROFILE__INIT;
	Pprof__ValueType types[VALUE_COUNT];
	Pprof__ValueType *type_list[VALUE_COUNT];
	unsigned char *packed;
	size_t len;
	bool done;

	for (unsigned i = 0; i < VALUE_COUNT; i++) {
		pprof__value_type__init(&types[i]);
		types[i].type = text_id(p, value_types[i].type);
		types[i].unit = text_id(p, value_types[i].unit);
		type_list[i] = &types[i];
	}
	profile.n_sample_type = VALUE_COUNT;
	profile.sample_type = type_list;
	profile.n_sample = p->sample.len;
	profile.sample = p->sample.at;
	profile.n_mapping = p->mapping.len;
	profile.mapping = p->mapping.at;
	profile.n_location = p->location.len;
	profile.location = p->location.at;
	profile.n_function = p->function.len;
	profile.function = p->function.at;
	profile.time_nanos = (int64_t)num_sat_add(snap->run.start_realtime_ns,
						  num_sat_sub(snap->start_ns, snap->run.start_ns));
	profile.duration_nanos = (int64_t)snap->duration_ns;
	profile.period_type = type_list[VALUE_CPU];
	profile.period = snap->run.sample_hz ? (int64_t)(NS_PER_S / snap->run.sample_hz) : 0;
	profile.default_sample_type = types[VALUE_CPU].type;
	if (p->failed)
		return false;
	profile.n_string_table = p->texts.offsets.len;
	profile.string_table = text_list(p);
	if (!profile.string_table)
		return false;
	len = pprof__profile__get_packed_size(&profile);
	packed = malloc(len ? len : 1);
	done = packed != NULL;
	if (done) {
		pprof__profile__pack(&profile, packed);
		done = add_gzip(sb, packed, len);
	}
	free(packed);
	free(profile.string_table);
	return done;
}

int render_pprof(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		 struct err *err)
{
	struct profile p = {.snap = rep->snap};
	bool done;

	(void)opt;
	p.failed = strpool_init(&p.texts, NULL) < 0;
	hashmap_init(&p.functions, sizeof(struct function_key));
	hashmap_init(&p.locations, sizeof(struct location_key));
	hashmap_init(&p.mappings, sizeof(int64_t));
	flames_each(rep, put, &p);
	done = encode(&p, sb);
	profile_free(&p);
	if (!done || sb->failed)
		return err_set(err, -ENOMEM, "pprof profile: out of memory");
	return 0;
}
