// SPDX-License-Identifier: GPL-2.0-only
#include "cli/deliver.h"

#include "base/num.h"
#include "render/render.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char dir[64];
static int errors, printed; /* what came to standard error and standard output */

static void setup(void)
{
	strcpy(dir, "/tmp/cli_deliver_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	errors = memfd_create("errors", 0);
	printed = memfd_create("printed", 0);
	ck_assert_int_ge(errors, 0);
	ck_assert_int_ge(printed, 0);
}

static void teardown(void)
{
	rmdir(dir);
	close(errors);
	close(printed);
}

static const struct {
	size_t files;
	const char *format;
	bool terminal; /* is standard error one? */
	unsigned told; /* lines that tell of files */
} deliveries[] = {
	{2, NULL, false, 2}, {2, NULL, true, 2},   {2, "json", false, 0}, {2, "json", true, 2},
	{0, NULL, true, 0},  {0, "json", true, 0}, {1, NULL, false, 1},
};

/* Finish a run with these outputs; messages go to `errors`, as what is printed goes to `printed`.
 */
static void deliver(size_t files, const char *format, bool terminal, char paths[][128])
{
	struct output_option outputs[2] = {{0}};
	struct options opt = {.outputs = outputs,
			      .outputs_len = files,
			      .format = format ? render_by_name(format) : NULL};
	const struct cli_env env = {.out_fd = printed, .progress = terminal};
	struct model *model = feed_begin();
	struct delivery *d = NULL;
	struct err err = {0};
	int saved = dup(STDERR_FILENO), rc;

	for (size_t i = 0; i < files; i++)
		outputs[i] = (struct output_option){.path = paths[i],
						    .format = render_by_path(paths[i])};
	FEED(model, RECORD_SLICE, .slice = {.end_ns = FEED_START + NS_PER_S});
	ck_assert_int_eq(delivery_open(&opt, &d, &err), 0);
	dup2(errors, STDERR_FILENO);
	rc = delivery_finish(d, model, &env, &err);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ck_assert_msg(rc == 0, "%s", err.msg);
	delivery_free(d);
	model_free(model);
}

START_TEST(files_are_told)
{
	char paths[2][128], want[512] = "", got[512] = "";
	size_t files = deliveries[_i].files;

	snprintf(paths[0], sizeof(paths[0]), "%s/a.txt", dir);
	snprintf(paths[1], sizeof(paths[1]), "%s/b.json", dir);
	deliver(files, deliveries[_i].format, deliveries[_i].terminal, paths);
	for (size_t i = 0; i < deliveries[_i].told; i++)
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "concprof: wrote %s\n",
			 paths[i]);
	ck_assert_int_ge(pread(errors, got, sizeof(got) - 1, 0), 0);
	ck_assert_str_eq(got, want);
	ck_assert((lseek(printed, 0, SEEK_END) > 0) == (!files || deliveries[_i].format));
	for (size_t i = 0; i < files; i++)
		ck_assert_int_eq(unlink(paths[i]), 0);
}
END_TEST

Suite *cli_deliver_suite(void)
{
	Suite *suite = suite_create("cli_deliver");
	TCase *tc = tcase_create("deliver");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, files_are_told, 0, ARRAY_LEN(deliveries));
	suite_add_tcase(suite, tc);
	return suite;
}
