/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_BITMAP_H
#define USERSPACE_BITMAP_H

#include <linux/bitops.h>

#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

static inline void bitmap_set(unsigned long *map, unsigned int start, unsigned int nbits)
{
	for (; nbits--; start++)
		map[BIT_WORD(start)] |= BIT_MASK(start);
}

static inline void bitmap_clear(unsigned long *map, unsigned int start, unsigned int nbits)
{
	for (; nbits--; start++)
		map[BIT_WORD(start)] &= ~BIT_MASK(start);
}

#endif /* USERSPACE_BITMAP_H */
