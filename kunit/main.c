// SPDX-License-Identifier: GPL-2.0
/*
 * The KUnit suites of goalloc, as a module.
 */
#include <linux/module.h>

#include "../goalloc_mod/compat.h"
#include "suites.h"

kunit_test_suites(&goalloc_msize_suite,
		  &goalloc_pagealloc_suite,
		  &goalloc_pagealloc_random_suite,
		  &goalloc_malloc_suite,
		  &goalloc_large_suite,
		  &goalloc_realloc_suite,
		  &goalloc_cache_suite,
		  &goalloc_lifetime_suite,
		  &goalloc_heap_suite,
		  &goalloc_misuse_suite,
		  &goalloc_misuse_calls_suite,
		  &goalloc_races_suite,
		  &goalloc_mheap_suite,
		  &goalloc_context_suite,
		  &goalloc_mcache_suite,
		  &goalloc_debug_suite,
		  &goalloc_reserve_suite,
		  &goalloc_random_suite,
		  &goalloc_stable_suite,
		  &goalloc_guard_suite,
		  &goalloc_hardening_suite,
		  &goalloc_init_suite,
		  &goalloc_gc_suite,
		  &goalloc_gc_file_suite,
		  &goalloc_gc_protocol_suite,
		  &goalloc_gc_cycle_suite,
		  &goalloc_leaks_suite,
		  &goalloc_leaks_roots_suite,
		  &goalloc_faults_suite,
		  &goalloc_faults_gc_suite,
		  &goalloc_faults_leaks_suite);

MODULE_DESCRIPTION("KUnit suites of goalloc");
MODULE_LICENSE("GPL");
GOALLOC_IMPORT_FOR_TEST();
