/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_CACHE_H
#define USERSPACE_CACHE_H

#include <linux/compiler.h>

#define SMP_CACHE_BYTES 64
#define ____cacheline_aligned __aligned(SMP_CACHE_BYTES)

#endif /* USERSPACE_CACHE_H */
