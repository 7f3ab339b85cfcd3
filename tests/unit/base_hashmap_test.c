// SPDX-License-Identifier: GPL-2.0-only
#include "base/hashmap.h"

#include "tests/unit/suites.h"

struct key {
	uint64_t address;
	uint32_t tgid;
} __attribute__((packed));

START_TEST(empty_map_has_nothing)
{
	struct hashmap map;
	uint64_t key = 1;

	hashmap_init(&map, sizeof(key));
	ck_assert_ptr_null(hashmap_get(&map, &key));
	ck_assert_uint_eq(map.len, 0);
	hashmap_free(&map);
	hashmap_free(NULL);
}
END_TEST

START_TEST(many_keys_are_found_again)
{
	struct hashmap map;
	bool added;

	hashmap_init(&map, sizeof(struct key));
	for (uint32_t i = 0; i < 20000; i++) {
		struct key key = {.address = 0x7f0000000000ULL + i * 40ULL, .tgid = i % 3};
		uint32_t *value = hashmap_put(&map, &key, i, &added);

		ck_assert_ptr_nonnull(value);
		ck_assert(added);
		ck_assert_uint_eq(*value, i);
	}
	ck_assert_uint_eq(map.len, 20000);
	ck_assert_uint_gt(map.cap, map.len);
	for (uint32_t i = 0; i < 20000; i++) {
		struct key key = {.address = 0x7f0000000000ULL + i * 40ULL, .tgid = i % 3};
		struct key other = {.address = key.address, .tgid = 3};
		uint32_t *value = hashmap_get(&map, &key);

		ck_assert_ptr_nonnull(value);
		ck_assert_uint_eq(*value, i);
		ck_assert_ptr_null(hashmap_get(&map, &other));
	}
	hashmap_free(&map);
	ck_assert_uint_eq(map.len, 0);
}
END_TEST

START_TEST(second_put_keeps_the_first_value)
{
	struct hashmap map;
	unsigned char key = 0; /* all zero bytes, like a free slot */
	bool added = false;
	uint32_t *value;

	hashmap_init(&map, 1);
	ck_assert_ptr_nonnull(hashmap_put(&map, &key, 5, &added));
	ck_assert(added);
	value = hashmap_put(&map, &key, 6, &added);
	ck_assert_ptr_nonnull(value);
	ck_assert(!added);
	ck_assert_uint_eq(*value, 5);
	*value = 7;
	ck_assert_uint_eq(*hashmap_put(&map, &key, 8, NULL), 7);
	ck_assert_uint_eq(map.len, 1);
	hashmap_free(&map);
}
END_TEST

/* A full set of keys must leave free slots, or a search for a missing key would not end. */
START_TEST(every_one_byte_key_fits)
{
	struct hashmap map;

	hashmap_init(&map, 1);
	for (unsigned i = 0; i < 256; i++) {
		unsigned char key = (unsigned char)i;

		ck_assert_ptr_nonnull(hashmap_put(&map, &key, i, NULL));
		ck_assert_uint_lt(map.len, map.cap);
	}
	for (unsigned i = 0; i < 256; i++) {
		unsigned char key = (unsigned char)i;

		ck_assert_uint_eq(*hashmap_get(&map, &key), i);
	}
	hashmap_free(&map);
}
END_TEST

START_TEST(usable_again_after_free)
{
	struct hashmap map;
	uint64_t key = 9;

	hashmap_init(&map, sizeof(key));
	ck_assert_ptr_nonnull(hashmap_put(&map, &key, 1, NULL));
	hashmap_free(&map);
	ck_assert_ptr_null(hashmap_get(&map, &key));
	ck_assert_ptr_nonnull(hashmap_put(&map, &key, 2, NULL));
	ck_assert_uint_eq(*hashmap_get(&map, &key), 2);
	hashmap_free(&map);
}
END_TEST

/* Computed apart from this code, in Python, from the published FNV-1a and fmix64. */
START_TEST(hash_matches_its_definition)
{
	ck_assert_uint_eq(hash_bytes("", 0), 0xefd01f60ba992926ULL);
	ck_assert_uint_eq(hash_bytes("a", 1), 0x82a2a958a9bece5bULL);
	ck_assert_uint_eq(hash_bytes("foobar", 6), 0x2c22194922d1672bULL);
	ck_assert_uint_eq(hash_bytes("\0", 1), 0xb9034ad37056f5fbULL);
}
END_TEST

Suite *base_hashmap_suite(void)
{
	Suite *suite = suite_create("base_hashmap");
	TCase *tc = tcase_create("hashmap");

	tcase_add_test(tc, empty_map_has_nothing);
	tcase_add_test(tc, many_keys_are_found_again);
	tcase_add_test(tc, second_put_keeps_the_first_value);
	tcase_add_test(tc, every_one_byte_key_fits);
	tcase_add_test(tc, usable_again_after_free);
	tcase_add_test(tc, hash_matches_its_definition);
	suite_add_tcase(suite, tc);
	return suite;
}
