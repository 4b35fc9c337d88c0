// SPDX-License-Identifier: GPL-2.0
/*
 * The store: entries found by key through an rhashtable, listed through an
 * xarray. Both of these are the kernel's own memory; entries, keys and values
 * live in a goalloc heap of the store's own, and its limit is the store's.
 *
 * Writers hold store.lock while they change index, ids and counters, and for
 * nothing else: copying from user space and allocating come before it.
 *
 * Readers take no lock. They find an entry under RCU and keep it by its
 * reference count, so that they can sleep while they copy its value to user
 * space. An entry leaves index and listing before its last reference goes.
 * Then its value is freed at once, since only those with a reference look at
 * it; key and entry are freed by RCU, since a lookup compares them without one.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/goalloc_leaks.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "store.h"

static struct {
	struct goalloc_heap *heap;
	struct goalloc_cache *entries;
	siphash_key_t hash_key;

	struct mutex lock; /* guards what follows against other writers */
	struct rhashtable index;
	struct xarray ids;
	u32 next_id;
	u64 nr_entries;
	u64 key_bytes;
	u64 value_bytes;
	u64 puts;
	u64 replaced;
	u64 deleted;
} store;

/* What a lookup compares with. */
struct kv_lookup {
	u64 hash;
	const void *key;
	u32 size;
};

static u32 index_hash(u64 hash, u32 seed)
{
	return jhash_2words(lower_32_bits(hash), upper_32_bits(hash), seed);
}

static u32 lookup_hashfn(const void *data, u32 len, u32 seed)
{
	const struct kv_lookup *lookup = data;

	return index_hash(lookup->hash, seed);
}

static u32 entry_hashfn(const void *data, u32 len, u32 seed)
{
	const struct kv_entry *entry = data;

	return index_hash(entry->hash, seed);
}

static int entry_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct kv_lookup *lookup = arg->key;
	const struct kv_entry *entry = obj;

	return entry->hash != lookup->hash || entry->key->size != lookup->size ||
	       memcmp(entry->key->bytes, lookup->key, lookup->size);
}

static const struct rhashtable_params index_params = {
	.head_offset = offsetof(struct kv_entry, node),
	.hashfn = lookup_hashfn,
	.obj_hashfn = entry_hashfn,
	.obj_cmpfn = entry_cmpfn,
	.automatic_shrinking = true,
};

static struct kv_lookup lookup_of(const void *key, u32 size)
{
	return (struct kv_lookup){
		.hash = siphash(key, size, &store.hash_key),
		.key = key,
		.size = size,
	};
}

static void entry_release(struct kref *ref)
{
	struct kv_entry *entry = container_of(ref, struct kv_entry, ref);

	goalloc_heap_free(store.heap, entry->value);
	goalloc_free_rcu(entry->key, rcu);
	goalloc_free_rcu(entry, rcu);
}

void kv_entry_put(struct kv_entry *entry)
{
	kref_put(&entry->ref, entry_release);
}

static void *kv_alloc(size_t size)
{
	return goalloc_heap_alloc_noscan(store.heap, size, GFP_KERNEL | __GFP_NOWARN);
}

/* An entry with key and value, or NULL. */
static struct kv_entry *try_entry(size_t key_size, u32 value_size)
{
	struct kv_entry *entry;

	entry = goalloc_cache_zalloc(store.entries, GFP_KERNEL | __GFP_NOWARN);
	if (!entry)
		return NULL;
	kref_init(&entry->ref);
	entry->key = kv_alloc(struct_size(entry->key, bytes, key_size));
	entry->value = kv_alloc(value_size);
	if (!entry->key || !entry->value) {
		kv_entry_put(entry);
		return NULL;
	}
	entry->key->size = key_size;
	entry->value_size = value_size;
	return entry;
}

/**
 * kv_entry_new() - make an entry that is not in the store yet
 * @key_size: bytes of its key, at least 1
 * @value_size: bytes of its value
 *
 * The caller fills key and value, and gives the entry to kv_put() or back to
 * kv_entry_put().
 *
 * Context: may sleep; at the limit, for some grace periods.
 * Return: the entry, or -ENOSPC at the store's limit, or -ENOMEM.
 */
struct kv_entry *kv_entry_new(u32 key_size, u32 value_size)
{
	size_t size = (size_t)key_size + value_size;
	struct kv_entry *entry = try_entry(key_size, value_size);
	struct goalloc_heap_stats stats;

	if (entry)
		return entry;

	/*
	 * The limit counts spans. What the objects need is less: entries just
	 * deleted wait for their grace period, spans without objects for use.
	 */
	goalloc_heap_stats(store.heap, &stats);
	if (stats.live_bytes + size <= stats.limit) {
		goalloc_rcu_barrier();
		goalloc_heap_shrink(store.heap);
		entry = try_entry(key_size, value_size);
		if (entry)
			return entry;
	}
	/* A small object may have needed a span of its own. */
	return ERR_PTR(stats.span_bytes + size + SZ_64K > stats.limit ? -ENOSPC : -ENOMEM);
}

static void count_entry(const struct kv_entry *entry)
{
	store.nr_entries++;
	store.key_bytes += entry->key->size;
	store.value_bytes += entry->value_size;
}

static void uncount_entry(const struct kv_entry *entry)
{
	store.nr_entries--;
	store.key_bytes -= entry->key->size;
	store.value_bytes -= entry->value_size;
}

/*
 * While the index moves to a larger table it may refuse an insertion for a
 * moment, and wants atomic memory for the next one. Neither is worth failing.
 */
static int index_insert(struct kv_entry *entry)
{
	int err, tries = 0;

	do {
		if (tries)
			fsleep(1000 << tries);
		err = rhashtable_insert_fast(&store.index, &entry->node, index_params);
	} while ((err == -EBUSY || err == -ENOMEM) && ++tries < 6);
	return err;
}

static int put_new(struct kv_entry *entry)
{
	int err;

	/* reserves the place, so that storing cannot fail any more */
	err = xa_alloc_cyclic(&store.ids, &entry->id, NULL, xa_limit_32b, &store.next_id,
			      GFP_KERNEL);
	if (err < 0)
		return err;
	err = index_insert(entry);
	if (err) {
		xa_release(&store.ids, entry->id);
		return err;
	}
	xa_store(&store.ids, entry->id, entry, GFP_KERNEL);
	return 0;
}

static int put_over(struct kv_entry *old, struct kv_entry *entry)
{
	int err;

	entry->id = old->id;
	err = rhashtable_replace_fast(&store.index, &old->node, &entry->node, index_params);
	if (err)
		return err;
	xa_store(&store.ids, entry->id, entry, GFP_KERNEL);
	uncount_entry(old);
	store.replaced++;
	kv_entry_put(old);
	return 0;
}

/**
 * kv_put() - store an entry, in place of one with the same key if there is one
 * @entry: from kv_entry_new(), with key and value filled in
 *
 * Return: 0, and @entry belongs to the store; or an error, and the caller keeps
 * it and the store is as it was.
 */
int kv_put(struct kv_entry *entry)
{
	struct kv_lookup lookup = lookup_of(entry->key->bytes, entry->key->size);
	struct kv_entry *old;
	int err;

	entry->hash = lookup.hash;
	err = mutex_lock_killable(&store.lock);
	if (err)
		return err;
	old = rhashtable_lookup_fast(&store.index, &lookup, index_params);
	err = old ? put_over(old, entry) : put_new(entry);
	if (!err) {
		count_entry(entry);
		store.puts++;
	}
	mutex_unlock(&store.lock);
	return err;
}

/**
 * kv_get() - find an entry by its key
 * @key: the key
 * @size: bytes of it
 *
 * Return: the entry with a reference, or NULL.
 */
struct kv_entry *kv_get(const void *key, u32 size)
{
	struct kv_lookup lookup = lookup_of(key, size);
	struct kv_entry *entry;

	/* An entry without references was just replaced or deleted: look again. */
	rcu_read_lock();
	do {
		entry = rhashtable_lookup(&store.index, &lookup, index_params);
	} while (entry && !kref_get_unless_zero(&entry->ref));
	rcu_read_unlock();
	return entry;
}

/**
 * kv_next() - walk the store in the order in which the keys came
 * @id: the smallest entry ID that will do
 *
 * Return: the entry with a reference, or NULL when there are no more.
 */
struct kv_entry *kv_next(unsigned long id)
{
	struct kv_entry *entry;

	rcu_read_lock();
	do {
		entry = xa_find(&store.ids, &id, U32_MAX, XA_PRESENT);
	} while (entry && !kref_get_unless_zero(&entry->ref));
	rcu_read_unlock();
	return entry;
}

static void remove_entry(struct kv_entry *entry)
{
	rhashtable_remove_fast(&store.index, &entry->node, index_params);
	xa_erase(&store.ids, entry->id);
	uncount_entry(entry);
	store.deleted++;
	kv_entry_put(entry);
}

/**
 * kv_delete() - delete an entry by its key
 * @key: the key
 * @size: bytes of it
 *
 * Return: 0, -ENOENT, or -EINTR.
 */
int kv_delete(const void *key, u32 size)
{
	struct kv_lookup lookup = lookup_of(key, size);
	struct kv_entry *entry;
	int err;

	err = mutex_lock_killable(&store.lock);
	if (err)
		return err;
	entry = rhashtable_lookup_fast(&store.index, &lookup, index_params);
	if (entry)
		remove_entry(entry);
	mutex_unlock(&store.lock);
	return entry ? 0 : -ENOENT;
}

static u64 remove_all(void)
{
	struct kv_entry *entry;
	unsigned long id;
	u64 nr = 0;

	xa_for_each(&store.ids, id, entry) {
		remove_entry(entry);
		nr++;
		cond_resched();
	}
	return nr;
}

/**
 * kv_clear() - delete every entry
 * @deleted: how many there were
 *
 * Return: 0 or -EINTR.
 */
int kv_clear(u64 *deleted)
{
	int err;

	err = mutex_lock_killable(&store.lock);
	if (err)
		return err;
	*deleted = remove_all();
	mutex_unlock(&store.lock);
	return 0;
}

/**
 * kv_stat() - what the store and its heap hold
 * @stat: filled in
 *
 * Return: 0 or -EINTR.
 */
int kv_stat(struct goalloc_kv_stat *stat)
{
	struct goalloc_heap_stats heap;
	int err;

	goalloc_heap_stats(store.heap, &heap);
	err = mutex_lock_killable(&store.lock);
	if (err)
		return err;
	*stat = (struct goalloc_kv_stat){
		.entries = store.nr_entries,
		.key_bytes = store.key_bytes,
		.value_bytes = store.value_bytes,
		.puts = store.puts,
		.replaced = store.replaced,
		.deleted = store.deleted,
		.heap_objects = heap.live_objects,
		.heap_bytes = heap.live_bytes,
		.span_bytes = heap.span_bytes,
		.limit = heap.limit,
	};
	mutex_unlock(&store.lock);
	return 0;
}

/*
 * For leak reports: the index and the listing are the kernel's memory, in which they do not
 * look. What is in the one is in the other; and an entry points to its key and value.
 */
static void find_entries(struct goalloc_leaks *leaks, void *data)
{
	struct kv_entry *entry;
	unsigned long id;

	xa_for_each(&store.ids, id, entry) {
		/* It may have gone by now, and is not looked at. */
		goalloc_leaks_found(leaks, entry);
		cond_resched();
	}
}

/**
 * kv_store_init() - make the store
 * @limit: the most that its heap may occupy, in bytes
 *
 * Return: 0 or an error.
 */
int kv_store_init(unsigned long limit)
{
	struct goalloc_cache_args args = {
		.align = __alignof__(struct kv_entry),
	};
	int err;

	mutex_init(&store.lock);
	xa_init_flags(&store.ids, XA_FLAGS_ALLOC);
	get_random_bytes(&store.hash_key, sizeof(store.hash_key));

	store.heap = goalloc_heap_create("goalloc_kv", 0);
	if (IS_ERR(store.heap))
		return PTR_ERR(store.heap);
	err = goalloc_heap_set_limit(store.heap, limit);
	if (err)
		goto destroy_heap;

	args.heap = store.heap;
	store.entries = goalloc_cache_create("kv_entry", sizeof(struct kv_entry), &args, 0);
	if (IS_ERR(store.entries)) {
		err = PTR_ERR(store.entries);
		goto destroy_heap;
	}
	err = rhashtable_init(&store.index, &index_params);
	if (err)
		goto destroy_heap;
	err = goalloc_leaks_iterator_add(store.heap, find_entries, NULL);
	if (!err)
		return 0;

	rhashtable_destroy(&store.index);
destroy_heap:
	goalloc_heap_destroy(store.heap);
	return err;
}

/**
 * kv_store_exit() - delete every entry and the store
 *
 * Nobody may use the store any more. What is left in the heap after this would
 * be a leak, and goalloc_heap_destroy() would list it.
 */
void kv_store_exit(void)
{
	goalloc_leaks_iterator_remove(store.heap, find_entries, NULL);
	mutex_lock(&store.lock);
	remove_all();
	mutex_unlock(&store.lock);
	rhashtable_destroy(&store.index);
	xa_destroy(&store.ids);
	/* waits for what is still to be freed by RCU, and takes the cache too */
	goalloc_heap_destroy(store.heap);
}
