// SPDX-License-Identifier: GPL-2.0
/*
 * Which instructions an operation executes, and which of them lock the bus:
 * the processor traps after each (the trap flag), and a die notifier looks at
 * the next, wherever it lies, before it runs. So nothing is inferred from a
 * listing, and nothing escapes: inlined, called, patched in by the kernel.
 *
 * Interrupts are off meanwhile. With one CPU the kernel patches LOCK prefixes
 * away when it boots: more than one is needed, or "noreplace-smp". Two
 * operations that lock for certain are there to show that it would be seen.
 *
 * Debugfs goalloc_steps has a line for each operation: its name, instructions,
 * how many of them lock, and the first one that does. In goalloc_steps_trace
 * there is a line for each instruction: operation, address, "lock" or "-".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/irqflags.h>
#include <linux/kdebug.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/processor-flags.h>

#define MAX_STEPS 4096 /* of a longer operation, the first */
#define WARM_UP 100
#define BATCH 512 /* objects of 64 bytes: more than a span */

static DEFINE_MUTEX(steps_lock); /* readers, who all measure */
static unsigned long step[MAX_STEPS];
static unsigned int nsteps;
static struct task_struct *stepping;

static struct goalloc_cache *cache;
static struct kmem_cache *kmem;
static struct dentry *files[2];
static void *objs[BATCH];

/* The CPU is about to execute what is at regs->ip. */
static int on_step(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;

	if (event != DIE_DEBUG || READ_ONCE(stepping) != current)
		return NOTIFY_DONE;
	if (nsteps < MAX_STEPS)
		step[nsteps++] = args->regs->ip;
	return NOTIFY_STOP;
}

static struct notifier_block step_nb = { .notifier_call = on_step };

static __always_inline void set_trap_flag(void)
{
	asm volatile("pushf; orq %0, (%%rsp); popf" : : "i" (X86_EFLAGS_TF) : "memory", "cc");
}

static __always_inline void clear_trap_flag(void)
{
	asm volatile("pushf; andq %0, (%%rsp); popf" : : "i" (~X86_EFLAGS_TF) : "memory", "cc");
}

/* Has @fn run step by step. */
static noinline void trace(void (*fn)(void))
{
	unsigned long flags;

	nsteps = 0;
	local_irq_save(flags);
	WRITE_ONCE(stepping, current);
	set_trap_flag();
	fn();
	clear_trap_flag();
	WRITE_ONCE(stepping, NULL);
	local_irq_restore(flags);
}

static bool is_prefix(u8 byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
	case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	}
	return false;
}

/* A LOCK prefix, or xchg with memory, which locks without one. */
static bool locks(unsigned long ip)
{
	u8 code[16];
	unsigned int i;

	if (copy_from_kernel_nofault(code, (void *)ip, sizeof(code)))
		return true;
	for (i = 0; is_prefix(code[i]) && i < sizeof(code) - 3; i++)
		if (code[i] == 0xf0)
			return true;
	/* REX */
	if ((code[i] & 0xf0) == 0x40)
		i++;
	return (code[i] & 0xfe) == 0x86 && code[i + 1] < 0xc0;
}

static void nothing(void)
{
	barrier();
}

static void cached_pair(void)
{
	goalloc_cache_free(cache, goalloc_cache_alloc(cache, GFP_ATOMIC));
}

static void general_pair(void)
{
	goalloc_free(goalloc_alloc(100, GFP_ATOMIC));
}

static void kmem_pair(void)
{
	kmem_cache_free(kmem, kmem_cache_alloc(kmem, GFP_ATOMIC));
}

/* The CPU's span is another by now, and the freed object not its span's first. */
static void fill_objs(void)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
	goalloc_cache_free(cache, objs[0]);
}

static void free_elsewhere(void)
{
	goalloc_cache_free(cache, objs[1]);
}

static void free_objs(void)
{
	unsigned int i;

	for (i = 2; i < BATCH; i++)
		goalloc_cache_free(cache, objs[i]);
}

static void medium_pair(void)
{
	goalloc_free(goalloc_alloc(65536, GFP_ATOMIC));
}

static void control_lock(void)
{
	static atomic_t counter;

	atomic_inc(&counter);
}

static void control_xchg(void)
{
	static u64 word;

	xchg(&word, 1);
}

static const struct operation {
	const char *name;
	void (*fn)(void);
	void (*before)(void);
	void (*after)(void);
} operations[] = {
	{ "nothing", nothing },
	{ "64B-cached/goalloc", cached_pair },
	{ "64B-cached/kmem_cache", kmem_pair },
	{ "100B/goalloc", general_pair },
	{ "64B-elsewhere/goalloc", free_elsewhere, fill_objs, free_objs },
	{ "64KiB/goalloc", medium_pair },
	{ "control/lock", control_lock },
	{ "control/xchg", control_xchg },
};

static void run(const struct operation *op)
{
	unsigned int i;

	for (i = 0; i <= WARM_UP; i++) {
		if (op->before)
			op->before();
		if (i < WARM_UP)
			op->fn();
		else
			trace(op->fn);
		if (op->after)
			op->after();
	}
}

static int steps_show(struct seq_file *m, void *unused)
{
	unsigned int i, k;

	mutex_lock(&steps_lock);
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		unsigned long first = 0;
		unsigned int n = 0;

		run(&operations[i]);
		for (k = nsteps; k > 0; k--) {
			if (locks(step[k - 1])) {
				first = step[k - 1];
				n++;
			}
		}
		seq_printf(m, "%s\t%u\t%u\t", operations[i].name, nsteps, n);
		if (n)
			seq_printf(m, "%pS\n", (void *)first);
		else
			seq_puts(m, "-\n");
	}
	mutex_unlock(&steps_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(steps);

static int trace_show(struct seq_file *m, void *unused)
{
	unsigned int i, k;

	mutex_lock(&steps_lock);
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		run(&operations[i]);
		for (k = 0; k < nsteps; k++)
			seq_printf(m, "%s\t%pS\t%s\n", operations[i].name, (void *)step[k],
				   locks(step[k]) ? "lock" : "-");
	}
	mutex_unlock(&steps_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(trace);

static int __init steps_init(void)
{
	int err;

	cache = goalloc_cache_create("steps_64", 64, NULL, 0);
	if (IS_ERR(cache))
		return PTR_ERR(cache);
	kmem = kmem_cache_create("goalloc_steps_64", 64, 0, 0, NULL);
	if (!kmem) {
		err = -ENOMEM;
		goto cache;
	}
	err = register_die_notifier(&step_nb);
	if (err)
		goto kmem;
	files[0] = debugfs_create_file("goalloc_steps", 0400, NULL, NULL, &steps_fops);
	files[1] = debugfs_create_file("goalloc_steps_trace", 0400, NULL, NULL, &trace_fops);
	return 0;
kmem:
	kmem_cache_destroy(kmem);
cache:
	goalloc_cache_destroy(cache);
	return err;
}
module_init(steps_init);

static void __exit steps_exit(void)
{
	debugfs_remove(files[1]);
	debugfs_remove(files[0]);
	unregister_die_notifier(&step_nb);
	kmem_cache_destroy(kmem);
	goalloc_cache_destroy(cache);
}
module_exit(steps_exit);

MODULE_DESCRIPTION("The instructions that goalloc's operations execute");
MODULE_LICENSE("GPL");
