/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/goalloc_kv: a key-value store in the kernel.
 *
 * Keys are 1 byte to GOALLOC_KV_MAX_SIZE of any bytes. Values are up to
 * GOALLOC_KV_MAX_SIZE; an empty value is a value like any other, and not the
 * same as no entry. A put either replaces the whole entry or, when it fails,
 * leaves the store as it was; a get sees one put's value, never a mixture.
 *
 * Pointers travel as __u64, and no struct has a hole, so that 32-bit programs
 * need no translation.
 */
#ifndef _GOALLOC_KV_H
#define _GOALLOC_KV_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GOALLOC_KV_DEVICE	"/dev/goalloc_kv"
#define GOALLOC_KV_MAX_SIZE	(8U << 20)

/**
 * struct goalloc_kv_pair - for PUT, GET and DELETE
 * @key: address of the key
 * @value: address of the value, or of the room for it; DELETE ignores it
 * @key_size: bytes of the key
 * @value_size: PUT: bytes of the value. GET: room at @value; becomes the
 *	value's size, also when that is more than the room (-ERANGE)
 * @flags: none are defined yet, must be 0
 */
struct goalloc_kv_pair {
	__u64 key;
	__u64 value;
	__u32 key_size;
	__u32 value_size;
	__u64 flags;
};

/**
 * struct goalloc_kv_next - for NEXT, which lists the store key by key
 * @cursor: 0 begins; becomes what finds the entry after this one. An entry
 *	that stays in the store is met exactly once, whatever else comes and
 *	goes, and replacing its value does not move it
 * @key: address of the room for the key
 * @key_size: room at @key; becomes the key's size, also when that is more
 *	than the room (-ERANGE, and @cursor stays)
 * @value_size: becomes the value's size
 */
struct goalloc_kv_next {
	__u64 cursor;
	__u64 key;
	__u32 key_size;
	__u32 value_size;
};

/**
 * struct goalloc_kv_stat - for STAT
 * @entries: keys in the store
 * @key_bytes: bytes of these keys
 * @value_bytes: bytes of their values
 * @puts: successful puts since the module was loaded
 * @replaced: those that replaced a value
 * @deleted: entries deleted, CLEAR's included
 * @heap_objects: objects that live in the store's heap; for each entry there
 *	are the entry, its key, and its value unless that is empty
 * @heap_bytes: their bytes, by size class
 * @span_bytes: what the heap occupies, which is what the limit counts
 * @limit: the most it may occupy
 */
struct goalloc_kv_stat {
	__u64 entries;
	__u64 key_bytes;
	__u64 value_bytes;
	__u64 puts;
	__u64 replaced;
	__u64 deleted;
	__u64 heap_objects;
	__u64 heap_bytes;
	__u64 span_bytes;
	__u64 limit;
};

/*
 * All return 0 or fail with:
 *	EFAULT	an address is not the caller's
 *	EINVAL	the key is empty, or a flag is set
 *	EFBIG	key or value is over GOALLOC_KV_MAX_SIZE
 *	ENOENT	GET, DELETE: no such key; NEXT: no more keys
 *	ERANGE	GET, NEXT: the room is too small; the size needed is returned
 *	ENOSPC	PUT: the store's limit is reached
 *	ENOMEM	the kernel has no more memory
 *	EINTR	a fatal signal came while waiting for other writers
 *	ENOTTY	no such command
 */
#define GOALLOC_KV_PUT		_IOW(0xB7, 0x40, struct goalloc_kv_pair)
#define GOALLOC_KV_GET		_IOWR(0xB7, 0x41, struct goalloc_kv_pair)
#define GOALLOC_KV_DELETE	_IOW(0xB7, 0x42, struct goalloc_kv_pair)
#define GOALLOC_KV_NEXT		_IOWR(0xB7, 0x43, struct goalloc_kv_next)
#define GOALLOC_KV_STAT		_IOR(0xB7, 0x44, struct goalloc_kv_stat)
#define GOALLOC_KV_CLEAR	_IOR(0xB7, 0x45, __u64)	/* entries deleted */

#endif /* _GOALLOC_KV_H */
