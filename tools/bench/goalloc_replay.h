/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of goalloc_replay.ko share: the packed trace, the objects of a
 * run, and the allocators that serve it.
 */
#ifndef GOALLOC_REPLAY_H
#define GOALLOC_REPLAY_H

#include <linux/bits.h>
#include <linux/types.h>

/* As tools/bench/traces.py has them. */
#define REPLAY_MAGIC "GOATRACE"
#define REPLAY_VERSION 1
#define REPLAY_MAX_IDS BIT(22)
#define REPLAY_MAX_SIZE (64U << 20)
#define REPLAY_MAX_EVENTS BIT(26)
#define REPLAY_MAX_CPUS 64

/* Followed by @nevents events, 64 bits each, in the machine's byte order. */
struct replay_head {
	char magic[8];
	u32 version;
	u32 nevents;
	u32 nids;
	u32 ncpus;
};

/* An event: id, size, CPU. Without a size the object is freed. */
static inline u32 event_id(u64 event)
{
	return event & 0xffffff;
}

static inline u32 event_size(u64 event)
{
	return event >> 24;
}

static inline u32 event_cpu(u64 event)
{
	return event >> 56;
}

/* @size is 0 while there is none. */
struct replay_obj {
	void *ptr;
	u32 size;
};

/**
 * struct replay_side - an allocator that serves a trace
 * @name: of the parameter "side"
 * @start: make what it needs
 * @stop: undo that; all objects are freed
 * @run: have it do some events, and stop at the first that fails
 */
struct replay_side {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	int (*run)(const u64 *events, u32 n, struct replay_obj *objs);
};

extern const struct replay_side replay_sides[];
extern const unsigned int replay_nsides;

/* Pages of the peers' objects that are in no slab: counted by who makes them. */
extern unsigned long replay_pages;

#endif /* GOALLOC_REPLAY_H */
