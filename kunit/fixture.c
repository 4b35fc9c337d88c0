// SPDX-License-Identifier: GPL-2.0
/*
 * The suites' fixtures; see fixture.h.
 */
#include <kunit/test-bug.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <trace/events/printk.h>

#include "../goalloc_mod/mstats.h"
#include "fixture.h"

u64 heap_live(struct goalloc_heap *heap)
{
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(heap, &stats);
	return stats.live_objects;
}

/* What a test has made must be empty when it ends: a test that fails says so too. */
static void destroy_heap(void *ctx)
{
	struct goalloc_heap *heap = ctx;

	KUNIT_EXPECT_EQ_MSG(kunit_get_current_test(), heap_live(heap), 0ULL, "heap %s",
			    goalloc_heap_name(heap));
	goalloc_heap_destroy(heap);
}

/* A heap that is destroyed when the test is over. */
struct goalloc_heap *test_heap(struct kunit *test, const char *name)
{
	struct goalloc_heap *heap = goalloc_heap_create(name, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_heap, heap), 0);
	return heap;
}
EXPORT_SYMBOL_FOR_TEST(test_heap);

/* The test destroys it by itself. */
void test_heap_forget(struct kunit *test, struct goalloc_heap *heap)
{
	kunit_remove_action(test, destroy_heap, heap);
}

static void destroy_cache(void *ctx)
{
	goalloc_cache_destroy(ctx);
}

/* A cache that is destroyed when the test is over; its heap's check finds what it held. */
struct goalloc_cache *test_cache(struct kunit *test, const char *name, unsigned int size,
				 const struct goalloc_cache_args *args, unsigned long flags)
{
	struct goalloc_cache *cache = goalloc_cache_create(name, size, args, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_cache, cache), 0);
	return cache;
}
EXPORT_SYMBOL_FOR_TEST(test_cache);

void test_cache_forget(struct kunit *test, struct goalloc_cache *cache)
{
	kunit_remove_action(test, destroy_cache, cache);
}

/* Stay on the first CPU, the one that never goes, until the test and its thread end. */
unsigned int pin(struct kunit *test)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
	return cpu;
}

static void in_any_order(void *ctx)
{
	random_slots = true;
}

/* For a test that says which slot comes next: whatever the parameter says, until it ends. */
void in_address_order(struct kunit *test)
{
	if (!random_slots)
		return;
	random_slots = false;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, in_any_order, NULL), 0);
}

/* A CPU that is not the one the test is pinned to. */
unsigned int other_cpu(struct kunit *test)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");
	return cpu;
}

/* In an interrupt there. */
void on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	smp_call_function_single(cpu, fn, arg, 1);
}

struct hardirq_call {
	struct irq_work work;
	void (*fn)(void *arg);
	void *arg;
};

static void hardirq_call_fn(struct irq_work *work)
{
	struct hardirq_call *call = container_of(work, struct hardirq_call, work);

	call->fn(call->arg);
}

/* On this CPU, in a real hardirq, which smp_call_function_single() would not take. */
void in_a_hardirq(void (*fn)(void *arg), void *arg)
{
	struct hardirq_call call = {
		.work = IRQ_WORK_INIT_HARD(hardirq_call_fn),
		.fn = fn,
		.arg = arg,
	};

	irq_work_queue(&call.work);
	irq_work_sync(&call.work);
}

static bool pages_settled(void)
{
	unsigned long low = (unsigned long)low_mb << (20 - GOALLOC_PAGE_SHIFT);

	return !READ_ONCE(mheap.pages_parked) && READ_ONCE(mheap.pages.nfree) >= low;
}

/* Until the workers have nothing to do: what counts pages, or wants some again, needs that. */
void wait_for_pages(struct kunit *test)
{
	int i;

	for (i = 0; i < 500 && !pages_settled(); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, pages_settled());
}

/* What the mheap has counted is what is there, page by page. */
void expect_recount(struct kunit *test)
{
	struct mheap_snapshot before, count, after;
	bool ok = false;
	int i, kind;

	/* The reaper and the service worker may be at it yet. */
	for (i = 0; i < 100; i++) {
		mheap_snapshot(&before);
		ok = mheap_recount(&count);
		mheap_snapshot(&after);
		if (!memcmp(&before, &after, sizeof(before)))
			break;
		msleep(20);
	}
	KUNIT_ASSERT_LT(test, i, 100);
	KUNIT_EXPECT_TRUE(test, ok);
	KUNIT_EXPECT_EQ(test, count.sys, after.sys);
	KUNIT_EXPECT_EQ(test, count.small, after.small);
	KUNIT_EXPECT_EQ(test, count.large, after.large);
	KUNIT_EXPECT_EQ(test, count.parked, after.parked);
	KUNIT_EXPECT_EQ(test, count.free, after.free);
	KUNIT_EXPECT_EQ(test, count.narenas, after.narenas);
	for (kind = 0; kind < MSPANBITS_KINDS; kind++)
		KUNIT_EXPECT_EQ(test, count.nbits_used[kind], after.nbits_used[kind]);
	KUNIT_EXPECT_EQ(test, after.sys, after.small + after.large + after.parked + after.free);
}

/* A page of user memory that is there. */
void __user *user_page(struct kunit *test)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, addr, 0UL);
	KUNIT_ASSERT_LT(test, addr, (unsigned long)TASK_SIZE);
	return (void __user *)addr;
}

static struct {
	raw_spinlock_t lock;
	bool usable;
	unsigned int len;
	char text[4096];
} observed = { .lock = __RAW_SPIN_LOCK_UNLOCKED(observed.lock) };

static void probe_console(void *ignore, const char *buf, size_t len)
{
	unsigned long flags;

	if (!strnstr(buf, "goalloc: ", len) && !strnstr(buf, "BUG: KASAN: ", len) &&
	    !strnstr(buf, " of size ", len))
		return;
	raw_spin_lock_irqsave(&observed.lock, flags);
	len = min(len, sizeof(observed.text) - 1 - observed.len);
	memcpy(observed.text + observed.len, buf, len);
	observed.len += len;
	observed.text[observed.len] = '\0';
	raw_spin_unlock_irqrestore(&observed.lock, flags);
}

static void log_unwatch(void *ctx)
{
	unregister_trace_console(probe_console, NULL);
	tracepoint_synchronize_unregister();
	observed.usable = false;
}

void log_watch(struct kunit *test)
{
	observed.len = 0;
	observed.text[0] = '\0';
	if (observed.usable)
		return;
	observed.usable = !register_trace_console(probe_console, NULL);
	if (observed.usable)
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, log_unwatch, NULL), 0);
}
EXPORT_SYMBOL_FOR_TEST(log_watch);

bool log_usable(void)
{
	return observed.usable;
}
EXPORT_SYMBOL_FOR_TEST(log_usable);

bool log_has(const char *text)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&observed.lock, flags);
	found = strstr(observed.text, text);
	raw_spin_unlock_irqrestore(&observed.lock, flags);
	return found;
}
EXPORT_SYMBOL_FOR_TEST(log_has);
