// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between objects and user space, bounded by the object.
 *
 * The kernel's own check, CONFIG_HARDENED_USERCOPY, bounds a copy by the
 * vmalloc area only - for us a whole arena - and searches for that area on
 * every call. Here the span tells the object's bounds, or the cache its
 * usercopy range, so the copy goes past that check.
 */
#include <linux/uaccess.h>

#include "goalloc_internal.h"
#include "malloc.h"

static bool in_bounds(const void *obj, unsigned long n, unsigned long ip)
{
	unsigned long first = 0, size, off;
	enum goalloc_misuse kind;
	struct object_info info;

	if (!object_containing(obj, &info, &kind))
		goto bad;
	size = info.size;
	if (info.cache) {
		first = info.useroffset;
		size = info.usersize;
	}
	off = (unsigned long)obj - info.base;
	if (off >= first && off - first <= size && n <= size - (off - first))
		return true;
bad:
	report_misuse(MISUSE_USERCOPY, obj, NULL, ip);
	return false;
}

/**
 * goalloc_copy_to_user() - copy from an object to user space
 * @to: destination
 * @from: source: inside a live object, with all @n bytes, and inside the usercopy
 *	range of its cache if it has one
 * @n: bytes
 *
 * Context: may fault, and so sleep.
 * Return: bytes not copied; @n if the range is bad, which is reported.
 */
unsigned long goalloc_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	might_fault();
	if (!n)
		return 0;
	return in_bounds(from, n, _RET_IP_) ? _copy_to_user(to, from, n) : n;
}
EXPORT_SYMBOL_GPL(goalloc_copy_to_user);

/**
 * goalloc_copy_from_user() - copy from user space to an object
 * @to: destination, with the bounds that goalloc_copy_to_user() has for its source
 * @from: source
 * @n: bytes
 *
 * Context: may fault, and so sleep.
 * Return: bytes not copied, which are zeroed if the range is good.
 */
unsigned long goalloc_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	might_fault();
	if (!n)
		return 0;
	return in_bounds(to, n, _RET_IP_) ? _copy_from_user(to, from, n) : n;
}
EXPORT_SYMBOL_GPL(goalloc_copy_from_user);
