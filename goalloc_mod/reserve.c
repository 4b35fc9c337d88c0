// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: objects that were allocated while that could wait, for sections that
 * must not fail.
 *
 * A reserve has as many places as it was made for. @avail counts objects that
 * may be taken, @room places that may be filled. Who takes gets one of @avail
 * first, then searches: a place is filled before @avail grows, so there is an
 * object for each that was promised, and the search ends. Putting is the same
 * the other way round. So nothing fails that need not, whoever else is at it.
 *
 * There is no lock. A promise is had by cmpxchg(), an object by xchg(), a place
 * by cmpxchg(); none of it waits for who was interrupted. So an NMI may come in
 * anywhere, and take and put as others do. Wherever an NMI runs code that could
 * come here these are one instruction, or a pair of them that an interrupt makes
 * start again; architectures that make them up from a lock have no such NMIs.
 *
 * To the allocator the objects are live all the time. What is misuse is seen when
 * an object is put, and once more when it is taken: it may have been freed
 * meanwhile. reserves_lock, raw, guards the list of reserves, for debugfs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "goalloc_internal.h"
#include "malloc.h"
#include "track.h"

/* In a place: the object was allocated as zeroes, and nobody has had it yet. */
#define RESERVE_ZEROED 1UL

/**
 * struct goalloc_reserve - objects of one kind
 * @heap: theirs
 * @cache: theirs, or NULL
 * @size: what is asked for
 * @bytes: of an object's slot, if it is not under debugging
 * @flags: MCENTRAL_CTOR and MCENTRAL_KEEP, if they have them
 * @nr: places
 * @avail: objects that may be taken
 * @room: places that may be filled
 * @low: the smallest @avail there was; not exact when takers race
 * @takes: objects taken
 * @puts: objects put back, and kept
 * @exhausted: calls that found none
 * @row: for debugfs; of it the names and the id
 * @node: on the list
 * @places: an object's address, perhaps with RESERVE_ZEROED; or 0
 */
struct goalloc_reserve {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	size_t size;
	size_t bytes;
	u8 flags;
	unsigned int nr;
	atomic_t avail;
	atomic_t room;
	unsigned int low;
	atomic_long_t takes;
	atomic_long_t puts;
	atomic_long_t exhausted;
	struct reserve_row row;
	struct list_head node;
	unsigned long places[];
};

static DEFINE_RAW_SPINLOCK(reserves_lock);
static LIST_HEAD(reserves); /* by id */
static u64 last_id;

/* One of @count, unless there is none. */
static bool get_promise(atomic_t *count)
{
	return atomic_dec_if_positive(count) >= 0;
}

static void give_promise(atomic_t *count)
{
	/* What was promised is there for whoever takes the promise. */
	smp_mb__before_atomic();
	atomic_inc(count);
}

/*
 * Objects that keep their contents while free may be looked at while they lie here.
 * Whole granules of KASAN's: so it does not matter what else is in the slot.
 */
static void poison(const struct goalloc_reserve *reserve, void *obj, u8 value)
{
	if (!reserve->flags)
		track_poison(obj, round_down(reserve->size, 8), value);
}

/* Lay an object down, having the promise of a place. */
static void lay(struct goalloc_reserve *reserve, void *obj, unsigned long flags)
{
	unsigned int i = atomic_read(&reserve->avail) % reserve->nr;

	poison(reserve, obj, GOALLOC_KASAN_FREE);
	while (READ_ONCE(reserve->places[i]) ||
	       cmpxchg(&reserve->places[i], 0, (unsigned long)obj | flags))
		i = i + 1 < reserve->nr ? i + 1 : 0;
	give_promise(&reserve->avail);
}

/* Pick an object up, having the promise of one. */
static void *pick(struct goalloc_reserve *reserve, unsigned long *flags)
{
	unsigned int i = atomic_read(&reserve->avail) % reserve->nr;
	unsigned long place = 0;
	void *obj;

	while (!READ_ONCE(reserve->places[i]) || !(place = xchg(&reserve->places[i], 0)))
		i = i ? i - 1 : reserve->nr - 1;
	give_promise(&reserve->room);

	*flags = place & RESERVE_ZEROED;
	obj = (void *)(place - *flags);
	poison(reserve, obj, 0);
	return obj;
}

/* Whether @obj is a live object of the reserve's kind; @kind says what else it is. */
static bool fits(const struct goalloc_reserve *reserve, const void *obj,
		 struct object_info *info, enum goalloc_misuse *kind)
{
	if (!object_lookup(obj, info, kind))
		return false;
	*kind = MISUSE_WRONG_RESERVE;
	if (info->heap != reserve->heap || info->cache != reserve->cache)
		return false;
	/* One slot may be as long as another, and be of a request that promises less. */
	if (!info->cache && (info->noscan || !IS_ALIGNED((unsigned long)obj,
							 goalloc_align(reserve->size))))
		return false;
	/* Under debugging an object ends where what was asked for, or sanctioned, does. */
	if (info->debug)
		return info->size >= reserve->size && info->size <= reserve->bytes;
	return info->size == reserve->bytes;
}

static bool holds(const struct goalloc_reserve *reserve, const void *obj)
{
	unsigned int i;

	for (i = 0; i < reserve->nr; i++)
		if ((READ_ONCE(reserve->places[i]) & ~RESERVE_ZEROED) == (unsigned long)obj)
			return true;
	return false;
}

static bool wants_zero(const struct goalloc_reserve *reserve, gfp_t gfp)
{
	if (reserve->flags)
		return gfp & __GFP_ZERO;
	return want_init_on_alloc(gfp);
}

/* All of the slot, of which KASAN lets the caller touch what was asked for. */
static void zero(const struct goalloc_reserve *reserve, void *obj, const struct object_info *info)
{
	if (!info->debug)
		track_bounds(obj, info->size, info->size);
	memset(obj, 0, info->size);
	if (!info->debug)
		track_bounds(obj, reserve->size, info->size);
}

static bool gfp_ok(const struct goalloc_reserve *reserve, gfp_t gfp)
{
	return !(gfp & GOALLOC_GFP_BAD) &&
	       !(gfp & __GFP_ZERO && reserve->flags & MCENTRAL_CTOR);
}

static int fill(struct goalloc_reserve *reserve, gfp_t gfp)
{
	unsigned long flags = wants_zero(reserve, gfp) ? RESERVE_ZEROED : 0;
	void *obj;

	while (get_promise(&reserve->room)) {
		if (reserve->cache)
			obj = goalloc_cache_alloc(reserve->cache, gfp);
		else
			obj = goalloc_heap_alloc(reserve->heap, reserve->size, gfp);
		if (!obj) {
			give_promise(&reserve->room);
			return -ENOMEM;
		}
		lay(reserve, obj, flags);
	}
	return 0;
}

/* Not on the list, or no longer. */
static void dispose(struct goalloc_reserve *reserve)
{
	unsigned long flags;

	while (get_promise(&reserve->avail))
		goalloc_free(pick(reserve, &flags));
	kfree(reserve);
}

static struct goalloc_reserve *create(struct goalloc_heap *heap, struct goalloc_cache *cache,
				      size_t size, unsigned int nr, gfp_t gfp, unsigned long ip)
{
	struct goalloc_reserve *reserve;
	unsigned long flags;
	int err = -ENOMEM;

	if (!size || !nr || nr > GOALLOC_RESERVE_MAX) {
		pr_err("a reserve has 1 to %u objects, of 1 byte at least\n", GOALLOC_RESERVE_MAX);
		return ERR_PTR(-EINVAL);
	}
	reserve = kzalloc(struct_size(reserve, places, nr),
			  gfp & ~(GOALLOC_GFP_BAD | __GFP_NOFAIL));
	if (!reserve)
		return ERR_PTR(-ENOMEM);
	reserve->heap = heap;
	reserve->cache = cache;
	reserve->size = size;
	reserve->bytes = cache ? cache->central.elemsize : goalloc_size_roundup(size);
	reserve->flags = cache ? cache->central.flags & (MCENTRAL_CTOR | MCENTRAL_KEEP) : 0;
	reserve->nr = nr;
	atomic_set(&reserve->room, nr);
	strscpy(reserve->row.heap, heap->name, sizeof(reserve->row.heap));
	strscpy(reserve->row.cache, cache ? cache->name : "-", sizeof(reserve->row.cache));

	if (!gfp_ok(reserve, gfp)) {
		refuse_gfp(cache, ip);
		err = -EINVAL;
		goto fail;
	}
	if (fill(reserve, gfp))
		goto fail;
	reserve->low = nr;

	raw_spin_lock_irqsave(&reserves_lock, flags);
	reserve->row.id = ++last_id;
	list_add_tail(&reserve->node, &reserves);
	raw_spin_unlock_irqrestore(&reserves_lock, flags);
	return reserve;
fail:
	dispose(reserve);
	return ERR_PTR(err);
}

/**
 * goalloc_reserve_create() - set objects of a cache aside
 * @cache: the cache, which must outlive the reserve
 * @nr: how many, 1 to GOALLOC_RESERVE_MAX
 * @gfp: as for goalloc_cache_alloc(); with __GFP_ZERO they are zeroed now
 *
 * Context: as @gfp says, but not NMI; under PREEMPT_RT, where slab works.
 * Return: the full reserve, or an error pointer: -EINVAL, -ENOMEM.
 */
struct goalloc_reserve *goalloc_reserve_create(struct goalloc_cache *cache, unsigned int nr,
					       gfp_t gfp)
{
	return create(cache->central.heap, cache, cache->size, nr, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goalloc_reserve_create);

/**
 * goalloc_reserve_create_size() - set general objects of one size aside
 * @heap: theirs, which must outlive the reserve; NULL is the default heap
 * @size: bytes of each
 * @nr: how many, 1 to GOALLOC_RESERVE_MAX
 * @gfp: as for goalloc_heap_alloc(); with __GFP_ZERO they are zeroed now
 *
 * Context: as for goalloc_reserve_create().
 * Return: the full reserve, or an error pointer: -EINVAL, -ENOMEM.
 */
struct goalloc_reserve *goalloc_reserve_create_size(struct goalloc_heap *heap, size_t size,
						    unsigned int nr, gfp_t gfp)
{
	return create(heap ?: goalloc_default_heap, NULL, size, nr, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goalloc_reserve_create_size);

/**
 * goalloc_reserve_destroy() - free a reserve and the objects that are in it
 * @reserve: the reserve, which nobody uses any more; NULL does nothing
 *
 * Objects that were taken belong to who took them, and are freed as others are.
 *
 * Context: as for kfree(); not NMI.
 */
void goalloc_reserve_destroy(struct goalloc_reserve *reserve)
{
	unsigned long flags;

	if (!reserve)
		return;
	raw_spin_lock_irqsave(&reserves_lock, flags);
	list_del(&reserve->node);
	raw_spin_unlock_irqrestore(&reserves_lock, flags);
	dispose(reserve);
}
EXPORT_SYMBOL_GPL(goalloc_reserve_destroy);

/**
 * goalloc_reserve_take() - take an object out of a reserve
 * @reserve: the reserve
 * @gfp: __GFP_ZERO, or nothing: it waits for nothing, and allocates nothing
 *
 * It succeeds as long as there are objects in the reserve: as often as it was
 * made for, and again for each object that was put back or refilled. An object is
 * zeroed as one that is allocated; if the cache has a ctor it is in its constructed
 * state, and __GFP_ZERO is refused.
 *
 * Context: any.
 * Return: the object, the caller's to put back, or to free as any other; or NULL.
 */
void *goalloc_reserve_take(struct goalloc_reserve *reserve, gfp_t gfp)
{
	enum goalloc_misuse kind;
	struct object_info info;
	unsigned long flags;
	unsigned int left;
	void *obj;

	if (unlikely(!gfp_ok(reserve, gfp)))
		return refuse_gfp(reserve->cache, _RET_IP_);
	for (;;) {
		if (unlikely(!get_promise(&reserve->avail))) {
			WRITE_ONCE(reserve->low, 0);
			atomic_long_inc(&reserve->exhausted);
			return NULL;
		}
		obj = pick(reserve, &flags);
		if (likely(fits(reserve, obj, &info, &kind)))
			break;
		/* Freed while it lay here: it is somebody else's, or will be. */
		report_misuse(kind, obj, NULL, _RET_IP_);
	}
	left = atomic_read(&reserve->avail);
	if (left < READ_ONCE(reserve->low))
		WRITE_ONCE(reserve->low, left);
	atomic_long_inc(&reserve->takes);
	if (!flags && wants_zero(reserve, gfp))
		zero(reserve, obj, &info);
	return obj;
}
EXPORT_SYMBOL_GPL(goalloc_reserve_take);

/**
 * goalloc_reserve_put() - put an object into a reserve, or free it
 * @reserve: the reserve
 * @obj: a live object of the reserve's cache, or of its heap and size, wherever
 *	it came from; in its constructed state if there is a ctor. NULL and
 *	ZERO_SIZE_PTR do nothing.
 *
 * If the reserve is full the object is freed. Other objects, and one that is in the
 * reserve already, are reported, counted and refused. No dtor runs for an object
 * that is kept. It takes a look at each place of the reserve.
 *
 * Context: any.
 * Return: whether it was kept.
 */
bool goalloc_reserve_put(struct goalloc_reserve *reserve, void *obj)
{
	enum goalloc_misuse kind;
	struct object_info info;

	if (unlikely(ZERO_OR_NULL_PTR(obj)))
		return false;
	if (unlikely(!fits(reserve, obj, &info, &kind))) {
		report_misuse(kind, obj, NULL, _RET_IP_);
		return false;
	}
	if (unlikely(holds(reserve, obj))) {
		report_misuse(MISUSE_DOUBLE_FREE, obj, NULL, _RET_IP_);
		return false;
	}
	if (!get_promise(&reserve->room)) {
		goalloc_free(obj);
		return false;
	}
	lay(reserve, obj, 0);
	atomic_long_inc(&reserve->puts);
	return true;
}
EXPORT_SYMBOL_GPL(goalloc_reserve_put);

/**
 * goalloc_reserve_refill() - allocate what a reserve lacks
 * @reserve: the reserve
 * @gfp: as for its creation
 *
 * Context: as @gfp says.
 * Return: 0, or -ENOMEM, and then it has what there was memory for; -EINVAL for @gfp.
 */
int goalloc_reserve_refill(struct goalloc_reserve *reserve, gfp_t gfp)
{
	if (!gfp_ok(reserve, gfp)) {
		refuse_gfp(reserve->cache, _RET_IP_);
		return -EINVAL;
	}
	return fill(reserve, gfp);
}
EXPORT_SYMBOL_GPL(goalloc_reserve_refill);

static void get_stats(const struct goalloc_reserve *reserve, struct goalloc_reserve_stats *stats)
{
	stats->capacity = reserve->nr;
	stats->available = atomic_read(&reserve->avail);
	stats->low = READ_ONCE(reserve->low);
	stats->takes = atomic_long_read(&reserve->takes);
	stats->puts = atomic_long_read(&reserve->puts);
	stats->exhausted = atomic_long_read(&reserve->exhausted);
}

/**
 * goalloc_reserve_stats() - what a reserve holds, and how it was used
 * @reserve: the reserve
 * @stats: filled in
 *
 * Context: any.
 */
void goalloc_reserve_stats(const struct goalloc_reserve *reserve,
			   struct goalloc_reserve_stats *stats)
{
	get_stats(reserve, stats);
}
EXPORT_SYMBOL_GPL(goalloc_reserve_stats);

/**
 * reserve_find() - the first reserve from an id on
 * @id: the id
 * @row: what there is to show of it
 *
 * Context: any but NMI.
 * Return: false if there is none.
 */
bool reserve_find(u64 id, struct reserve_row *row)
{
	struct goalloc_reserve *reserve;
	unsigned long flags;
	bool found = false;

	raw_spin_lock_irqsave(&reserves_lock, flags);
	list_for_each_entry(reserve, &reserves, node) {
		if (reserve->row.id < id)
			continue;
		*row = reserve->row;
		row->size = reserve->size;
		get_stats(reserve, &row->stats);
		found = true;
		break;
	}
	raw_spin_unlock_irqrestore(&reserves_lock, flags);
	return found;
}
EXPORT_SYMBOL_FOR_TEST(reserve_find);

/**
 * reserve_copy() - copy what lies in reserves, some places at a time
 * @id: the reserve to look at, or the first one behind that; 0 to begin with. Updated
 * @at: the place to begin at; 0 to begin with. Updated
 * @objs: objects, with 0 where a place is empty
 * @n: entries of @objs, all of which are set
 *
 * Context: any but NMI.
 * Return: false if there is no reserve any more.
 */
bool reserve_copy(u64 *id, unsigned int *at, unsigned long *objs, unsigned int n)
{
	struct goalloc_reserve *reserve;
	unsigned long flags;
	bool found = false;
	unsigned int i;

	memset(objs, 0, n * sizeof(*objs));
	raw_spin_lock_irqsave(&reserves_lock, flags);
	list_for_each_entry(reserve, &reserves, node) {
		if (reserve->row.id < *id)
			continue;
		found = true;
		if (reserve->row.id != *id)
			*at = 0;
		*id = reserve->row.id;
		for (i = 0; i < n && *at < reserve->nr; i++, ++*at)
			objs[i] = READ_ONCE(reserve->places[*at]) & ~RESERVE_ZEROED;
		if (*at >= reserve->nr) {
			++*id;
			*at = 0;
		}
		break;
	}
	raw_spin_unlock_irqrestore(&reserves_lock, flags);
	return found;
}
