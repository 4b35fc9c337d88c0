/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_BITOPS_H
#define USERSPACE_BITOPS_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BIT_MASK(nr) (1UL << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)

#define __ffs(x) ((unsigned int)__builtin_ctzl(x))
#define __fls(x) ((unsigned int)(BITS_PER_LONG - 1 - __builtin_clzl(x)))
#define __ffs64(x) ((unsigned int)__builtin_ctzll(x))
#define ror64(w, n) (((w) >> (n)) | ((w) << (-(n) & 63)))
#define hweight64(x) ((unsigned int)__builtin_popcountll(x))
#define hweight_long(x) ((unsigned int)__builtin_popcountl(x))

static inline bool test_bit(unsigned long nr, const unsigned long *addr)
{
	return addr[BIT_WORD(nr)] & BIT_MASK(nr);
}

/* Slow and plain, not the code under test. */
static inline unsigned long find_next_bit(const unsigned long *addr, unsigned long size,
					  unsigned long offset)
{
	while (offset < size && !test_bit(offset, addr))
		offset++;
	return offset < size ? offset : size;
}

static inline unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size,
					       unsigned long offset)
{
	while (offset < size && test_bit(offset, addr))
		offset++;
	return offset < size ? offset : size;
}

#endif /* USERSPACE_BITOPS_H */
