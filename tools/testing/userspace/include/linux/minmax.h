/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_MINMAX_H
#define USERSPACE_MINMAX_H

#define min_t(type, a, b)                                  \
	({                                                 \
		type __a = (a), __b = (b);                 \
		__a < __b ? __a : __b;                     \
	})
#define max_t(type, a, b)                                  \
	({                                                 \
		type __a = (a), __b = (b);                 \
		__a > __b ? __a : __b;                     \
	})
#define min(a, b) min_t(typeof((a) + (b)), a, b)
#define max(a, b) max_t(typeof((a) + (b)), a, b)
#define max3(a, b, c) max_t(typeof(a), max_t(typeof(a), a, b), c)
#define clamp(v, lo, hi) min_t(typeof(v), max_t(typeof(v), v, lo), hi)

#endif /* USERSPACE_MINMAX_H */
