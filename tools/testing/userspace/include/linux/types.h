/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_TYPES_H
#define USERSPACE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As the kernel has them: u64 is not unsigned long. */
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;
typedef unsigned int gfp_t;

struct list_head {
	struct list_head *next, *prev;
};

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

#define BITS_PER_LONG (8 * (int)sizeof(long))

#endif /* USERSPACE_TYPES_H */
