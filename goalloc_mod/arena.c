// SPDX-License-Identifier: GPL-2.0
/*
 * Arenas: vmalloc areas and what describes them, and the index that finds
 * them from an address.
 *
 * vmalloc() cannot be asked for 64 MiB alignment on every kernel we run on,
 * so the arena of an address is not found by shifting alone: see struct
 * arena_index. The index is read without a lock, with preemption off; it is
 * written under mheap.arena_lock, and an arena is taken down a grace period
 * after it has left the index (mgrow.c). Leaves stay until unload.
 */
#include <linux/bitmap.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "goalloc_internal.h"
#include "track.h"

/* Pages of ours are made of whole ones of the kernel's. */
static_assert(PAGE_SIZE <= GOALLOC_PAGE_SIZE);

struct arena_index arena_index __read_mostly;

/* Stands where there is no arena: nothing is in it. */
static struct heap_arena no_arena;

/*
 * Whoever wants an arena fails rather than reclaim hard: there are smaller sizes to try, or
 * an error to return, and the OOM killer must not be woken.
 */
#define ARENA_GFP (GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN | GOALLOC_GFP_NO_RESERVES)

/* Stands where there is no leaf. */
static struct arena_index_slot *no_leaf;

static struct arena_index_slot *make_leaf(void)
{
	struct arena_index_slot *leaf;
	unsigned int i;

	leaf = kvmalloc_array(ARENA_LEAF_SLOTS, sizeof(*leaf), ARENA_GFP);
	for (i = 0; leaf && i < ARENA_LEAF_SLOTS; i++)
		leaf[i] = (struct arena_index_slot){ { &no_arena, &no_arena } };
	return leaf;
}

int arena_index_init(void)
{
	unsigned long covered = BIT(ARENA_INDEX_SHIFT + ARENA_LEAF_SHIFT);
	unsigned long base = ALIGN_DOWN((unsigned long)VMALLOC_START, covered);
	unsigned long nleaves = DIV_ROUND_UP(VMALLOC_END - base, covered), i;

	/* 8 KiB with the 32 TiB of x86-64 */
	arena_index.dir = kvmalloc_array(nleaves, sizeof(*arena_index.dir), GFP_KERNEL);
	no_leaf = make_leaf();
	if (!arena_index.dir || !no_leaf) {
		kvfree(arena_index.dir);
		kvfree(no_leaf);
		return -ENOMEM;
	}
	for (i = 0; i < nleaves; i++)
		arena_index.dir[i] = no_leaf;
	arena_index.base = base;
	arena_index.nleaves = nleaves;
	return 0;
}

void arena_index_exit(void)
{
	unsigned long i;

	for (i = 0; i < arena_index.nleaves; i++)
		if (arena_index.dir[i] != no_leaf)
			kvfree(arena_index.dir[i]);
	kvfree(arena_index.dir);
	kvfree(no_leaf);
}

static unsigned long index_of(unsigned long addr)
{
	return (addr - arena_index.base) >> ARENA_INDEX_SHIFT;
}

static struct arena_index_slot *index_slot(unsigned long i)
{
	return &arena_index.dir[i >> ARENA_LEAF_SHIFT][i % ARENA_LEAF_SLOTS];
}

void arena_index_remove(struct heap_arena *arena)
{
	unsigned long i, last = index_of(arena->base + arena->bytes - 1);
	int n;

	lockdep_assert_held(&mheap.arena_lock);
	for (i = index_of(arena->base); i <= last; i++) {
		struct arena_index_slot *slot = index_slot(i);

		for (n = 0; n < 2; n++)
			if (slot->arena[n] == arena)
				WRITE_ONCE(slot->arena[n], &no_arena);
	}
}

/* May sleep. Nothing is entered if it fails. */
int arena_index_add(struct heap_arena *arena)
{
	unsigned long i, last = index_of(arena->base + arena->bytes - 1);

	lockdep_assert_held(&mheap.arena_lock);
	if (last >> ARENA_LEAF_SHIFT >= arena_index.nleaves)
		return -ERANGE;

	for (i = index_of(arena->base); i <= last; i++) {
		struct arena_index_slot **leaf = &arena_index.dir[i >> ARENA_LEAF_SHIFT];
		struct arena_index_slot *slot;
		int n;

		if (*leaf == no_leaf) {
			struct arena_index_slot *fresh = make_leaf();

			if (!fresh)
				goto undo;
			/* Pairs with the address dependency in arena_of(). */
			smp_store_release(leaf, fresh);
		}

		slot = index_slot(i);
		n = slot->arena[0] != &no_arena;
		if (WARN_ON_ONCE(slot->arena[n] != &no_arena))
			goto undo;
		/* As above: who finds the arena finds it initialised. */
		smp_store_release(&slot->arena[n], arena);
	}
	return 0;
undo:
	arena_index_remove(arena);
	return -ENOMEM;
}

/*
 * A report of KASAN shows the state of the lines around an address, and faults where
 * there is no memory for that state, ahead of an area or behind it (print_memory() in
 * mm/kasan/report.c): objects keep away from both ends.
 */
#define ARENA_MARGIN (GOALLOC_KASAN_FREE ? GOALLOC_PAGE_SIZE : 0UL)

/* vmalloc does not say how it mapped the area; contiguous 2 MiB tell. */
static bool looks_huge(void *area)
{
	unsigned long pfn = page_to_pfn(vmalloc_to_page(area));

	return IS_ENABLED(CONFIG_HAVE_ARCH_HUGE_VMALLOC) &&
	       IS_ALIGNED((unsigned long)area, PMD_SIZE) &&
	       IS_ALIGNED(pfn, PMD_SIZE >> PAGE_SHIFT) &&
	       page_to_pfn(vmalloc_to_page(area + PMD_SIZE - PAGE_SIZE)) ==
		       pfn + (PMD_SIZE >> PAGE_SHIFT) - 1;
}

/**
 * arena_create() - reserve an arena and what describes it
 * @bytes: size of the area, at least 4 MiB, a multiple of the system's page size
 * @align: alignment of the first page, 8 KiB or more; with @dedicated it is for
 *	that alone, and the object has @bytes less @align
 * @dedicated: it will hold one object; its pages are not managed
 *
 * Context: may sleep.
 * Return: the arena, in no list or index, or NULL.
 */
struct heap_arena *arena_create(unsigned long bytes, unsigned long align, bool dedicated)
{
	struct heap_arena *arena;
	unsigned long npages, nmspans, start;

	arena = kvzalloc(sizeof(*arena), ARENA_GFP);
	if (!arena)
		return NULL;

	arena->area = vmalloc_huge(bytes + 2 * ARENA_MARGIN, ARENA_GFP);
	if (!arena->area)
		goto free;
	/*
	 * kmemleak must see objects, not areas: an area whose every byte is
	 * scanned would hide whatever stale pointers lie in it.
	 */
	kmemleak_free(arena->area);

	start = (unsigned long)arena->area + ARENA_MARGIN;
	arena->area_bytes = bytes + 2 * ARENA_MARGIN;
	arena->base = ALIGN(start, align);
	npages = (start + bytes - arena->base) >> GOALLOC_PAGE_SHIFT;
	/* The object's, and not what the alignment happened to leave. */
	if (dedicated)
		npages = (bytes - align) >> GOALLOC_PAGE_SHIFT;
	arena->bytes = npages << GOALLOC_PAGE_SHIFT;
	arena->dedicated = dedicated;
	arena->zeroed = want_init_on_alloc(ARENA_GFP);
	arena->huge = looks_huge(arena->area);

	nmspans = dedicated ? 1 : npages;
	arena->spans = kvcalloc(npages, sizeof(*arena->spans), ARENA_GFP);
	arena->mspans = kvcalloc(nmspans, sizeof(*arena->mspans), ARENA_GFP);
	arena->starts = kvcalloc(BITS_TO_LONGS(nmspans), sizeof(long), ARENA_GFP);
	if (arena->spans && arena->mspans && arena->starts) {
		/* Spans know their first object, which may be leaked all the same. */
		kmemleak_no_scan(arena->mspans);
		return arena;
	}
free:
	arena_destroy(arena);
	return NULL;
}

/* May sleep. */
void arena_destroy(struct heap_arena *arena)
{
	kvfree(arena->starts);
	kvfree(arena->mspans);
	kvfree(arena->spans);
	vfree(arena->area);
	kvfree(arena);
}
