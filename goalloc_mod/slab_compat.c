// SPDX-License-Identifier: GPL-2.0
/*
 * What linux/goalloc_slab_compat.h maps slab's calls to where that takes more than
 * a line. Owns nothing; the caches and reserves are like any others.
 */
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "goalloc_internal.h"

/* Of caches of one name: more are a mistake, and slab warns of the second. */
#define SAME_NAME_MAX 1000

static bool name_taken(const char *name)
{
	struct goalloc_cache *cache;
	bool taken = false;

	mutex_lock(&heaps_lock);
	list_for_each_entry(cache, &goalloc_default_heap->caches, node)
		taken |= !strcmp(cache->name, name);
	mutex_unlock(&heaps_lock);
	return taken;
}

/* Slab takes any text for a name, and one name twice; here it is a word, and unique. */
static void make_name(char *to, const char *from)
{
	size_t len, i;

	strscpy(to, from && *from ? from : "_", GOALLOC_NAME_MAX);
	for (i = 0; to[i]; i++)
		if (!(isascii(to[i]) && isalnum(to[i])) && (!strchr("_.-", to[i]) || !i))
			to[i] = '_';
	len = min_t(size_t, i, GOALLOC_NAME_MAX - sizeof("-999"));
	for (i = 2; i < SAME_NAME_MAX && name_taken(to); i++)
		snprintf(to + len, GOALLOC_NAME_MAX - len, "-%zu", i);
}

static unsigned long make_flags(slab_flags_t flags)
{
	unsigned long to = 0;

	if (flags & SLAB_HWCACHE_ALIGN)
		to |= GOALLOC_HWCACHE_ALIGN;
	if (flags & SLAB_TYPESAFE_BY_RCU)
		to |= GOALLOC_TYPESAFE_BY_RCU;
	if (flags & SLAB_PANIC)
		to |= GOALLOC_PANIC;
	return to;
}

/**
 * goalloc_slab_cache_create() - kmem_cache_create()
 * @name: any text; what debugfs cannot show becomes ``_``, and if the default heap has
 *	a cache of that name it gets a number
 * @size: bytes
 * @args: alignment, usercopy range, ctor
 * @flags: SLAB_*: HWCACHE_ALIGN, TYPESAFE_BY_RCU and PANIC do what they do there,
 *	CACHE_DMA and CACHE_DMA32 are refused, others have no effect
 *
 * Context: may sleep.
 * Return: the cache, or NULL.
 */
struct goalloc_cache *goalloc_slab_cache_create(const char *name, unsigned int size,
						const struct goalloc_cache_args *args,
						slab_flags_t flags)
{
	struct goalloc_cache *cache = NULL;
	char word[GOALLOC_NAME_MAX];
	unsigned int tries;

	make_name(word, name);
	if (flags & (SLAB_CACHE_DMA | SLAB_CACHE_DMA32)) {
		pr_err("goalloc: cache %s: there is no memory for DMA here\n", word);
		if (flags & SLAB_PANIC)
			panic("goalloc: cache %s\n", word);
		return NULL;
	}
	/* Another may take the name first. */
	for (tries = 0; tries < SAME_NAME_MAX; tries++) {
		cache = goalloc_cache_create(word, size, args, make_flags(flags));
		if (cache != ERR_PTR(-EEXIST))
			break;
		make_name(word, name);
	}
	return IS_ERR(cache) ? NULL : cache;
}
EXPORT_SYMBOL_GPL(goalloc_slab_cache_create);

/**
 * goalloc_slab_refill_sheaf() - kmem_cache_refill_sheaf()
 * @cache: the cache
 * @gfp: as for goalloc_cache_alloc()
 * @reserve: the sheaf; replaced by a larger one if it has too few places
 * @nr: objects that it is to have at least
 *
 * Context: as @gfp says.
 * Return: 0 or -ENOMEM, and then it has no fewer than before.
 */
int goalloc_slab_refill_sheaf(struct goalloc_cache *cache, gfp_t gfp,
			      struct goalloc_reserve **reserve, unsigned int nr)
{
	struct goalloc_reserve_stats stats;
	struct goalloc_reserve *larger;

	goalloc_reserve_stats(*reserve, &stats);
	if (nr <= stats.capacity)
		return goalloc_reserve_refill(*reserve, gfp);
	larger = goalloc_reserve_create(cache, nr, gfp);
	if (IS_ERR(larger))
		return -ENOMEM;
	goalloc_reserve_destroy(*reserve);
	*reserve = larger;
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_slab_refill_sheaf);
