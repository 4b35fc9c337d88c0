// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_abuse: misuses goalloc on request, and looks whether that did harm.
 *
 *	insmod goalloc_abuse.ko
 *	echo double_free > /sys/module/goalloc_abuse/parameters/what
 *	cat /sys/module/goalloc_abuse/parameters/verdict
 *	PASS 1 double_free,dead heap unharmed
 *
 * The verdict is PASS, FAIL or SKIP; the number of misuses that goalloc must
 * have counted, of which kinds (as debugfs names them); and the reason.
 * The file "cases" there lists what there is.
 *
 * Around each misuse there are objects that nobody touches, and after it many
 * are allocated and freed: all must keep their contents, no address may be
 * given out twice, and the heap must be empty at the end by its own account.
 * Each case frees from a place of its own, since goalloc reports once a site.
 */
#define pr_fmt(fmt) "goalloc_abuse: " fmt

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define WITNESSES	64
#define AFTER_MAX	1000
#define AFTER_BYTES	SZ_8M
#define RACES		200
#define ONE_CPU		(-ENODEV)
#define NO_SUCH_SLOT	(-ENOENT)

static unsigned int size = 96;
module_param(size, uint, 0644);
MODULE_PARM_DESC(size, "bytes of the objects, 32 to 1048576 (default 96)");

static char verdict[160] = "none";
module_param_string(verdict, verdict, sizeof(verdict), 0444);
MODULE_PARM_DESC(verdict, "of the last misuse (read only)");

/**
 * struct abuse - one kind of misuse
 * @name: as users ask for it
 * @kinds: what goalloc may count it as, as debugfs names them
 * @in_heap: goalloc knows which heap it hit, and has counted it there
 * @run: does it; returns how many misuses it was, or an error
 */
struct abuse {
	const char *name;
	const char *kinds;
	bool in_heap;
	int (*run)(void);
};

/* Made for each case. */
static struct goalloc_heap *heap, *other_heap;
static struct goalloc_cache *cache, *other_cache, *ctor_cache;

/* Something no compiler knows anything about. */
static __always_inline void *hide(const void *p)
{
	unsigned long addr = (unsigned long)p;

	OPTIMIZER_HIDE_VAR(addr);
	return (void *)addr;
}

static void *victim(void)
{
	return hide(goalloc_heap_alloc(heap, size, GFP_KERNEL));
}

static int double_free(void)
{
	void *p = victim();

	goalloc_free(p);
	goalloc_free(hide(p));
	return 1;
}

static int double_heap_free(void)
{
	void *p = victim();

	goalloc_heap_free(heap, p);
	goalloc_heap_free(heap, hide(p));
	return 1;
}

static int double_cache_free(void)
{
	void *p = hide(goalloc_cache_alloc(cache, GFP_KERNEL));

	goalloc_cache_free(cache, p);
	goalloc_cache_free(cache, hide(p));
	return 1;
}

static int double_free_bulk(void)
{
	void *p = victim(), *q = victim();
	void *objs[] = { p, q, hide(p) };

	goalloc_free_bulk(ARRAY_SIZE(objs), objs);
	return 1;
}

static void free_there(void *p)
{
	goalloc_free(hide(p));
}

/* A CPU that is not this one, or an error. Preemption is off. */
static int other_cpu(void)
{
	int cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());

	return cpu < nr_cpu_ids ? cpu : ONE_CPU;
}

static int double_free_remote(void)
{
	void *p = victim();
	int cpu;

	preempt_disable();
	cpu = other_cpu();
	goalloc_free(p);
	if (cpu >= 0)
		smp_call_function_single(cpu, free_there, hide(p), 1);
	preempt_enable();
	return cpu < 0 ? cpu : 1;
}

/* The other way round: freed elsewhere first, while this CPU owns the span. */
static int double_free_local(void)
{
	void *p;
	int cpu;

	preempt_disable();
	cpu = other_cpu();
	p = hide(goalloc_heap_alloc(heap, size, GFP_ATOMIC));
	if (cpu >= 0)
		smp_call_function_single(cpu, free_there, p, 1);
	goalloc_free(hide(p));
	preempt_enable();
	return cpu < 0 ? cpu : 1;
}

/* The slot sits in the CPU's cache, while others come and go. */
static int double_free_cached(void)
{
	void *objs[8], *p = victim();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = victim();
	goalloc_free(p);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		goalloc_free(objs[i]);
	goalloc_free(hide(p));
	return 1;
}

/* The slot left the CPU's cache: it is in a span that nobody owns, or in none. */
static int double_free_flushed(void)
{
	void *p = victim();

	goalloc_free(p);
	goalloc_heap_shrink(heap);
	goalloc_free(hide(p));
	return 1;
}

/* The first of many to be freed, with half of them in use again by others. */
static int double_free_mixed(void)
{
	void *objs[32], *again[16];
	unsigned int i, j, n = 0;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = victim();
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		goalloc_free(objs[i]);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		again[i] = victim();

	/* A stale free of what has a new owner would be as good as any. */
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		for (j = 0; j < ARRAY_SIZE(again); j++)
			if (objs[i] == again[j])
				break;
		if (j < ARRAY_SIZE(again))
			continue;
		goalloc_free(hide(objs[i]));
		n++;
	}
	for (i = 0; i < ARRAY_SIZE(again); i++)
		goalloc_free(again[i]);
	return n;
}

struct race {
	void *p;
	atomic_t ready;
	atomic_t done;
};

static void race(struct race *r)
{
	atomic_inc(&r->ready);
	while (atomic_read(&r->ready) < 2)
		cpu_relax();
	goalloc_free(r->p);
	atomic_inc(&r->done);
}

static void race_there(void *data)
{
	race(data);
}

/* One side is refused, or whoever next looks at the slot reports it. */
static int double_free_race(void)
{
	struct race r;
	int i, cpu;

	for (i = 0; i < RACES; i++) {
		r.p = victim();
		atomic_set(&r.ready, 0);
		atomic_set(&r.done, 0);
		preempt_disable();
		cpu = other_cpu();
		if (cpu >= 0) {
			smp_call_function_single(cpu, race_there, &r, 0);
			race(&r);
			while (atomic_read(&r.done) < 2)
				cpu_relax();
		}
		preempt_enable();
		if (cpu < 0) {
			goalloc_free(r.p);
			return cpu;
		}
	}
	goalloc_heap_shrink(heap);
	return RACES;
}

static int double_free_sensitive(void)
{
	void *p = victim();

	goalloc_free_sensitive(p);
	goalloc_free_sensitive(hide(p));
	return 1;
}

/* The slot beside the only object of a new heap, if both are sure to be in one span. */
static int never_allocated(void)
{
	void *p = hide(goalloc_heap_alloc(other_heap, size, GFP_KERNEL));
	size_t step = goalloc_size(p), at = offset_in_page(p);
	void *beside = NULL;

	if (at + 2 * step <= PAGE_SIZE)
		beside = p + step;
	else if (at >= step)
		beside = p - step;
	if (beside)
		goalloc_free(hide(beside));
	goalloc_free(p);
	return beside ? 1 : NO_SUCH_SLOT;
}

static int interior(void)
{
	void *p = victim();
	size_t at[] = { 1, 8, size / 2, size - 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++)
		goalloc_free(hide(p + at[i]));
	goalloc_free(p);
	return ARRAY_SIZE(at);
}

static int stack(void)
{
	u64 here[8] = {};

	goalloc_free(hide(&here[2]));
	return 1;
}

static int foreign_kmalloc(void)
{
	void *p = kmalloc(size, GFP_KERNEL);

	goalloc_free(hide(p));
	kfree(p);
	return 1;
}

static int foreign_vmalloc(void)
{
	void *p = vmalloc(SZ_16K);

	goalloc_free(hide(p));
	goalloc_free(hide(p + SZ_8K));
	vfree(p);
	return 2;
}

static int module_data(void)
{
	static u64 data[32];

	goalloc_free(hide(data));
	goalloc_free(hide(verdict));
	return 2;
}

static int module_text(void)
{
	goalloc_free(hide(module_text));
	return 1;
}

static int user(void)
{
	goalloc_free(hide((void *)0x400000UL));
	goalloc_free(hide((void *)(TASK_SIZE - PAGE_SIZE)));
	return 2;
}

static int unmapped(void)
{
	void *p = vmalloc(SZ_16K);

	vfree(p);
	goalloc_free(hide(p));
	goalloc_free(hide((void *)(1UL << (BITS_PER_LONG - 2))));
	goalloc_free(hide((void *)-8192L));
	return 3;
}

static int error_pointer(void)
{
	goalloc_free(hide(ERR_PTR(-ENOMEM)));
	return 1;
}

/* As for kfree(), these are no objects, and no mistakes either. */
static int nothing(void)
{
	goalloc_free(hide(NULL));
	goalloc_free(hide(ZERO_SIZE_PTR));
	goalloc_heap_free(heap, hide(NULL));
	goalloc_cache_free(cache, hide(NULL));
	return 0;
}

static int heap_gone(void)
{
	struct goalloc_heap *gone = goalloc_heap_create("abuse-gone", 0);
	void *p;

	if (IS_ERR(gone))
		return PTR_ERR(gone);
	p = hide(goalloc_heap_alloc(gone, size, GFP_KERNEL));
	goalloc_heap_destroy(gone);
	goalloc_free(hide(p));
	return 1;
}

static int cache_gone(void)
{
	const struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *gone = goalloc_cache_create("abuse-gone", size, &args, 0);
	void *p;

	if (IS_ERR(gone))
		return PTR_ERR(gone);
	p = hide(goalloc_cache_alloc(gone, GFP_KERNEL));
	goalloc_cache_destroy(gone);
	goalloc_free(hide(p));
	return 1;
}

static int wrong_cache(void)
{
	void *p = hide(goalloc_cache_alloc(cache, GFP_KERNEL)), *q = victim();

	goalloc_cache_free(other_cache, hide(p));
	goalloc_cache_free(other_cache, hide(q));
	goalloc_cache_free(cache, p);
	goalloc_free(q);
	return 2;
}

static int wrong_cache_bulk(void)
{
	void *p = hide(goalloc_cache_alloc(cache, GFP_KERNEL));
	void *q = hide(goalloc_cache_alloc(other_cache, GFP_KERNEL));
	void *objs[] = { q, p };

	goalloc_cache_free_bulk(other_cache, ARRAY_SIZE(objs), objs);
	goalloc_cache_free(cache, p);
	return 1;
}

static int wrong_heap(void)
{
	void *p = victim(), *q = hide(goalloc_cache_alloc(cache, GFP_KERNEL));

	goalloc_heap_free(other_heap, hide(p));
	goalloc_heap_free(other_heap, hide(q));
	goalloc_free(p);
	goalloc_heap_free(heap, q);
	return 2;
}

struct rcu_victim {
	u64 word;
	struct rcu_head head;
};

static int rcu_then_free(void)
{
	struct rcu_victim *p = victim();

	rcu_read_lock();
	goalloc_free_rcu(p, head);
	goalloc_free(hide(p));
	rcu_read_unlock();
	goalloc_rcu_barrier();
	return 1;
}

static int rcu_twice(void)
{
	struct rcu_victim *p = victim(), *q;

	rcu_read_lock();
	goalloc_free_rcu(p, head);
	q = hide(p);
	goalloc_free_rcu(q, head);
	rcu_read_unlock();
	goalloc_rcu_barrier();
	return 1;
}

static int free_then_rcu(void)
{
	struct rcu_victim *p = victim(), *q;

	goalloc_free(p);
	q = hide(p);
	goalloc_free_rcu(q, head);
	goalloc_rcu_barrier();
	return 1;
}

static int rcu_interior(void)
{
	struct rcu_victim *p = victim(), *q = hide((void *)p + 8);

	goalloc_free_rcu(q, head);
	goalloc_rcu_barrier();
	goalloc_free(p);
	return 1;
}

/* A page of the loading or writing process, or NULL. */
static void __user *user_page(void)
{
	unsigned long addr;

	if (!current->mm)
		return NULL;
	addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, 0);
	return IS_ERR_VALUE(addr) ? NULL : (void __user *)addr;
}

static int usercopy(void)
{
	void __user *page = user_page();
	unsigned long n = min_t(unsigned long, goalloc_size_roundup(size), PAGE_SIZE / 2), end;
	void *p = victim();
	int bad = 0;

	if (!page)
		return -EFAULT;
	end = goalloc_size(p);
	memset(p, 0x5a, size);

	/* Within the object: allowed. */
	if (goalloc_copy_to_user(page, p, min_t(unsigned long, size, n)) ||
	    goalloc_copy_from_user(p, page, min_t(unsigned long, size, n)))
		bad++;
	/* Over its end, from its end on, and before its start: nothing is copied. */
	if (goalloc_copy_to_user(page, hide(p + end - n + 1), n) != n ||
	    goalloc_copy_from_user(hide(p + end - n + 1), page, n) != n)
		bad++;
	if (goalloc_copy_to_user(page, hide(p - 1), 8) != 8)
		bad++;
	goalloc_free(p);
	if (goalloc_copy_to_user(page, hide(p), 8) != 8)
		bad++;
	vm_munmap((unsigned long)page, PAGE_SIZE);
	return bad ? -EPROTO : 4;
}

/* Only a part of the object may be copied. */
static int usercopy_window(void)
{
	const struct goalloc_cache_args args = { .heap = heap, .useroffset = 8, .usersize = 16 };
	struct goalloc_cache *window;
	void __user *page = user_page();
	int bad = 0;
	void *p;

	if (!page)
		return -EFAULT;
	window = goalloc_cache_create("abuse-window", size, &args, 0);
	if (IS_ERR(window))
		return PTR_ERR(window);
	p = hide(goalloc_cache_zalloc(window, GFP_KERNEL));
	if (goalloc_copy_to_user(page, p + 8, 16) || goalloc_copy_from_user(p + 16, page, 8))
		bad++;
	if (goalloc_copy_to_user(page, p, 16) != 16)
		bad++;
	if (goalloc_copy_from_user(p + 8, page, 17) != 17)
		bad++;
	goalloc_cache_free(window, p);
	goalloc_cache_destroy(window);
	vm_munmap((unsigned long)page, PAGE_SIZE);
	return bad ? -EPROTO : 2;
}

static int gfp(void)
{
	const gfp_t bad[] = { GFP_DMA, GFP_DMA32, __GFP_HIGHMEM };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i] && hide(goalloc_heap_alloc(heap, size, GFP_KERNEL | bad[i])))
			return -EPROTO;
	}
	return ARRAY_SIZE(bad);
}

static int ctor_and_zero(void)
{
	return hide(goalloc_cache_zalloc(ctor_cache, GFP_KERNEL)) ? -EPROTO : 1;
}

static int realloc_cached(void)
{
	void *p = hide(goalloc_cache_alloc(cache, GFP_KERNEL));

	if (hide(goalloc_realloc(p, 2 * size, GFP_KERNEL)))
		return -EPROTO;
	goalloc_cache_free(cache, hide(p));
	return 1;
}

static int realloc_freed(void)
{
	void *p = victim();

	goalloc_free(p);
	return hide(goalloc_realloc(hide(p), 2 * size, GFP_KERNEL)) ? -EPROTO : 1;
}

static int realloc_foreign(void)
{
	void *p = kmalloc(size, GFP_KERNEL), *q;

	q = hide(goalloc_realloc(hide(p), 2 * size, GFP_KERNEL));
	kfree(p);
	return q ? -EPROTO : 1;
}

static int realloc_interior(void)
{
	void *p = victim(), *q;

	q = hide(goalloc_realloc(hide(p + 8), 2 * size, GFP_KERNEL));
	goalloc_free(p);
	return q ? -EPROTO : 1;
}

/* Once all is freed, a span may live on or not. */
#define FREED "double_free,dead"

static const struct abuse cases[] = {
	{ "nothing", "none", true, nothing },
	{ "double_free", FREED, false, double_free },
	{ "double_heap_free", FREED, false, double_heap_free },
	{ "double_cache_free", FREED, false, double_cache_free },
	{ "double_free_bulk", FREED, false, double_free_bulk },
	{ "double_free_remote", FREED, false, double_free_remote },
	{ "double_free_local", FREED, false, double_free_local },
	{ "double_free_cached", FREED, false, double_free_cached },
	{ "double_free_flushed", FREED, false, double_free_flushed },
	{ "double_free_mixed", FREED, false, double_free_mixed },
	{ "double_free_race", FREED ",late_double_free", false, double_free_race },
	{ "double_free_sensitive", FREED, false, double_free_sensitive },
	{ "never_allocated", FREED, false, never_allocated },
	{ "interior", "interior", true, interior },
	{ "stack", "foreign", false, stack },
	{ "kmalloc", "foreign", false, foreign_kmalloc },
	{ "vmalloc", "foreign", false, foreign_vmalloc },
	{ "module_data", "foreign", false, module_data },
	{ "module_text", "foreign", false, module_text },
	{ "user", "foreign", false, user },
	{ "unmapped", "foreign", false, unmapped },
	{ "error_pointer", "foreign", false, error_pointer },
	{ "heap_gone", "dead", false, heap_gone },
	{ "cache_gone", "dead", false, cache_gone },
	{ "wrong_cache", "wrong_cache", true, wrong_cache },
	{ "wrong_cache_bulk", "wrong_cache", true, wrong_cache_bulk },
	{ "wrong_heap", "wrong_heap", true, wrong_heap },
	{ "rcu_then_free", "rcu_pending", true, rcu_then_free },
	{ "rcu_twice", "rcu_pending", true, rcu_twice },
	{ "free_then_rcu", FREED, false, free_then_rcu },
	{ "rcu_interior", "interior", true, rcu_interior },
	{ "usercopy", "usercopy", false, usercopy },
	{ "usercopy_window", "usercopy", true, usercopy_window },
	{ "gfp", "bad_gfp", false, gfp },
	{ "ctor_and_zero", "bad_gfp", true, ctor_and_zero },
	{ "realloc_cached", "realloc", true, realloc_cached },
	{ "realloc_freed", FREED, false, realloc_freed },
	{ "realloc_foreign", "foreign", false, realloc_foreign },
	{ "realloc_interior", "interior", true, realloc_interior },
};

static void ctor(void *p)
{
	*(u64 *)p = 1;
}

static int setup(void)
{
	struct goalloc_cache_args args = {};

	heap = goalloc_heap_create("abuse", 0);
	other_heap = goalloc_heap_create("abuse-other", 0);
	if (IS_ERR(heap) || IS_ERR(other_heap))
		return -ENOMEM;
	args.heap = heap;
	cache = goalloc_cache_create("abuse-cache", size, &args, 0);
	other_cache = goalloc_cache_create("abuse-other-cache", size, &args, 0);
	args.ctor = ctor;
	ctor_cache = goalloc_cache_create("abuse-ctor-cache", size, &args, 0);
	if (IS_ERR(cache) || IS_ERR(other_cache) || IS_ERR(ctor_cache))
		return -ENOMEM;
	return 0;
}

static void teardown(void)
{
	if (!IS_ERR_OR_NULL(cache))
		goalloc_cache_destroy(cache);
	if (!IS_ERR_OR_NULL(other_cache))
		goalloc_cache_destroy(other_cache);
	if (!IS_ERR_OR_NULL(ctor_cache))
		goalloc_cache_destroy(ctor_cache);
	if (!IS_ERR_OR_NULL(heap))
		goalloc_heap_destroy(heap);
	if (!IS_ERR_OR_NULL(other_heap))
		goalloc_heap_destroy(other_heap);
	cache = NULL;
	other_cache = NULL;
	ctor_cache = NULL;
	heap = NULL;
	other_heap = NULL;
}

/* Objects that know themselves: each holds its address and its number. */
static int make(void **objs, unsigned int n)
{
	unsigned int i;
	u64 *p;

	for (i = 0; i < n; i++) {
		p = victim();
		if (!p)
			return -ENOMEM;
		objs[i] = p;
		p[0] = (unsigned long)p;
		p[1] = i;
		p[size / 8 - 1] = i ^ (unsigned long)p;
	}
	return 0;
}

static unsigned int damaged(void **objs, unsigned int n)
{
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++) {
		const u64 *p = objs[i];

		if (p && (p[0] != (unsigned long)p || p[1] != i ||
			  p[size / 8 - 1] != (i ^ (unsigned long)p)))
			bad++;
	}
	return bad;
}

static void unmake(void **objs, unsigned int n)
{
	while (n--)
		goalloc_heap_free(heap, objs[n]);
}

/* The objects around a misuse, and those that come after it. */
struct stage {
	void *witness[WITNESSES];
	void *after[AFTER_MAX];
};

static const char *judge(const struct abuse *abuse, struct stage *s, int *n)
{
	unsigned int nafter = clamp_t(unsigned int, AFTER_BYTES / size, 8, AFTER_MAX);
	struct goalloc_heap_stats stats;
	unsigned int bad;
	u64 misuse;

	if (make(s->witness, WITNESSES))
		return "no memory before";
	*n = abuse->run();
	if (*n < 0)
		unmake(s->witness, WITNESSES);
	if (*n == ONE_CPU)
		return "only one CPU is online";
	if (*n == NO_SUCH_SLOT)
		return "the objects are too large";
	if (*n < 0)
		return *n == -EPROTO ? "it went through" : "could not be done";
	goalloc_heap_stats(heap, &stats);
	misuse = stats.misuse;
	if (misuse > *n || (abuse->in_heap && misuse < *n))
		return "counted wrongly by the heap";
	if (stats.live_objects != WITNESSES)
		return "the number of live objects is wrong";

	if (make(s->after, nafter))
		return "no memory afterwards";
	bad = damaged(s->witness, WITNESSES) + damaged(s->after, nafter);
	unmake(s->witness, WITNESSES);
	unmake(s->after, nafter);
	goalloc_heap_shrink(heap);
	goalloc_heap_stats(heap, &stats);
	if (bad)
		return "objects were damaged, or given out twice";
	if (stats.misuse != misuse)
		return "objects that were freed once were refused";
	if (stats.live_objects || stats.mallocs != stats.frees)
		return "the heap is not empty afterwards";
	return NULL;
}

static void abuse_run(const struct abuse *abuse)
{
	const char *why, *word;
	struct stage *s;
	int n = 0;

	s = kvzalloc(sizeof(*s), GFP_KERNEL);
	if (!s || setup())
		why = "could not be set up";
	else
		why = judge(abuse, s, &n);
	teardown();
	kvfree(s);

	if (why)
		word = n == ONE_CPU || n == NO_SUCH_SLOT ? "SKIP" : "FAIL";
	else
		word = "PASS";
	snprintf(verdict, sizeof(verdict), "%s %d %s %s", word, n, abuse->kinds,
		 why ?: "heap unharmed");
	pr_info("%s, %u bytes: %s\n", abuse->name, size, verdict);
}

static int set_what(const char *what, const struct kernel_param *kp)
{
	unsigned int i;

	if (size < 32 || size > SZ_1M) {
		pr_err("size=%u: must be 32 to %u\n", size, SZ_1M);
		return -EINVAL;
	}
	if (sysfs_streq(what, "list")) {
		for (i = 0; i < ARRAY_SIZE(cases); i++)
			pr_info("%s\n", cases[i].name);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (sysfs_streq(what, cases[i].name)) {
			abuse_run(&cases[i]);
			return 0;
		}
	}
	pr_err("what: no such case, see parameters/cases\n");
	return -EINVAL;
}

static const struct kernel_param_ops what_ops = { .set = set_what };
module_param_cb(what, &what_ops, NULL, 0200);
MODULE_PARM_DESC(what, "misuse to commit, at load or later; list prints what there is");

static int get_cases(char *buf, const struct kernel_param *kp)
{
	unsigned int i;
	int len = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		len += scnprintf(buf + len, PAGE_SIZE - len, "%s\n", cases[i].name);
	return len;
}

static const struct kernel_param_ops cases_ops = { .get = get_cases };
module_param_cb(cases, &cases_ops, NULL, 0444);
MODULE_PARM_DESC(cases, "what there is (read only)");

static int __init abuse_init(void)
{
	return 0;
}

static void __exit abuse_exit(void)
{
}

module_init(abuse_init);
module_exit(abuse_exit);

MODULE_DESCRIPTION("Misuse of goalloc, to see it refused");
MODULE_LICENSE("GPL");
