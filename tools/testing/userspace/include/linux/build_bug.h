/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_BUILD_BUG_H
#define USERSPACE_BUILD_BUG_H

#include <assert.h>

/* The kernel's takes a message or none. */
#undef static_assert
#define static_assert(expr, ...) __static_assert(expr, ##__VA_ARGS__, #expr)
#define __static_assert(expr, msg, ...) _Static_assert(expr, msg)
#define BUILD_BUG_ON(expr) static_assert(!(expr))

#endif /* USERSPACE_BUILD_BUG_H */
