/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records of the callbacks that run; see callback.c.
 */
#ifndef GOALLOC_CALLBACK_H
#define GOALLOC_CALLBACK_H

#include "goalloc_internal.h"

struct callbacks;

/**
 * struct callback - a callback that runs, on the stack of its caller
 * @node: on the list of its bucket; the bucket's lock
 * @bucket: NULL if it has none
 * @task: in whose context it runs
 * @level: of interrupts: interrupt_context_level()
 * @heap: of the object
 * @cache: of the object, or NULL
 * @fn: the ctor or dtor, or NULL
 * @obj: what a dtor was called for; NULL for a ctor
 */
struct callback {
	struct list_head node;
	struct callbacks *bucket;
	struct task_struct *task;
	int level;
	const struct goalloc_heap *heap;
	const struct goalloc_cache *cache;
	void (*fn)(void *obj);
	const void *obj;
};

bool callback_begin(struct callback *cb, const struct mcentral *central, void (*fn)(void *obj),
		    const void *obj);
void callback_end(struct callback *cb);
bool callback_inside(const struct goalloc_cache *cache);
void callback_wait(const struct goalloc_heap *heap, const struct goalloc_cache *cache,
		   const struct module *mod);
void callback_init(void);

#endif /* GOALLOC_CALLBACK_H */
