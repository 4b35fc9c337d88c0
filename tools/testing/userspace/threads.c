// SPDX-License-Identifier: GPL-2.0
/*
 * Threads at full speed over the real mspan.c: each is a CPU of mini.h. Under
 * ThreadSanitizer, which sees to it that an object's memory is handed from
 * owner to owner in order, and without, where the machine reorders what no
 * barrier keeps.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <kunit/test.h>

#include "mini.h"

#define NTHREADS 4
#define NSPANS 4
#define NSTASH 64
#define NMAILBOX 32

#ifdef __SANITIZE_THREAD__
#define ALLOCS 6000
#define ROUNDS 200
#define MEETINGS 10000
#else
#define ALLOCS 30000
#define ROUNDS 1000
#define MEETINGS 300000
#endif

static struct mini m;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Held for reading to hand slots out, for writing to be sure that nobody does. */
static pthread_rwlock_t issue;
static pthread_barrier_t ready;
static const char *bug;

/* What is in the objects: their owners' own, without any atomics. */
static unsigned long memory[NSPANS][MINI_SLOTS];

/* Objects that change hands: index + 1, or 0. */
static unsigned int mailbox[NMAILBOX];

struct worker {
	pthread_t thread;
	struct mini_cpu cpu;
	unsigned long seed;
	struct mini_obj stash[NSTASH];
	unsigned int nstash;
	unsigned long nalloc;
	unsigned int wins;
};

static struct worker workers[NTHREADS];

void mini_lock(void)
{
	pthread_mutex_lock(&lock);
}

void mini_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void mini_bug(const char *what)
{
	__atomic_store_n(&bug, what, __ATOMIC_RELAXED);
}

static unsigned int rnd(struct worker *w, unsigned int below)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->seed >> 33) % below;
}

static unsigned long *memory_of(struct mini_obj o)
{
	return &memory[mini_span_of(o.span) - m.s][o.slot];
}

static unsigned long pattern(struct mini_obj o)
{
	return o.epoch * 1000003UL + o.slot;
}

static void new_object(struct worker *w)
{
	struct mini_obj o;
	bool ok;

	if (w->nstash == NSTASH)
		return;
	pthread_rwlock_rdlock(&issue);
	ok = mini_alloc(&m, &w->cpu, &o);
	pthread_rwlock_unlock(&issue);
	if (!ok) {
		sched_yield();
		return;
	}
	*memory_of(o) = pattern(o);
	w->stash[w->nstash++] = o;
	w->nalloc++;
}

/* One of the thread's objects, checked, and the thread's no more. */
static bool old_object(struct worker *w, struct mini_obj *o)
{
	unsigned int i;

	if (!w->nstash)
		return false;
	i = rnd(w, w->nstash);
	*o = w->stash[i];
	w->stash[i] = w->stash[--w->nstash];
	if (*memory_of(*o) != pattern(*o))
		mini_bug("an object's contents have changed");
	return true;
}

static void free_object(struct worker *w)
{
	struct mini_obj o;

	if (old_object(w, &o))
		mini_free(&m, &w->cpu, o);
}

static void free_object_rcu(struct worker *w)
{
	struct mini_obj o;

	if (!old_object(w, &o))
		return;
	mini_free_rcu(&m, o);
	if (rnd(w, 2))
		sched_yield();
	/* still nobody else's */
	if (*memory_of(o) != pattern(o) || mini_stale(o))
		mini_bug("a slot is handed out in limbo");
	mini_rcu_done(&m, o);
}

/* Give an object away, and take what was there: it will be freed far from home. */
static void swap_object(struct worker *w)
{
	unsigned int index = 0;
	struct mini_obj o;

	if (old_object(w, &o))
		index = (mini_span_of(o.span) - m.s) * MINI_SLOTS + o.slot + 1;
	/* hands over: a release, and an acquire */
	index = __atomic_exchange_n(&mailbox[rnd(w, NMAILBOX)], index, __ATOMIC_ACQ_REL);
	if (!index--)
		return;
	o.span = &m.s[index / MINI_SLOTS].span;
	o.slot = index % MINI_SLOTS;
	o.epoch = __atomic_load_n(&mini_slot_of(o)->epoch, __ATOMIC_RELAXED);
	w->stash[w->nstash++] = o;
}

/* A second free, by whatever way, while others free, merge and disown. */
static void free_twice(struct worker *w)
{
	struct mini_cpu other = { .id = w->cpu.id };
	struct mini_obj o;
	bool rcu = rnd(w, 2);

	if (!old_object(w, &o))
		return;
	pthread_rwlock_wrlock(&issue);
	if (rcu)
		mini_free_rcu(&m, o);
	else
		mini_free(&m, &w->cpu, o);
	if (mini_try_free(&m, &w->cpu, o))
		mini_bug("a double free after the first is let through");
	if (rnd(w, 2) && mspan_try_limbo(o.span, o.slot))
		mini_bug("free_rcu of a free slot is let through");
	mini_freed(&m, o.span);
	if (rcu) {
		mini_rcu_done(&m, o);
		/* the remote way, even if the span is this CPU's */
		if (o.span != w->cpu.span && mini_try_free(&m, &other, o))
			mini_bug("a free after free_rcu is let through");
	}
	pthread_rwlock_unlock(&issue);
}

/* Take a span and let go of it: slots are merged and listed, none is handed out. */
static void churn(struct worker *w)
{
	mini_flush(&m, &w->cpu);
	if (mini_claim(&m, &w->cpu) && rnd(w, 2)) {
		sched_yield();
		mini_flush(&m, &w->cpu);
	}
}

static void *hammer(void *arg)
{
	struct worker *w = arg;
	struct mini_obj o;

	pthread_barrier_wait(&ready);
	while (w->nalloc < ALLOCS && !__atomic_load_n(&bug, __ATOMIC_RELAXED)) {
		unsigned int what = rnd(w, 100);

		if (what < 42)
			new_object(w);
		else if (what < 64)
			free_object(w);
		else if (what < 70)
			free_object_rcu(w);
		else if (what < 90)
			swap_object(w);
		else if (what < 95)
			churn(w);
		else if (what < 98)
			mini_flush(&m, &w->cpu);
		else
			free_twice(w);
	}
	while (old_object(w, &o))
		mini_free(&m, &w->cpu, o);
	mini_flush(&m, &w->cpu);
	return NULL;
}

static void start(unsigned int nelems, unsigned int nspans, unsigned int keep,
		  void *(*fn)(void *))
{
	unsigned int i;

	bug = NULL;
	mini_init(&m, nspans, nelems, keep);
	memset(mailbox, 0, sizeof(mailbox));
	pthread_rwlock_init(&issue, NULL);
	pthread_barrier_init(&ready, NULL, NTHREADS);
	for (i = 0; i < NTHREADS; i++) {
		workers[i] = (struct worker){ .cpu.id = i, .seed = i + 1 };
		pthread_create(&workers[i].thread, NULL, fn, &workers[i]);
	}
}

static void stop(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < NTHREADS; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&ready);
	pthread_rwlock_destroy(&issue);
}

static const struct geometry {
	unsigned int nelems, nspans, keep;
} geometries[] = {
	{ 192, 4, 1 },
	{ 100, 2, 0 },
	{ 64, 1, 0 },
	{ 3, 4, 2 },
	{ 1, 4, 0 },
};

static void geometry_desc(const struct geometry *g, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u slots, %u spans, %u kept", g->nelems, g->nspans,
		 g->keep);
}

KUNIT_ARRAY_PARAM(geometry, geometries, geometry_desc);

/* Everything at once, and everything is in its place at the end. */
static void threads_hammer(struct kunit *test)
{
	const struct geometry *g = test->param_value;
	unsigned int i;

	start(g->nelems, g->nspans, g->keep, hammer);
	stop(test);
	for (i = 0; i < NMAILBOX; i++)
		if (mailbox[i]--)
			mini_free(&m, &workers[0].cpu,
				  (struct mini_obj){ &m.s[mailbox[i] / MINI_SLOTS].span,
						     mailbox[i] % MINI_SLOTS, 0 });
	mini_check(&m, 0);
	KUNIT_EXPECT_TRUE_MSG(test, !bug, "%s", bug);
}

/*
 * Rounds in which every object is freed by two threads at once, while CPU 0
 * merges, disowns and claims: one of the two wins, or both, and then the
 * second is reported once.
 */
static void *race(void *arg)
{
	struct worker *w = arg;
	unsigned int round, i, n = m.s[0].span.nelems;

	for (round = 0; round < ROUNDS; round++) {
		struct mini_obj o;
		unsigned int wins = 0;

		if (w->cpu.id == 0) {
			while (mini_alloc(&m, &w->cpu, &o))
				mini_set_ghost(o, GHOST_FREE);
			m.late = 0;
		}
		w->wins = 0;
		pthread_barrier_wait(&ready);

		for (i = 0; i < n * m.nspans; i++) {
			/* each object's two threads */
			unsigned int one = i % NTHREADS, two = (i + 1 + round % 3) % NTHREADS;

			o.span = &m.s[i / n].span;
			o.slot = i % n;
			if (w->cpu.id == one || w->cpu.id == two)
				w->wins += mini_try_free(&m, &w->cpu, o);
			if (w->cpu.id == 0 && rnd(w, 8) == 0)
				churn(w);
		}
		mini_flush(&m, &w->cpu);
		pthread_barrier_wait(&ready);

		if (w->cpu.id == 0) {
			for (i = 0; i < NTHREADS; i++)
				wins += workers[i].wins;
			if (wins < n * m.nspans)
				mini_bug("both of two racing frees are refused");
			mini_check(&m, wins - n * m.nspans);
			mini_init(&m, m.nspans, n, m.keep);
		}
		pthread_barrier_wait(&ready);
	}
	return NULL;
}

static void threads_race(struct kunit *test)
{
	const struct geometry *g = test->param_value;

	start(g->nelems, g->nspans, g->keep, race);
	stop(test);
	KUNIT_EXPECT_TRUE_MSG(test, !bug, "%s", bug);
}

/*
 * The last object of a span is freed while its owner lets go of the span. Both
 * at the same moment, over and over: the stores of each must not be late for
 * the other's look (mspan_disown()).
 */
static unsigned int turn;

static void meet(unsigned int want)
{
	unsigned int spins = 0;

	__atomic_fetch_add(&turn, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < want)
		if (++spins % 4096 == 0)
			sched_yield();
}

static struct mini_obj last;

static void *let_go(void *arg)
{
	struct worker *w = arg;
	unsigned int i, k;

	if (w->cpu.id > 1)
		return NULL;
	for (i = 0; i < MEETINGS; i++) {
		if (w->cpu.id == 0 && !mini_alloc(&m, &w->cpu, &last)) {
			mini_bug("a span with a free slot is lost");
			mini_init(&m, 1, 1, 0);
			mini_alloc(&m, &w->cpu, &last);
		}
		meet(4 * i + 2);
		/* sooner or later by a few cycles */
		for (k = rnd(w, 64); k--;)
			barrier();
		if (w->cpu.id == 0)
			mini_flush(&m, &w->cpu);
		else
			mini_free(&m, &w->cpu, last);
		meet(4 * i + 4);
	}
	return NULL;
}

static void threads_let_go(struct kunit *test)
{
	turn = 0;
	start(1, 1, 0, let_go);
	stop(test);
	KUNIT_EXPECT_TRUE_MSG(test, !bug, "%s", bug);
}

static struct kunit_case threads_cases[] = {
	KUNIT_CASE(threads_let_go),
	KUNIT_CASE_PARAM(threads_hammer, geometry_gen_params),
	KUNIT_CASE_PARAM(threads_race, geometry_gen_params),
	{}
};

static struct kunit_suite threads_suite = {
	.name = "mspan_threads",
	.test_cases = threads_cases,
};

kunit_test_suite(threads_suite);
