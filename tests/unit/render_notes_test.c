// SPDX-License-Identifier: GPL-2.0-only
/* Notes, source lines and inlined functions, as reports show them. */
#include "base/err.h"
#include "render/render.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/strbuf.h"

static struct report_fixture fix;
static struct strbuf out;

/* The stack of the first waiter for the first lock. */
static const struct snap_frame frames[] = {
	{.name = "lock_slow",
	 .module = "/srv/prog",
	 .offset = 0x40,
	 .ip = 0x555500001040,
	 .file = "/src/lock \"x\".h",
	 .line = 12,
	 .inlined = true},
	{.name = "cache_get",
	 .module = "/srv/prog",
	 .offset = 0x40,
	 .ip = 0x555500001040,
	 .file = "/src/cache.c",
	 .line = 345},
	{.name = "main", .module = "/srv/prog", .offset = 0x10, .ip = 0x555500002010, .file = ""},
};

static const struct snap_note notes[] = {
	{NOTE_NO_UNWIND_TABLE, "/srv/libjit.so"},   {NOTE_UNWIND_NO_ROOM, "/srv/liblarge.so"},
	{NOTE_FILE_CORRUPT, "/srv/lib\\x1b.so"},    {NOTE_FILE_REPLACED, "/srv/libnew.so"},
	{NOTE_DEBUG_OTHER_BUILD, "/srv/libold.so"}, {NOTE_PERF_MAP_REFUSED, "/tmp/perf-7.map"},
};

/* The words of the report's contract, in the order of the notes above. */
static const char *const keys[] = {"no_unwind_table", "unwind_no_room",	   "corrupt",
				   "replaced",	      "debug_other_build", "perf_map_refused"};

static void setup(void)
{
	report_fixture_server(&fix);
	for (size_t i = 0; i < ARRAY_LEN(fix.stacks); i++)
		fix.stacks[i] =
			(struct snap_stack){.frames_len = ARRAY_LEN(frames), .frames = frames};
}

static void teardown(void)
{
	strbuf_free(&out);
	report_fixture_free(&fix);
}

static void with_notes(size_t len)
{
	fix.snap.notes = notes;
	fix.snap.notes_len = (uint32_t)len;
}

static const char *render(const char *format, unsigned columns)
{
	struct render_options opt = {.columns = columns, .ascii = true};
	struct err err = {0};

	strbuf_reset(&out);
	ck_assert_int_eq(render_by_name(format)->render(&fix.rep, &opt, &out, &err), 0);
	return strbuf_str(&out);
}

static json_t *render_json(void)
{
	json_error_t where;
	json_t *root = json_loads(render("json", 0), JSON_REJECT_DUPLICATES, &where);

	ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
	return root;
}

static const char *string_of(const json_t *object, const char *key)
{
	ck_assert_msg(json_is_string(json_object_get(object, key)), "no string %s", key);
	return json_string_value(json_object_get(object, key));
}

START_TEST(notes_in_json)
{
	json_t *root, *list;

	with_notes(_i);
	root = render_json();
	list = json_object_get(root, "notes");
	ck_assert(json_is_array(list));
	ck_assert_uint_eq(json_array_size(list), (size_t)_i);
	for (size_t i = 0; i < (size_t)_i; i++) {
		const json_t *note = json_array_get(list, i);

		ck_assert_str_eq(string_of(note, "note"), keys[i]);
		ck_assert_str_eq(string_of(note, "module"), notes[i].module);
		ck_assert_uint_gt(strlen(string_of(note, "meaning")), 10);
		ck_assert_uint_eq(json_object_size(note), 3);
	}
	json_decref(root);
}
END_TEST

START_TEST(every_note_has_its_own_words)
{
	for (unsigned i = 0; i < NOTE_COUNT; i++) {
		ck_assert_str_ne(note_name((enum note)i), "unknown");
		for (unsigned k = 0; k < i; k++) {
			ck_assert_str_ne(note_name((enum note)i), note_name((enum note)k));
			ck_assert_str_ne(note_meaning((enum note)i), note_meaning((enum note)k));
		}
	}
	ck_assert_str_eq(note_name(NOTE_COUNT), "unknown");
	ck_assert_str_eq(note_meaning(NOTE_COUNT), "unknown");
}
END_TEST

START_TEST(frames_in_json)
{
	json_t *root = render_json(), *list;

	list = json_object_get(json_array_get(json_object_get(root, "stacks"), 0), "frames");
	ck_assert_uint_eq(json_array_size(list), ARRAY_LEN(frames));
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		const json_t *frame = json_array_get(list, i);
		const char *file = frames[i].file;
		char address[32];

		snprintf(address, sizeof(address), "0x%lx", (unsigned long)frames[i].ip);
		ck_assert_str_eq(string_of(frame, "name"), frames[i].name);
		ck_assert_str_eq(string_of(frame, "file"), file);
		ck_assert_str_eq(string_of(frame, "address"), address);
		ck_assert_int_eq(json_integer_value(json_object_get(frame, "line")),
				 frames[i].line);
		ck_assert(json_is_boolean(json_object_get(frame, "inlined")));
		ck_assert_int_eq(json_is_true(json_object_get(frame, "inlined")),
				 frames[i].inlined);
	}
	json_decref(root);
}
END_TEST

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

START_TEST(no_notes_in_text)
{
	with_notes(0);
	ck_assert_uint_eq(count(render("text", 200), "note:"), 0);
}
END_TEST

/* The first four, and how many there are beyond. */
START_TEST(notes_in_text)
{
	const size_t len = (size_t)_i;
	const char *text;
	char more[32];

	with_notes(len);
	text = render("text", 250);
	ck_assert_uint_eq(count(text, "note: "), len < 4 ? len : 4);
	for (size_t i = 0; i < len; i++) {
		char line[512];

		snprintf(line, sizeof(line), "note: %s %.60s", notes[i].module,
			 note_meaning(notes[i].note));
		ck_assert_uint_eq(count(text, line), i < 4);
	}
	snprintf(more, sizeof(more), "(and %zu more)", len - 4);
	ck_assert_uint_eq(count(text, more), len > 4);
	ck_assert_uint_eq(count(text, " more)"), len > 4);
}
END_TEST

Suite *render_notes_suite(void)
{
	Suite *s = suite_create("render_notes");
	TCase *tc = tcase_create("notes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, notes_in_json, 0, (int)ARRAY_LEN(notes) + 1);
	tcase_add_test(tc, every_note_has_its_own_words);
	tcase_add_test(tc, frames_in_json);
	tcase_add_test(tc, no_notes_in_text);
	tcase_add_loop_test(tc, notes_in_text, 1, (int)ARRAY_LEN(notes) + 1);
	suite_add_tcase(s, tc);
	return s;
}
