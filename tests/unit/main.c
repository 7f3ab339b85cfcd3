// SPDX-License-Identifier: GPL-2.0-only
/* Runs every suite of suites.h. CK_RUN_SUITE=base_num picks one, CK_FORK=no eases debugging. */
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>

static Suite *(*const suites[])(void) = {
#define SUITE(name) name,
#include "tests/unit/suites.h"
};

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int run;
	int failed;

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run_all(runner, CK_NORMAL);
	run = srunner_ntests_run(runner);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (run == 0) {
		fprintf(stderr,
			"no test ran: does CK_RUN_SUITE or CK_RUN_CASE name one that exists?\n");
		return EXIT_FAILURE;
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
