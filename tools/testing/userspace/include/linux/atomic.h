/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_ATOMIC_H
#define USERSPACE_ATOMIC_H

/*
 * The kernel's atomics over the compiler's. Those that return a value are full
 * barriers in the kernel, unless their name says otherwise; those that do not
 * are relaxed, and the barriers beside them count.
 */
#include <linux/compiler.h>
#include <linux/types.h>

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 __aligned(8) counter;
} atomic64_t;

#ifdef __SANITIZE_THREAD__
/*
 * ThreadSanitizer knows no fences. An atomic operation on one variable that
 * all threads use orders what it sees at least as much as a fence would.
 */
extern int userspace_fence;

static inline void smp_mb(void)
{
	__atomic_fetch_add(&userspace_fence, 1, __ATOMIC_SEQ_CST);
}

/* Around operations that are full barriers. */
#define full_barrier() smp_mb()
#else
static inline void smp_mb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Sequentially consistent operations are full barriers on the machine. */
#define full_barrier() ((void)0)
#endif

#define smp_rmb() smp_mb()
#define smp_wmb() smp_mb()
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()

/* @expr, an operation that is a full barrier */
#define FULL(expr)                       \
	({                               \
		typeof(expr) __ret;      \
		userspace_step();        \
		full_barrier();          \
		__ret = (expr);          \
		full_barrier();          \
		__ret;                   \
	})

#define smp_load_acquire(p)                          \
	({                                           \
		userspace_step();                    \
		__atomic_load_n(p, __ATOMIC_ACQUIRE); \
	})
#define smp_store_release(p, val)                             \
	do {                                                  \
		userspace_step();                             \
		__atomic_store_n(p, (val), __ATOMIC_RELEASE); \
	} while (0)
#define xchg(p, val) FULL(__atomic_exchange_n(p, (val), __ATOMIC_SEQ_CST))
#define try_cmpxchg(p, old, val)                                                     \
	FULL(__atomic_compare_exchange_n(p, old, (val), 0, __ATOMIC_SEQ_CST,         \
					 __ATOMIC_RELAXED))
#define cmpxchg(p, old, val)                  \
	({                                    \
		typeof(*(p)) __old = (old);   \
		(void)try_cmpxchg(p, &__old, val); \
		__old;                        \
	})

#define ATOMIC_INIT(i) { (i) }
#define ATOMIC64_INIT(i) { (i) }

#define DEFINE_ATOMIC(atomic, type)                                                     \
	static inline type atomic##_read(const atomic##_t *v)                           \
	{                                                                               \
		return READ_ONCE(v->counter);                                           \
	}                                                                               \
	static inline type atomic##_read_acquire(const atomic##_t *v)                   \
	{                                                                               \
		return smp_load_acquire(&v->counter);                                   \
	}                                                                               \
	static inline void atomic##_set(atomic##_t *v, type i)                          \
	{                                                                               \
		WRITE_ONCE(v->counter, i);                                              \
	}                                                                               \
	static inline void atomic##_set_release(atomic##_t *v, type i)                  \
	{                                                                               \
		smp_store_release(&v->counter, i);                                      \
	}                                                                               \
	static inline void atomic##_add(type i, atomic##_t *v)                          \
	{                                                                               \
		userspace_step();                                                       \
		__atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED);                   \
	}                                                                               \
	static inline void atomic##_or(type i, atomic##_t *v)                           \
	{                                                                               \
		userspace_step();                                                       \
		__atomic_fetch_or(&v->counter, i, __ATOMIC_RELAXED);                    \
	}                                                                               \
	static inline void atomic##_andnot(type i, atomic##_t *v)                       \
	{                                                                               \
		userspace_step();                                                       \
		__atomic_fetch_and(&v->counter, ~i, __ATOMIC_RELAXED);                  \
	}                                                                               \
	static inline type atomic##_fetch_or(type i, atomic##_t *v)                     \
	{                                                                               \
		return FULL(__atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST));       \
	}                                                                               \
	static inline type atomic##_fetch_andnot(type i, atomic##_t *v)                 \
	{                                                                               \
		return FULL(__atomic_fetch_and(&v->counter, ~i, __ATOMIC_SEQ_CST));     \
	}                                                                               \
	static inline type atomic##_xchg(atomic##_t *v, type i)                         \
	{                                                                               \
		return FULL(__atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST));     \
	}                                                                               \
	static inline bool atomic##_try_cmpxchg(atomic##_t *v, type *old, type i)       \
	{                                                                               \
		return try_cmpxchg(&v->counter, old, i);                                \
	}

DEFINE_ATOMIC(atomic, int)
DEFINE_ATOMIC(atomic64, s64)

#endif /* USERSPACE_ATOMIC_H */
