// SPDX-License-Identifier: GPL-2.0
/*
 * Leak reports: what is listed, and how.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "fixture.h"
#include "leaks.h"
#include "suites.h"

/* A registered range. */
static struct node *root;

static int leaks_init(struct kunit *test)
{
	root = NULL;
	return 0;
}

static void single(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *lost = leaks_node(test, heap, NULL);
	char line[96];

	root = leaks_node(test, heap, NULL);
	expect_leaks(test, heap, 1);
	KUNIT_EXPECT_TRUE(test, leaks_listed(test, lost));
	KUNIT_EXPECT_FALSE(test, leaks_listed(test, root));
	snprintf(line, sizeof(line), "\n%-24s %10u %10u %12u %10s %7s ", "6/scan", 64, 0, 0, "-",
		 "-");
	leaks_expect_text(test, line);
	leaks_expect_text(test, "# 1 of 2 objects of heap kunit-leaks cannot be reached, 64 b");
	leaks_expect_text(test, "# sure: the heap was quiet");
	KUNIT_EXPECT_EQ(test, goalloc_leaks_report(heap, NULL), 1L);
	goalloc_free(lost);
	expect_leaks(test, heap, 0);
	goalloc_free(root);
}

static void expect_keeps(struct kunit *test, const struct leak *leak, u64 n)
{
	KUNIT_EXPECT_TRUE(test, leak->head);
	KUNIT_EXPECT_EQ(test, leak->kept, n);
}

static void nothing(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *next;
	int i;

	expect_leaks(test, heap, 0);
	for (i = 0; i < 1000; i++)
		root = leaks_node(test, heap, root);
	expect_leaks(test, heap, 0);
	leaks_expect_text(test, "# 0 of 1000 objects");
	leaks_expect_text(test, "# sure: the heap was quiet");
	for (; root; root = next) {
		next = root->next;
		goalloc_free(root);
	}
}

static void chain(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *c = leaks_node(test, heap, NULL);
	struct node *b = leaks_node(test, heap, c);
	struct node *a = leaks_node(test, heap, b);
	const struct leak *row;

	expect_leaks(test, heap, 3);
	row = leaks_find(test, a);
	expect_keeps(test, row, 2);
	KUNIT_EXPECT_EQ(test, row->kept_bytes, 128ULL);
	KUNIT_EXPECT_FALSE(test, leaks_find(test, b)->head);
	KUNIT_EXPECT_FALSE(test, leaks_find(test, c)->head);
	KUNIT_EXPECT_TRUE(test, leaks_find(test, a) < leaks_find(test, b));
	KUNIT_EXPECT_TRUE(test, leaks_find(test, a) < leaks_find(test, c));
	leaks_expect_text(test, "3 objects, 192 bytes");
	leaks_expect_text(test, "192 bytes; 1 heads");
	/* What the middle of it is reached from keeps the rest. */
	root = b;
	expect_leaks(test, heap, 1);
	KUNIT_EXPECT_TRUE(test, leaks_listed(test, a));
	root = NULL;
	goalloc_free(a);
	goalloc_free(b);
	goalloc_free(c);
}

static void circle(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *a = leaks_node(test, heap, NULL);
	struct node *b = leaks_node(test, heap, a);
	struct node *self = leaks_node(test, heap, NULL);

	a->next = b;
	self->next = self;
	expect_leaks(test, heap, 3);
	expect_keeps(test, leaks_find(test, self), 0);
	expect_keeps(test, leaks_find(test, min(a, b)), 1);
	KUNIT_EXPECT_FALSE(test, leaks_find(test, max(a, b))->head);
	leaks_expect_text(test, "192 bytes; 2 heads");
	root = b;
	expect_leaks(test, heap, 1);
	root = NULL;
	goalloc_free(a);
	goalloc_free(b);
	goalloc_free(self);
}

static void interior(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *node = leaks_node(test, heap, NULL);

	root = (void *)node + sizeof(*node) - 1;
	expect_leaks(test, heap, 0);
	leaks_expect_text(test, "into them only: 1 objects");
	root = (void *)node + sizeof(*node);
	expect_leaks(test, heap, 1);
	root = (void *)node - 1;
	expect_leaks(test, heap, 1);
	root = node;
	expect_leaks(test, heap, 0);
	leaks_expect_text(test, "into them only: 0 objects");
	goalloc_free(node);
}

/* Spans of two kinds in turn are added up by kind. */
static void kinds_in_turn(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	void *objs[6];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = i % 2 ? goalloc_heap_alloc_noscan(heap, SZ_64K, GFP_KERNEL) :
				  goalloc_heap_zalloc(heap, SZ_64K, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
	goalloc_free(objs[5]);
	expect_leaks(test, heap, 5);
	leaks_expect_text(test, "# of large/scan: 3 objects, 196608 bytes");
	leaks_expect_text(test, "# of large/noscan: 2 objects, 131072 bytes");
	for (i = 0; i < 5; i++)
		goalloc_free(objs[i]);
}

/* What is said to hold no pointers is not looked at. */
static void noscan(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *node = leaks_node(test, heap, NULL);
	struct node *holder = goalloc_heap_alloc_noscan(heap, sizeof(*holder), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, holder);
	memset(holder, 0, sizeof(*holder));
	holder->next = node;
	root = holder;
	expect_leaks(test, heap, 1);
	KUNIT_EXPECT_TRUE(test, leaks_listed(test, node));
	/* Nor does it keep another that is lost. */
	root = NULL;
	expect_leaks(test, heap, 2);
	expect_keeps(test, leaks_find(test, node), 0);
	expect_keeps(test, leaks_find(test, holder), 0);
	goalloc_free(node);
	goalloc_free(holder);
}

static void large_object(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *node = leaks_node(test, heap, NULL);
	void *big = goalloc_heap_zalloc(heap, SZ_256K, GFP_KERNEL);
	const struct leak *row;

	KUNIT_ASSERT_NOT_NULL(test, big);
	expect_leaks(test, heap, 2);
	row = leaks_find(test, big);
	KUNIT_EXPECT_STREQ(test, row->span->name, "large/scan");
	KUNIT_EXPECT_EQ(test, row->bytes, (unsigned long)SZ_256K);
	root = big + SZ_256K - 1;
	*(struct node **)(big + SZ_256K - sizeof(node)) = node;
	expect_leaks(test, heap, 0);
	root = NULL;
	expect_leaks(test, heap, 2);
	expect_keeps(test, leaks_find(test, big), 1);
	KUNIT_EXPECT_EQ(test, leaks_find(test, big)->kept_bytes, 64ULL);
	goalloc_free(node);
	goalloc_free(big);
	expect_leaks(test, heap, 0);
}

static void cached(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = test_cache(test, "kunit-nodes", 80, &args, 0);
	struct node *node = goalloc_cache_zalloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, node);
	expect_leaks(test, heap, 1);
	KUNIT_EXPECT_STREQ(test, leaks_find(test, node)->span->name, "kunit-nodes");
	KUNIT_EXPECT_EQ(test, leaks_find(test, node)->bytes, 80UL);
	leaks_expect_text(test, "# of kunit-nodes: 1 objects, 80 bytes");
	goalloc_cache_free(cache, node);
}

/* What debugging records is shown. */
static void with_record(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *node;
	const struct leak *row;
	char pid[16], frame[32];
	int err;

	err = goalloc_heap_set_debug(heap, GOALLOC_DEBUG_STACKS | GOALLOC_DEBUG_REDZONE);
	if (err == -EOPNOTSUPP)
		err = goalloc_heap_set_debug(heap, GOALLOC_DEBUG_REDZONE);
	KUNIT_ASSERT_EQ(test, err, 0);
	node = goalloc_heap_zalloc(heap, 50, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, node);
	expect_leaks(test, heap, 1);
	row = leaks_find(test, node);
	KUNIT_EXPECT_EQ(test, row->bytes, 50UL);
	snprintf(pid, sizeof(pid), " %7d ", current->pid);
	leaks_expect_text(test, pid);
	KUNIT_EXPECT_TRUE(test, row->recorded);
	KUNIT_EXPECT_GE(test, row->age_ms, 200U);
	KUNIT_EXPECT_LT(test, row->age_ms, 60000U);
	/* Without frame pointers User-Mode Linux has no stacks. */
	snprintf(frame, sizeof(frame), "    %s+0x", __func__);
	if (IS_ENABLED(CONFIG_STACKDEPOT) && !IS_ENABLED(CONFIG_UML))
		leaks_expect_text(test, frame);
	goalloc_free(node);
}

/* What an iterator does, which each pass of a report calls. */
struct doing {
	struct goalloc_heap *heap;
	unsigned int calls;
	unsigned int at; /* in which call it is done */
	void (*what)(struct doing *doing);
	struct node *node; /* what it is done to */
	struct node *fresh;
	struct delayed_work work;
};

static void do_it(struct goalloc_leaks *leaks, void *data)
{
	struct doing *doing = data;

	if (++doing->calls == doing->at)
		doing->what(doing);
}

static void let_go(struct doing *doing)
{
	goalloc_free(doing->node);
}

static void write_to(struct doing *doing)
{
	doing->node->words[3]++;
}

/* Another object takes its place. */
static void replace(struct doing *doing)
{
	goalloc_free(doing->node);
	doing->fresh = goalloc_heap_zalloc(doing->heap, sizeof(*doing->fresh), GFP_KERNEL);
}

static void let_go_later(struct work_struct *work)
{
	let_go(container_of(to_delayed_work(work), struct doing, work));
}

static void start_work(struct doing *doing)
{
	schedule_delayed_work(&doing->work, HZ / 20 + 1);
}

/* A report of a heap with one lost object, to which something happens meanwhile. */
static struct doing *lost_while(struct kunit *test, unsigned int at,
				void (*what)(struct doing *doing))
{
	struct doing *doing = kunit_kzalloc(test, sizeof(*doing), GFP_KERNEL);
	struct goalloc_heap *heap;

	KUNIT_ASSERT_NOT_NULL(test, doing);
	heap = test_heap(test, "kunit-leaks");
	doing->heap = heap;
	doing->at = at;
	doing->what = what;
	doing->node = leaks_node(test, heap, NULL);
	doing->node->words[0] = 1;
	INIT_DELAYED_WORK(&doing->work, let_go_later);
	KUNIT_ASSERT_EQ(test, goalloc_leaks_iterator_add(heap, do_it, doing), 0);
	return doing;
}

static void freed_in_first_pass(struct kunit *test)
{
	struct doing *doing = lost_while(test, 1, let_go);

	expect_leaks(test, doing->heap, 0);
	KUNIT_EXPECT_EQ(test, doing->calls, 2U);
	leaks_expect_text(test, "# sure: the heap was in use");
	leaks_expect_text(test, " 1~ frees");
}

static void freed_between(struct kunit *test)
{
	struct doing *doing = lost_while(test, 1, start_work);

	expect_leaks(test, doing->heap, 0);
	flush_delayed_work(&doing->work);
	KUNIT_EXPECT_EQ(test, doing->calls, 2U);
}

static void freed_in_second_pass(struct kunit *test)
{
	struct doing *doing = lost_while(test, 2, let_go);

	expect_leaks(test, doing->heap, 0);
	KUNIT_EXPECT_EQ(test, doing->calls, 2U);
}

/* Somebody uses it, and may reach what it points to. */
static void written_to(struct kunit *test)
{
	struct doing *doing = lost_while(test, 2, write_to);
	struct node *next = leaks_node(test, doing->heap, NULL);

	doing->node->next = next;
	expect_leaks(test, doing->heap, 0);
	leaks_expect_text(test, " 1 written to, 0 new");
	leaks_expect_text(test, "# sure: the heap was in use");
	/* Nobody does any more. */
	expect_leaks(test, doing->heap, 2);
	goalloc_free(next);
	goalloc_free(doing->node);
}

/* Of what was allocated meanwhile nothing is said. */
static void replaced(struct kunit *test)
{
	struct doing *doing;

	in_address_order(test);
	pin(test);
	doing = lost_while(test, 2, replace);
	expect_leaks(test, doing->heap, 0);
	KUNIT_ASSERT_NOT_NULL(test, doing->fresh);
	KUNIT_EXPECT_PTR_EQ(test, doing->fresh, (struct node *)hide(doing->node));
	goalloc_free(doing->fresh);
}

/* The same contents, but another life of the slot, which debugging knows. */
static void replaced_by_the_same(struct kunit *test)
{
	struct doing *doing;

	in_address_order(test);
	pin(test);
	doing = lost_while(test, 2, replace);
	goalloc_free(doing->node);
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(doing->heap, GOALLOC_DEBUG_REDZONE), 0);
	doing->node = leaks_node(test, doing->heap, NULL);
	expect_leaks(test, doing->heap, 0);
	KUNIT_ASSERT_NOT_NULL(test, doing->fresh);
	KUNIT_ASSERT_PTR_EQ(test, doing->fresh, (struct node *)hide(doing->node));
	leaks_expect_text(test, " 0 written to, 1 new");
	goalloc_free(doing->fresh);
}

static long inner;

static void report_again(struct doing *doing)
{
	inner = goalloc_leaks_report(doing->heap, NULL);
}

static void one_at_a_time(struct kunit *test)
{
	struct doing *doing = lost_while(test, 1, report_again);

	inner = 0;
	expect_leaks(test, doing->heap, 1);
	KUNIT_EXPECT_EQ(test, inner, -EBUSY);
	/* The first one is over, and no other is. */
	expect_leaks(test, doing->heap, 1);
	goalloc_free(doing->node);
}

static void start_to_die(struct doing *doing)
{
	WRITE_ONCE(doing->heap->dying, true);
}

/* Who destroys a heap waits for a report, so that is given up. */
static void given_up(struct kunit *test)
{
	struct doing *doing = lost_while(test, 1, start_to_die);

	KUNIT_EXPECT_EQ(test, goalloc_leaks_report(doing->heap, NULL), -ENODEV);
	KUNIT_EXPECT_EQ(test, doing->calls, 1U);
	WRITE_ONCE(doing->heap->dying, false);
	expect_leaks(test, doing->heap, 1);
	goalloc_free(doing->node);
}

static void kill_myself(struct doing *doing)
{
	send_sig(SIGKILL, current, 0);
}

/* So does who is killed. */
static void killed(struct kunit *test)
{
	struct doing *doing = lost_while(test, 1, kill_myself);
	long err;

	allow_signal(SIGKILL);
	err = goalloc_leaks_report(doing->heap, NULL);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_EQ(test, doing->calls, 1U);
	expect_leaks(test, doing->heap, 1);
	goalloc_free(doing->node);
}

/* Opened by who loads the module: a test's thread may have no file system. */
static struct goalloc_heap *open_heap;
static struct file *open_files[2];

static int leaks_suite_init(struct kunit_suite *suite)
{
	static const char path[] = "/sys/kernel/debug/goalloc/heaps.d/kunit-leaks-open/leaks";
	int i;

	leaks_begin(suite);
	i = goalloc_gc_root_add(goalloc_heap_default(), &root, 1, GOALLOC_GC_ROOT_LEAKS);
	if (i)
		return i;
	open_heap = goalloc_heap_create("kunit-leaks-open", 0);
	if (IS_ERR(open_heap))
		return PTR_ERR(open_heap);
	/* A report that was made keeps nobody from making another. */
	for (i = 0; i < ARRAY_SIZE(open_files); i++)
		open_files[i] = filp_open(path, O_RDONLY, 0);
	return 0;
}

static void leaks_suite_exit(struct kunit_suite *suite)
{
	int i;

	goalloc_gc_root_remove(goalloc_heap_default(), &root);
	leaks_end(suite);
	if (IS_ERR_OR_NULL(open_heap))
		return;
	for (i = 0; i < ARRAY_SIZE(open_files); i++)
		if (!IS_ERR_OR_NULL(open_files[i]))
			filp_close(open_files[i], NULL);
	goalloc_heap_destroy(open_heap);
	open_heap = NULL;
}

static ssize_t read_file(struct file *file, void __user *buf, loff_t *pos)
{
	return file->f_op->read(file, buf, 60, pos);
}

static void teardown_while_open(struct kunit *test)
{
	void __user *buf = user_page(test);
	char begin[6] = {};
	loff_t pos = 0;

	if (IS_ERR(open_files[0]))
		kunit_skip(test, "no debugfs (%ld)", PTR_ERR(open_files[0]));
	KUNIT_EXPECT_FALSE(test, IS_ERR(open_files[1]));
	KUNIT_EXPECT_EQ(test, read_file(open_files[0], buf, &pos), (ssize_t)60);
	KUNIT_EXPECT_EQ(test, copy_from_user(begin, buf, 5), 0UL);
	KUNIT_EXPECT_STREQ(test, begin, "class");
	goalloc_heap_destroy(open_heap);
	open_heap = NULL;
	KUNIT_EXPECT_EQ(test, read_file(open_files[0], buf, &pos), (ssize_t)-EIO);
	filp_close(open_files[0], NULL);
	open_files[0] = NULL;
	if (!IS_ERR(open_files[1]))
		filp_close(open_files[1], NULL);
	open_files[1] = NULL;
}

static struct kunit_case leaks_cases[] = {
	KUNIT_CASE(single),
	KUNIT_CASE(nothing),
	KUNIT_CASE(chain),
	KUNIT_CASE(circle),
	KUNIT_CASE(interior),
	KUNIT_CASE(kinds_in_turn),
	KUNIT_CASE(noscan),
	KUNIT_CASE(large_object),
	KUNIT_CASE(cached),
	KUNIT_CASE(with_record),
	KUNIT_CASE(freed_in_first_pass),
	KUNIT_CASE(freed_between),
	KUNIT_CASE(freed_in_second_pass),
	KUNIT_CASE(written_to),
	KUNIT_CASE(replaced),
	KUNIT_CASE(replaced_by_the_same),
	KUNIT_CASE(one_at_a_time),
	KUNIT_CASE(given_up),
	KUNIT_CASE(killed),
	KUNIT_CASE(teardown_while_open),
	{}
};

struct kunit_suite goalloc_leaks_suite = {
	.name = "goalloc_leaks",
	.suite_init = leaks_suite_init,
	.suite_exit = leaks_suite_exit,
	.init = leaks_init,
	.test_cases = leaks_cases,
};
