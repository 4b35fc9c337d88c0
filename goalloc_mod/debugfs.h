/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables in debugfs: a header line and a row an item, made one at a time.
 */
#ifndef GOALLOC_DEBUGFS_H
#define GOALLOC_DEBUGFS_H

#include "mstats.h"

/**
 * struct table_iter - a table that is being read; the start of a larger state
 * @table: which
 * @column: the next to print
 * @heap: whose, for the files of a heap
 */
struct table_iter {
	const struct table *table;
	unsigned int column;
	struct goalloc_heap *heap;
};

/**
 * struct table_column - a column
 * @name: in the first line; with ~ if its values are never exact
 * @width: characters at least; negative for text, which begins at the left;
 *	0 for a last column of text
 */
struct table_column {
	const char *name;
	int width;
};

/**
 * struct table - what makes a table
 * @columns: its columns, separated by a space
 * @ncolumns: how many
 * @state: bytes of the state, &struct table_iter included; zeroed at open
 * @find: the first row at position *@at or behind it: store its position, copy
 *	what it shows to the state, and return true. Called in process context
 *	with no lock held, and for the same position twice if the row did not
 *	fit into the buffer.
 * @show: print what @find has copied, column by column
 */
struct table {
	const struct table_column *columns;
	unsigned int ncolumns;
	size_t state;
	bool (*find)(struct table_iter *it, u64 *at);
	void (*show)(struct seq_file *m, struct table_iter *it);
};

int table_open(struct inode *inode, struct file *file, const struct table *table);
void put_num(struct seq_file *m, struct table_iter *it, u64 num);
void put_str(struct seq_file *m, struct table_iter *it, const char *str);
void put_percent(struct seq_file *m, struct table_iter *it, u64 part, u64 whole);

/* name##_fops from name##_columns, name##_find() and name##_show(); @type is the state's. */
#define DEFINE_TABLE(name, type)						\
static const struct table name##_table = {					\
	.columns = name##_columns,						\
	.ncolumns = ARRAY_SIZE(name##_columns),					\
	.state = sizeof(type) + BUILD_BUG_ON_ZERO(offsetof(type, it)),		\
	.find = name##_find,							\
	.show = name##_show,							\
};										\
static int name##_open(struct inode *inode, struct file *file)			\
{										\
	return table_open(inode, file, &name##_table);				\
}										\
const struct file_operations name##_fops = {					\
	.owner = THIS_MODULE,							\
	.open = name##_open,							\
	.read = seq_read,							\
	.llseek = seq_lseek,							\
	.release = seq_release_private,						\
}

#define LIMIT_TEXT 24

/* debugfs.c */
void show_value(struct seq_file *m, const char *name, u64 value);
void show_approx(struct seq_file *m, const char *name, u64 value);
void show_misuse(struct seq_file *m, const atomic_long_t *misuse);
bool control_allowed(const struct file *file);
int control_open(struct inode *inode, struct file *file);
int control_text(const char __user *buf, size_t count, loff_t pos, char *text, size_t size);
int limit_text(char text[LIMIT_TEXT], unsigned long pages);

extern const struct file_operations heaps_fops, reserves_fops;

/* debugfs_spans.c */
extern const struct file_operations arenas_fops, spans_fops, map_fops, fragmentation_fops;

/* debugfs_heap.c */
extern const struct file_operations heap_stats_fops, heap_classes_fops, heap_caches_fops;
extern const struct file_operations heap_cpus_fops, heap_limit_fops;
int parse_limit(char *text, unsigned long *bytes);

/* debugfs_debug.c */
extern const struct file_operations heap_debug_fops;

/* debugfs_gc.c */
extern const struct file_operations heap_gc_fops;
int heap_gc_show(struct seq_file *m, void *unused);
int heap_gc_act(struct goalloc_heap *heap, char *text);

#endif /* GOALLOC_DEBUGFS_H */
