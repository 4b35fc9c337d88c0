/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling the kernel's checkers about objects: kmemleak and KASAN.
 *
 * Both see what they see of slab objects, as far as exported symbols allow:
 * kmemleak tracks and scans each object, KASAN catches the use of a freed slot
 * where it knows vmalloc memory at all (CONFIG_KASAN_VMALLOC, generic KASAN).
 * kmemleak allocates in turn, so it does not hear of what is allocated in hard
 * interrupts and NMIs. In kernels without the two all of this is nothing.
 */
#ifndef GOALLOC_TRACK_H
#define GOALLOC_TRACK_H

#include <linux/kmemleak.h>

#include "goalloc_internal.h"

#if defined(CONFIG_KASAN_GENERIC) && defined(CONFIG_KASAN_VMALLOC)
/* Exported, but declared in a header of mm/ only. */
void kasan_poison(const void *addr, size_t size, u8 value, bool init);

#define GOALLOC_KASAN_FREE 0xFB /* reported as slab-use-after-free */
#define GOALLOC_KASAN_ZONE 0xFC /* reported as slab-out-of-bounds */

static inline void track_poison(const void *addr, size_t size, u8 value)
{
	kasan_poison(addr, size, value, false);
}
#else
#define GOALLOC_KASAN_FREE 0
#define GOALLOC_KASAN_ZONE 0

static inline void track_poison(const void *addr, size_t size, u8 value)
{
}
#endif

/* Whether anyone hears of it when an object becomes free. */
#define TRACK_FREES (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || GOALLOC_KASAN_FREE)

/* Objects that keep their contents while free may be looked at while free. */
static inline bool track_poisons(const struct mcentral *central)
{
	return !(central->flags & (MCENTRAL_CTOR | MCENTRAL_KEEP));
}

/* A span was made: none of its slots may be touched. */
static inline void track_span(const struct mcentral *central, struct mspan *span)
{
	track_poison((void *)span->base, (size_t)span->npages << GOALLOC_PAGE_SHIFT,
		     track_poisons(central) ? GOALLOC_KASAN_FREE : 0);
}

/* Of a slot of @slot bytes the first @size may be touched, which is KASAN's to see. */
static __always_inline void track_bounds(const void *obj, size_t size, size_t slot)
{
	size_t whole = round_down(size, 8), zone = round_up(size, 8);

	if (!GOALLOC_KASAN_FREE)
		return;
	track_poison(obj, whole, 0);
	/* A granule of 8 bytes says how many of its first ones may be touched. */
	if (whole < zone)
		track_poison(obj + whole, 8, size - whole);
	track_poison(obj + zone, slot - zone, GOALLOC_KASAN_ZONE);
}

/*
 * An NMI cannot tell kmemleak of a free. Once one was left out it is made up for
 * before the slot is handed out again, and before its pages go.
 */
extern bool track_missed;

static __always_inline void track_catch_up(const void *obj)
{
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && unlikely(READ_ONCE(track_missed)))
		kmemleak_free(obj);
}

/* The pages of a span go, all objects of which are dead; no lock is held. */
static inline void track_span_end(const struct mspan *span, unsigned int nelems)
{
	unsigned int slot;

	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && READ_ONCE(track_missed))
		for (slot = 0; slot < nelems; slot++)
			kmemleak_free((void *)(span->base + slot * span->elemsize));
}

/* An object was handed out, all @size bytes of its slot; see track_bounds(). */
static __always_inline void track_alloc(const struct mcentral *central, void *obj, size_t size,
					gfp_t gfp)
{
	track_poison(obj, size, 0);
	if (!in_nmi())
		track_catch_up(obj);
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && goalloc_may_kmalloc()) {
		/* What is managed is never leaked, but is looked into. */
		kmemleak_alloc(obj, size, central->flags & MCENTRAL_GC ? 0 : 1, gfp);
		if (central->spanclass & 1)
			kmemleak_no_scan(obj);
	}
}

static __always_inline void goalloc_track_alloc(const struct mcentral *central, void *obj,
						gfp_t gfp)
{
	track_alloc(central, obj, central->elemsize, gfp);
}

/* An object is about to become free. */
static __always_inline void track_free(const struct mcentral *central, const void *obj,
				       size_t size)
{
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK)) {
		if (in_nmi())
			WRITE_ONCE(track_missed, true);
		else
			kmemleak_free(obj);
	}
	if (track_poisons(central))
		track_poison(obj, size, GOALLOC_KASAN_FREE);
}

#endif /* GOALLOC_TRACK_H */
