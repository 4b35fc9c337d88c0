// SPDX-License-Identifier: GPL-2.0
/*
 * What users of a managed heap run: sections, and the write barrier.
 *
 * Sections are counted (mgcsection.c). Stores go on while the collector marks; a store
 * that began before it is from a section that the collector waits for before it takes
 * its snapshot (mgc.c). From then on both what is stored and what is replaced are
 * shaded: the first keeps a black object from pointing to a white one, the second
 * spares the collector a round of waiting, for then what a section loaded before is
 * not white for long (Go's hybrid barrier shades both, proposal 17503).
 *
 * With the module parameter gc_debug sections of tasks are recorded, so that who waits
 * for a collection inside of one is told, and who stays in one for long is named.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hash.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "mgc.h"

#define SECTION_SLOTS_SHIFT 8
#define SECTION_PROBES 8

/* A task that is in sections. */
struct section {
	struct task_struct *task;
	const struct gc_heap *gc;
	unsigned int depth;
	unsigned long ip; /* of the outermost */
	unsigned long since; /* jiffies */
};

static bool gc_debug;
module_param(gc_debug, bool, 0444);
MODULE_PARM_DESC(gc_debug, "Record the sections of managed heaps (default 0)");

/* By hash of task and heap. An entry is its task's as long as that is in it. */
static struct section sections[BIT(SECTION_SLOTS_SHIFT)];

static struct section *section_at(const struct gc_heap *gc, unsigned int probe)
{
	unsigned long key = (unsigned long)current ^ (unsigned long)gc;

	return &sections[(hash_long(key, SECTION_SLOTS_SHIFT) + probe) % ARRAY_SIZE(sections)];
}

static struct section *find_section(const struct gc_heap *gc)
{
	unsigned int i;

	for (i = 0; i < SECTION_PROBES; i++) {
		struct section *s = section_at(gc, i);

		if (READ_ONCE(s->task) == current && s->gc == gc)
			return s;
	}
	return NULL;
}

static noinline void record_section(const struct gc_heap *gc, unsigned long ip)
{
	struct section *s = find_section(gc);
	unsigned int i;

	for (i = 0; !s && i < SECTION_PROBES; i++) {
		s = section_at(gc, i);
		if (READ_ONCE(s->task) || cmpxchg(&s->task, NULL, current)) {
			s = NULL;
			continue;
		}
		s->gc = gc;
		s->depth = 0;
		WRITE_ONCE(s->ip, ip);
		WRITE_ONCE(s->since, jiffies);
	}
	/* With all entries in use it goes unrecorded, and nobody is told in error. */
	if (s)
		s->depth++;
}

static noinline void forget_section(const struct gc_heap *gc)
{
	struct section *s = find_section(gc);

	if (s && !--s->depth)
		/* Free for another task, which finds it as it is. */
		smp_store_release(&s->task, NULL);
}

/**
 * goalloc_gc_lock() - begin a section
 * @heap: a managed heap
 *
 * What is loaded with goalloc_gc_load(), or allocated, is good until the section ends.
 * Sections nest, and may sleep; but a collection waits for them, so a long one holds
 * up what others want reclaimed. It costs two full barriers, here and at the end: take
 * coarse ones.
 *
 * Context: any but NMI.
 * Return: what goalloc_gc_unlock() wants; negative if the heap is not managed.
 */
int goalloc_gc_lock(struct goalloc_heap *heap)
{
	struct gc_heap *gc = gc_heap_of(heap);
	int section;

	if (!gc)
		return -EINVAL;
	section = gc_section_begin(gc);
	if (unlikely(gc_debug) && in_task())
		record_section(gc, _RET_IP_);
	return section;
}
EXPORT_SYMBOL_GPL(goalloc_gc_lock);

/**
 * goalloc_gc_unlock() - end a section
 * @heap: the heap
 * @section: what goalloc_gc_lock() returned, in the same context
 *
 * Context: any but NMI.
 */
void goalloc_gc_unlock(struct goalloc_heap *heap, int section)
{
	if (unlikely(section < 0))
		return;
	if (unlikely(gc_debug) && in_task())
		forget_section(heap->gc);
	gc_section_end(heap->gc, section);
}
EXPORT_SYMBOL_GPL(goalloc_gc_unlock);

/* Once it has given up, lockdep would say of everyone that he is in one. */
static bool lockdep_knows(void)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	return debug_lockdep_rcu_enabled();
#else
	return false;
#endif
}

/* Whether it is known who is in a section. */
bool gc_knows_sections(void)
{
	return gc_debug || lockdep_knows();
}
EXPORT_SYMBOL_FOR_TEST(gc_knows_sections);

/* Whether this task is in a section, as far as that is recorded. */
bool gc_in_section(struct gc_heap *gc)
{
	if (gc_debug && find_section(gc))
		return true;
	return lockdep_knows() && lock_is_held(&gc->section_map);
}
EXPORT_SYMBOL_FOR_TEST(gc_in_section);

/* The collector has waited for long: name those that it waits for. */
void gc_name_sections(struct gc_heap *gc)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		struct section *s = &sections[i];

		if (READ_ONCE(s->task) && READ_ONCE(s->gc) == gc &&
		    time_after(jiffies, READ_ONCE(s->since) + HZ))
			pr_warn("heap %s: a section that began at %pS has lasted for %lu s\n",
				gc->heap->name, (void *)READ_ONCE(s->ip),
				(jiffies - READ_ONCE(s->since)) / HZ);
	}
}

/*
 * Shade what is stored and what is replaced. Preemption is off from the look at the phase
 * to the end, which bounds the time that a shade is under way.
 */
void __goalloc_gc_store(struct goalloc_heap *heap, void **slot, void *obj)
{
	struct gc_heap *gc = heap->gc;
	void *old;

	preempt_disable();
	if (gc_phase(gc_word(heap)) == GC_MARK) {
		gc_point(gc, GC_AT_SHADE_NEW);
		if (obj && !gc_omits(GC_SHADE_NEW))
			gc_shade(gc, (unsigned long)obj);
		/* One step, or a pointer that came in between would be lost unshaded. */
		if (!gc_omits(GC_XCHG)) {
			old = xchg(slot, obj);
		} else {
			old = READ_ONCE(*slot);
			gc_point(gc, GC_AT_SHADED);
			WRITE_ONCE(*slot, obj);
		}
		if (old && !gc_omits(GC_SHADE_OLD))
			gc_shade(gc, (unsigned long)old);
	} else {
		/* Pairs with goalloc_gc_load(). */
		smp_store_release(slot, obj);
	}
	preempt_enable();
}
EXPORT_SYMBOL_GPL(__goalloc_gc_store);

/* The pointers of one element, of which @to becomes a copy of @from. */
static void copy_pointers(const struct goalloc_gc_type *type, void *to, const void *from)
{
	void *const *src = from;
	unsigned int i, k;
	void *obj;

	for (i = 0; i < type->nptrs; i++) {
		const struct goalloc_gc_ptrs *p = &type->ptrs[i];

		for (k = p->first; k < p->first + p->n; k++) {
			/* An acquire, as in goalloc_gc_load(). */
			obj = smp_load_acquire(&src[k]);
			goalloc_gc_store(type->heap, (void **)to + k, obj);
		}
	}
}

/* And what is between them. */
static void copy_rest(const struct goalloc_gc_type *type, void *to, const void *from)
{
	unsigned int i, at = 0;

	for (i = 0; i < type->nptrs; i++) {
		const struct goalloc_gc_ptrs *p = &type->ptrs[i];
		unsigned int begin = p->first * sizeof(void *);

		memcpy(to + at, from + at, begin - at);
		at = begin + p->n * sizeof(void *);
	}
	memcpy(to + at, from + at, type->size - at);
}

/**
 * goalloc_gc_copy() - copy elements of a type, as memcpy() must not
 * @type: the type
 * @to: the first one to write, in a managed object
 * @from: the first one to read; the two do not overlap
 * @n: how many
 *
 * Each pointer is stored as by goalloc_gc_assign(); the rest is plain memcpy().
 *
 * Context: any but NMI; in a section.
 */
void goalloc_gc_copy(struct goalloc_gc_type *type, void *to, const void *from, size_t n)
{
	for (; n; n--, to += type->size, from += type->size) {
		copy_rest(type, to, from);
		copy_pointers(type, to, from);
	}
}
EXPORT_SYMBOL_GPL(goalloc_gc_copy);
