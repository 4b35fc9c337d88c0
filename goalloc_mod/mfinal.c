// SPDX-License-Identifier: GPL-2.0
/*
 * Finalizers and weak references: what is done when an object turns out to be
 * unreachable (Go's specials).
 *
 * What an object with a finalizer points to is a root, the object itself is not. If it
 * is not marked when it is swept it lives on, is a root until its finalizer has run,
 * once, from a work item, and goes in the cycle after that. So of two such objects the
 * one that points to the other is first, and a circle of them is never finalized, as Go
 * has it (runtime.SetFinalizer).
 *
 * A weak reference is cleared at the end of marking, before anything is swept. Until
 * then who gets an object by it shades it; when it was found, under special_lock, that
 * nothing was shaded since all was scanned, those to white objects are cleared, and until
 * all are cleared an object's mark says which it is: no object becomes black any more.
 *
 * special_lock, raw, guards all of it, and is taken alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>

#include "mgc.h"

/* Specials that are looked at while the lock is held. */
#define LOOK 64

static struct workqueue_struct *final_wq;

/* The span and slot of a managed object that the caller may use; preemption is off. */
static struct mspan *span_of_object(const struct gc_heap *gc, unsigned long addr,
				    unsigned int *slotp)
{
	struct mspan *span = span_of(addr);
	int slot;

	/* Pairs with the release that published the span. */
	if (!span || smp_load_acquire(&span->state) != MSPAN_SMALL ||
	    span->central->heap != gc->heap)
		return NULL;
	slot = mspan_slot(span, addr);
	if (slot < 0 || !mspan_slot_is_live(span, slot))
		return NULL;
	*slotp = slot;
	return span;
}

static bool is_marked(const struct mspan *span, unsigned int slot)
{
	const struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];

	return (u64)atomic64_read(&g->mark) & BIT_ULL(slot & 63);
}

/* Of an object in @span; special_lock is held. */
static void link_special(struct gc_heap *gc, struct mspan *span, struct gc_special *special,
			 struct list_head *list)
{
	hlist_add_head(&special->node, &span->gc->specials[special->kind]);
	/* At the head: who walks the list meanwhile need not see it, and comes to an end. */
	list_add(&special->all, list);
	gc->nspecials[special->kind]++;
}

/* Enter a special for an object; false if that is none. */
static bool add_special(struct gc_heap *gc, struct gc_special *special, void *obj,
			struct list_head *list)
{
	unsigned long flags;
	struct mspan *span;
	unsigned int slot;

	special->obj = obj;
	preempt_disable();
	span = span_of_object(gc, (unsigned long)obj, &slot);
	if (span) {
		raw_spin_lock_irqsave(&gc->special_lock, flags);
		link_special(gc, span, special, list);
		raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	}
	preempt_enable();
	return span;
}

/**
 * goalloc_gc_weak_create() - refer to an object without keeping it
 * @heap: its heap
 * @obj: the object's first byte
 * @gfp: for the reference
 *
 * It goes before the heap does, by goalloc_gc_weak_destroy().
 *
 * Context: in a section; as @gfp says, but not hardirq or NMI, nor with preemption off on
 * PREEMPT_RT.
 * Return: the reference, or NULL, also if @obj is no object of @heap.
 */
struct goalloc_gc_weak *goalloc_gc_weak_create(struct goalloc_heap *heap, void *obj, gfp_t gfp)
{
	struct goalloc_gc_weak *weak;

	if (!gc_heap_of(heap))
		return NULL;
	weak = kmalloc(sizeof(*weak), gfp);
	if (!weak)
		return NULL;
	weak->special.kind = GC_WEAK;
	weak->heap = heap;
	if (add_special(heap->gc, &weak->special, obj, &heap->gc->weak)) {
		atomic_long_inc(&heap->gc->nweak);
		return weak;
	}
	kfree(weak);
	return NULL;
}
EXPORT_SYMBOL_GPL(goalloc_gc_weak_create);

/**
 * goalloc_gc_weak_get() - the object, if it was reachable
 * @weak: a reference
 *
 * Context: any but NMI; in a section, and the object is good until that ends.
 * Return: the object, or NULL for ever.
 */
void *goalloc_gc_weak_get(struct goalloc_gc_weak *weak)
{
	struct gc_heap *gc = weak->heap->gc;
	unsigned long flags;
	struct mspan *span;
	unsigned int slot;
	void *obj;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	obj = weak->special.obj;
	if (obj && gc_phase(gc_word(gc->heap)) == GC_MARK) {
		if (!gc->weak_final) {
			gc_shade(gc, (unsigned long)obj);
		} else {
			span = span_of_object(gc, (unsigned long)obj, &slot);
			if (!span || !is_marked(span, slot))
				obj = NULL;
		}
	}
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	return obj;
}
EXPORT_SYMBOL_GPL(goalloc_gc_weak_get);

/* The object went, or the reference does; special_lock is held. */
static void unlink_special(struct gc_heap *gc, struct gc_special *special)
{
	if (!special->obj)
		return;
	gc->nspecials[special->kind]--;
	special->obj = NULL;
	hlist_del(&special->node);
	list_del(&special->all);
}

/**
 * goalloc_gc_weak_destroy() - free a weak reference
 * @weak: the reference, or NULL
 *
 * Context: any but hardirq or NMI, nor with preemption off on PREEMPT_RT.
 */
void goalloc_gc_weak_destroy(struct goalloc_gc_weak *weak)
{
	struct gc_heap *gc;
	unsigned long flags;

	if (!weak)
		return;
	gc = weak->heap->gc;
	raw_spin_lock_irqsave(&gc->special_lock, flags);
	unlink_special(gc, &weak->special);
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	atomic_long_dec(&gc->nweak);
	kfree(weak);
}
EXPORT_SYMBOL_GPL(goalloc_gc_weak_destroy);

/* Of some weak references in @todo clear those to what is not marked; special_lock is held. */
static bool clear_some(struct gc_heap *gc, struct list_head *todo)
{
	struct gc_special *special, *next;
	unsigned int look = LOOK, slot;
	struct mspan *span;

	list_for_each_entry_safe(special, next, todo, all) {
		if (!look--)
			return true;
		span = span_of_object(gc, (unsigned long)special->obj, &slot);
		if (span && is_marked(span, slot))
			list_move(&special->all, &gc->weak);
		else
			unlink_special(gc, special);
	}
	return false;
}

/**
 * gc_close_weak() - clear the weak references to what was not reached
 * @gc: the heap's collector: it marks, and nothing was shaded in a grace period
 * @nqueued: what was queued when all had been scanned
 *
 * A weak reference that was got since may have shaded an object: then it is not over.
 *
 * Context: may sleep; the heap's thread.
 * Return: false if there is more to scan.
 */
bool gc_close_weak(struct gc_heap *gc, unsigned long nqueued)
{
	unsigned long flags;
	LIST_HEAD(todo);
	bool more;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	if (gc_nqueued(gc) != nqueued && !gc_omits(GC_WEAK_CHECK)) {
		raw_spin_unlock_irqrestore(&gc->special_lock, flags);
		return false;
	}
	gc->weak_final = true;
	/* Those that are made from now on are to what is marked. */
	list_splice_init(&gc->weak, &todo);
	do {
		more = clear_some(gc, &todo);
		/* In between they are decided one by one, by their marks. */
		raw_spin_unlock_irqrestore(&gc->special_lock, flags);
		raw_spin_lock_irqsave(&gc->special_lock, flags);
	} while (more);
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	return true;
}

/**
 * goalloc_gc_set_finalizer() - have a function called when an object is unreachable
 * @heap: its heap
 * @obj: the object's first byte
 * @fn: called once, from a work item, in a section; it may sleep, and store @obj
 *	somewhere, which makes it reachable again. NULL takes a finalizer away.
 * @data: passed on
 * @gfp: for what remembers it
 *
 * Finalizers run in the order in which their objects were found; of two objects one of
 * which points to the other the pointing one is first, in a cycle of its own. Objects
 * that point to each other, or to themselves, are never finalized. None runs when the
 * heap goes, or after the module that @fn is in has gone.
 *
 * Context: in a section; as @gfp says, but not hardirq or NMI, nor with preemption off on
 * PREEMPT_RT.
 * Return: 0; -EEXIST if it has one; -ENOENT if there is none to take away; -EINVAL if
 * @obj is no object of @heap; -ENOMEM.
 */
int goalloc_gc_set_finalizer(struct goalloc_heap *heap, void *obj,
			     void (*fn)(void *obj, void *data), void *data, gfp_t gfp)
{
	struct gc_finalizer *final = NULL, *old = NULL;
	struct gc_heap *gc = gc_heap_of(heap);
	struct gc_special *special;
	unsigned long flags;
	struct mspan *span;
	unsigned int slot;
	int err = -EINVAL;

	if (!gc)
		return -EINVAL;
	if (fn) {
		final = kmalloc(sizeof(*final), gfp);
		if (!final)
			return -ENOMEM;
		final->special.kind = GC_FINALIZER;
		final->special.obj = obj;
		final->fn = fn;
		final->data = data;
	}
	preempt_disable();
	span = span_of_object(gc, (unsigned long)obj, &slot);
	if (!span)
		goto out;
	raw_spin_lock_irqsave(&gc->special_lock, flags);
	hlist_for_each_entry(special, &span->gc->specials[GC_FINALIZER], node)
		if (special->obj == obj)
			old = container_of(special, struct gc_finalizer, special);
	if (final) {
		err = old ? -EEXIST : 0;
		old = NULL;
		if (!err) {
			link_special(gc, span, &final->special, &gc->finalizers);
			/* What it points to is the finalizer's, too: gc-final-unshaded. */
			if (gc_phase(gc_word(heap)) == GC_MARK)
				gc_shade(gc, (unsigned long)obj);
			final = NULL;
		}
	} else {
		err = old ? 0 : -ENOENT;
		if (old)
			unlink_special(gc, &old->special);
	}
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
out:
	preempt_enable();
	kfree(final);
	kfree(old);
	return err;
}
EXPORT_SYMBOL_GPL(goalloc_gc_set_finalizer);

/* What follows @cursor, which goes past it, on a list that changes; special_lock is held. */
static struct gc_special *next_on(struct list_head *list, struct list_head *cursor)
{
	struct list_head *next = cursor->next;

	if (next == list)
		return NULL;
	list_move(cursor, next);
	return list_entry(next, struct gc_special, all);
}

/*
 * What is reachable only from objects with finalizers, and those whose finalizers are
 * to run. While one is scanned it is known by nothing but its address, so that the lock
 * need not be held: neither it nor its type goes while the heap marks.
 */
void gc_scan_finalizers(struct gc_heap *gc)
{
	struct gc_special *special;
	/* On a list it is none of the others; and it has nothing to call. */
	struct gc_finalizer cursor = { .special.kind = GC_SPECIAL_KINDS };
	unsigned long flags;
	unsigned int slot;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	if (gc->finalizing)
		gc_shade(gc, (unsigned long)gc->finalizing->special.obj);
	/* What is finalized meanwhile is shaded for that; nothing that is swept comes to it. */
	list_add(&cursor.special.all, &gc->to_finalize);
	while ((special = next_on(&gc->to_finalize, &cursor.special.all))) {
		gc_shade(gc, (unsigned long)special->obj);
		raw_spin_unlock_irqrestore(&gc->special_lock, flags);
		cond_resched();
		raw_spin_lock_irqsave(&gc->special_lock, flags);
	}
	list_move(&cursor.special.all, &gc->finalizers);
	while ((special = next_on(&gc->finalizers, &cursor.special.all))) {
		struct mspan *span = span_of_object(gc, (unsigned long)special->obj, &slot);
		void *obj = special->obj;

		raw_spin_unlock_irqrestore(&gc->special_lock, flags);
		if (span && mcentral_has_pointers(span->central))
			gc_scan_object(gc, span->central->type, (unsigned long)obj,
				       span->elemsize);
		gc_point(gc, GC_AT_FINALIZER);
		cond_resched();
		raw_spin_lock_irqsave(&gc->special_lock, flags);
	}
	list_del(&cursor.special.all);
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
}

/* The finalizer's turn has come; special_lock is held. */
static void to_finalize(struct gc_heap *gc, struct gc_special *special)
{
	hlist_del(&special->node);
	list_move_tail(&special->all, &gc->to_finalize);
	gc->nspecials[GC_FINALIZER]--;
	gc->nto_finalize++;
}

/**
 * gc_sweep_specials() - keep what has a finalizer
 * @gc: the heap's collector
 * @span: a span that the caller owns, and sweeps
 * @k: a group of it
 * @dead: slots of the group that were not reached
 *
 * Context: any but NMI, preemption off.
 * Return: those that may be freed now.
 */
u64 gc_sweep_specials(struct gc_heap *gc, struct mspan *span, unsigned int k, u64 dead)
{
	struct gc_special *special;
	struct hlist_node *next;
	unsigned long flags;
	bool any = false;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	/* Of these an object has one at most; weak references were cleared before. */
	hlist_for_each_entry_safe(special, next, &span->gc->specials[GC_FINALIZER], node) {
		unsigned int slot = mspan_slot(span, (unsigned long)special->obj);

		if (slot >> MSPAN_GROUP_SHIFT != k || !(dead & BIT_ULL(slot & 63)))
			continue;
		dead &= ~BIT_ULL(slot & 63);
		to_finalize(gc, special);
		any = true;
	}
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	if (any)
		irq_work_queue(&gc->final_irq);
	return dead;
}

/* An object is freed by hand: what refers to it is told; likewise. */
void gc_drop_specials(struct gc_heap *gc, struct mspan *span, unsigned int slot)
{
	void *obj = (void *)span->base + (unsigned long)slot * span->elemsize;
	struct gc_special *special;
	struct hlist_node *next;
	unsigned long flags;
	bool any = false;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	hlist_for_each_entry_safe(special, next, &span->gc->specials[GC_WEAK], node)
		if (special->obj == obj)
			unlink_special(gc, special);
	hlist_for_each_entry_safe(special, next, &span->gc->specials[GC_FINALIZER], node) {
		if (special->obj != obj)
			continue;
		/* It cannot be freed here: the work item does that. */
		to_finalize(gc, special);
		special->obj = NULL;
		any = true;
	}
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	if (any)
		irq_work_queue(&gc->final_irq);
}

void gc_final_irq_fn(struct irq_work *work)
{
	struct gc_heap *gc = container_of(work, struct gc_heap, final_irq);

	queue_work(final_wq, &gc->finalize_work);
}

static struct gc_finalizer *next_to_finalize(struct gc_heap *gc)
{
	struct gc_finalizer *final = NULL;
	struct gc_special *special;
	unsigned long flags;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	list_for_each_entry(special, &gc->to_finalize, all) {
		if (special->kind != GC_FINALIZER)
			continue;
		final = container_of(special, struct gc_finalizer, special);
		list_del(&special->all);
		gc->nto_finalize--;
		break;
	}
	/* A root until this is called again. */
	gc->finalizing = final;
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	return final;
}

void gc_finalize_work_fn(struct work_struct *work)
{
	struct gc_heap *gc = container_of(work, struct gc_heap, finalize_work);
	struct gc_finalizer *final, *last = NULL;

	while ((final = next_to_finalize(gc))) {
		void (*fn)(void *obj, void *data) = READ_ONCE(final->fn);
		int section;

		kfree(last);
		last = final;
		if (READ_ONCE(gc->stop) || !final->special.obj || !fn)
			continue;
		section = goalloc_gc_lock(gc->heap);
		/* Reachable until now, and while the section lasts. */
		preempt_disable();
		if (gc_phase(gc_word(gc->heap)) == GC_MARK)
			gc_shade(gc, (unsigned long)final->special.obj);
		preempt_enable();
		fn(final->special.obj, final->data);
		goalloc_gc_unlock(gc->heap, section);
		WRITE_ONCE(gc->stats.finalized, gc->stats.finalized + 1);
	}
	kfree(last);
}

static bool forget_on(struct list_head *list, const struct module *mod)
{
	struct gc_finalizer *final;
	bool any = false;

	list_for_each_entry(final, list, special.all) {
		if (!final->fn || !within_module((unsigned long)final->fn, mod))
			continue;
		WRITE_ONCE(final->fn, NULL);
		any = true;
	}
	return any;
}

/*
 * Finalizers in the text of a module that goes do not run any more. Returns whether there
 * were any; then gc_final_wait() is due.
 */
bool gc_forget_finalizers(struct gc_heap *gc, struct module *mod)
{
	unsigned long flags;
	bool any;

	raw_spin_lock_irqsave(&gc->special_lock, flags);
	any = forget_on(&gc->finalizers, mod);
	any |= forget_on(&gc->to_finalize, mod);
	any |= gc->finalizing && within_module((unsigned long)gc->finalizing->fn, mod);
	raw_spin_unlock_irqrestore(&gc->special_lock, flags);
	if (any)
		pr_err("heap %s: finalizers of module %s will not run any more\n", gc->heap->name,
		       module_name(mod));
	return any;
}
EXPORT_SYMBOL_FOR_TEST(gc_forget_finalizers);

/* None that was forgotten runs any more; may sleep. */
void gc_final_wait(void)
{
	flush_workqueue(final_wq);
}
EXPORT_SYMBOL_FOR_TEST(gc_final_wait);

static void free_finalizers(struct list_head *list)
{
	struct gc_finalizer *final, *next;

	list_for_each_entry_safe(final, next, list, special.all)
		kfree(final);
}

/* The heap goes, and its spans have gone. */
void gc_free_specials(struct gc_heap *gc)
{
	irq_work_sync(&gc->final_irq);
	cancel_work_sync(&gc->finalize_work);
	free_finalizers(&gc->finalizers);
	free_finalizers(&gc->to_finalize);
	if (atomic_long_read(&gc->nweak))
		pr_err("heap %s is destroyed with %ld weak references, which lead nowhere now\n",
		       gc->heap->name, atomic_long_read(&gc->nweak));
}

int gc_final_start(void)
{
	final_wq = alloc_workqueue("goalloc_final", WQ_UNBOUND, 0);
	return final_wq ? 0 : -ENOMEM;
}

void gc_final_stop(void)
{
	destroy_workqueue(final_wq);
}
