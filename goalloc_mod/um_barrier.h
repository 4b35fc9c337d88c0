/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User-Mode Linux takes the generic acquire, release and write barrier, which are full
 * fences, and costs that no kernel has that runs on the processor itself. It runs on x86,
 * where these order by themselves: so they are here as <asm/barrier.h> of x86 has them.
 * Kbuild has it included first of all, and in User-Mode Linux alone.
 */
#ifndef GOALLOC_UM_BARRIER_H
#define GOALLOC_UM_BARRIER_H

#define __smp_mb()  ({ asm volatile("lock addl $0,-4(%%rsp)" : : : "memory", "cc"); })
#define __smp_rmb() barrier()
#define __smp_wmb() barrier()

#define __smp_mb__before_atomic() barrier()
#define __smp_mb__after_atomic()  barrier()

#define __smp_store_release(p, v)                                              \
do {                                                                           \
	compiletime_assert_atomic_type(*(p));                                  \
	barrier();                                                             \
	WRITE_ONCE(*(p), v);                                                   \
} while (0)

#define __smp_load_acquire(p)                                                  \
({                                                                             \
	__unqual_scalar_typeof(*(p)) ___p1 = READ_ONCE(*(p));                  \
									       \
	compiletime_assert_atomic_type(*(p));                                  \
	barrier();                                                             \
	(typeof(*(p)))___p1;                                                   \
})

#endif /* GOALLOC_UM_BARRIER_H */
