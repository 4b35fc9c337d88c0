// SPDX-License-Identifier: GPL-2.0
/*
 * The suites of kunit/ that run in user space as well.
 */
#include "../../../kunit/suites.h"

kunit_test_suites(&goalloc_msize_suite, &goalloc_pagealloc_suite,
		  &goalloc_pagealloc_random_suite);
