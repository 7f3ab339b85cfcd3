// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/json_schema.h"

#include "base/num.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

typedef int check(struct json_schema *s, const json_t *rule, const json_t *schema,
		  const json_t *val);

static int all(struct json_schema *s, const json_t *schema, const json_t *val, const char *key)
{
	size_t len = strlen(s->where);
	int ok;

	snprintf(s->where + len, sizeof(s->where) - len, ".%s", key);
	ok = json_schema_obeys(s, schema, val);
	if (ok)
		s->where[len] = '\0';
	return ok;
}

static int check_ref(struct json_schema *s, const json_t *rule, const json_t *schema,
		     const json_t *val)
{
	static const char begin[] = "#/$defs/";
	const char *name = json_string_value(rule);
	const json_t *to = NULL;

	(void)schema;
	if (!strncmp(name, begin, sizeof(begin) - 1))
		to = json_object_get(json_object_get(s->root, "$defs"), name + sizeof(begin) - 1);
	return to && json_schema_obeys(s, to, val);
}

static int check_type(struct json_schema *s, const json_t *rule, const json_t *schema,
		      const json_t *val)
{
	const char *type = json_string_value(rule);

	for (size_t i = 0; i < json_array_size(rule); i++)
		if (check_type(s, json_array_get(rule, i), schema, val))
			return 1;
	if (!type)
		return 0;
	return (!strcmp(type, "object") && json_is_object(val)) ||
	       (!strcmp(type, "array") && json_is_array(val)) ||
	       (!strcmp(type, "string") && json_is_string(val)) ||
	       (!strcmp(type, "integer") && json_is_integer(val)) ||
	       (!strcmp(type, "number") && json_is_number(val)) ||
	       (!strcmp(type, "boolean") && json_is_boolean(val)) ||
	       (!strcmp(type, "null") && json_is_null(val));
}

static int check_const(struct json_schema *s, const json_t *rule, const json_t *schema,
		       const json_t *val)
{
	(void)s;
	(void)schema;
	return json_equal(rule, val);
}

static int check_enum(struct json_schema *s, const json_t *rule, const json_t *schema,
		      const json_t *val)
{
	(void)s;
	(void)schema;
	for (size_t i = 0; i < json_array_size(rule); i++)
		if (json_equal(json_array_get(rule, i), val))
			return 1;
	return 0;
}

static int check_one_of(struct json_schema *s, const json_t *rule, const json_t *schema,
			const json_t *val)
{
	int obeyed = 0;

	(void)schema;
	for (size_t i = 0; i < json_array_size(rule); i++) {
		struct json_schema each = {.root = s->root};

		obeyed += json_schema_obeys(&each, json_array_get(rule, i), val);
	}
	return obeyed == 1;
}

static int check_required(struct json_schema *s, const json_t *rule, const json_t *schema,
			  const json_t *val)
{
	(void)schema;
	for (size_t i = 0; json_is_object(val) && i < json_array_size(rule); i++) {
		const char *key = json_string_value(json_array_get(rule, i));

		if (json_object_get(val, key))
			continue;
		snprintf(s->what, sizeof(s->what), "required %s", key);
		return 0;
	}
	return 1;
}

/* Names what is there; a key that the schema does not have breaks no reader, but is not told. */
static int check_properties(struct json_schema *s, const json_t *rule, const json_t *schema,
			    const json_t *val)
{
	const char *key;
	json_t *member;

	if (!json_is_object(val))
		return 1;
	json_object_foreach((json_t *)val, key, member)
	{
		const json_t *of = json_object_get(rule, key);

		if (!of && json_object_get(schema, "additionalProperties"))
			continue;
		if (!of)
			snprintf(s->what, sizeof(s->what), "%s is not in the schema", key);
		if (!of || !all(s, of, member, key))
			return 0;
	}
	return 1;
}

static int check_additional(struct json_schema *s, const json_t *rule, const json_t *schema,
			    const json_t *val)
{
	const json_t *known = json_object_get(schema, "properties");
	const char *key;
	json_t *member;

	if (!json_is_object(val))
		return 1;
	json_object_foreach((json_t *)val, key, member) if (!json_object_get(known, key) &&
							    !all(s, rule, member, key)) return 0;
	return 1;
}

static int check_names(struct json_schema *s, const json_t *rule, const json_t *schema,
		       const json_t *val)
{
	const char *key;
	json_t *member;

	(void)schema;
	if (!json_is_object(val))
		return 1;
	json_object_foreach((json_t *)val, key, member)
	{
		json_t *name = json_string(key);
		int ok = json_schema_obeys(s, rule, name);

		json_decref(name);
		if (!ok)
			return 0;
	}
	return 1;
}

static int check_items(struct json_schema *s, const json_t *rule, const json_t *schema,
		       const json_t *val)
{
	char index[24];

	(void)schema;
	for (size_t i = 0; i < json_array_size(val); i++) {
		snprintf(index, sizeof(index), "%zu", i);
		if (!all(s, rule, json_array_get(val, i), index))
			return 0;
	}
	return 1;
}

static int check_max_items(struct json_schema *s, const json_t *rule, const json_t *schema,
			   const json_t *val)
{
	(void)s;
	(void)schema;
	return json_array_size(val) <= (size_t)json_integer_value(rule);
}

static int check_unique(struct json_schema *s, const json_t *rule, const json_t *schema,
			const json_t *val)
{
	(void)s;
	(void)schema;
	for (size_t i = 0; json_is_true(rule) && i < json_array_size(val); i++)
		for (size_t k = 0; k < i; k++)
			if (json_equal(json_array_get(val, i), json_array_get(val, k)))
				return 0;
	return 1;
}

static int check_minimum(struct json_schema *s, const json_t *rule, const json_t *schema,
			 const json_t *val)
{
	(void)s;
	(void)schema;
	return !json_is_number(val) || json_number_value(val) >= json_number_value(rule);
}

static int check_above(struct json_schema *s, const json_t *rule, const json_t *schema,
		       const json_t *val)
{
	(void)s;
	(void)schema;
	return !json_is_number(val) || json_number_value(val) > json_number_value(rule);
}

static int check_min_length(struct json_schema *s, const json_t *rule, const json_t *schema,
			    const json_t *val)
{
	(void)s;
	(void)schema;
	return !json_is_string(val) || json_string_length(val) >= (size_t)json_integer_value(rule);
}

static int check_pattern(struct json_schema *s, const json_t *rule, const json_t *schema,
			 const json_t *val)
{
	regex_t regex;
	int found;

	(void)s;
	(void)schema;
	if (!json_is_string(val))
		return 1;
	if (regcomp(&regex, json_string_value(rule), REG_EXTENDED | REG_NOSUB))
		return 0;
	found = !regexec(&regex, json_string_value(val), 0, NULL, 0);
	regfree(&regex);
	return found;
}

static int says_nothing(struct json_schema *s, const json_t *rule, const json_t *schema,
			const json_t *val)
{
	(void)s;
	(void)rule;
	(void)schema;
	(void)val;
	return 1;
}

static const struct {
	const char *keyword;
	check *check;
} keywords[] = {
	{"$schema", says_nothing},
	{"$id", says_nothing},
	{"$defs", says_nothing},
	{"title", says_nothing},
	{"description", says_nothing},
	{"$ref", check_ref},
	{"type", check_type},
	{"const", check_const},
	{"enum", check_enum},
	{"oneOf", check_one_of},
	{"required", check_required},
	{"properties", check_properties},
	{"additionalProperties", check_additional},
	{"propertyNames", check_names},
	{"items", check_items},
	{"maxItems", check_max_items},
	{"uniqueItems", check_unique},
	{"minimum", check_minimum},
	{"exclusiveMinimum", check_above},
	{"minLength", check_min_length},
	{"pattern", check_pattern},
};

int json_schema_obeys(struct json_schema *s, const json_t *schema, const json_t *val)
{
	const char *keyword;
	json_t *rule;

	json_object_foreach((json_t *)schema, keyword, rule)
	{
		size_t i = 0;

		while (i < ARRAY_LEN(keywords) && strcmp(keywords[i].keyword, keyword) != 0)
			i++;
		if (i < ARRAY_LEN(keywords) && keywords[i].check(s, rule, schema, val))
			continue;
		if (!s->what[0])
			snprintf(s->what, sizeof(s->what), "%s%s", keyword,
				 i < ARRAY_LEN(keywords) ? "" : " is not known");
		return 0;
	}
	return 1;
}
