/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GOALLOC_KUNIT_SUITES_H
#define GOALLOC_KUNIT_SUITES_H

#include <kunit/test.h>

/* Also built in user space (tools/testing/userspace). */
extern struct kunit_suite goalloc_msize_suite;
extern struct kunit_suite goalloc_pagealloc_suite;
extern struct kunit_suite goalloc_pagealloc_random_suite;

/* In the kernel only. */
extern struct kunit_suite goalloc_malloc_suite;
extern struct kunit_suite goalloc_large_suite;
extern struct kunit_suite goalloc_realloc_suite;
extern struct kunit_suite goalloc_cache_suite;
extern struct kunit_suite goalloc_lifetime_suite;
extern struct kunit_suite goalloc_heap_suite;
extern struct kunit_suite goalloc_misuse_suite;
extern struct kunit_suite goalloc_misuse_calls_suite;
extern struct kunit_suite goalloc_races_suite;
extern struct kunit_suite goalloc_mheap_suite;
extern struct kunit_suite goalloc_context_suite;
extern struct kunit_suite goalloc_mcache_suite;
extern struct kunit_suite goalloc_debug_suite;
extern struct kunit_suite goalloc_reserve_suite;
extern struct kunit_suite goalloc_random_suite;
extern struct kunit_suite goalloc_stable_suite;
extern struct kunit_suite goalloc_guard_suite;
extern struct kunit_suite goalloc_hardening_suite;
extern struct kunit_suite goalloc_init_suite;
extern struct kunit_suite goalloc_gc_suite;
extern struct kunit_suite goalloc_gc_file_suite;
extern struct kunit_suite goalloc_gc_protocol_suite;
extern struct kunit_suite goalloc_gc_cycle_suite;
extern struct kunit_suite goalloc_leaks_suite;
extern struct kunit_suite goalloc_leaks_roots_suite;
extern struct kunit_suite goalloc_faults_suite;
extern struct kunit_suite goalloc_faults_gc_suite;
extern struct kunit_suite goalloc_faults_leaks_suite;

#endif /* GOALLOC_KUNIT_SUITES_H */
