// SPDX-License-Identifier: GPL-2.0
/*
 * The leak report of a heap whose objects are freed one by one: which of them does nothing
 * point to?
 *
 * A pass takes the heap's spans and the slots that are live, looks at all roots - what
 * mleaksroot.c knows, the objects of all other heaps - and marks what they point to, or
 * into, and what that points to in turn. What is left is looked for in a second pass, some
 * time later: what the first one did not find as it was moved, or held by somebody who had
 * it in a register only, was found then, has gone, or was written to.
 *
 * Whatever the second pass cannot reach, and was not in the first or has changed, is taken
 * for a root: somebody uses it, and what it points to is no leak.
 *
 * Owns no data. A report is its maker's alone, and all it needs is allocated for it, none
 * of it in the objects: bits by slot, and a ring of spans that have objects to scan, each
 * in it at most once; so no recursion, and nothing can overflow. One report of a heap
 * is made at a time (@reporting of the heap). What runs meanwhile is not stopped, and
 * not waited for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bsearch.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "debug.h"
#include "mgc.h"
#include "mleaks.h"

static void mark(struct goalloc_leaks *leaks, struct leak_span *s, size_t bit)
{
	unsigned int at;

	if (__test_and_set_bit(bit, leaks->marked) || s->noscan || s->queued)
		return;
	s->queued = true;
	at = leaks->queue_first + leaks->nqueue++;
	leaks->queue[at % leaks->nspans] = s - leaks->spans;
}

/* Something points to this address; in an RCU section. */
static void mark_at(struct goalloc_leaks *leaks, unsigned long addr)
{
	struct leak_span *s = leaks_find_span(leaks, addr);
	const struct mspan *span;
	size_t bit;
	u32 slot;

	if (!s)
		return;
	slot = mul_u64_u32_shr(addr - s->base, s->divmul, 32);
	if (slot >= s->nelems)
		return;
	bit = s->first + slot;
	if (addr == s->base + slot * s->bytes)
		__set_bit(bit, leaks->exact);
	if (test_bit(bit, leaks->marked))
		return;
	span = leaks_live_span(s);
	if (span && leaks_slot_live(s, span, slot))
		mark(leaks, s, bit);
}

/**
 * goalloc_leaks_found() - tell a leak report of a pointer
 * @leaks: the report
 * @ptr: to an object, or into it, without tags; anything else does nothing
 *
 * Context: in an iterator, in the task that called it; preemption, softirqs and interrupts
 * may be off.
 */
void goalloc_leaks_found(struct goalloc_leaks *leaks, const void *ptr)
{
	leaks->counts.found++;
	rcu_read_lock();
	mark_at(leaks, (unsigned long)ptr);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(goalloc_leaks_found);

/* Whatever is alive in other heaps is taken for reachable. */
static void scan_other_heaps(struct goalloc_leaks *leaks)
{
	struct leak_span s;
	unsigned int nr;
	u32 page, slot;

	for (nr = arena_next(0); nr < GOALLOC_MAX_ARENAS; nr = arena_next(nr + 1)) {
		page = 0;
		while (!leaks->err && leaks_next_other(leaks, nr, &page, &s)) {
			for (slot = 0; slot < s.nelems; slot++)
				leaks_scan_slot(leaks, &s, slot);
			leaks->counts.others += s.nelems;
			leaks_breathe(leaks, sizeof(s));
		}
	}
}

/* Marked objects are scanned, until there is none that was not. */
static void drain(struct goalloc_leaks *leaks)
{
	while (leaks->nqueue && !leaks->err) {
		struct leak_span *s = &leaks->spans[leaks->queue[leaks->queue_first]];
		u32 slot;

		leaks->queue_first = (leaks->queue_first + 1) % leaks->nspans;
		leaks->nqueue--;
		/* It may be queued again by what it holds itself. */
		s->queued = false;
		for (slot = 0; slot < s->nelems; slot++)
			if (test_bit(s->first + slot, leaks->marked) &&
			    !__test_and_set_bit(s->first + slot, leaks->scanned))
				leaks_scan_slot(leaks, s, slot);
		leaks_breathe(leaks, s->nelems);
	}
}

static int run_pass(struct goalloc_leaks *leaks)
{
	int err = leaks_take_spans(leaks);

	if (err)
		return err;
	memset(&leaks->counts, 0, offsetof(struct leak_counts, allocs));
	leaks->visit = mark_at;
	leaks_scan_roots(leaks);
	scan_other_heaps(leaks);
	drain(leaks);
	return leaks->err;
}

/* The first slot from @bit on that had an object, and was not reached; or @nslots. */
static size_t next_unmarked(const struct goalloc_leaks *leaks, size_t bit)
{
	return find_next_andnot_bit(leaks->live, leaks->marked, leaks->nslots, bit);
}

/* The span of a slot, not before @s. */
static struct leak_span *span_of_bit(struct leak_span *s, size_t bit)
{
	while (bit - s->first >= s->nelems)
		s++;
	return s;
}

static size_t count_unmarked(const struct goalloc_leaks *leaks)
{
	size_t bit, n = 0;

	for (bit = next_unmarked(leaks, 0); bit < leaks->nslots;
	     bit = next_unmarked(leaks, bit + 1)) {
		n++;
		cond_resched();
	}
	return n;
}

/* What is in a slot, as a suspect; false if there is no object any more. */
static bool look_at(const struct leak_span *s, u32 slot, struct leak_suspect *suspect)
{
	const struct debug_slot *record;
	const struct mspan *span;
	bool live;

	suspect->addr = s->base + slot * s->bytes;
	suspect->life = 0;
	rcu_read_lock();
	preempt_disable();
	span = leaks_live_span(s);
	live = span && leaks_slot_live(s, span, slot);
	if (live) {
		record = debug_slot_of(span, suspect->addr);
		if (record)
			suspect->life = READ_ONCE(record->life);
		suspect->sum = leaks_sum(s, span, slot);
		/* It was its owner's all the time. */
		live = leaks_live_span(s) && leaks_slot_live(s, span, slot);
	}
	preempt_enable();
	rcu_read_unlock();
	return live;
}

/* A walk over slots that had an object which was not reached. */
struct walk {
	size_t next; /* slot to look at */
	size_t bit; /* the slot */
	struct leak_span *span;
	struct leak_suspect now; /* what is in it */
};

/* The next one that has an object; false if there is none, or the report is given up. */
static bool next_lost(struct goalloc_leaks *leaks, struct walk *walk)
{
	while (!leaks->err) {
		walk->bit = next_unmarked(leaks, walk->next);
		if (walk->bit >= leaks->nslots)
			return false;
		walk->next = walk->bit + 1;
		walk->span = span_of_bit(walk->span, walk->bit);
		leaks_breathe(leaks, min(walk->span->bytes, LEAKS_PIECE));
		if (look_at(walk->span, walk->bit - walk->span->first, &walk->now))
			return true;
	}
	return false;
}

/* The first pass is over. */
static int take_suspects(struct goalloc_leaks *leaks)
{
	struct walk walk = { .span = leaks->spans };

	leaks->suspects = kvmalloc_array(count_unmarked(leaks), sizeof(*leaks->suspects),
					 GFP_KERNEL | __GFP_NOWARN);
	if (!leaks->suspects)
		return -ENOMEM;
	while (next_lost(leaks, &walk))
		leaks->suspects[leaks->nsuspects++] = walk.now;
	return leaks->err;
}

/* Those who use the heap have a moment to put down what they hold. */
static int pause(struct goalloc_leaks *leaks)
{
	unsigned long end = jiffies + msecs_to_jiffies(LEAKS_PAUSE_MS);

	while (time_before(jiffies, end)) {
		schedule_timeout_killable(msecs_to_jiffies(LEAKS_PAUSE_MS / 10) + 1);
		leaks_breathe(leaks, LEAKS_PIECE);
		if (leaks->err)
			break;
	}
	return leaks->err;
}

/* The second pass is over: what is unreachable and was no suspect, or another, is in use. */
static int keep_changed(struct goalloc_leaks *leaks)
{
	const struct leak_suspect *old = leaks->suspects, *end = old + leaks->nsuspects;
	struct walk walk = { .span = leaks->spans };

	while (next_lost(leaks, &walk)) {
		const struct leak_suspect *now = &walk.now;

		while (old < end && old->addr < now->addr)
			old++;
		if (old == end || old->addr != now->addr || old->life != now->life)
			leaks->counts.young++;
		else if (old->sum != now->sum)
			leaks->counts.changed++;
		else
			continue;
		mark(leaks, walk.span, walk.bit);
	}
	drain(leaks);
	return leaks->err;
}

static void count_marked(struct goalloc_leaks *leaks)
{
	size_t bit;

	leaks->counts.objects = bitmap_weight(leaks->live, leaks->nslots);
	for_each_set_bit(bit, leaks->marked, leaks->nslots)
		leaks->counts.interior += !test_bit(bit, leaks->exact);
}

/* What debugging has recorded of an object. */
static void add_record(struct leak *leak)
{
	struct debug_slot record = {};
	const struct debug_slot *from;
	const struct mspan *span;

	preempt_disable();
	span = leaks_live_span(leak->span);
	from = span ? debug_slot_of(span, leak->addr) : NULL;
	if (from)
		/* Nobody writes to it, unless the object is freed just now. */
		record = data_race(*from);
	preempt_enable();
	if (!record.life)
		return;
	leak->recorded = true;
	leak->bytes = min(leak->bytes, record.size);
	leak->stack = record.alloc.stack;
	leak->pid = record.alloc.pid;
	leak->age_ms = jiffies_to_msecs(jiffies - record.alloc.when);
}

/* What was unreachable twice, and is still there. */
static int take_leaks(struct goalloc_leaks *leaks)
{
	struct walk walk = { .span = leaks->spans };
	size_t room = count_unmarked(leaks);

	leaks->leaks = kvcalloc(room, sizeof(*leaks->leaks), GFP_KERNEL | __GFP_NOWARN);
	leaks->stack = kvmalloc_array(room, sizeof(*leaks->stack), GFP_KERNEL | __GFP_NOWARN);
	if (!leaks->leaks || !leaks->stack)
		return -ENOMEM;
	while (next_lost(leaks, &walk)) {
		struct leak *leak = &leaks->leaks[leaks->nleaks++];

		leak->addr = walk.now.addr;
		leak->bytes = walk.span->bytes;
		leak->span = walk.span;
		leak->slot = walk.bit - walk.span->first;
		add_record(leak);
		leaks->counts.bytes += leak->bytes;
	}
	return leaks->err;
}

static int compare_address(const void *key, const void *item)
{
	unsigned long addr = *(const unsigned long *)key;
	const struct leak *leak = item;

	if (addr < leak->addr)
		return -1;
	return addr - leak->addr >= leak->span->bytes;
}

/* The leak that an address is in, or NULL. */
static struct leak *leak_at(const struct goalloc_leaks *leaks, unsigned long addr)
{
	if (!leaks_find_span(leaks, addr))
		return NULL;
	return bsearch(&addr, leaks->leaks, leaks->nleaks, sizeof(*leaks->leaks), compare_address);
}

/* A leak points to this address; in an RCU section. */
static void refer_to(struct goalloc_leaks *leaks, unsigned long addr)
{
	struct leak *leak = leak_at(leaks, addr);

	/* One that points to itself is nobody's for that. */
	if (leak && leak != leaks->keeper)
		leak->referred = true;
}

/* So does what @keeper keeps. */
static void keep(struct goalloc_leaks *leaks, unsigned long addr)
{
	struct leak *leak = leak_at(leaks, addr);

	if (!leak || leak->visited)
		return;
	leak->visited = true;
	leaks->stack[leaks->nstack++] = leak - leaks->leaks;
	leaks->keeper->kept++;
	leaks->keeper->kept_bytes += leak->bytes;
}

static void scan_leak(struct goalloc_leaks *leaks, const struct leak *leak)
{
	if (!leak->span->noscan)
		leaks_scan_slot(leaks, leak->span, leak->slot);
}

static void follow_head(struct goalloc_leaks *leaks, struct leak *head)
{
	leaks->counts.heads++;
	leaks->keeper = head;
	head->head = true;
	head->visited = true;
	scan_leak(leaks, head);
	while (leaks->nstack && !leaks->err)
		scan_leak(leaks, &leaks->leaks[leaks->stack[--leaks->nstack]]);
}

/* What does no other leak point to? Of a circle the first will do. */
static int find_heads(struct goalloc_leaks *leaks)
{
	struct leak *leak, *end = leaks->leaks + leaks->nleaks;

	leaks->visit = refer_to;
	for (leak = leaks->leaks; leak < end && !leaks->err; leak++) {
		leaks->keeper = leak;
		scan_leak(leaks, leak);
	}
	leaks->visit = keep;
	for (leak = leaks->leaks; leak < end && !leaks->err; leak++)
		if (!leak->referred)
			follow_head(leaks, leak);
	for (leak = leaks->leaks; leak < end && !leaks->err; leak++)
		if (!leak->visited)
			follow_head(leaks, leak);
	return leaks->err;
}

static struct leak_total *find_total(const struct goalloc_leaks *leaks,
				     const struct leak_span *s)
{
	struct leak_total *total;

	for (total = leaks->totals; total < leaks->totals + leaks->ntotals; total++)
		if (total->span->central == s->central)
			return total;
	return NULL;
}

/* By cache or class. */
static int add_up(struct goalloc_leaks *leaks)
{
	size_t i, room = min_t(size_t, leaks->nleaks, leaks->nspans);
	struct leak_total *total = NULL;

	leaks->totals = kvcalloc(room, sizeof(*leaks->totals), GFP_KERNEL | __GFP_NOWARN);
	if (!leaks->totals)
		return -ENOMEM;
	for (i = 0; i < leaks->nleaks; i++) {
		const struct leak *leak = &leaks->leaks[i];

		if (!total || total->span->central != leak->span->central)
			total = find_total(leaks, leak->span);
		if (!total) {
			total = &leaks->totals[leaks->ntotals++];
			total->span = leak->span;
		}
		total->objects++;
		total->bytes += leak->bytes;
		leaks_breathe(leaks, sizeof(*leak));
	}
	return leaks->err;
}

/* Heads first; then by what they are, and where. */
static int heads_first(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;
	int order;

	/* There may be millions. */
	cond_resched();
	if (x->head != y->head)
		return x->head ? -1 : 1;
	order = strcmp(x->span->name, y->span->name);
	if (order)
		return order;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int make(struct goalloc_leaks *leaks)
{
	struct goalloc_heap_stats before, after;
	int err;

	goalloc_heap_stats(leaks->heap, &before);
	err = run_pass(leaks) ?: take_suspects(leaks);
	if (err)
		return err;
	leaks_drop_spans(leaks);
	err = pause(leaks) ?: run_pass(leaks);
	if (err)
		return err;
	count_marked(leaks);
	err = keep_changed(leaks) ?: take_leaks(leaks) ?: find_heads(leaks) ?: add_up(leaks);
	if (err)
		return err;
	sort(leaks->leaks, leaks->nleaks, sizeof(*leaks->leaks), heads_first, NULL);
	goalloc_heap_stats(leaks->heap, &after);
	leaks->counts.allocs = after.mallocs - before.mallocs;
	leaks->counts.frees = after.frees - before.frees;
	return 0;
}

/* Whether there is such a heap, not being destroyed. */
static bool exists(const struct goalloc_heap *heap)
{
	bool found;

	mutex_lock(&heaps_lock);
	found = heap_exists(heap);
	mutex_unlock(&heaps_lock);
	return found;
}

/**
 * leaks_make() - make a leak report
 * @heap: of which; whoever calls keeps it
 *
 * Context: may sleep, and does so for LEAKS_PAUSE_MS.
 * Return: the report, which needs the heap no more; or an error as of
 * goalloc_leaks_report().
 */
struct goalloc_leaks *leaks_make(struct goalloc_heap *heap)
{
	struct goalloc_leaks *leaks;
	int err;

	if (!heap)
		return ERR_PTR(-EINVAL);
	if (!exists(heap))
		return ERR_PTR(-ENODEV);
	if (heap->gc)
		return ERR_PTR(-EOPNOTSUPP);
	/* Of several one is first. */
	if (xchg(&heap->reporting, 1))
		return ERR_PTR(-EBUSY);
	leaks = kvzalloc(sizeof(*leaks), GFP_KERNEL);
	err = -ENOMEM;
	if (leaks) {
		leaks->heap = heap;
		strscpy(leaks->name, heap->name, sizeof(leaks->name));
		err = make(leaks);
		leaks->heap = NULL;
	}
	/* Pairs with the xchg() above. */
	smp_store_release(&heap->reporting, 0);
	if (!err)
		return leaks;
	leaks_free(leaks);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_FOR_TEST(leaks_make);

/* A report, or NULL. May sleep. */
void leaks_free(struct goalloc_leaks *leaks)
{
	if (!leaks)
		return;
	leaks_drop_spans(leaks);
	kvfree(leaks->suspects);
	kvfree(leaks->leaks);
	kvfree(leaks->stack);
	kvfree(leaks->totals);
	kvfree(leaks);
}
EXPORT_SYMBOL_FOR_TEST(leaks_free);
