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
 * there is a line for each instruction: operation, where it is, "lock" or "-", how
 * often preemption was disabled, its bytes, and the registers that an address may
 * be made of, as REGS has them: steps-report makes cache lines and stretches of
 * that. These are addresses as they are, so this module is for test machines.
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
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/processor-flags.h>

#include "../../goalloc_mod/mgc.h"

#define MAX_STEPS 4096 /* of a longer operation, the first */
#define WARM_UP 20
#define SPAN 128 /* objects of 64 bytes in a span */
#define BATCH (4 * SPAN)
#define BULK 64
#define WORD 64 /* slots of a word */

#define REGS                                                                   \
	"gs:%lx rip:%lx rax:%lx rbx:%lx rcx:%lx rdx:%lx rsi:%lx rdi:%lx rbp:%lx " \
	"rsp:%lx r8:%lx r9:%lx r10:%lx r11:%lx r12:%lx r13:%lx r14:%lx r15:%lx"

/* What is seen of an instruction before it runs. */
struct step {
	struct pt_regs regs;
	unsigned int preempt;
};

static DEFINE_MUTEX(steps_lock); /* readers, who all measure */
static struct step *step; /* MAX_STEPS of them */
static unsigned int nsteps;
static struct task_struct *stepping;

struct managed {
	struct managed __gc *next;
	unsigned long words[7];
};

GOALLOC_GC_LAYOUT(managed_layout, struct managed, next);

static struct goalloc_heap *managed;
static struct goalloc_gc_type *type;
static struct managed __gc *root;
static int managed_section;

static struct goalloc_cache *cache, *tiny;
static struct kmem_cache *kmem;
static struct dentry *files[2];
static void *objs[BATCH + 1];

/* The CPU is about to execute what is at regs->ip. */
static int on_step(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;

	if (event != DIE_DEBUG || READ_ONCE(stepping) != current)
		return NOTIFY_DONE;
	if (nsteps < MAX_STEPS) {
		step[nsteps].regs = *args->regs;
		/* The trap itself is counted in higher bits. */
		step[nsteps++].preempt = preempt_count() & PREEMPT_MASK;
	}
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

static void free_range(unsigned int first, unsigned int end)
{
	for (; first < end; first++) {
		goalloc_cache_free(cache, objs[first]);
		objs[first] = NULL;
	}
}

/* Some spans, each full, the last of them the CPU's to allocate from. */
static void fill_spans(void)
{
	unsigned int i;

	goalloc_cache_shrink(cache);
	for (i = 0; i < BATCH; i++)
		objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
}

static void free_spans(void)
{
	free_range(0, ARRAY_SIZE(objs));
}

/* One of them is the CPU's to free into. */
static void fill_and_free(void)
{
	fill_spans();
	free_range(0, 1);
}

/* One of them was, and is another's by now. */
static void fill_and_list(void)
{
	fill_and_free();
	free_range(SPAN, SPAN + 1);
}

/* One is empty, and the CPU's to free into. */
static void fill_and_empty(void)
{
	fill_spans();
	free_range(0, SPAN);
}

/* Two are listed, none is the CPU's to free into, and its own is full. */
static void fill_and_use(void)
{
	unsigned int i;

	fill_spans();
	free_range(0, 3 * SPAN);
	for (i = 2 * SPAN; i < 3 * SPAN; i++)
		objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
}

static void free_second(void)
{
	free_range(1, 2);
}

static void free_other(void)
{
	free_range(SPAN, SPAN + 1);
}

static void alloc_one(void)
{
	objs[BATCH] = goalloc_cache_alloc(cache, GFP_ATOMIC);
}

static void alloc_bulk(void)
{
	goalloc_cache_alloc_bulk(cache, GFP_ATOMIC, BULK, objs);
}

static void free_bulk(void)
{
	goalloc_cache_free_bulk(cache, BULK, objs);
	memset(objs, 0, BULK * sizeof(*objs));
}

/* The CPU has a span to allocate from, all of it free. */
static void own_empty(void)
{
	goalloc_cache_shrink(cache);
	goalloc_cache_free(cache, goalloc_cache_alloc(cache, GFP_KERNEL));
}

static void own_bulk(void)
{
	own_empty();
	alloc_bulk();
}

static void own_100(void)
{
	goalloc_free(goalloc_alloc(100, GFP_KERNEL));
}

/* The first word of slots is used up, in a span of sixteen. */
static void fill_word(void)
{
	unsigned int i;

	goalloc_cache_shrink(tiny);
	for (i = 0; i < WORD; i++)
		objs[i] = goalloc_cache_alloc(tiny, GFP_KERNEL);
}

static void alloc_tiny(void)
{
	objs[WORD] = goalloc_cache_alloc(tiny, GFP_ATOMIC);
}

static void free_tiny(void)
{
	goalloc_cache_free_bulk(tiny, WORD + 1, objs);
	memset(objs, 0, sizeof(objs));
}

static void medium_pair(void)
{
	goalloc_free(goalloc_alloc(65536, GFP_ATOMIC));
}

/* More than a CPU keeps. */
static void large_pair(void)
{
	goalloc_free(goalloc_alloc(SZ_2M, GFP_ATOMIC));
}

/* Some spans of managed objects, unswept, and none of them the CPU's. */
static void managed_garbage(void)
{
	int section = goalloc_gc_lock(managed);
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		goalloc_gc_alloc(type, GFP_KERNEL);
	goalloc_gc_unlock(managed, section);
	goalloc_gc_collect(managed);
}

static void managed_alloc(void)
{
	goalloc_gc_alloc(type, GFP_ATOMIC);
}

static void managed_open(void)
{
	managed_section = goalloc_gc_lock(managed);
	objs[0] = goalloc_gc_alloc(type, GFP_KERNEL);
}

/* The collector marks, and waits for this section to end: the object is white. */
static void managed_mark(void)
{
	managed_open();
	mgc_kick(managed->gc);
	while (gc_phase(gc_word(managed)) != GC_MARK)
		schedule_timeout_uninterruptible(1);
}

static void managed_store(void)
{
	goalloc_gc_assign(managed, &root, objs[0]);
}

static void managed_close(void)
{
	goalloc_gc_assign(managed, &root, NULL);
	objs[0] = NULL;
	goalloc_gc_unlock(managed, managed_section);
	goalloc_gc_collect(managed);
}

static void managed_pair(void)
{
	goalloc_gc_unlock(managed, goalloc_gc_lock(managed));
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

struct operation {
	const char *name;
	void (*fn)(void);
	void (*before)(void);
	void (*after)(void);
};

static const struct operation operations[] = {
	{ "nothing", nothing },
	{ "64B-cached/goalloc", cached_pair },
	{ "64B-cached/kmem_cache", kmem_pair },
	{ "100B/goalloc", general_pair, own_100 },
	{ "64B-freed-into/goalloc", free_second, fill_and_free, free_spans },
	{ "64B-elsewhere/goalloc", free_second, fill_and_list, free_spans },
	{ "64B-next-freed/goalloc", free_other, fill_and_empty, free_spans },
	{ "64B-claim/goalloc", alloc_one, fill_and_use, free_spans },
	{ "64B-new-span/goalloc", alloc_one, fill_spans, free_spans },
	{ "64B-bulk-alloc/goalloc", alloc_bulk, own_empty, free_bulk },
	{ "64B-bulk-free/goalloc", free_bulk, own_bulk },
	{ "8B-next-word/goalloc", alloc_tiny, fill_word, free_tiny },
	{ "64KiB/goalloc", medium_pair },
	{ "2MiB/goalloc", large_pair },
	{ "gc-section/goalloc", managed_pair },
	{ "gc-alloc/goalloc", managed_alloc, managed_open, managed_close },
	{ "gc-claim/goalloc", managed_alloc, managed_garbage },
	{ "gc-store/goalloc", managed_store, managed_open, managed_close },
	{ "gc-store-marking/goalloc", managed_store, managed_mark, managed_close },
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
			if (locks(step[k - 1].regs.ip)) {
				first = step[k - 1].regs.ip;
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

static void show_step(struct seq_file *m, const struct step *s)
{
	const struct pt_regs *r = &s->regs;
	u8 code[16] = {};

	copy_from_kernel_nofault(code, (void *)r->ip, sizeof(code));
	seq_printf(m, "%pS\t%s\t%u\t%*phN\t", (void *)r->ip, locks(r->ip) ? "lock" : "-",
		   s->preempt, (int)sizeof(code), code);
	seq_printf(m, REGS "\n", this_cpu_read(this_cpu_off), r->ip, r->ax, r->bx, r->cx, r->dx,
		   r->si, r->di, r->bp, r->sp, r->r8, r->r9, r->r10, r->r11, r->r12, r->r13,
		   r->r14, r->r15);
}

static int trace_show(struct seq_file *m, void *unused)
{
	unsigned int i, k;

	mutex_lock(&steps_lock);
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		run(&operations[i]);
		for (k = 0; k < nsteps; k++) {
			seq_printf(m, "%s\t", operations[i].name);
			show_step(m, &step[k]);
		}
	}
	mutex_unlock(&steps_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(trace);

static int make_managed(void)
{
	int err;

	managed = goalloc_heap_create("steps", GOALLOC_HEAP_GC);
	if (IS_ERR(managed))
		return PTR_ERR(managed);
	type = goalloc_gc_type_create(managed, &managed_layout);
	err = PTR_ERR_OR_ZERO(type);
	if (!err)
		err = goalloc_gc_root_add(managed, &root, 1, GOALLOC_GC_ROOT_PRECISE);
	if (err)
		goalloc_heap_destroy(managed);
	return err;
}

static void drop_managed(void)
{
	goalloc_gc_root_remove(managed, &root);
	/* What is garbage is no leak. */
	goalloc_gc_collect(managed);
	goalloc_heap_destroy(managed);
}

static int __init steps_init(void)
{
	int err;

	step = vcalloc(MAX_STEPS, sizeof(*step));
	if (!step)
		return -ENOMEM;
	cache = goalloc_cache_create("steps_64", 64, NULL, 0);
	err = PTR_ERR_OR_ZERO(cache);
	if (err)
		goto step;
	tiny = goalloc_cache_create("steps_8", 8, NULL, 0);
	err = PTR_ERR_OR_ZERO(tiny);
	if (err)
		goto cache;
	kmem = kmem_cache_create("goalloc_steps_64", 64, 0, 0, NULL);
	if (!kmem) {
		err = -ENOMEM;
		goto tiny;
	}
	err = make_managed();
	if (err)
		goto kmem;
	err = register_die_notifier(&step_nb);
	if (err)
		goto managed;
	files[0] = debugfs_create_file("goalloc_steps", 0400, NULL, NULL, &steps_fops);
	files[1] = debugfs_create_file("goalloc_steps_trace", 0400, NULL, NULL, &trace_fops);
	return 0;
managed:
	drop_managed();
kmem:
	kmem_cache_destroy(kmem);
tiny:
	goalloc_cache_destroy(tiny);
cache:
	goalloc_cache_destroy(cache);
step:
	vfree(step);
	return err;
}
module_init(steps_init);

static void __exit steps_exit(void)
{
	debugfs_remove(files[1]);
	debugfs_remove(files[0]);
	unregister_die_notifier(&step_nb);
	drop_managed();
	kmem_cache_destroy(kmem);
	goalloc_cache_destroy(tiny);
	goalloc_cache_destroy(cache);
	vfree(step);
}
module_exit(steps_exit);

GOALLOC_IMPORT_FOR_TEST();
MODULE_DESCRIPTION("The instructions that goalloc's operations execute");
MODULE_LICENSE("GPL");
