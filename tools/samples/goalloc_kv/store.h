/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store behind /dev/goalloc_kv, without its user interface.
 */
#ifndef KV_STORE_H
#define KV_STORE_H

#include <linux/kref.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "goalloc_kv.h"

/**
 * struct kv_key - a key
 * @rcu: for its free, which waits for those who compare it
 * @size: number of @bytes
 * @bytes: the key itself
 */
struct kv_key {
	struct rcu_head rcu;
	u32 size;
	u8 bytes[];
};

/**
 * struct kv_entry - a key and its value; neither changes once it is in the store
 * @node: in the index
 * @ref: one for the store, one for each user. The value goes with the last one,
 *	key and entry a grace period later
 * @id: place in the listing, kept when a put replaces the entry
 * @value_size: number of bytes at @value
 * @hash: of the key, so that a growing index need not read it again
 * @key: the key
 * @value: the value
 * @rcu: for the entry's free
 */
struct kv_entry {
	struct rhash_head node;
	struct kref ref;
	u32 id;
	u32 value_size;
	u64 hash;
	struct kv_key *key;
	void *value;
	struct rcu_head rcu;
};

int kv_store_init(unsigned long limit);
void kv_store_exit(void);

struct kv_entry *kv_entry_new(u32 key_size, u32 value_size);
void kv_entry_put(struct kv_entry *entry);

int kv_put(struct kv_entry *entry);
struct kv_entry *kv_get(const void *key, u32 size);
struct kv_entry *kv_next(unsigned long id);
int kv_delete(const void *key, u32 size);
int kv_clear(u64 *deleted);
int kv_stat(struct goalloc_kv_stat *stat);

#endif /* KV_STORE_H */
