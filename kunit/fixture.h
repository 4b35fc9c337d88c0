/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites that test a running goalloc share: heaps and caches that go
 * with their test, where it runs, and what the kernel log said meanwhile.
 */
#ifndef GOALLOC_KUNIT_FIXTURE_H
#define GOALLOC_KUNIT_FIXTURE_H

#include <kunit/test.h>
#include <linux/goalloc.h>

#include "../goalloc_mod/goalloc_internal.h"

/* Something no compiler knows anything about. */
static __always_inline void *hide(const void *p)
{
	unsigned long addr = (unsigned long)p;

	OPTIMIZER_HIDE_VAR(addr);
	return (void *)addr;
}

struct goalloc_heap *test_heap(struct kunit *test, const char *name);
void test_heap_forget(struct kunit *test, struct goalloc_heap *heap);
struct goalloc_cache *test_cache(struct kunit *test, const char *name, unsigned int size,
				 const struct goalloc_cache_args *args, unsigned long flags);
void test_cache_forget(struct kunit *test, struct goalloc_cache *cache);

u64 heap_live(struct goalloc_heap *heap);
unsigned int pin(struct kunit *test);
void in_address_order(struct kunit *test);
unsigned int other_cpu(struct kunit *test);
void on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg);
void in_a_hardirq(void (*fn)(void *arg), void *arg);
void wait_for_pages(struct kunit *test);
void expect_recount(struct kunit *test);
void __user *user_page(struct kunit *test);

/*
 * The lines that the log gets from log_watch() on, as far as goalloc printed
 * them, or KASAN the first of its report; nothing on a kernel without the console's tracepoint.
 */
void log_watch(struct kunit *test);
bool log_usable(void);
bool log_has(const char *text);

#endif /* GOALLOC_KUNIT_FIXTURE_H */
