/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_gcbench: what managed heaps cost. gcbench_main.c takes the order and prints
 * rows; each of the other files measures one kind of thing in a heap of its own.
 */
#ifndef GOALLOC_GCBENCH_H
#define GOALLOC_GCBENCH_H

#include <linux/goalloc_gc.h>
#include <linux/seq_file.h>
#include <linux/types.h>

/* The nodes of trees and lists. */
struct gcbench_node {
	struct gcbench_node __gc *left;
	struct gcbench_node __gc *right;
};

/* gcbench_main.c */
extern unsigned int gcbench_depth;
extern unsigned int gcbench_section;
extern bool gcbench_quick;
extern bool gcbench_native;
extern struct goalloc_heap *gcbench_heap;
extern struct goalloc_gc_type *gcbench_type;

void gcbench_row(struct seq_file *m, const char *what, const char *side, u64 hundredths,
		 const char *unit);
u64 gcbench_held(void);
int gcbench_collect(void);
u64 gcbench_median(u64 *values, unsigned int n);

/* gcbench_trees.c */
int gcbench_trees(struct seq_file *m);

/* gcbench_mark.c */
int gcbench_mark(struct seq_file *m);

/* gcbench_delay.c */
int gcbench_delay(struct seq_file *m);

/* gcbench_costs.c */
int gcbench_costs(struct seq_file *m);

#endif /* GOALLOC_GCBENCH_H */
