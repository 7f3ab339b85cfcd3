// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/demangle.h"

#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

static const struct {
	const char *mangled, *plain;
} names[] = {
	{"main", "main"},
	{"", ""},
	{"_", "_"},
	{"_Z", "_Z"},
	{"_Znonsense", "_Znonsense"},
	{"_RNvXB_sC0_sbmcG_3bNavr", "_RNvXB_sC0_sbmcG_3bNavr"}, /* libiberty begins, with no text */
	{"_Z3fooi", "foo"},
	{"_ZN1a1bEv", "a::b"},
	{"_ZN1aIiE1bEv", "a<int>::b"},
	{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
	/* an identifier beyond ASCII (Rust RFC 2603) */
	{"_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
	 "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y"},
	{"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
};

START_TEST(names_are_as_in_the_source)
{
	char to[128];

	demangle(names[_i].mangled, to, sizeof(to));
	ck_assert_str_eq(to, names[_i].plain);
}
END_TEST

START_TEST(names_are_cut_to_any_size)
{
	for (size_t size = 1; size < 16; size++) {
		char to[17] = "????????????????";

		demangle("_ZN1aIiE1bEv", to, size);
		ck_assert_uint_eq(strlen(to), num_min_u64(size - 1, strlen("a<int>::b")));
		ck_assert_int_eq(strncmp(to, "a<int>::b", size - 1), 0);
		ck_assert(to[size] == '?');
	}
}
END_TEST

/* f<A<int, int>, A<A<int, int>, A<int, int> >, ..>: each argument holds the one before twice. */
START_TEST(doubled_parts_do_not_explode)
{
	static const char start[] = "f<A<int, int>, A<A<int, int>, A<int, int> >, A<A<A<int, int>,";
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[1024], to[256];
	int len = snprintf(name, sizeof(name), "_Z1fI1AIiiE");

	for (size_t i = 1; i < strlen(digits); i++)
		len += snprintf(name + len, sizeof(name) - (size_t)len, "S0_IS%c_S%c_E", digits[i],
				digits[i]);
	snprintf(name + len, sizeof(name) - (size_t)len, "EvT_");
	demangle(name, to, sizeof(to));
	ck_assert_uint_eq(strlen(to), sizeof(to) - 1);
	ck_assert_int_eq(strncmp(to, start, strlen(start)), 0);
}
END_TEST

Suite *symbol_demangle_suite(void)
{
	Suite *s = suite_create("symbol_demangle");
	TCase *tc = tcase_create("demangle");

	tcase_add_loop_test(tc, names_are_as_in_the_source, 0, (int)ARRAY_LEN(names));
	tcase_add_test(tc, names_are_cut_to_any_size);
	tcase_add_test(tc, doubled_parts_do_not_explode);
	suite_add_tcase(s, tc);
	return s;
}
