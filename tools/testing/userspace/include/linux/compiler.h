/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_COMPILER_H
#define USERSPACE_COMPILER_H

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() asm volatile("" ::: "memory")
#define noinline __attribute__((__noinline__))
#define __always_inline inline __attribute__((__always_inline__))
#define __maybe_unused __attribute__((__unused__))
#define __percpu
#define __rcu
#define __must_check __attribute__((__warn_unused_result__))
#define __aligned(x) __attribute__((__aligned__(x)))
#define __packed __attribute__((__packed__))

#ifdef USERSPACE_EXPLORE
/* The explorer may switch to another thread ahead of every access. */
void userspace_step(void);
#else
#define userspace_step() ((void)0)
#endif

/*
 * Relaxed atomics and not volatile accesses: ThreadSanitizer then takes them
 * for what they are in the kernel, races on purpose.
 */
#define READ_ONCE(x)                                  \
	({                                            \
		userspace_step();                     \
		__atomic_load_n(&(x), __ATOMIC_RELAXED); \
	})
#define WRITE_ONCE(x, val)                                       \
	do {                                                     \
		typeof(x) __val = (val);                         \
		userspace_step();                                \
		__atomic_store_n(&(x), __val, __ATOMIC_RELAXED); \
	} while (0)
#define data_race(x) (x)

#endif /* USERSPACE_COMPILER_H */
