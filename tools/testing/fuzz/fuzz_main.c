// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_fuzz: runs programs of calls of goalloc, and says whether each call
 * did what it must.
 *
 * A write to /dev/goalloc_fuzz is a program (program.h); a read is the verdict on
 * the last: a line that begins with PASS, or FAIL and the number of the operation.
 * Heap 1 and caches 0 and 1 stay from program to program. All else that one
 * leaves is freed after it, and then nothing may be left: no object, no page.
 *
 * One process at a time has the device, and the module's user nobody else:
 * fuzz_lock, for who shares the descriptor.
 */
#define pr_fmt(fmt) "goalloc_fuzz: " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../../../goalloc_mod/mstats.h"
#include "goalloc_fuzz.h"

#define PROGRAM_BYTES (FUZZ_MAX_OPS * FUZZ_OP_BYTES)
#define SETTLE_TRIES 200

static DEFINE_MUTEX(fuzz_lock); /* the program that runs */
static atomic_t fuzz_users;
static struct fuzz_run *fuzz_run;
static struct goalloc_heap *fuzz_heap; /* register 1 */
static struct goalloc_cache *fuzz_caches[2]; /* registers 0 and 1 */

/* The first one counts: what is after it may be its consequence. */
void fuzz_fail(struct fuzz_run *run, const char *fmt, ...)
{
	va_list args;
	int n;

	if (run->failed)
		return;
	run->failed = true;
	n = scnprintf(run->verdict, sizeof(run->verdict), "FAIL %u: ", run->at);
	va_start(args, fmt);
	vscnprintf(run->verdict + n, sizeof(run->verdict) - n, fmt, args);
	va_end(args);
	pr_err("%s\n", run->verdict);
}

static void set_heap(struct fuzz_run *run, unsigned int i, struct goalloc_heap *heap)
{
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(heap, &stats);
	run->heaps[i].heap = heap;
	run->heaps[i].base = stats.live_objects;
	strscpy(run->heaps[i].name, goalloc_heap_name(heap), sizeof(run->heaps[i].name));
}

static void set_cache(struct fuzz_run *run, unsigned int i, bool made)
{
	struct goalloc_cache *cache = fuzz_caches[i];
	unsigned int size = goalloc_cache_object_size(cache);

	run->caches[i] = (struct fuzz_cache){
		.cache = cache, .heap = 1, .size = size, .align = 8, .usersize = size,
		.ctor = made, .dtor = made,
	};
	strscpy(run->caches[i].name, goalloc_cache_name(cache), sizeof(run->caches[i].name));
}

static void begin(struct fuzz_run *run)
{
	unsigned int i;

	memset(run, 0, sizeof(*run));
	run->gfp = GFP_KERNEL;
	run->cpu = cpumask_first(cpu_online_mask);
	set_heap(run, 0, goalloc_heap_default());
	set_heap(run, 1, fuzz_heap);
	set_cache(run, 0, false);
	set_cache(run, 1, true);
	run->dtors = atomic_long_read(&fuzz_dtor_runs);
	for (i = 0; i < FUZZ_OBJS; i++)
		run->objs[i].cache = -1;
}

static void op_barrier(struct fuzz_run *run)
{
	goalloc_rcu_barrier();
	run->rcu = false;
	run->dtors += run->late_dtors;
	run->late_dtors = 0;
	if (atomic_long_read(&fuzz_dtor_runs) != run->dtors)
		fuzz_fail(run, "after a grace period dtors ran %ld times, not %ld",
			  atomic_long_read(&fuzz_dtor_runs), run->dtors);
}

/* The context of what follows, and the CPU. */
static void op_context(struct fuzz_run *run)
{
	unsigned int cpu = run->op.b % nr_cpu_ids;

	run->context = run->op.a % CONTEXTS;
	if (!cpu_online(cpu))
		cpu = cpumask_first(cpu_online_mask);
	run->cpu = cpu;
	set_cpus_allowed_ptr(current, run->op.c & 1 ? cpumask_of(cpu) : cpu_online_mask);
}

static void op_gfp(struct fuzz_run *run)
{
	run->gfp = (__force gfp_t)run->op.n & __GFP_BITS_MASK;
}

static void (*const ops[FUZZ_CODES])(struct fuzz_run *run) = {
	[FUZZ_ALLOC] = fuzz_op_alloc,
	[FUZZ_CALLOC] = fuzz_op_calloc,
	[FUZZ_REALLOC] = fuzz_op_realloc,
	[FUZZ_FREE] = fuzz_op_free,
	[FUZZ_HEAP_FREE] = fuzz_op_heap_free,
	[FUZZ_CACHE_FREE] = fuzz_op_cache_free,
	[FUZZ_FREE_BULK] = fuzz_op_free_bulk,
	[FUZZ_ALLOC_BULK] = fuzz_op_alloc_bulk,
	[FUZZ_FOREIGN] = fuzz_op_foreign,
	[FUZZ_SIZE] = fuzz_op_size,
	[FUZZ_OWNER] = fuzz_op_owner,
	[FUZZ_MEMDUP] = fuzz_op_memdup,
	[FUZZ_STRDUP] = fuzz_op_strdup,
	[FUZZ_ROUNDUP] = fuzz_op_roundup,
	[FUZZ_USERCOPY] = fuzz_op_usercopy,
	[FUZZ_HEAP_CREATE] = fuzz_op_heap_create,
	[FUZZ_HEAP_DESTROY] = fuzz_op_heap_destroy,
	[FUZZ_HEAP_LIMIT] = fuzz_op_heap_limit,
	[FUZZ_HEAP_SHRINK] = fuzz_op_heap_shrink,
	[FUZZ_HEAP_STATS] = fuzz_op_heap_stats,
	[FUZZ_CACHE_ARGS] = fuzz_op_cache_args,
	[FUZZ_CACHE_CREATE] = fuzz_op_cache_create,
	[FUZZ_CACHE_DESTROY] = fuzz_op_cache_destroy,
	[FUZZ_CACHE_SHRINK] = fuzz_op_cache_shrink,
	[FUZZ_CACHE_ALLOC] = fuzz_op_cache_alloc,
	[FUZZ_FILL] = fuzz_op_fill,
	[FUZZ_CHECK] = fuzz_op_check,
	[FUZZ_BARRIER] = op_barrier,
	[FUZZ_CONTEXT] = op_context,
	[FUZZ_GFP] = op_gfp,
	[FUZZ_COPY] = fuzz_op_copy,
	[FUZZ_CACHE_INFO] = fuzz_op_cache_info,
	[FUZZ_DEBUG] = fuzz_op_debug,
	[FUZZ_RESERVE] = fuzz_op_reserve,
	[FUZZ_GC_HEAP] = fuzz_op_gc_heap,
	[FUZZ_GC_ALLOC] = fuzz_op_gc_alloc,
	[FUZZ_GC_ASSIGN] = fuzz_op_gc_assign,
	[FUZZ_GC_COPY] = fuzz_op_gc_copy,
	[FUZZ_GC_HANDLE] = fuzz_op_gc_handle,
	[FUZZ_GC_WEAK] = fuzz_op_gc_weak,
	[FUZZ_GC_FINALIZER] = fuzz_op_gc_finalizer,
	[FUZZ_GC_UNREVIVE] = fuzz_op_gc_unrevive,
	[FUZZ_GC_FREE] = fuzz_op_gc_free,
	[FUZZ_GC_ROOT] = fuzz_op_gc_root,
	[FUZZ_GC_SECTION] = fuzz_op_gc_section,
	[FUZZ_GC_STEP] = fuzz_op_gc_step,
	[FUZZ_GC_COLLECT] = fuzz_op_gc_collect,
	[FUZZ_GC_TUNE] = fuzz_op_gc_tune,
	[FUZZ_GC_TYPE] = fuzz_op_gc_type,
	[FUZZ_GC_BAD] = fuzz_op_gc_bad,
	[FUZZ_LEAKS] = fuzz_op_leaks,
};

/* What the mheap counts is what is there, page by page, once the workers are through. */
static void check_pages(struct fuzz_run *run)
{
	struct mheap_snapshot before, count, after;
	unsigned int i;
	bool ok;

	for (i = 0; i < SETTLE_TRIES; i++) {
		mheap_snapshot(&before);
		ok = mheap_recount(&count);
		mheap_snapshot(&after);
		if (!memcmp(&before, &after, sizeof(before)))
			break;
		msleep(20);
	}
	if (i == SETTLE_TRIES)
		fuzz_fail(run, "the pages do not come to rest");
	else if (!ok || count.sys != after.sys || count.small != after.small ||
		 count.large != after.large || count.parked != after.parked ||
		 count.free != after.free || count.narenas != after.narenas)
		fuzz_fail(run, "the pages are not what was counted");
	else if (after.sys != after.small + after.large + after.parked + after.free)
		fuzz_fail(run, "%lu pages are %lu small, %lu large, %lu parked and %lu free",
			  after.sys, after.small, after.large, after.parked, after.free);
}

/* Free what is left, by which nothing may be left. */
static void end(struct fuzz_run *run)
{
	unsigned int i;

	run->context = CONTEXT_TASK;
	set_cpus_allowed_ptr(current, cpu_online_mask);
	gc_end(run);
	for (i = 0; i < FUZZ_OBJS; i++) {
		struct fuzz_obj *o = &run->objs[i];

		if (!o->live)
			continue;
		if (!run->failed)
			fuzz_free_live(run, o);
		else
			goalloc_free(o->p);
		o->live = false;
	}
	for (i = 2; i < FUZZ_CACHES; i++)
		if (run->caches[i].cache)
			fuzz_destroy_cache(run, i);
	for (i = 2; i < FUZZ_HEAPS; i++)
		if (run->heaps[i].heap)
			fuzz_destroy_heap(run, i);
	fuzz_debug_off(run);
	for (i = 0; i < 2; i++) {
		goalloc_heap_set_limit(run->heaps[i].heap, ULONG_MAX);
		run->heaps[i].limited = false;
	}
	if (run->rcu || run->late_dtors)
		op_barrier(run);
	if (!run->failed) {
		fuzz_stats(run, 0);
		fuzz_stats(run, 1);
		check_pages(run);
	}
	if (run->user)
		vm_munmap(run->user, FUZZ_USER_BYTES);
}

static void run_program(struct fuzz_run *run, const u8 *bytes, unsigned int nops)
{
	unsigned long stop = jiffies + FUZZ_SECONDS * HZ;

	begin(run);
	for (run->at = 0; run->at < nops; run->at++) {
		memcpy(&run->op, bytes + run->at * FUZZ_OP_BYTES, FUZZ_OP_BYTES);
		ops[fuzz_code(&run->op)](run);
		if (run->failed || fatal_signal_pending(current) || time_after(jiffies, stop))
			break;
		cond_resched();
	}
	end(run);
	if (!run->failed)
		snprintf(run->verdict, sizeof(run->verdict), "PASS %u operations", run->at);
}

static ssize_t fuzz_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	u8 *bytes;

	if (len > PROGRAM_BYTES) {
		pr_err("a program has at most %d bytes\n", PROGRAM_BYTES);
		return -EINVAL;
	}
	bytes = memdup_user(from, len);
	if (IS_ERR(bytes))
		return PTR_ERR(bytes);
	mutex_lock(&fuzz_lock);
	run_program(fuzz_run, bytes, len / FUZZ_OP_BYTES);
	mutex_unlock(&fuzz_lock);
	kfree(bytes);
	return len;
}

/* From its start each time. */
static ssize_t fuzz_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	char line[sizeof(fuzz_run->verdict) + 1];
	loff_t start = 0;
	int n;

	mutex_lock(&fuzz_lock);
	n = scnprintf(line, sizeof(line), "%s\n", fuzz_run->verdict);
	mutex_unlock(&fuzz_lock);
	return simple_read_from_buffer(to, len, &start, line, n);
}

static int fuzz_open(struct inode *inode, struct file *file)
{
	return atomic_cmpxchg(&fuzz_users, 0, 1) ? -EBUSY : 0;
}

static int fuzz_release(struct inode *inode, struct file *file)
{
	atomic_set(&fuzz_users, 0);
	return 0;
}

static const struct file_operations fuzz_fops = {
	.owner = THIS_MODULE,
	.open = fuzz_open,
	.release = fuzz_release,
	.write = fuzz_write,
	.read = fuzz_read,
	.llseek = noop_llseek,
};

static struct miscdevice fuzz_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "goalloc_fuzz",
	.mode = 0600,
	.fops = &fuzz_fops,
};

static int __init fuzz_init(void)
{
	struct goalloc_cache_args args = {};
	int err = -ENOMEM;

	fuzz_run = kzalloc(sizeof(*fuzz_run), GFP_KERNEL);
	if (!fuzz_run)
		return -ENOMEM;
	strscpy(fuzz_run->verdict, "PASS nothing yet", sizeof(fuzz_run->verdict));
	fuzz_heap = goalloc_heap_create("fuzz", 0);
	if (IS_ERR(fuzz_heap)) {
		err = PTR_ERR(fuzz_heap);
		goto run;
	}
	args.heap = fuzz_heap;
	fuzz_caches[0] = goalloc_cache_create("plain", 72, &args, 0);
	args.ctor = fuzz_ctor;
	args.dtor = fuzz_dtor;
	fuzz_caches[1] = goalloc_cache_create("made", 200, &args, 0);
	if (IS_ERR(fuzz_caches[0]) || IS_ERR(fuzz_caches[1]))
		goto heap;
	gc_testing_begin();
	err = misc_register(&fuzz_device);
	if (!err)
		return 0;
	gc_testing_end();
heap:
	goalloc_heap_destroy(fuzz_heap);
run:
	kfree(fuzz_run);
	return err;
}

static void __exit fuzz_exit(void)
{
	misc_deregister(&fuzz_device);
	gc_testing_end();
	goalloc_heap_destroy(fuzz_heap);
	kfree(fuzz_run);
}

module_init(fuzz_init);
module_exit(fuzz_exit);

GOALLOC_IMPORT_FOR_TEST();
MODULE_DESCRIPTION("Runs programs of calls of goalloc");
MODULE_AUTHOR("goalloc developers");
MODULE_LICENSE("GPL");
