// SPDX-License-Identifier: GPL-2.0
/*
 * Saying what went wrong: misuse, leaks, lack of memory; and what is known of
 * an address.
 *
 * A misuse is counted each time, and printed once for each kind and caller: a
 * driver that frees twice in a loop must not drown the log. Nothing here is
 * called with a lock held, except report_late(), which leaves the printing to
 * an irq_work.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hash.h>
#include <linux/panic.h>
#include <linux/ratelimit.h>
#include <linux/stringhash.h>

#include "debug.h"
#include "malloc.h"

#define SITES_SHIFT 8

static unsigned long sites[1 << SITES_SHIFT]; /* callers and kinds; 0 is none */

static const struct {
	const char *name; /* in debugfs */
	const char *text; /* in the log */
} misuses[MISUSE_NR] = {
	[MISUSE_DOUBLE_FREE] = { "double_free", "double free" },
	[MISUSE_LATE_DOUBLE_FREE] = { "late_double_free", "two frees at the same time" },
	[MISUSE_FREE_RCU_PENDING] = { "rcu_pending", "second free within a grace period" },
	[MISUSE_INTERIOR] = { "interior", "not the start of an object" },
	[MISUSE_FOREIGN] = { "foreign", "not goalloc's memory" },
	[MISUSE_DEAD] = { "dead", "no objects there, or no longer" },
	[MISUSE_WRONG_CACHE] = { "wrong_cache", "object is not of cache" },
	[MISUSE_WRONG_HEAP] = { "wrong_heap", "object is not of heap" },
	[MISUSE_BAD_GFP] = { "bad_gfp", "GFP flags that cannot be served" },
	[MISUSE_USERCOPY] = { "usercopy", "user copy beyond an object's bounds" },
	[MISUSE_REALLOC] = { "realloc", "realloc of a named cache's object" },
	[MISUSE_OVERFLOW] = { "overflow", "written to behind an object" },
	[MISUSE_USE_AFTER_FREE] = { "use_after_free", "written to after its free" },
	[MISUSE_WRONG_RESERVE] = { "wrong_reserve", "object is not of the reserve's kind" },
	[MISUSE_OVERRUN] = { "overrun", "write beyond the objects of a span" },
};

/* As debugfs prints it. */
const char *misuse_name(enum goalloc_misuse kind)
{
	return misuses[kind].name;
}
EXPORT_SYMBOL_FOR_TEST(misuse_name);

/* Whether this kind of misuse was not seen from this caller before. */
static bool new_site(enum goalloc_misuse kind, unsigned long ip)
{
	unsigned long key = hash_long(ip, BITS_PER_LONG) + kind + 1;
	unsigned int i, first = hash_long(key, SITES_SHIFT);

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		unsigned long *site = &sites[(first + i) % ARRAY_SIZE(sites)];
		unsigned long old = READ_ONCE(*site);

		if (!old)
			old = cmpxchg(site, 0, key);
		if (!old)
			return true;
		if (old == key)
			return false;
	}
	pr_err_once("misuse by more than %zu callers: further ones are only counted\n",
		    ARRAY_SIZE(sites));
	return false;
}

static void count(enum goalloc_misuse kind, struct goalloc_heap *heap, unsigned int n)
{
	atomic_long_add(n, &mheap.misuse[kind]);
	if (heap)
		atomic_long_add(n, &heap->misuse[kind]);
}

/* What can be said of an address in a span, in words. Preemption is off. */
static void describe_in(const struct mspan *span, unsigned long addr, char *buf, size_t size)
{
	const struct heap_arena *arena = arena_of(addr);
	const struct mcentral *central = span->central;
	unsigned long off = addr - span->base;
	u32 slot = mul_u64_u32_shr(off, span->divmul, 32);
	int n;

	n = scnprintf(buf, size, "heap %s, ", central->heap->name);
	if (central->cache)
		n += scnprintf(buf + n, size - n, "cache %s, ", central->cache->name);
	n += scnprintf(buf + n, size - n, "arena %u page %lu, ", arena->nr,
		       (span->base - arena->base) >> GOALLOC_PAGE_SHIFT);
	if (!span->elemsize)
		scnprintf(buf + n, size - n, "large, %zu bytes, offset %lu",
			  mspan_large_bytes(span), off);
	else if (slot >= span->nelems)
		scnprintf(buf + n, size - n, "behind the last of %u slots of %u bytes",
			  span->nelems, span->elemsize);
	else
		scnprintf(buf + n, size - n, "slot %u of %u, %u bytes, offset %lu", slot,
			  span->nelems, span->elemsize, off % span->elemsize);
}

/* The same of any address; @buf is returned. Preemption is off. */
static const char *describe(unsigned long addr, char *buf, size_t size,
			    struct goalloc_heap **heapp)
{
	struct heap_arena *arena;
	struct mspan *span;

	*heapp = NULL;
	arena = arena_of(addr);
	span = span_containing(addr);
	if (!arena) {
		snprintf(buf, size, "outside of all arenas");
	} else if (!span) {
		snprintf(buf, size, "free page %lu of arena %u",
			 (addr - arena->base) >> GOALLOC_PAGE_SHIFT, arena->nr);
	} else {
		*heapp = span->central->heap;
		describe_in(span, addr, buf, size);
	}
	return buf;
}

/**
 * report_misuse() - count a misuse, and print it unless this caller's was
 * @kind: what it is
 * @addr: the pointer in question, or NULL
 * @expected: the heap or cache that was named in the call, by @kind, or NULL
 * @ip: the caller
 *
 * Context: any; no lock held.
 */
void report_misuse(enum goalloc_misuse kind, const void *addr, const void *expected,
		   unsigned long ip)
{
	const struct goalloc_cache *cache = expected;
	struct goalloc_heap *heap;
	char where[200];
	const char *to = "";

	if (expected && (kind == MISUSE_WRONG_CACHE || kind == MISUSE_BAD_GFP))
		to = cache->name;
	else if (expected && kind == MISUSE_WRONG_HEAP)
		to = ((const struct goalloc_heap *)expected)->name;
	else if (kind == MISUSE_WRONG_HEAP)
		to = "NULL";

	/* The heap that @addr is in stays for as long. */
	preempt_disable();
	describe((unsigned long)addr, where, sizeof(where), &heap);
	if (kind == MISUSE_BAD_GFP && cache)
		heap = cache->central.heap;
	count(kind, heap, 1);
	preempt_enable();
	if (!addr)
		strscpy(where, "no object", sizeof(where));

	if (new_site(kind, ip)) {
		atomic_long_inc(&mheap.reports);
		pr_err("misuse: %s%s%s: %p (%s), by %pS; refused\n", misuses[kind].text,
		       *to ? " " : "", to, addr, where, (void *)ip);
		goalloc_dump_stack();
		debug_print((unsigned long)addr);
	}
	if (panic_on_corruption && kind != MISUSE_BAD_GFP)
		panic("goalloc: %s\n", misuse_name(kind));
}

/**
 * report_damage() - count an object whose bytes are not as they were left
 * @kind: what that means
 * @obj: the object, live or free, under debugging
 * @offset: of the first such byte
 * @byte: which is there
 * @ip: who made us look, or 0
 *
 * Printed unless the same was seen by this caller.
 *
 * Context: any; no lock held.
 */
void report_damage(enum goalloc_misuse kind, const void *obj, size_t offset, u8 byte,
		   unsigned long ip)
{
	struct goalloc_heap *heap;
	char where[200];

	preempt_disable();
	describe((unsigned long)obj, where, sizeof(where), &heap);
	count(kind, heap, 1);
	preempt_enable();

	if (!ip || new_site(kind, ip)) {
		atomic_long_inc(&mheap.reports);
		pr_err("misuse: %s: %p (%s), byte %zu is %02x, seen by %pS\n",
		       misuses[kind].text, obj, where, offset, byte, (void *)(ip ?: _RET_IP_));
		goalloc_dump_stack();
		debug_print((unsigned long)obj);
	}
	if (panic_on_corruption)
		panic("goalloc: %s\n", misuse_name(kind));
}

/* The latest late report, until it is printed; further ones are only counted. */
static struct {
	int taken;
	unsigned long addr;
	unsigned int objects;
	struct irq_work work;
} late;

static void print_late(struct irq_work *work)
{
	struct goalloc_heap *heap;
	char where[200];

	atomic_long_inc(&mheap.reports);
	preempt_disable();
	describe(late.addr, where, sizeof(where), &heap);
	preempt_enable();
	pr_err("misuse: %s: %p (%s), %u objects so; freed once\n",
	       misuses[MISUSE_LATE_DOUBLE_FREE].text, (void *)late.addr, where, late.objects);
	if (panic_on_corruption)
		panic("goalloc: %s\n", misuse_name(MISUSE_LATE_DOUBLE_FREE));
	/* What was printed was read. */
	smp_store_release(&late.taken, 0);
}

/**
 * report_late() - frees of one object raced, which shows only now
 * @span: its span
 * @group: group of its slot
 * @slots: bits of the slots in that group
 *
 * Context: any, locks held.
 */
void report_late(struct mspan *span, unsigned int group, u64 slots)
{
	unsigned int slot = (group << MSPAN_GROUP_SHIFT) + __ffs64(slots);

	count(MISUSE_LATE_DOUBLE_FREE, span->central->heap, hweight64(slots));
	if (xchg(&late.taken, 1))
		return;
	late.addr = span->base + slot * span->elemsize;
	late.objects = hweight64(slots);
	irq_work_queue(&late.work);
}

/* The same for the latest damage to a guard. */
static struct {
	int taken;
	unsigned long addr;
	unsigned int bytes;
	unsigned long site;
	char where[200];
	char behind[200];
	struct irq_work work;
} overrun;

static void print_overrun(struct irq_work *work)
{
	if (new_site(MISUSE_OVERRUN, overrun.site)) {
		atomic_long_inc(&mheap.reports);
		pr_err("misuse: %s: %p (%s), %u bytes; next to it: %s\n",
		       misuses[MISUSE_OVERRUN].text, (void *)overrun.addr, overrun.where,
		       overrun.bytes, overrun.behind);
	}
	if (panic_on_corruption)
		panic("goalloc: %s\n", misuse_name(MISUSE_OVERRUN));
	/* What was printed was read. */
	smp_store_release(&overrun.taken, 0);
}

/* A number for a class or cache that no other has, in all likelihood, even later. */
static unsigned long central_site(const struct mcentral *central)
{
	const char *name = central->cache ? central->cache->name : "";

	return (full_name_hash(NULL, name, strlen(name)) + central->heap_id) << 8 ^
	       central->spanclass;
}

/**
 * report_overrun() - somebody wrote where no object is
 * @span: to the guard of this span
 * @addr: the first byte that was written
 * @bytes: how many were
 *
 * Printed once for each class or cache, at the end of whose objects it was.
 *
 * Context: any, locks held.
 */
void report_overrun(const struct mspan *span, unsigned long addr, unsigned int bytes)
{
	unsigned long end = span->base + ((unsigned long)span->npages << GOALLOC_PAGE_SHIFT);
	struct goalloc_heap *heap;

	count(MISUSE_OVERRUN, span->central->heap, 1);
	if (xchg(&overrun.taken, 1))
		return;
	preempt_disable();
	describe_in(span, addr, overrun.where, sizeof(overrun.where));
	describe(end, overrun.behind, sizeof(overrun.behind), &heap);
	preempt_enable();
	overrun.addr = addr;
	overrun.bytes = bytes;
	overrun.site = central_site(span->central);
	irq_work_queue(&overrun.work);
}

/* The objects that were live when a central was torn down. */
void report_leaks(struct mcentral *central)
{
	unsigned long i, n = min_t(unsigned long, central->leaked, MCENTRAL_LEAKS);

	if (!central->leaked)
		return;
	if (central->cache)
		pr_err("heap %s, cache %s: %lu live objects:\n", central->heap->name,
		       central->cache->name, central->leaked);
	else
		pr_err("heap %s, size class %u (%u bytes): %lu live objects:\n",
		       central->heap->name, central->spanclass >> 1, central->elemsize,
		       central->leaked);
	for (i = 0; i < n; i++) {
		pr_err("  %p\n", (void *)central->leaks[i]);
		debug_print_stack(central->leak_stacks[i]);
	}
}

/* An allocation fails. @central is NULL if there was no memory for that. */
void report_no_memory(const struct mcentral *central, size_t size, gfp_t gfp)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 3);

	if (gfp & __GFP_NOWARN || in_nmi() || !__ratelimit(&limit))
		return;
	pr_warn("heap %s: no memory for %zu bytes, gfp %pGg\n",
		central ? central->heap->name : "(new)", size, &gfp);
}

/**
 * goalloc_dump_obj() - print what is known of an address
 * @addr: any address
 *
 * The counterpart of mem_dump_obj(), which knows nothing of arenas.
 *
 * Context: any.
 * Return: whether it is goalloc memory; nothing is printed if not.
 */
bool goalloc_dump_obj(const void *addr)
{
	enum goalloc_misuse kind;
	struct object_info info;
	struct goalloc_heap *heap;
	char where[200];
	const char *state = "free";
	bool ours;

	preempt_disable();
	ours = arena_of((unsigned long)addr);
	describe((unsigned long)addr, where, sizeof(where), &heap);
	preempt_enable();
	if (!ours)
		return false;
	if (object_containing(addr, &info, &kind))
		state = "live";
	else if (kind == MISUSE_INTERIOR)
		state = "behind an object";
	pr_info("%p: %s, %s\n", addr, where, state);
	debug_print((unsigned long)addr);
	return true;
}
EXPORT_SYMBOL_GPL(goalloc_dump_obj);

void report_init(void)
{
	init_irq_work(&late.work, print_late);
	init_irq_work(&overrun.work, print_overrun);
}

/* Nobody reports any more. */
void report_exit(void)
{
	irq_work_sync(&late.work);
	irq_work_sync(&overrun.work);
}
