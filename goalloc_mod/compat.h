/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that goalloc builds on: 6.1, 6.12 and 7.x.
 * No other file looks at the kernel's version.
 */
#ifndef GOALLOC_COMPAT_H
#define GOALLOC_COMPAT_H

#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/stackdepot.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

/*
 * Internals that only the test modules use live in a namespace of their own.
 * Older kernels paste its name instead of expanding it.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_FOR_TEST(sym) EXPORT_SYMBOL_NS_GPL(sym, "GOALLOC_TEST")
#define GOALLOC_IMPORT_FOR_TEST() MODULE_IMPORT_NS("GOALLOC_TEST")
#else
#define EXPORT_SYMBOL_FOR_TEST(sym) EXPORT_SYMBOL_NS_GPL(sym, GOALLOC_TEST)
#define GOALLOC_IMPORT_FOR_TEST() MODULE_IMPORT_NS(GOALLOC_TEST)
#endif

/* Since 6.3 call_rcu() may sit on a callback for seconds to save power. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define call_rcu_hurry call_rcu
#endif

/* 6.17 gave a name to what a workqueue without WQ_UNBOUND is, and wants to hear it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define WQ_PERCPU 0
#endif

/* For an arena the reserves are not touched; since 6.19 vmalloc() knows no such flag. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define GOALLOC_GFP_NO_RESERVES __GFP_NOMEMALLOC
#else
#define GOALLOC_GFP_NO_RESERVES ((__force gfp_t)0)
#endif

/* lock_map_sync() came with 6.4, and does not build without lockdep. */
static inline void goalloc_lock_map_sync(struct lockdep_map *map)
{
#if defined(CONFIG_LOCKDEP) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	lock_map_sync(map);
#endif
}

/* 6.13 set timer and function up in one call. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* 6.10 knows the source of a string from its declaration. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define goalloc_assign_str(dst, src) __assign_str(dst)
#else
#define goalloc_assign_str(dst, src) __assign_str(dst, src)
#endif

/*
 * dump_stack() of a worker may fault on the way, and is prepared for that. But in an
 * interrupt of User-Mode Linux (7.3) a fault ends the machine.
 */
static inline void goalloc_dump_stack(void)
{
	if (!IS_ENABLED(CONFIG_UML) || !in_hardirq() || !(current->flags & PF_WQ_WORKER))
		dump_stack();
}

#ifdef CONFIG_STACKDEPOT
/* 6.8 made the last argument flags. */
static inline u32 goalloc_stack_save(unsigned long *entries, unsigned int n, gfp_t gfp,
				     bool can_alloc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return stack_depot_save_flags(entries, n, gfp,
				      can_alloc ? STACK_DEPOT_FLAG_CAN_ALLOC : 0);
#else
	return __stack_depot_save(entries, n, 0, gfp, can_alloc);
#endif
}
#endif

/*
 * The parts of a module's variables, by number; false if there are no more. 6.4 gave
 * each kind of section memory of its own.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
static inline bool goalloc_module_data(const struct module *mod, unsigned int i,
				       unsigned long *addr, unsigned long *bytes)
{
	static const enum mod_mem_type parts[] = { MOD_DATA, MOD_RO_AFTER_INIT };

	if (i >= ARRAY_SIZE(parts))
		return false;
	*addr = (unsigned long)mod->mem[parts[i]].base;
	*bytes = mod->mem[parts[i]].size;
	return true;
}
#else
static inline bool goalloc_module_data(const struct module *mod, unsigned int i,
				       unsigned long *addr, unsigned long *bytes)
{
#ifdef CONFIG_ARCH_WANTS_MODULES_DATA_IN_VMALLOC
	const struct module_layout *layout = &mod->data_layout;
#else
	const struct module_layout *layout = &mod->core_layout;
#endif

	/* What is read-only comes first, and then what is so after the module's init. */
	*addr = (unsigned long)layout->base + layout->ro_size;
	*bytes = layout->size - layout->ro_size;
	return !i;
}
#endif

/* A CPU's copy of a module's per-CPU variables. */
static inline void goalloc_module_percpu(const struct module *mod, int cpu, unsigned long *addr,
					 unsigned long *bytes)
{
#ifdef CONFIG_SMP
	*bytes = mod->percpu_size;
	*addr = *bytes ? (unsigned long)per_cpu_ptr(mod->percpu, cpu) : 0;
#else
	/* They are ordinary variables. */
	*bytes = 0;
	*addr = 0;
#endif
}

typedef unsigned long (*goalloc_shrinker_fn)(struct shrinker *shrinker, struct shrink_control *sc);

/* 6.7 made shrinkers objects that the kernel allocates. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *goalloc_shrinker_register(goalloc_shrinker_fn count,
							 goalloc_shrinker_fn scan)
{
	struct shrinker *shrinker = shrinker_alloc(0, "goalloc");

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker_register(shrinker);
	return shrinker;
}

static inline void goalloc_shrinker_unregister(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
static inline struct shrinker *goalloc_shrinker_register(goalloc_shrinker_fn count,
							 goalloc_shrinker_fn scan)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	if (register_shrinker(shrinker, "goalloc")) {
		kfree(shrinker);
		return NULL;
	}
	return shrinker;
}

static inline void goalloc_shrinker_unregister(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

#endif /* GOALLOC_COMPAT_H */
