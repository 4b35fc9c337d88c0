// SPDX-License-Identifier: GPL-2.0
/*
 * Growing and giving back, an arena at a time.
 *
 * vmalloc() and vfree() sleep, so this is process context only, one grower at
 * a time (mheap.arena_lock), inside memalloc_noio_save(): the caller may be
 * writing out pages. Callers that must not sleep live off what the service
 * worker keeps ahead of the low watermark, and get NULL when that is gone.
 *
 * An arena is given back when all its pages are free: by the shrinker, or on
 * request. Some free pages always stay, or the worker would grow at once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "goalloc_internal.h"
#include "mgc.h"

/* The smallest arena: what the arena index is laid out for. */
#define ARENA_MIN_BYTES BIT(ARENA_INDEX_SHIFT)

static struct workqueue_struct *mgrow_wq;
static struct shrinker *mgrow_shrinker;
static unsigned long grow_backoff; /* jiffies; no growing ahead until then */

/*
 * Whether an arena of this size may be reserved: under max_mb, and with a
 * quarter more memory available than it takes, so that the OOM killer sleeps on.
 */
static bool may_reserve(unsigned long bytes)
{
	unsigned long sys = READ_ONCE(mheap.pages_sys) << GOALLOC_PAGE_SHIFT;

	if (sys + bytes > max_mb << 20)
		return false;
	return si_mem_available() > (long)((bytes + bytes / 4) >> PAGE_SHIFT);
}

/*
 * Reserve an arena and enter it into the index and the mheap; arena_lock is
 * held. With a @central it is dedicated to one object, which is made with it.
 */
static struct heap_arena *reserve(unsigned long bytes, unsigned long align,
				  struct mcentral *central)
{
	struct heap_arena *arena;
	unsigned long flags;
	bool ok = false;

	lockdep_assert_held(&mheap.arena_lock);

	if (!may_reserve(bytes))
		return NULL;
	arena = arena_create(bytes, align, central);
	if (!arena)
		return NULL;

	if (!arena_index_add(arena)) {
		raw_spin_lock_irqsave(&mheap.lock, flags);
		ok = mheap_attach(arena);
		if (ok && central)
			mheap_start_dedicated(arena, central);
		raw_spin_unlock_irqrestore(&mheap.lock, flags);
	}
	if (ok) {
		WRITE_ONCE(mheap.grows, mheap.grows + 1);
		return arena;
	}

	/* It may have been in the index for a moment. */
	arena_index_remove(arena);
	synchronize_rcu();
	arena_destroy(arena);
	return NULL;
}

/* The longest run that is sure to exist at the wanted alignment. */
static bool has_run(unsigned long npages)
{
	unsigned long flags;
	bool ok;

	raw_spin_lock_irqsave(&mheap.lock, flags);
	ok = palloc_largest(&mheap.pages) >= npages;
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
	return ok;
}

/* Reserve one arena, a smaller one if need be, of @least bytes; arena_lock is held. */
static bool reserve_some(unsigned long least)
{
	unsigned long bytes;

	/* A request over an arena's size gets an arena of its size. */
	bytes = max((unsigned long)arena_mb << 20, ALIGN(least, 1UL << 20));
	for (; bytes >= least; bytes /= 2)
		if (reserve(bytes, GOALLOC_PAGE_SIZE, NULL))
			return true;
	WRITE_ONCE(mheap.grow_fails, mheap.grow_fails + 1);
	return false;
}

/**
 * mheap_grow() - make a run of free pages
 * @npages: length of the run
 * @align_pages: its alignment
 *
 * Context: may sleep.
 * Return: whether there is one now, though others may take it first.
 */
bool mheap_grow(unsigned long npages, unsigned long align_pages)
{
	/* One page goes if the area starts in the middle of an 8 KiB page. */
	unsigned long run = npages + align_pages - 1;
	unsigned long least = max((run + 1) << GOALLOC_PAGE_SHIFT, ARENA_MIN_BYTES);
	unsigned int noio = memalloc_noio_save();
	bool ok;

	mutex_lock(&mheap.arena_lock);
	/* Whoever held the mutex may have grown for us. */
	ok = has_run(run) || reserve_some(least);
	mutex_unlock(&mheap.arena_lock);
	memalloc_noio_restore(noio);
	return ok;
}

/**
 * mheap_alloc_dedicated() - an arena for one object that fits in no other
 * @central: of size class 0
 * @npages: pages of the object
 * @align_pages: its alignment
 * @zeroed: set to whether it is known to be zero
 *
 * Context: may sleep.
 * Return: the object, or -EDQUOT or -ENOMEM as an error pointer.
 */
void *mheap_alloc_dedicated(struct mcentral *central, unsigned long npages,
			    unsigned long align_pages, bool *zeroed)
{
	unsigned long align = align_pages << GOALLOC_PAGE_SHIFT;
	unsigned long bytes, charged;
	struct heap_arena *arena;
	unsigned int noio;

	/* The alignment makes the area larger than the object, and that is paid for. */
	if (check_shl_overflow(npages, GOALLOC_PAGE_SHIFT, &bytes) ||
	    check_add_overflow(bytes, align, &bytes) || bytes > LONG_MAX / 2)
		return ERR_PTR(-ENOMEM);
	bytes = max(bytes, ARENA_MIN_BYTES);
	charged = bytes >> GOALLOC_PAGE_SHIFT;
	if (charged > U32_MAX)
		return ERR_PTR(-ENOMEM);
	if (!mheap_charge(central->heap, charged))
		return ERR_PTR(-EDQUOT);

	noio = memalloc_noio_save();
	mutex_lock(&mheap.arena_lock);
	arena = reserve(bytes, align, central);
	if (!arena)
		WRITE_ONCE(mheap.grow_fails, mheap.grow_fails + 1);
	mutex_unlock(&mheap.arena_lock);
	memalloc_noio_restore(noio);

	if (arena)
		charged -= arena->bytes >> GOALLOC_PAGE_SHIFT;
	mheap_uncharge(central->heap, charged);
	if (!arena)
		return ERR_PTR(-ENOMEM);
	*zeroed = arena->zeroed;
	return (void *)arena->base;
}

/*
 * Take empty arenas, highest first, off the page allocator for as long as
 * @target pages are still to go, and line them up for release_work(). Address
 * ordered allocation leaves the highest arenas empty first.
 */
static unsigned long detach_empty(unsigned long target)
{
	unsigned long gone = 0, flags;
	int nr;

	for (nr = GOALLOC_MAX_ARENAS - 1; nr >= 0 && gone < target; nr--) {
		struct heap_arena *arena;
		unsigned long npages;

		if (!READ_ONCE(mheap.arenas[nr]))
			continue;

		raw_spin_lock_irqsave(&mheap.lock, flags);
		arena = mheap.arenas[nr];
		npages = arena ? arena->bytes >> GOALLOC_PAGE_SHIFT : 0;
		if (arena && !arena->dedicated && arena->pages.nfree == npages &&
		    mheap.narenas - mheap.ndedicated > initial_arenas &&
		    mheap.pages.nfree - npages >= goalloc_low_pages()) {
			mheap_detach(arena);
			gone += npages;
		}
		raw_spin_unlock_irqrestore(&mheap.lock, flags);
	}
	return gone;
}

static void release_all(void)
{
	struct heap_arena *arena, *next;
	unsigned long flags;
	LIST_HEAD(list);

	mutex_lock(&mheap.arena_lock);
	raw_spin_lock_irqsave(&mheap.lock, flags);
	list_splice_init(&mheap.released, &list);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);

	list_for_each_entry(arena, &list, release) {
		arena_index_remove(arena);
		WRITE_ONCE(mheap.releases, mheap.releases + 1);
	}
	/* Whoever looked one up, with preemption off, is done after this. */
	if (!list_empty(&list))
		synchronize_rcu();
	list_for_each_entry_safe(arena, next, &list, release)
		arena_destroy(arena);
	mutex_unlock(&mheap.arena_lock);
}

static void release_work_fn(struct work_struct *work)
{
	release_all();
}

static DECLARE_WORK(release_work, release_work_fn);

/* Context: any but NMI; no lock held. */
void mheap_release_soon(void)
{
	queue_work(mgrow_wq, &release_work);
}

/**
 * mheap_release() - give back empty arenas now
 * @target: pages wanted back; ULONG_MAX for all there are
 *
 * Context: may sleep.
 * Return: pages given back.
 */
unsigned long mheap_release(unsigned long target)
{
	unsigned long gone = detach_empty(target);

	release_all();
	return gone;
}

static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long free = READ_ONCE(mheap.pages.nfree), keep = goalloc_low_pages();

	free += mgc_pressure(false) >> GOALLOC_PAGE_SHIFT;
	if (READ_ONCE(mheap.narenas) <= initial_arenas || free <= keep)
		return 0;
	return (free - keep) << (GOALLOC_PAGE_SHIFT - PAGE_SHIFT);
}

/* Reclaim does not wait for a grace period: the memory follows from the worker. */
static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long pages = sc->nr_to_scan >> (GOALLOC_PAGE_SHIFT - PAGE_SHIFT);
	unsigned long gone = detach_empty(max(pages, 1UL));

	/* What that brings are free pages, for the next call. */
	mgc_pressure(true);
	if (!gone)
		return SHRINK_STOP;
	mheap_release_soon();
	return gone << (GOALLOC_PAGE_SHIFT - PAGE_SHIFT);
}

/* What atomic callers will want: pages, slot bits, centrals, CPU slots, span_gcs. */
static void service_work_fn(struct work_struct *work)
{
	/* Reclaim could come back to us, and wait for heaps_lock. */
	unsigned int noio = memalloc_noio_save();

	mspanbits_fill();
	mcentral_service();
	span_gc_fill();
	mutex_lock(&mheap.arena_lock);
	while (READ_ONCE(mheap.pages.nfree) < goalloc_low_pages()) {
		if (!reserve_some(ARENA_MIN_BYTES)) {
			WRITE_ONCE(grow_backoff, jiffies + HZ);
			break;
		}
	}
	mutex_unlock(&mheap.arena_lock);
	memalloc_noio_restore(noio);
}

static DECLARE_WORK(service_work, service_work_fn);

static void service_irq_fn(struct irq_work *work)
{
	queue_work(mgrow_wq, &service_work);
}

static DEFINE_IRQ_WORK(service_irq, service_irq_fn);

/* Context: any; no lock held. */
void mheap_service_soon(void)
{
	if (in_nmi())
		irq_work_queue(&service_irq);
	else
		queue_work(mgrow_wq, &service_work);
}

/**
 * mheap_watermark() - grow ahead if few pages are left
 *
 * Called after pages were taken. Context: any; no lock held.
 */
void mheap_watermark(void)
{
	if (unlikely(READ_ONCE(mheap.pages.nfree) < goalloc_low_pages()) &&
	    time_after_eq(jiffies, READ_ONCE(grow_backoff)))
		mheap_service_soon();
}

int mgrow_init(void)
{
	unsigned int i;
	int err;

	palloc_init(&mheap.pages);
	grow_backoff = jiffies;
	mgrow_wq = alloc_workqueue("goalloc", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!mgrow_wq)
		return -ENOMEM;

	for (i = 0; i < initial_arenas; i++) {
		bool ok;

		mutex_lock(&mheap.arena_lock);
		ok = reserve((unsigned long)arena_mb << 20, GOALLOC_PAGE_SIZE, NULL);
		mutex_unlock(&mheap.arena_lock);
		if (!ok) {
			pr_err("cannot reserve arena %u of %u, %u MiB each\n", i + 1,
			       initial_arenas, arena_mb);
			err = -ENOMEM;
			goto free;
		}
	}

	mgrow_shrinker = goalloc_shrinker_register(shrinker_count, shrinker_scan);
	if (!mgrow_shrinker) {
		err = -ENOMEM;
		goto free;
	}
	return 0;
free:
	mgrow_exit();
	return err;
}

/* All spans are gone, and nothing will ask for pages any more. */
void mgrow_exit(void)
{
	unsigned long flags;
	unsigned int nr;

	if (mgrow_shrinker)
		goalloc_shrinker_unregister(mgrow_shrinker);
	irq_work_sync(&service_irq);
	destroy_workqueue(mgrow_wq);
	raw_spin_lock_irqsave(&mheap.lock, flags);
	for (nr = 0; nr < GOALLOC_MAX_ARENAS; nr++)
		if (mheap.arenas[nr])
			mheap_detach(mheap.arenas[nr]);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
	release_all();
}
