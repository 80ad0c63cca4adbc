/*
 * suite.h - what every program of tests begins and ends with
 */
#ifndef FLOODGATE_TESTS_SUITE_H
#define FLOODGATE_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Run it as the environment says, and free it: what main() returns. */
static inline int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
