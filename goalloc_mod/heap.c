// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps: making them, limiting them, taking them down with all they own.
 *
 * heaps_lock, a mutex, guards the list of heaps and the lists of their caches,
 * and so the set of all centrals; whoever visits centrals holds it. A heap
 * belongs to a module. If that goes without destroying it, the heap becomes an
 * orphan: its memory stays, for somebody may point to it, but no callback into
 * the module's text will run.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/slab.h>

#include "callback.h"
#include "debug.h"
#include "mgc.h"
#include "mleaks.h"

/* The list of heaps, and the lists of their caches. */
DEFINE_MUTEX(heaps_lock);
LIST_HEAD(heaps);
EXPORT_SYMBOL_FOR_TEST(heaps);
struct goalloc_heap *goalloc_default_heap __read_mostly;

static u32 last_heap_id; /* heaps_lock */

/* Names are files in debugfs, and columns of tables. isalnum() knows Latin-1, too. */
bool goalloc_name_ok(const char *name)
{
	size_t i, len = name ? strlen(name) : 0;

	if (!len || len >= GOALLOC_NAME_MAX || name[0] == '.')
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("_.-", name[i])))
			return false;
	return true;
}

static void visit(struct mcentral *central, void (*fn)(struct mcentral *central, void *data),
		  void *data)
{
	if (central)
		fn(central, data);
}

static void visit_cache(struct goalloc_cache *cache,
			void (*fn)(struct mcentral *central, void *data), void *data)
{
	fn(&cache->central, data);
	visit(READ_ONCE(cache->debugged), fn, data);
}

/**
 * visit_centrals() - visit centrals
 * @heap: those of this heap; NULL for all heaps
 * @cache: the one of this cache; NULL for all of @heap
 * @fn: called with each
 * @data: passed on
 *
 * Context: heaps_lock is held, by the caller or by who waits for it.
 */
void visit_centrals(struct goalloc_heap *heap, struct goalloc_cache *cache,
		    void (*fn)(struct mcentral *central, void *data), void *data)
{
	struct goalloc_heap *h;
	unsigned int i;

	if (cache) {
		visit_cache(cache, fn, data);
		return;
	}
	list_for_each_entry(h, &heaps, node) {
		struct heap_debug *debugged = READ_ONCE(h->debugged);

		if (heap && h != heap)
			continue;
		for (i = 0; i < NUM_SPAN_CLASSES; i++) {
			visit(READ_ONCE(h->plain[i]), fn, data);
			if (debugged)
				visit(READ_ONCE(debugged->central[i]), fn, data);
		}
		list_for_each_entry(cache, &h->caches, node)
			visit_cache(cache, fn, data);
		if (h->gc)
			gc_visit_types(h->gc, fn, data);
	}
}

static struct goalloc_heap *find_heap(const char *name)
{
	struct goalloc_heap *heap;

	list_for_each_entry(heap, &heaps, node)
		if (!strcmp(heap->name, name))
			return heap;
	return NULL;
}

/* Whether this points to a heap that is not being destroyed; heaps_lock is held. */
bool heap_exists(const struct goalloc_heap *heap)
{
	const struct goalloc_heap *h;

	list_for_each_entry(h, &heaps, node)
		if (h == heap)
			return !heap->dying;
	return false;
}

struct goalloc_heap *__goalloc_heap_create(const char *name, unsigned long flags,
					   struct module *owner)
{
	struct goalloc_heap *heap;
	int err = -EINVAL;

	if (!goalloc_name_ok(name)) {
		pr_err("heap name \"%s\": letters, digits and _.- only, 1 to %d of them\n",
		       name ?: "(null)", GOALLOC_NAME_MAX - 1);
		return ERR_PTR(-EINVAL);
	}
	if (flags & ~GOALLOC_HEAP_FLAGS_MASK) {
		pr_err("heap %s: unknown flags 0x%lx\n", name, flags);
		return ERR_PTR(-EINVAL);
	}

	heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	strscpy(heap->name, name, sizeof(heap->name));
	heap->owner = owner;
	heap->flags = flags | (guard_pages ? GOALLOC_HEAP_GUARD : 0);
	heap->limit = ULONG_MAX;
	heap->flushed = jiffies - FLUSH_PAUSE;
	INIT_LIST_HEAD(&heap->caches);
	if (flags & GOALLOC_HEAP_GC) {
		err = mgc_create(heap);
		if (err)
			goto free;
	}

	mutex_lock(&heaps_lock);
	if (find_heap(name)) {
		pr_err("heap %s: there is one of that name already\n", name);
		err = -EEXIST;
		goto unlock;
	}
	if (last_heap_id == U32_MAX) {
		pr_err("heap %s: no heap id is left\n", name);
		err = -ENOSPC;
		goto unlock;
	}
	heap->id = ++last_heap_id;
	list_add_tail(&heap->node, &heaps);
	mutex_unlock(&heaps_lock);

	/* Without a file of its own the heap works, and so it does without debugging. */
	err = heap->gc ? 0 : goalloc_heap_set_debug(heap, debug_heap_flags());
	if (err)
		pr_err("heap %s: it cannot be debugged (%d)\n", name, err);
	goalloc_debugfs_add_heap(heap);
	return heap;
unlock:
	mutex_unlock(&heaps_lock);
	if (heap->gc)
		mgc_destroy(heap);
free:
	kfree(heap);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(__goalloc_heap_create);

struct kill {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	struct list_head large; /* spans of large objects that were live */
	bool promised; /* a span could not be killed yet */
};

static void kill_span(struct mspan *span, void *data)
{
	struct kill *kill = data;
	/* State first: the central of a small span is good for a grace period then. */
	u8 state = smp_load_acquire(&span->state);
	struct mcentral *central = READ_ONCE(span->central);

	if (central->heap != kill->heap || (kill->cache && central->cache != kill->cache))
		return;
	if (state != MSPAN_SMALL) {
		if (mcentral_kill_large(central, span))
			list_add(&span->node, &kill->large);
	} else if (!mcentral_kill(span)) {
		kill->promised = true;
	}
}

static void close(struct mcentral *central, void *data)
{
	WRITE_ONCE(central->closed, true);
}

static void count_leaks(struct mcentral *central, void *data)
{
	unsigned long *leaked = data;

	report_leaks(central);
	*leaked += central->leaked;
}

/**
 * heap_kill_spans() - end all spans of a heap or cache
 * @heap: the heap, no longer allocated from
 * @cache: this cache of it, or NULL
 *
 * Live objects are listed in the log. On return no span is found from any
 * address, and no free that saw one is still under way.
 *
 * Context: may sleep.
 * Return: how many objects were live.
 */
unsigned long heap_kill_spans(struct goalloc_heap *heap, struct goalloc_cache *cache)
{
	struct kill kill = { heap, cache, LIST_HEAD_INIT(kill.large) };
	struct mspan *span, *next;
	unsigned long leaked = 0;

	mutex_lock(&heaps_lock);
	visit_centrals(heap, cache, close, NULL);
	mutex_unlock(&heaps_lock);
	/* Nothing comes in any more that is of a closed central. */
	quarantine_flush(heap);
	/* Objects on their way through goalloc_free_rcu() are not leaks. */
	rcu_barrier();
	/*
	 * A CPU that did not see the centrals closed is through with that when it is
	 * flushed. But a late free, in an NMI maybe, may have promised to list a span,
	 * and means to use its list node: each span once, as it stays promised.
	 */
	do {
		kill.promised = false;
		mcache_flush(heap, cache);
		synchronize_rcu();
		mcentral_sync_nmi();
		mheap_walk(kill_span, &kill);
	} while (kill.promised);

	mutex_lock(&heaps_lock);
	visit_centrals(heap, cache, count_leaks, &leaked);
	mutex_unlock(&heaps_lock);
	/* What was freed just before its span died may be with its dtor. */
	callback_wait(heap, cache, NULL);
	list_for_each_entry_safe(span, next, &kill.large, node)
		mheap_free_large(span);
	synchronize_rcu();
	/* Whoever frees by RCU what is being destroyed may have queued more since. */
	rcu_barrier();
	mcentral_sync_nmi();
	return leaked;
}

static void free_central(struct mcentral *central)
{
	if (central)
		mcentral_free(central);
	kfree(central);
}

static void destroy(struct goalloc_heap *heap)
{
	struct goalloc_cache *cache, *next;
	unsigned long leaked;
	unsigned int i;

	goalloc_debugfs_remove_heap(heap);
	leaks_forget_heap(heap);
	if (heap->gc)
		mgc_stop(heap);
	leaked = heap_kill_spans(heap, NULL);
	if (leaked)
		pr_err("heap %s was destroyed with %lu live objects\n", heap->name, leaked);

	mutex_lock(&heaps_lock);
	list_del(&heap->node);
	mutex_unlock(&heaps_lock);

	list_for_each_entry_safe(cache, next, &heap->caches, node)
		cache_free(cache);
	for (i = 0; i < NUM_SPAN_CLASSES; i++) {
		free_central(heap->plain[i]);
		if (heap->debugged)
			free_central(heap->debugged->central[i]);
	}
	WARN_ON_ONCE(atomic_long_read(&heap->pages));
	if (heap->gc)
		mgc_destroy(heap);
	kfree(heap->debugged);
	kfree(heap);
}

/* Whether others destroy a cache of it, which began before the heap did. */
static bool cache_dying(struct goalloc_heap *heap)
{
	struct goalloc_cache *cache;
	bool dying = false;

	mutex_lock(&heaps_lock);
	list_for_each_entry(cache, &heap->caches, node)
		dying |= cache->dying;
	mutex_unlock(&heaps_lock);
	return dying;
}

/* Of several who destroy a heap one succeeds. */
static bool start_to_die(struct goalloc_heap *heap)
{
	bool exists;

	mutex_lock(&heaps_lock);
	exists = heap_exists(heap);
	if (exists)
		WRITE_ONCE(heap->dying, true);
	mutex_unlock(&heaps_lock);
	return exists;
}

/**
 * goalloc_heap_destroy() - take down a heap and all that it owns
 * @heap: the heap, which nobody allocates from any more; NULL does nothing
 *
 * What is no heap, or no longer, is refused; so is a call from a ctor or dtor.
 * Waits for objects given to goalloc_free_rcu(). Caches of the heap that were
 * not destroyed go with it. Objects that are still live are listed in the log
 * and go too; no dtor runs for them. A later free of one is caught.
 *
 * Context: may sleep.
 */
void goalloc_heap_destroy(struct goalloc_heap *heap)
{
	if (!heap)
		return;
	if (heap == goalloc_default_heap) {
		pr_err("the default heap cannot be destroyed\n");
		return;
	}
	/* It would wait for itself. */
	if (callback_inside(NULL)) {
		pr_err("a ctor or dtor destroys a heap; refused\n");
		return;
	}
	if (!start_to_die(heap)) {
		pr_err("there is no heap %p, or it is being destroyed; refused\n", heap);
		return;
	}
	while (cache_dying(heap))
		schedule_timeout_uninterruptible(1);
	destroy(heap);
}
EXPORT_SYMBOL_GPL(goalloc_heap_destroy);

/**
 * goalloc_heap_default() - the heap that goalloc_alloc() allocates from
 *
 * Context: any.
 * Return: the heap; it lives as long as goalloc is loaded.
 */
struct goalloc_heap *goalloc_heap_default(void)
{
	return goalloc_default_heap;
}
EXPORT_SYMBOL_GPL(goalloc_heap_default);

/**
 * goalloc_heap_name() - the name of a heap
 * @heap: the heap
 *
 * Context: any.
 * Return: its name, good as long as the heap is.
 */
const char *goalloc_heap_name(const struct goalloc_heap *heap)
{
	return heap->name;
}
EXPORT_SYMBOL_GPL(goalloc_heap_name);

/**
 * goalloc_heap_set_limit() - bound the memory that a heap's spans take
 * @heap: the heap
 * @bytes: upper bound, rounded down to pages of 8 KiB; ULONG_MAX for none
 *
 * What counts are spans, not objects: each span class and cache in use holds
 * at least one, of 8 KiB and more (goalloc_class_npages), and each CPU that
 * allocates or frees may hold two of its own. So 8 KiB is the smallest limit
 * that lets anything through. A limit below what is held takes nothing away, and
 * lets nothing more be added. Large spans without an object that CPUs keep for
 * the next one, up to 1 MiB each, do not count.
 *
 * Context: any.
 * Return: 0, or -EINVAL if @bytes is less than 8 KiB.
 */
int goalloc_heap_set_limit(struct goalloc_heap *heap, unsigned long bytes)
{
	if (bytes < GOALLOC_PAGE_SIZE)
		return -EINVAL;
	WRITE_ONCE(heap->limit, bytes == ULONG_MAX ? bytes : bytes >> GOALLOC_PAGE_SHIFT);
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_heap_set_limit);

/**
 * goalloc_heap_shrink() - give back what a heap holds and does not use
 * @heap: the heap
 *
 * Takes back the spans that CPUs own, ends those without live objects, and
 * gives back the arenas that are empty then.
 *
 * Context: may sleep, for some grace periods.
 * Return: bytes given back to the kernel, in whole arenas.
 */
unsigned long goalloc_heap_shrink(struct goalloc_heap *heap)
{
	return mheap_shrink(heap, NULL);
}
EXPORT_SYMBOL_GPL(goalloc_heap_shrink);

static void orphan(struct goalloc_heap *heap)
{
	pr_err("heap %s: its module %s goes without destroying it\n", heap->name,
	       module_name(heap->owner));
	heap->owner = NULL;
}

/* No ctor or dtor of @mod runs again, whichever heap the cache is in. */
static bool forget_callbacks(struct goalloc_heap *heap, const struct module *mod)
{
	struct goalloc_cache *cache;
	bool any = false;

	list_for_each_entry(cache, &heap->caches, node) {
		bool ctor = within_module((unsigned long)cache->ctor, mod);
		bool dtor = within_module((unsigned long)cache->dtor, mod);

		if (ctor)
			WRITE_ONCE(cache->ctor, NULL);
		if (dtor)
			WRITE_ONCE(cache->dtor, NULL);
		if (ctor || dtor)
			pr_err("heap %s: cache %s outlives its module\n", heap->name, cache->name);
		any |= ctor || dtor;
	}
	return any;
}

struct live_count {
	struct goalloc_heap *heap;
	unsigned long live;
};

static void count_live(struct mspan *span, void *data)
{
	struct live_count *count = data;

	if (span->central->heap == count->heap)
		count->live += span->state == MSPAN_SMALL ? mspan_live(span) : 1;
}

static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct goalloc_heap *heap;
	bool any = false, final = false;

	if (event == MODULE_STATE_COMING)
		leaks_add_module(data);
	if (event != MODULE_STATE_GOING)
		return NOTIFY_DONE;

	leaks_forget_module(data);
	mutex_lock(&heaps_lock);
	list_for_each_entry(heap, &heaps, node) {
		struct live_count count = { heap };

		any |= forget_callbacks(heap, data);
		if (heap->gc) {
			gc_forget_roots(heap->gc, data);
			final |= gc_forget_finalizers(heap->gc, data);
		}
		if (heap->owner != data)
			continue;
		orphan(heap);
		mheap_walk(count_live, &count);
		pr_err("heap %s: %lu objects stay behind\n", heap->name, count.live);
	}
	mutex_unlock(&heaps_lock);
	/* Those that others are in the middle of are in its text. */
	if (any)
		callback_wait(NULL, NULL, data);
	if (final)
		gc_final_wait();
	return NOTIFY_OK;
}

static struct notifier_block module_nb = { .notifier_call = module_event };

int heaps_init(void)
{
	int err = register_module_notifier(&module_nb);

	if (err)
		return err;
	goalloc_default_heap = __goalloc_heap_create("default", 0, THIS_MODULE);
	if (!IS_ERR(goalloc_default_heap))
		return 0;
	unregister_module_notifier(&module_nb);
	leaks_exit();
	return PTR_ERR(goalloc_default_heap);
}

/* Nobody calls us any more: whatever heaps are left are orphans, but for one. */
void heaps_exit(void)
{
	struct goalloc_heap *heap, *next;

	unregister_module_notifier(&module_nb);
	list_for_each_entry_safe(heap, next, &heaps, node) {
		WRITE_ONCE(heap->dying, true);
		destroy(heap);
	}
	leaks_exit();
}
