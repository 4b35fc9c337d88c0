// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs, one for each detector of the debug kernel, made in an order in which
 * no report switches off the next: lockdep stops after its first, and a report
 * of KASAN stops lockdep.
 */
#define pr_fmt(fmt) "goalloc_bugs: " fmt

#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static void *lost[6];

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	might_sleep();
	spin_unlock(&spin);
}

static void shift_too_far(void)
{
	unsigned int by = 40, one = 1;

	OPTIMIZER_HIDE_VAR(by);
	one <<= by;
	OPTIMIZER_HIDE_VAR(one);
}

static void read_at(const char *p, size_t at)
{
	OPTIMIZER_HIDE_VAR(p);
	(void)READ_ONCE(p[at]);
}

static void past_the_end(void)
{
	char *p = kmalloc(100, GFP_KERNEL);
	char *v = vmalloc(PAGE_SIZE - 100);

	if (p)
		read_at(p, 100);
	if (v)
		read_at(v, PAGE_SIZE - 100);
	vfree(v);
	kfree(p);
}

static void lose(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lost); i++)
		lost[i] = kmalloc(200, GFP_KERNEL);
	/* the module's data is scanned, so nothing may point there */
	memset(lost, 0, sizeof(lost));
}

static int __init goalloc_bugs_init(void)
{
	pr_info("these are made on purpose\n");
	lock_order();
	sleep_in_atomic();
	shift_too_far();
	past_the_end();
	lose();
	return 0;
}

static void __exit goalloc_bugs_exit(void)
{
}

module_init(goalloc_bugs_init);
module_exit(goalloc_bugs_exit);

MODULE_DESCRIPTION("One bug for each detector of goalloc's debug kernel");
MODULE_LICENSE("GPL");
