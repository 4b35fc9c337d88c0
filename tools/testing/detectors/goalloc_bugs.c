// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_bugs: makes one bug, on purpose, that a checker of the kernel or
 * goalloc itself must report.
 *
 *	insmod goalloc_bugs.ko bug=object_use_after_free
 *
 * One a boot: lockdep stops after its first report, and after one of KASAN.
 */
#define pr_fmt(fmt) "goalloc_bugs: " fmt

#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "which one, \"none\" for none (default)");

#define LOST		6
#define RACE_SECONDS	5

static void *lost[LOST];

/* inline, so that a report has the name of the bug */
static __always_inline void read_at(const char *p, size_t at)
{
	OPTIMIZER_HIDE_VAR(p);
	(void)READ_ONCE(p[at]);
}

static void kmalloc_overflow(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (p)
		read_at(p, 100);
	kfree(p);
}

static void vmalloc_overflow(void)
{
	char *p = vmalloc(PAGE_SIZE - 100);

	if (p)
		read_at(p, PAGE_SIZE - 100);
	vfree(p);
}

/* Into the slot that follows, which is free. */
static void object_overflow(void)
{
	char *p = goalloc_alloc(100, GFP_KERNEL), *next;

	if (!p)
		return;
	next = goalloc_alloc(100, GFP_KERNEL);
	goalloc_free(next);
	read_at(min(p, next ?: p), goalloc_size(p));
	goalloc_free(p);
}

static void kmalloc_use_after_free(void)
{
	char *p = kmalloc(100, GFP_KERNEL), *q = p;

	OPTIMIZER_HIDE_VAR(q);
	kfree(p);
	if (q)
		read_at(q, 50);
}

static void object_use_after_free(void)
{
	char *p = goalloc_alloc(100, GFP_KERNEL), *q = p;

	OPTIMIZER_HIDE_VAR(q);
	goalloc_free(p);
	if (q)
		read_at(q, 50);
}

static void object_double_free(void)
{
	char *p = goalloc_alloc(100, GFP_KERNEL), *q = p;

	OPTIMIZER_HIDE_VAR(q);
	goalloc_free(p);
	goalloc_free(q);
}

static void kmalloc_leak(void)
{
	int i;

	for (i = 0; i < LOST; i++)
		lost[i] = kmalloc(200, GFP_KERNEL);
	/* the module's data is scanned, so nothing may point there */
	memset(lost, 0, sizeof(lost));
}

static void object_leak(void)
{
	int i;

	for (i = 0; i < LOST; i++)
		lost[i] = goalloc_alloc(200, GFP_KERNEL);
	memset(lost, 0, sizeof(lost));
}

static void lock_inversion(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

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
	static DEFINE_SPINLOCK(lock);
	void *p;

	spin_lock(&lock);
	p = goalloc_alloc(100, GFP_KERNEL);
	spin_unlock(&lock);
	goalloc_free(p);
}

static void preemptible_cpu(void)
{
	(void)smp_processor_id();
}

static void rcu_outside(void)
{
	static int __rcu *shared;

	(void)rcu_dereference(shared);
}

static void shift_too_far(void)
{
	unsigned int by = 40, one = 1;

	OPTIMIZER_HIDE_VAR(by);
	one <<= by;
	OPTIMIZER_HIDE_VAR(one);
}

static void list_broken(void)
{
	LIST_HEAD(head);
	struct list_head node;

	list_add(&node, &head);
	list_del(&node);
	list_del(&node);
}

static void timer_expired(struct timer_list *timer)
{
}

/* What frees it does not know that it is under way. */
static void debug_object_freed(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, timer_expired, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static unsigned long raced;

static int race_fn(void *until)
{
	while (time_before(jiffies, (unsigned long)until)) {
		raced++;
		barrier();
		cond_resched();
	}
	return 0;
}

/* Two CPUs count with the same variable. */
static void unlocked_count(void)
{
	unsigned long until = jiffies + RACE_SECONDS * HZ;
	struct task_struct *other = kthread_create(race_fn, (void *)until, "goalloc_bugs");

	if (IS_ERR(other))
		return;
	get_task_struct(other);
	kthread_bind(other, cpumask_last(cpu_online_mask));
	wake_up_process(other);
	race_fn((void *)until);
	kthread_stop(other);
	put_task_struct(other);
}

static void none(void)
{
	void *p = goalloc_alloc(100, GFP_KERNEL);

	goalloc_free(p);
}

static const struct {
	const char *name;
	void (*make)(void);
} bugs[] = {
	{ "none", none },
	{ "kmalloc_overflow", kmalloc_overflow },
	{ "vmalloc_overflow", vmalloc_overflow },
	{ "object_overflow", object_overflow },
	{ "kmalloc_use_after_free", kmalloc_use_after_free },
	{ "object_use_after_free", object_use_after_free },
	{ "object_double_free", object_double_free },
	{ "kmalloc_leak", kmalloc_leak },
	{ "object_leak", object_leak },
	{ "lock_inversion", lock_inversion },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "preemptible_cpu", preemptible_cpu },
	{ "rcu_outside", rcu_outside },
	{ "shift_too_far", shift_too_far },
	{ "list_broken", list_broken },
	{ "debug_object_freed", debug_object_freed },
	{ "unlocked_count", unlocked_count },
};

static int __init bugs_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bug, bugs[i].name))
			continue;
		pr_info("%s\n", bug);
		bugs[i].make();
		return 0;
	}
	pr_err("bug=%s: there is no such bug\n", bug);
	return -EINVAL;
}

static void __exit bugs_exit(void)
{
}

module_init(bugs_init);
module_exit(bugs_exit);

MODULE_DESCRIPTION("One bug on purpose, for those who look for bugs");
MODULE_LICENSE("GPL");
