// SPDX-License-Identifier: GPL-2.0
/*
 * Taking spans back from the CPUs that own them: on request, when they have been
 * idle for a while (age_ms), and when a CPU goes.
 *
 * A CPU's slots are its own, so that is left to work on that CPU, or to the hotplug
 * callback once it is dead: process context never runs inside a section, so it
 * finds @busy clear. heaps_lock guards the work items, and keeps centrals.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>

#include "goalloc_internal.h"

static enum cpuhp_state flush_cpuhp;

/* What to take back from a CPU. */
struct flush {
	struct work_struct work;
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	void (*fn)(struct mcentral *central, struct mcache_slot *s); /* does it, to a CPU's slot */
};

static struct flush __percpu *flushes;
/* Shrinking may be what reclaim waits for. */
static struct workqueue_struct *flush_wq;

static void flush_central(struct mcentral *central, void *data)
{
	struct flush *flush = data;
	struct mcache_slot *s;

	if (READ_ONCE(central->slots) == mcache_dummy)
		return;
	preempt_disable();
	s = this_cpu_ptr(central->slots);
	flush->fn(central, s);
	preempt_enable();
}

/* Runs on its CPU; whoever queued it holds heaps_lock and waits. */
static void flush_work_fn(struct work_struct *work)
{
	struct flush *flush = container_of(work, struct flush, work);

	visit_centrals(flush->heap, flush->cache, flush_central, flush);
}

static void queue_flush(int cpu, struct goalloc_heap *heap, struct goalloc_cache *cache,
			void (*fn)(struct mcentral *central, struct mcache_slot *s))
{
	struct flush *flush = per_cpu_ptr(flushes, cpu);

	flush->heap = heap;
	flush->cache = cache;
	flush->fn = fn;
	queue_work_on(cpu, flush_wq, &flush->work);
}

/* CPUs neither come nor go meanwhile. What is this CPU's is done here. */
static void flush_cpus(struct goalloc_heap *heap, struct goalloc_cache *cache,
		       void (*fn)(struct mcentral *central, struct mcache_slot *s))
{
	struct flush here = { .heap = heap, .cache = cache, .fn = fn };
	int cpu, this;

	mutex_lock(&heaps_lock);
	migrate_disable();
	this = smp_processor_id();
	for_each_online_cpu(cpu)
		if (cpu != this)
			queue_flush(cpu, heap, cache, fn);
	visit_centrals(heap, cache, flush_central, &here);
	migrate_enable();
	for_each_online_cpu(cpu)
		if (cpu != this)
			flush_work(&per_cpu_ptr(flushes, cpu)->work);
	mutex_unlock(&heaps_lock);
}

/**
 * mcache_flush() - take back the spans that CPUs own
 * @heap: of this heap; NULL for all heaps
 * @cache: of this cache of it; NULL for all
 *
 * What CPUs cache from now on is not waited for.
 *
 * Context: may sleep; takes heaps_lock.
 */
void mcache_flush(struct goalloc_heap *heap, struct goalloc_cache *cache)
{
	cpus_read_lock();
	flush_cpus(heap, cache, mcache_flush_slot);
	cpus_read_unlock();
}

/**
 * mcache_visit() - look at what each CPU owns, on that CPU
 * @heap: of this heap
 * @fn: called for each central, with preemption off; not inside a section of the slot
 *
 * CPUs that come meanwhile are not visited; those that go have given back what they had.
 *
 * Context: may sleep; takes heaps_lock.
 */
void mcache_visit(struct goalloc_heap *heap,
		  void (*fn)(struct mcentral *central, struct mcache_slot *s))
{
	cpus_read_lock();
	flush_cpus(heap, NULL, fn);
	cpus_read_unlock();
}

/**
 * mcache_try_flush() - the same for want of pages, or at the heap's limit
 * @heap: of this heap; NULL for all heaps
 *
 * Spans that are empty then go, too. Who brings a CPU up or down may allocate,
 * and must not wait for itself.
 *
 * Context: may sleep; takes heaps_lock.
 * Return: false if nothing was done.
 */
bool mcache_try_flush(struct goalloc_heap *heap)
{
	if (!cpus_read_trylock())
		return false;
	flush_cpus(heap, NULL, mcache_flush_slot);
	cpus_read_unlock();
	mcentral_drop_all_empty(heap, NULL);
	return true;
}

/* What the aging worker found in a CPU's slots. */
struct aging {
	int cpu;
	bool holds;
	bool idle;
};

static void age_central(struct mcentral *central, void *data)
{
	struct aging *aging = data;
	struct mcache_slot *s;
	u64 nalloc;

	if (READ_ONCE(central->slots) == mcache_dummy)
		return;
	s = per_cpu_ptr(central->slots, aging->cpu);
	if (READ_ONCE(s->span)) {
		nalloc = READ_ONCE(s->nalloc);
		WRITE_ONCE(s->idle, READ_ONCE(s->aged) == nalloc);
		WRITE_ONCE(s->aged, nalloc);
		aging->idle |= s->idle;
		aging->holds = true;
	}
	if (READ_ONCE(s->fspan)) {
		/* A new one may come in between, and go a look too soon. */
		WRITE_ONCE(s->flooks, min(READ_ONCE(s->flooks) + 1, 2));
		aging->idle |= READ_ONCE(s->flooks) > 1;
		aging->holds = true;
	}
}

/* Empty spans that nobody wanted for a while go, too. */
static void age_empty(struct mcentral *central, void *data)
{
	bool *holds = data;

	if (!READ_ONCE(central->nempty))
		return;
	if (READ_ONCE(central->empty_used)) {
		WRITE_ONCE(central->empty_used, false);
		*holds = true;
	} else {
		mcentral_drop_kept(central);
	}
}

static void age_work_fn(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(age_work, age_work_fn);
static bool aging_armed;

static void age_work_fn(struct work_struct *work)
{
	bool armed = xchg(&aging_armed, false), holds = false;
	int cpu;

	/* That was before the look: a slot filled after it arms the worker again. */

	cpus_read_lock();
	mutex_lock(&heaps_lock);
	for_each_online_cpu(cpu) {
		struct aging aging = { .cpu = cpu };

		visit_centrals(NULL, NULL, age_central, &aging);
		/* A CPU that has nothing idle is left alone. */
		if (aging.idle)
			queue_flush(cpu, NULL, NULL, mcache_flush_aged);
		holds |= aging.holds;
	}
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(flushes, cpu)->work);
	visit_centrals(NULL, NULL, age_empty, &holds);
	mutex_unlock(&heaps_lock);
	cpus_read_unlock();
	mheap_reap_soon();

	/*
	 * Who filled a slot while this began may have read that the worker is armed,
	 * and the look have missed the slot. A fence on each refill would cost more than
	 * a last look, before which nobody reads so.
	 */
	if (holds)
		mcache_age_soon();
	else if (armed)
		schedule_delayed_work(&age_work, msecs_to_jiffies(age_ms));
}

/* Some CPU owns a span: see to it that it does not do so for ever. */
void mcache_age_soon(void)
{
	if (READ_ONCE(aging_armed) || !age_ms || in_nmi())
		return;
	WRITE_ONCE(aging_armed, true);
	schedule_delayed_work(&age_work, msecs_to_jiffies(age_ms));
}

static void flush_dead(struct mcentral *central, void *data)
{
	unsigned int cpu = *(unsigned int *)data;

	if (READ_ONCE(central->slots) != mcache_dummy) {
		preempt_disable();
		mcache_flush_slot(central, per_cpu_ptr(central->slots, cpu));
		preempt_enable();
	}
}

/* The CPU is dead: nobody else touches its slots. */
static int flush_cpu_dead(unsigned int cpu)
{
	mutex_lock(&heaps_lock);
	visit_centrals(NULL, NULL, flush_dead, &cpu);
	mutex_unlock(&heaps_lock);
	return 0;
}

int mflush_init(void)
{
	int cpu, ret = -ENOMEM;

	flushes = alloc_percpu(struct flush);
	flush_wq = alloc_workqueue("goalloc_cpu", WQ_PERCPU | WQ_MEM_RECLAIM, 0);
	if (!flushes || !flush_wq)
		goto free;
	for_each_possible_cpu(cpu)
		INIT_WORK(&per_cpu_ptr(flushes, cpu)->work, flush_work_fn);

	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "goalloc:dead", NULL,
					flush_cpu_dead);
	if (ret < 0)
		goto free;
	flush_cpuhp = ret;
	return 0;
free:
	if (flush_wq)
		destroy_workqueue(flush_wq);
	free_percpu(flushes);
	return ret;
}

void mflush_exit(void)
{
	cpuhp_remove_state_nocalls(flush_cpuhp);
	cancel_delayed_work_sync(&age_work);
	destroy_workqueue(flush_wq);
	free_percpu(flushes);
}
