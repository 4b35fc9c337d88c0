// SPDX-License-Identifier: GPL-2.0
/*
 * Debugging of objects: switching it on and off, and allocating under it.
 *
 * heaps_lock guards the flags of heaps and caches, and who makes what belongs to
 * them. The switch for a heap is its array of centrals: with its entries NULL each
 * allocation takes the way of a first use, where the flags are looked at. For a
 * cache it is @debug of its central, which is looked at when a CPU's slot has no
 * room; CPUs are made to give their spans back when it is set.
 *
 * Debugging never makes an allocation fail: where there is no memory for a new span's
 * record, or the context is too narrow for it (on PREEMPT_RT, where preemption is off),
 * the object is an ordinary one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/stackdepot.h>
#include <linux/string.h>

#include "debug.h"
#include "malloc.h"
#include "mcache.h"

static const char letters[] = "ZPUQ"; /* by bit, as in slab_debug= */

/**
 * debug_parse() - flags from their letters
 * @text: letters, or "-" for none
 * @flags: set to them
 *
 * Return: 0, or -EINVAL.
 */
int debug_parse(const char *text, unsigned int *flags)
{
	*flags = 0;
	if (!strcmp(text, "-"))
		return 0;
	do {
		const char *letter = *text ? strchr(letters, *text) : NULL;

		if (!letter)
			return -EINVAL;
		*flags |= BIT(letter - letters);
	} while (*++text);
	return 0;
}
EXPORT_SYMBOL_FOR_TEST(debug_parse);

/* And back; @text is returned. */
char *debug_letters(unsigned int flags, char text[8])
{
	unsigned int i, n = 0;

	for (i = 0; letters[i]; i++)
		if (flags & BIT(i))
			text[n++] = letters[i];
	if (!n)
		text[n++] = '-';
	text[n] = '\0';
	return text;
}
EXPORT_SYMBOL_FOR_TEST(debug_letters);

static unsigned int heap_flags; /* of heaps when they are made */

static int set_heap_flags(const char *val, const struct kernel_param *kp)
{
	char text[8];
	unsigned int flags;

	if (strscpy(text, val, sizeof(text)) < 0 || debug_parse(strim(text), &flags)) {
		pr_err("debug=%s: must be some of the letters %s, or -\n", val, letters);
		return -EINVAL;
	}
	WRITE_ONCE(heap_flags, flags);
	return 0;
}

static int get_heap_flags(char *buffer, const struct kernel_param *kp)
{
	char text[8];

	return sysfs_emit(buffer, "%s\n", debug_letters(READ_ONCE(heap_flags), text));
}

static const struct kernel_param_ops heap_flags_ops = {
	.set = set_heap_flags,
	.get = get_heap_flags,
};
module_param_cb(debug, &heap_flags_ops, NULL, 0644);
__MODULE_PARM_TYPE(debug, "letters");
MODULE_PARM_DESC(debug, "Debugging of heaps made from now on: Z red zones, P poisoning, U stacks of allocations and frees, Q quarantine; - for none (default -)");

unsigned int debug_heap_flags(void)
{
	return READ_ONCE(heap_flags);
}

/**
 * debug_total() - bytes that an object of a heap needs, its red zone included
 * @heap: the heap
 * @size: bytes that were asked for; not 0
 *
 * What goalloc_size() may come to sanction is not red zone.
 *
 * Return: bytes; up to GOALLOC_MAX_SMALL they are aligned as @size is.
 */
size_t debug_total(const struct goalloc_heap *heap, size_t size)
{
	size_t align = goalloc_align(size), most = goalloc_size_roundup(size);

	if (!(READ_ONCE(heap->debug) & GOALLOC_DEBUG_REDZONE))
		return size;
	if (most > SIZE_MAX - DEBUG_ZONE - align)
		return SIZE_MAX;
	/* Of large ones it is the span that is aligned, which need not be as long. */
	if (ALIGN(most + DEBUG_ZONE, align) > GOALLOC_MAX_SMALL)
		return most + DEBUG_ZONE;
	return ALIGN(most + DEBUG_ZONE, align);
}

/**
 * debug_central() - the central of a heap's small objects under debugging
 * @heap: the heap
 * @total: what debug_total() said, up to GOALLOC_MAX_SMALL
 * @noscan: whether they hold no pointers
 * @gfp: of the allocation
 *
 * Context: as @gfp says.
 * Return: the central, or NULL.
 */
struct mcentral *debug_central(struct goalloc_heap *heap, size_t total, bool noscan, gfp_t gfp)
{
	unsigned int spanclass = goalloc_size_to_class(total) << 1 | noscan;
	struct heap_debug *debugged = READ_ONCE(heap->debugged);

	if (!debugged)
		return NULL;
	return mcentral_get_at(&debugged->central[spanclass], heap, spanclass, gfp,
			       MCENTRAL_DEBUG, NULL);
}

/**
 * debug_alloc() - allocate an object of a central under debugging
 * @central: the central, or NULL
 * @size: bytes that were asked for
 * @gfp: flags, checked by the caller
 *
 * Context: as @gfp says.
 * Return: the object, or NULL: an ordinary one may do.
 */
void *debug_alloc(struct mcentral *central, size_t size, gfp_t gfp)
{
	bool dirty = false;
	void *obj;

	if (!central)
		return NULL;
	for (;;) {
		unsigned int n;

		preempt_disable();
		n = mcentral_alloc(central, 1, &obj, &dirty);
		preempt_enable();
		if (n)
			break;
		if (!mcentral_grow(central, gfp & ~__GFP_NOFAIL))
			return NULL;
	}
	track_alloc(central, obj, central->elemsize, gfp);
	debug_started(obj, size, gfp, !dirty);
	mcache_age_soon();
	return obj;
}

/**
 * debug_adopt_large() - put a large object that was just allocated under debugging
 * @obj: the object, which the checkers know of
 * @track: from span_debug_alloc(); its span's from now on
 * @size: bytes that were asked for
 * @gfp: flags of the allocation
 * @zeroed: whether it is known to be zero
 *
 * Context: as @gfp says.
 */
void debug_adopt_large(void *obj, struct span_debug *track, size_t size, gfp_t gfp, bool zeroed)
{
	/* The object is the caller's, and so is its span. */
	struct mspan *span = span_of((unsigned long)obj);

	span->track = track;
	/* Who sees this sees the record. */
	smp_store_release(&span->debug, true);
	debug_started(obj, size, gfp, zeroed);
}

static int check_flags(unsigned int flags)
{
	if (flags & ~GOALLOC_DEBUG_ALL)
		return -EINVAL;
	if (!(flags & GOALLOC_DEBUG_STACKS))
		return 0;
	return IS_ENABLED(CONFIG_STACKDEPOT) ? stack_depot_init() : -EOPNOTSUPP;
}

/* What debugging needs in a heap; it stays as long as the heap does. */
static int prepare_heap(struct goalloc_heap *heap)
{
	struct heap_debug *debugged;

	if (READ_ONCE(heap->debugged))
		return 0;
	debugged = kzalloc(sizeof(*debugged), GFP_KERNEL);
	if (!debugged)
		return -ENOMEM;
	raw_spin_lock_init(&debugged->quarantine.lock);
	if (cmpxchg(&heap->debugged, NULL, debugged))
		kfree(debugged);
	return 0;
}

/* The same in a cache, which nobody else prepares meanwhile. */
static int prepare_cache(struct goalloc_cache *cache, gfp_t gfp)
{
	const struct mcentral *plain = &cache->central;
	struct mcentral *central;

	if (cache->debugged)
		return 0;
	central = kzalloc(sizeof(*central), gfp | __GFP_NOWARN);
	if (!central)
		return -ENOMEM;
	mcentral_init(central, plain->heap, plain->spanclass);
	central->cache = cache;
	cache_geometry(central, plain->elemsize + DEBUG_ZONE, cache->align);
	central->flags = (plain->flags & ~MCENTRAL_PERCPU) | MCENTRAL_DEBUG;
	/* Who finds it finds it initialised. */
	smp_store_release(&cache->debugged, central);
	return 0;
}

/* heaps_lock is held. */
static void switch_cache(struct goalloc_cache *cache)
{
	WRITE_ONCE(cache->central.debug, cache->debug | cache->central.heap->debug);
}

/* heaps_lock is held. */
static void switch_heap(struct goalloc_heap *heap)
{
	struct goalloc_cache *cache;
	unsigned int i;

	/* Pairs with the barrier of mcentral_get(): one of the two sees the other's store. */
	smp_mb();
	for (i = 0; i < NUM_SPAN_CLASSES; i++)
		WRITE_ONCE(heap->central[i], heap->debug ? NULL : READ_ONCE(heap->plain[i]));
	list_for_each_entry(cache, &heap->caches, node)
		switch_cache(cache);
}

/* heaps_lock is held, so nothing may be reclaimed for it. */
static int set_heap_debug(struct goalloc_heap *heap, unsigned int flags)
{
	struct goalloc_cache *cache;
	int err = 0;

	list_for_each_entry(cache, &heap->caches, node)
		if (flags && !err)
			err = prepare_cache(cache, GFP_NOWAIT);
	if (err)
		return err;
	WRITE_ONCE(heap->debug, flags);
	switch_heap(heap);
	return 0;
}

/* heaps_lock is held. */
static int set_cache_debug(struct goalloc_cache *cache, unsigned int flags)
{
	int err = flags | cache->central.heap->debug ? prepare_cache(cache, GFP_NOWAIT) : 0;

	if (err)
		return err;
	WRITE_ONCE(cache->debug, flags);
	switch_cache(cache);
	return 0;
}

/* Its spans have a struct span_gc where others have their records; and who frees there? */
static int refuse_what_is_managed(const struct goalloc_heap *heap)
{
	return heap->flags & GOALLOC_HEAP_GC ? -EOPNOTSUPP : 0;
}

/**
 * goalloc_heap_set_debug() - debug the objects of a heap
 * @heap: the heap
 * @flags: GOALLOC_DEBUG_*; 0 switches debugging off
 *
 * It holds for objects that are allocated from now on, in the heap's caches too;
 * those that are live stay what they are. An object under debugging takes some
 * 50 bytes more than its slot, and its red zone; allocating and freeing one takes
 * its class's lock.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for unknown flags, -EOPNOTSUPP if the kernel records no stacks, or
 * the heap is managed, -ENOMEM.
 */
int goalloc_heap_set_debug(struct goalloc_heap *heap, unsigned int flags)
{
	int err = check_flags(flags) ?: refuse_what_is_managed(heap);

	if (!err && flags)
		err = prepare_heap(heap);
	if (err)
		return err;
	mutex_lock(&heaps_lock);
	err = set_heap_debug(heap, flags);
	mutex_unlock(&heaps_lock);
	if (!err && flags)
		mcache_flush(heap, NULL);
	return err;
}
EXPORT_SYMBOL_GPL(goalloc_heap_set_debug);

/**
 * goalloc_cache_set_debug() - debug the objects of a cache
 * @cache: the cache
 * @flags: GOALLOC_DEBUG_*, beyond those that its heap is under; 0 for none
 *
 * As goalloc_heap_set_debug().
 *
 * Context: may sleep.
 * Return: 0, -EINVAL, -EOPNOTSUPP or -ENOMEM.
 */
int goalloc_cache_set_debug(struct goalloc_cache *cache, unsigned int flags)
{
	struct goalloc_heap *heap = cache->central.heap;
	int err = check_flags(flags) ?: refuse_what_is_managed(heap);

	if (!err && flags)
		err = prepare_heap(heap);
	if (err)
		return err;
	mutex_lock(&heaps_lock);
	err = set_cache_debug(cache, flags);
	mutex_unlock(&heaps_lock);
	if (!err && flags)
		mcache_flush(heap, cache);
	return err;
}
EXPORT_SYMBOL_GPL(goalloc_cache_set_debug);

/* A new cache, which nobody knows of, is to follow its heap; may sleep. */
void debug_prepare_cache(struct goalloc_cache *cache)
{
	if (READ_ONCE(cache->central.heap->debug))
		prepare_cache(cache, GFP_KERNEL);
}

/* It does from now on, or else is an ordinary one; heaps_lock is held. */
void debug_join_cache(struct goalloc_cache *cache)
{
	set_cache_debug(cache, 0);
}

/* For debugfs, which knows the name of a cache alone. */
int debug_set_named(struct goalloc_heap *heap, const char *name, unsigned int flags)
{
	struct goalloc_cache *cache;
	int err = check_flags(flags) ?: refuse_what_is_managed(heap);

	if (!err && flags)
		err = prepare_heap(heap);
	if (err)
		return err;
	err = -ENOENT;
	mutex_lock(&heaps_lock);
	list_for_each_entry(cache, &heap->caches, node)
		if (!strcmp(cache->name, name))
			err = set_cache_debug(cache, flags);
	mutex_unlock(&heaps_lock);
	if (!err && flags)
		mcache_flush(heap, NULL);
	return err;
}
EXPORT_SYMBOL_FOR_TEST(debug_set_named);

#define CHECK_NAMED 8 /* damaged objects that one check names */

struct check {
	const struct goalloc_heap *heap;
	unsigned long damaged;
	struct damage named[CHECK_NAMED];
};

static void check_span(struct mspan *span, void *data)
{
	const struct span_debug *track = span_track(span);
	struct check *check = data;
	unsigned long addr = span->base;
	struct damage damage;
	unsigned int i;

	if (!track || span->central->heap != check->heap)
		return;
	for (i = 0; i < track->nslots; i++, addr += track->bytes) {
		if (debug_intact(span, addr, &damage))
			continue;
		if (check->damaged < CHECK_NAMED)
			check->named[check->damaged] = damage;
		check->damaged++;
	}
}

/**
 * debug_check() - look at the red zones and the free objects of a heap now
 * @heap: the heap
 *
 * Context: may sleep.
 * Return: how many objects are damaged; the first few are reported.
 */
unsigned long debug_check(struct goalloc_heap *heap)
{
	struct check check = { heap };
	unsigned long i;

	mheap_walk(check_span, &check);
	for (i = 0; i < min_t(unsigned long, check.damaged, CHECK_NAMED); i++)
		debug_report(&check.named[i], 0);
	return check.damaged;
}
EXPORT_SYMBOL_FOR_TEST(debug_check);
