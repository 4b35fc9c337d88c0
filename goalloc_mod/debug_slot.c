// SPDX-License-Identifier: GPL-2.0
/*
 * What debugging does to one object: record who allocates and frees it, fill it
 * and its red zone, and see whether they stayed as they were left.
 *
 * Nothing here takes a lock but for the stack depot's. A slot's record is written
 * by who allocates or frees the object, and read by reports, which may be torn. Its
 * state is set first when an object begins, and last when it ends, so that who
 * finds the same state before and after has looked at bytes that were not in use.
 *
 * Not instrumented by KASAN: it reads and writes what is poisoned.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/poison.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>

#include "debug.h"
#include "malloc.h"
#include "track.h"

#define STACK_DEPTH 16

static gfp_t inner_gfp(gfp_t gfp)
{
	if (goalloc_may_grow(gfp))
		return (gfp & GFP_KERNEL) | __GFP_NOWARN;
	return GFP_NOWAIT | __GFP_NOWARN;
}

#ifdef CONFIG_STACKDEPOT
static u32 save_stack(gfp_t gfp)
{
	unsigned long entries[STACK_DEPTH];
	unsigned int n = stack_trace_save(entries, ARRAY_SIZE(entries), 2);

	n = filter_irq_stacks(entries, n);
	return goalloc_stack_save(entries, n, inner_gfp(gfp), goalloc_may_kmalloc());
}

/* Any context. */
void debug_print_stack(u32 stack)
{
	unsigned long *entries;
	unsigned int i, n = stack ? stack_depot_fetch(stack, &entries) : 0;

	for (i = 0; i < n; i++)
		pr_err("    %pS\n", (void *)entries[i]);
}

/* The same into a file of debugfs. */
void debug_show_stack(struct seq_file *m, u32 stack)
{
	unsigned long *entries;
	unsigned int i, n = stack ? stack_depot_fetch(stack, &entries) : 0;

	for (i = 0; i < n; i++)
		seq_printf(m, "    %pS\n", (void *)entries[i]);
}
#else
static u32 save_stack(gfp_t gfp)
{
	return 0;
}

void debug_print_stack(u32 stack)
{
}

void debug_show_stack(struct seq_file *m, u32 stack)
{
}
#endif

static void note(struct debug_event *event, u8 flags, gfp_t gfp)
{
	u32 stack = flags & GOALLOC_DEBUG_STACKS && !in_nmi() ? save_stack(gfp) : 0;

	/* Two frees of one object may both be here. */
	WRITE_ONCE(event->pid, current->pid);
	WRITE_ONCE(event->when, jiffies);
	WRITE_ONCE(event->stack, stack);
}

/**
 * span_debug_alloc() - what a span under debugging needs
 * @nslots: its slots
 * @bytes: of one of them
 * @gfp: of the allocation that it is for
 *
 * Context: as @gfp says; no lock held.
 * Return: that, with no slot ever handed out, or NULL.
 */
struct span_debug *span_debug_alloc(unsigned int nslots, size_t bytes, gfp_t gfp)
{
	struct span_debug *track;
	size_t size = struct_size(track, slots, nslots);

	if (!goalloc_may_kmalloc())
		return NULL;
	track = kzalloc(size + DIV_ROUND_UP(nslots, 64) * sizeof(struct slot_group),
			inner_gfp(gfp));
	if (!track)
		return NULL;
	/* kmemleak does not look into mspans: see arena_create(). */
	kmemleak_not_leak(track);
	track->bits = (void *)track + size;
	track->bytes = bytes;
	track->nslots = nslots;
	return track;
}

/* The span ends. Any context but NMI. */
void span_debug_free(struct mspan *span)
{
	struct span_debug *track = span->track;

	/* Before the span has another life: see span_track(). */
	WRITE_ONCE(span->debug, 0);
	kfree_rcu(track, rcu);
}

/* For new objects; those that keep their contents while free are not filled then. */
static u8 flags_of(const struct mcentral *central)
{
	u8 flags = READ_ONCE(central->heap->debug);

	if (central->cache)
		flags |= READ_ONCE(central->cache->debug);
	return track_poisons(central) ? flags : flags & ~GOALLOC_DEBUG_POISON;
}

/* In steps: see zero_large(). */
static void fill(void *obj, u8 value, size_t size, bool may_block)
{
	size_t done;

	for (done = 0; done < size; done += SZ_256K) {
		memset(obj + done, value, min_t(size_t, size - done, SZ_256K));
		if (may_block)
			cond_resched();
	}
}

static void fill_free(void *obj, size_t size)
{
	if (!size)
		return;
	memset(obj, POISON_FREE, size - 1);
	*(u8 *)(obj + size - 1) = POISON_END;
}

/* memchr_inv(), which KASAN does not see. */
static void *first_unlike(const void *p, u8 value, size_t n)
{
	const u64 word = value * 0x0101010101010101ULL;
	const u8 *at = p;

	for (; n && !IS_ALIGNED((unsigned long)at, 8); at++, n--)
		if (*at != value)
			return (void *)at;
	for (; n >= 8 && *(const u64 *)at == word; at += 8)
		n -= 8;
	for (; n; at++, n--)
		if (*at != value)
			return (void *)at;
	return NULL;
}

/* The first byte of a freed object that is not as fill_free() left it, or NULL. */
static void *free_damage(void *obj, size_t size)
{
	void *bad;

	if (!size)
		return NULL;
	bad = first_unlike(obj, POISON_FREE, size - 1);
	if (!bad && *(u8 *)(obj + size - 1) != POISON_END)
		bad = obj + size - 1;
	return bad;
}

/**
 * debug_intact() - whether an object, or what was one, is as it must be
 * @span: its span
 * @addr: its first byte
 * @damage: set to what is wrong
 *
 * Context: any; preemption off.
 * Return: true if it is, or cannot be told.
 */
bool debug_intact(const struct mspan *span, unsigned long addr, struct damage *damage)
{
	struct span_debug *track = span_track(span);
	struct debug_slot *slot = debug_slot_of(span, addr);
	u8 *at = NULL;
	size_t size;
	u32 life;
	u8 state, flags;

	if (!track || !slot)
		return true;
	/* Pairs with the releases of debug_started() and debug_ended(). */
	state = smp_load_acquire(&slot->state);
	life = READ_ONCE(slot->life);
	flags = READ_ONCE(slot->flags);
	size = READ_ONCE(slot->size);
	if (size > track->bytes)
		return true;
	if (state == DEBUG_LIVE && flags & GOALLOC_DEBUG_REDZONE) {
		damage->kind = MISUSE_OVERFLOW;
		at = first_unlike((void *)addr + size, SLUB_RED_ACTIVE, track->bytes - size);
	} else if ((state == DEBUG_FREE || state == DEBUG_QUARANTINED) &&
		   flags & GOALLOC_DEBUG_POISON) {
		damage->kind = MISUSE_USE_AFTER_FREE;
		at = free_damage((void *)addr, size);
	}
	if (!at)
		return true;
	damage->addr = addr;
	damage->offset = at - (u8 *)addr;
	damage->byte = *at;
	/* Another life of the slot may have begun, this one ended, or the object grown. */
	smp_rmb();
	return READ_ONCE(slot->state) != state || READ_ONCE(slot->life) != life ||
	       READ_ONCE(slot->size) != size;
}

/**
 * debug_started() - an object is handed out
 * @obj: the object, in a span under debugging, which the checkers know of
 * @size: bytes that were asked for
 * @gfp: of the allocation
 * @zeroed: whether it is known to be zero
 *
 * Context: as @gfp says; no lock held.
 */
void debug_started(void *obj, size_t size, gfp_t gfp, bool zeroed)
{
	unsigned long addr = (unsigned long)obj;
	/* The object is the caller's, and so its span stays. */
	struct mspan *span = span_containing(addr);
	struct mcentral *central = span->central;
	struct debug_slot *slot = debug_slot_of(span, addr);
	size_t bytes = span->track->bytes;
	bool kept = central->flags & (MCENTRAL_CTOR | MCENTRAL_KEEP);
	u8 flags = flags_of(central);
	struct damage damage;

	if (!debug_intact(span, addr, &damage))
		debug_report(&damage, _RET_IP_);
	WRITE_ONCE(slot->size, size);
	WRITE_ONCE(slot->flags, flags);
	WRITE_ONCE(slot->life, slot->life + 1);
	/* Whoever sees the state sees the rest. */
	smp_store_release(&slot->state, DEBUG_NEW);
	note(&slot->alloc, flags, gfp);

	if (kept ? !!(gfp & __GFP_ZERO) : want_init_on_alloc(gfp)) {
		if (!zeroed)
			fill(obj, 0, size, gfpflags_allow_blocking(gfp));
	} else if (flags & GOALLOC_DEBUG_POISON) {
		fill(obj, POISON_INUSE, size, gfpflags_allow_blocking(gfp));
	}
	if (flags & GOALLOC_DEBUG_REDZONE)
		memset(obj + size, SLUB_RED_ACTIVE, bytes - size);
	track_bounds(obj, size, bytes);
	/* Pairs with the acquire of debug_intact(). */
	smp_store_release(&slot->state, DEBUG_LIVE);
}

/* What debug_alloc() gave is taken back, unused; preemption is off. */
void debug_unused(const struct mspan *span, unsigned long addr)
{
	struct debug_slot *slot = debug_slot_of(span, addr);

	if (slot)
		WRITE_ONCE(slot->state, DEBUG_NEW);
}

/**
 * debug_ended() - an object is about to be free
 * @obj: a live object in a span under debugging, checked by the caller
 * @ip: who frees it
 *
 * Context: any; no lock held.
 */
void debug_ended(void *obj, unsigned long ip)
{
	unsigned long addr = (unsigned long)obj;
	struct debug_slot *slot;
	struct damage damage;
	struct mspan *span;
	size_t size = 0;
	bool intact;

	preempt_disable();
	span = span_containing(addr);
	slot = span ? debug_slot_of(span, addr) : NULL;
	/* A second free of it may have been faster. */
	if (!slot) {
		preempt_enable();
		return;
	}
	intact = debug_intact(span, addr, &damage);
	if (READ_ONCE(slot->state) != DEBUG_RCU)
		note(&slot->free, slot->flags, GFP_NOWAIT);
	if (slot->flags & GOALLOC_DEBUG_POISON)
		size = READ_ONCE(slot->size);
	preempt_enable();

	if (!intact)
		debug_report(&damage, ip);
	/* It may be long, and is the caller's. */
	fill_free(obj, size);

	preempt_disable();
	span = span_containing(addr);
	slot = span ? debug_slot_of(span, addr) : NULL;
	if (slot)
		/* Pairs with the acquire of debug_intact(). */
		smp_store_release(&slot->state, DEBUG_FREE);
	preempt_enable();
}

/* An object has been given to goalloc_free_rcu(), and is in limbo; preemption is off. */
void debug_ended_rcu(struct mspan *span, unsigned long addr)
{
	struct debug_slot *slot = debug_slot_of(span, addr);

	note(&slot->free, slot->flags, GFP_NOWAIT);
	WRITE_ONCE(slot->state, DEBUG_RCU);
}

/**
 * debug_sanction() - all that goalloc_size() promises becomes the caller's
 * @obj: a live object in a span under debugging, which the caller holds
 *
 * Context: any.
 * Return: bytes.
 */
size_t debug_sanction(const void *obj)
{
	unsigned long addr = (unsigned long)obj;
	struct mspan *span = span_containing(addr);
	const struct goalloc_cache *cache = span->central->cache;
	struct debug_slot *slot = debug_slot_of(span, addr);
	size_t bytes = span->track->bytes, had = slot->size;
	size_t size = cache ? cache->central.elemsize : goalloc_size_roundup(had);

	size = min(size, bytes);
	WRITE_ONCE(slot->size, size);
	/* Before what was red zone changes: pairs with the smp_rmb() of debug_intact(). */
	smp_wmb();
	track_bounds(obj, size, bytes);
	/* If the object was zeroed, all that realloc would copy is to be. */
	if (size > had)
		memset((void *)obj + had, 0, size - had);
	return size;
}

/* Where the object was allocated, or 0; preemption is off. */
u32 debug_alloc_stack(const struct mspan *span, unsigned long addr)
{
	const struct debug_slot *slot = debug_slot_of(span, addr);

	return slot ? slot->alloc.stack : 0;
}

static void print_event(const char *what, const struct debug_event *event)
{
	pr_err("%s %u ms ago by pid %d\n", what, jiffies_to_msecs(jiffies - event->when),
	       event->pid);
	debug_print_stack(event->stack);
}

/**
 * debug_print() - print what was recorded of an object
 * @addr: an address in it, or any other
 *
 * Context: any; takes no lock but printk's.
 */
void debug_print(unsigned long addr)
{
	const struct debug_slot *from;
	struct debug_slot slot = {};
	struct mspan *span;

	preempt_disable();
	span = span_containing(addr);
	from = span ? debug_slot_of(span, addr) : NULL;
	if (from)
		/* It may change meanwhile: what is printed is for people. */
		slot = data_race(*from);
	preempt_enable();
	if (slot.life)
		print_event("allocated", &slot.alloc);
	if (slot.free.when && slot.state != DEBUG_LIVE)
		print_event("freed", &slot.free);
}

/**
 * debug_report() - report bytes that are not as they were left
 * @damage: which, and what it means
 * @ip: who made us look, or 0 to have it printed each time
 *
 * Context: any; no lock held.
 */
void debug_report(const struct damage *damage, unsigned long ip)
{
	report_damage(damage->kind, (void *)damage->addr, damage->offset, damage->byte, ip);
}
