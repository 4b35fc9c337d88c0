/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What goalloc_liar leaves to goalloc_peer, which stays when it goes.
 */
#ifndef GOALLOC_PEER_H
#define GOALLOC_PEER_H

#include <linux/goalloc.h>
#include <linux/rcupdate.h>

#define PEER_OBJS	64

struct peer_obj {
	u64 mark;
	struct rcu_head rcu;
	u64 index;
};

enum peer_count { PEER_CTORS, PEER_DTORS, PEER_IN_DTOR, PEER_COUNTS };

void goalloc_peer_adopt(struct goalloc_heap *heap, struct goalloc_cache *cache,
			struct peer_obj **objs);
void goalloc_peer_free_meanwhile(void *obj);
void goalloc_peer_freed(void);
struct module *goalloc_peer_module(void);
void goalloc_peer_count(enum peer_count what, int n);
int goalloc_peer_counted(enum peer_count what);

#endif /* GOALLOC_PEER_H */
