/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the misuse tests: a heap, a cache, objects that nobody may
 * touch, and the check that a misuse was seen and did nothing.
 */
#ifndef GOALLOC_KUNIT_MISUSE_H
#define GOALLOC_KUNIT_MISUSE_H

#include <linux/cache.h>

#include "fixture.h"

#define VICTIM_SIZE 512U
#define WITNESSES 8U

/**
 * struct misuse_fixture - kunit's priv
 * @heap: the heap
 * @cache: a cache of it, of VICTIM_SIZE bytes
 * @rcu: in an RCU section, where the heap's statistics are not to be had
 * @witness: live objects of both, filled
 */
struct misuse_fixture {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	bool rcu;
	u8 *witness[WITNESSES];
};

struct misuse_counts {
	long mheap[MISUSE_NR];
	long heap[MISUSE_NR];
	long reports;
	u64 stats;
	u64 live;
};

int misuse_init(struct kunit *test);
void misuse_exit(struct kunit *test);
void misuse_look(struct kunit *test, struct misuse_counts *counts);
void misuse_check(struct kunit *test, const struct misuse_counts *before,
		  enum goalloc_misuse kind, bool in_heap, unsigned int n, bool printed);

static inline struct goalloc_heap *heap_of(struct kunit *test)
{
	return ((struct misuse_fixture *)test->priv)->heap;
}

static inline struct goalloc_cache *cache_of(struct kunit *test)
{
	return ((struct misuse_fixture *)test->priv)->cache;
}

/* An object to misuse: of the cache, or of the heap. */
static inline void *cache_victim(struct kunit *test)
{
	struct misuse_fixture *f = test->priv;
	void *obj = goalloc_cache_alloc(f->cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return hide(obj);
}

static inline void *heap_victim(struct kunit *test, size_t size)
{
	struct misuse_fixture *f = test->priv;
	void *obj = goalloc_heap_alloc(f->heap, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return hide(obj);
}

/*
 * The call is a misuse of this kind, three times over: it must be refused and
 * counted each time, and printed the first. Each expansion is a caller of its
 * own; so the log's part is over once a second run of the suite comes here.
 */
#define EXPECT_REFUSED(test, kind, in_heap, call)                              \
	do {                                                                   \
		static bool ___seen;                                           \
		struct kunit *___test = (test);                                \
		struct misuse_counts ___before;                                \
		unsigned int ___i, ___n = 3;                                   \
									       \
		OPTIMIZER_HIDE_VAR(___n);                                      \
		misuse_look(___test, &___before);                              \
		log_watch(___test);                                            \
		for (___i = 0; ___i < ___n; ___i++)                            \
			call;                                                  \
		misuse_check(___test, &___before, kind, in_heap, ___n,         \
			     !___seen);                                        \
		___seen = true;                                                \
	} while (0)

#endif /* GOALLOC_KUNIT_MISUSE_H */
