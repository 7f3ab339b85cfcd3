// SPDX-License-Identifier: GPL-2.0-only
#include "render/json_parts.h"

#include "base/text.h"

#include <float.h>
#include <string.h>

json_t *jr_text_len(const char *bytes, size_t len)
{
	struct strbuf clean = {0};
	json_t *val;

	text_escape(&clean, bytes, len);
	val = clean.failed ? NULL : json_string(strbuf_str(&clean));
	strbuf_free(&clean);
	return val;
}

json_t *jr_text(const char *str)
{
	return jr_text_len(str, strlen(str));
}

json_t *jr_num(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *jr_tid(const struct snapshot *snap, uint32_t thread)
{
	return jr_num(thread < snap->threads_len ? snap->threads[thread].tid : 0);
}

json_t *jr_push(json_t *array, json_t *item)
{
	if (!json_array_append_new(array, item))
		return array;
	json_decref(array);
	return NULL;
}

json_t *jr_with(json_t *obj, const char *key, json_t *value)
{
	if (!json_object_set_new(obj, key, value))
		return obj;
	json_decref(obj);
	return NULL;
}

json_t *jr_joined(json_t *a, json_t *b)
{
	if (!a || !b || json_object_update(a, b)) {
		json_decref(a);
		a = NULL;
	}
	json_decref(b);
	return a;
}

json_t *jr_array(struct json_report *j, uint32_t len,
		 json_t *(*make)(struct json_report *, uint32_t))
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < len; i++)
		array = jr_push(array, make(j, i));
	return array;
}

json_t *jr_classes(const uint64_t *class_ns)
{
	json_t *obj = json_object();

	for (unsigned cls = 0; obj && cls < CLASS_COUNT; cls++)
		obj = jr_with(obj, time_class_name(cls), jr_num(class_ns[cls]));
	return obj;
}

json_t *jr_gain(double ratio, const char *bound, enum gain_limit limit)
{
	if (!(ratio > 0 && ratio <= DBL_MAX)) /* JSON has no infinity */
		return json_null();
	return json_pack("{s:f, s:o, s:o}", "ratio", ratio, "bound", jr_text(bound ? bound : ""),
			 "limited_by",
			 limit == LIMIT_NONE ? json_null() : jr_text(gain_limit_name(limit)));
}
