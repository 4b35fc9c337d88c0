// SPDX-License-Identifier: GPL-2.0
/*
 * Every interleaving of a few threads over the real mspan.c: all its accesses
 * to shared words are atomics of include/linux/, which call userspace_step()
 * first, where the explorer may go on with another thread. It runs a scenario
 * over and over until each sequence of choices, with at most so many
 * preemptions, has been taken; MORE_PREEMPTIONS=1 in the environment allows one
 * more, and takes ten times as long. Sequentially consistent: what barriers do
 * is left to tools/models and the threads in threads.c.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <kunit/test.h>

#include "mini.h"

#define MAX_THREADS 3
#define MAX_STEPS 512
#define STACK_BYTES (128 * 1024)

struct scenario {
	const char *name;
	void (*setup)(void);

	void (*thread[MAX_THREADS])(void);
	void (*check)(void);
	int preemptions; /* at most */
};

static struct explorer {
	/* Threads begin as contexts; from there on jumps do, without a system call. */
	ucontext_t main, start;
	jmp_buf scheduler, thread[MAX_THREADS];
	char *stack[MAX_THREADS];
	bool begun[MAX_THREADS];
	/* blocked: until a lock is free; waiting: until somebody else has made a step */
	bool done[MAX_THREADS], blocked[MAX_THREADS], waiting[MAX_THREADS];
	int nthreads, current; /* -1: none, so steps do not count */
	bool locked;

	/* the choice made at each step, and how many there were */
	unsigned char choice[MAX_STEPS], nchoices[MAX_STEPS];
	int nsteps, preemptions, more;
	const struct scenario *scenario;
	const char *bug;
} x = { .current = -1 };

/* The scenario's own state. */
static struct mini m;
static struct mini_cpu cpu[MAX_THREADS];
static struct mini_obj obj[8];
static unsigned int dups;
/* A stale free went through: what follows from it is nobody's fault but the test's. */
static bool undefined;

void mini_bug(const char *what)
{
	if (!x.bug)
		x.bug = what;
}

void userspace_step(void)
{
	if (x.current >= 0 && !_setjmp(x.thread[x.current]))
		_longjmp(x.scheduler, 1);
}

void cpu_relax(void)
{
	x.waiting[x.current] = true;
	userspace_step();
}

void mini_lock(void)
{
	userspace_step();
	while (x.locked) {
		x.blocked[x.current] = true;
		userspace_step();
	}
	x.locked = true;
}

void mini_unlock(void)
{
	userspace_step();
	x.locked = false;
	memset(x.blocked, 0, sizeof(x.blocked));
}

static void thread_main(void)
{
	x.scenario->thread[x.current]();
	x.done[x.current] = true;
	_longjmp(x.scheduler, 1);
}

/* Let a thread go on until its next step. */
static void resume(int i)
{
	x.current = i;
	if (!_setjmp(x.scheduler)) {
		if (x.begun[i])
			_longjmp(x.thread[i], 1);
		x.begun[i] = true;
		getcontext(&x.start);
		x.start.uc_stack.ss_sp = x.stack[i];
		x.start.uc_stack.ss_size = STACK_BYTES;
		makecontext(&x.start, thread_main, 0);
		swapcontext(&x.main, &x.start);
	}
	x.current = -1;
}

static bool can_run(int i)
{
	return i >= 0 && !x.done[i] && !x.blocked[i] && !x.waiting[i];
}

/* Who goes on? The one that ran, unless it cannot; else, by choice, another. */
static int choose(int last)
{
	int can[MAX_THREADS], n = 0, i, c = 0;
	bool last_can = can_run(last);

	if (last_can)
		can[n++] = last;
	for (i = 0; i < x.nthreads; i++)
		if (i != last && can_run(i))
			can[n++] = i;
	memset(x.waiting, 0, sizeof(x.waiting));
	/* Whoever it waited for may be through. */
	if (!n && can_run(last))
		can[n++] = last;
	if (!n)
		return -1;
	if (last_can && x.preemptions == 0)
		n = 1;

	if (x.nsteps == MAX_STEPS) {
		mini_bug("it goes round and round");
		return -1;
	}
	if (x.nchoices[x.nsteps])
		c = x.choice[x.nsteps];
	else
		x.choice[x.nsteps] = 0;
	x.nchoices[x.nsteps++] = n;
	if (last_can && c)
		x.preemptions--;
	return can[c];
}

static void run_once(void)
{
	int i, next = -1;

	x.nsteps = 0;
	x.preemptions = x.scenario->preemptions + x.more;
	x.locked = false;
	memset(x.done, 0, sizeof(x.done));
	memset(x.blocked, 0, sizeof(x.blocked));
	memset(x.waiting, 0, sizeof(x.waiting));
	memset(x.begun, 0, sizeof(x.begun));
	dups = 0;
	undefined = false;

	x.scenario->setup();
	while ((next = choose(next)) >= 0)
		resume(next);
	for (i = 0; i < x.nthreads; i++)
		if (!x.done[i])
			mini_bug("deadlock");
	x.current = -1;
	x.scenario->check();
	if (undefined)
		x.bug = NULL;
}

/* The next sequence of choices: the last one that can be made differently is. */
static bool next_schedule(void)
{
	int i = x.nsteps;

	while (i--) {
		if (++x.choice[i] < x.nchoices[i]) {
			memset(&x.nchoices[i + 1], 0, MAX_STEPS - i - 1);
			return true;
		}
	}
	return false;
}

static void explore(struct kunit *test)
{
	const struct scenario *s = test->param_value;
	unsigned long runs = 0;
	int i;

	x.scenario = s;
	x.more = getenv("MORE_PREEMPTIONS") ? atoi(getenv("MORE_PREEMPTIONS")) : 0;
	x.bug = NULL;
	memset(x.nchoices, 0, sizeof(x.nchoices));
	for (x.nthreads = 0; x.nthreads < MAX_THREADS && s->thread[x.nthreads]; x.nthreads++)
		x.stack[x.nthreads] = kunit_kzalloc(test, STACK_BYTES, GFP_KERNEL);

	do {
		runs++;
		run_once();
	} while (!x.bug && next_schedule());

	if (x.bug) {
		printf("# %s: %s in run %lu, by the choices", s->name, x.bug, runs);
		for (i = 0; i < x.nsteps; i++)
			printf(" %d", x.choice[i]);
		putchar('\n');
		KUNIT_FAIL(test, "%s", x.bug);
	} else {
		printf("# %s: %lu schedules\n", s->name, runs);
	}
}

/* ---- scenarios ---- */

/* A CPU has filled a span of @n slots. */
static void full_span(unsigned int n, unsigned int nspans, unsigned int keep)
{
	struct mini_obj rest;
	unsigned int i;

	mini_init(&m, nspans, n, keep);
	for (i = 0; i < MAX_THREADS; i++)
		cpu[i] = (struct mini_cpu){ .id = i };
	for (i = 0; i < n; i++)
		mini_alloc(&m, &cpu[0], i < ARRAY_SIZE(obj) ? &obj[i] : &rest);
}

static void check_quiet(void)
{
	mini_check(&m, dups);
}

static void setup_full(void)
{
	full_span(3, 1, 1);
}

static void setup_one_free(void)
{
	full_span(3, 1, 1);
	mini_free(&m, &cpu[0], obj[0]);
}

static void setup_full_no_keep(void)
{
	full_span(2, 1, 0);
}

/* 66 slots: two words; those that matter are at 0 and 65. */
static void setup_two_words(void)
{
	unsigned int i;

	full_span(66, 1, 0);
	for (i = 1; i < 65; i++)
		mini_free(&m, &cpu[0], (struct mini_obj){ cpu[0].span, i, 1 });
	obj[1] = (struct mini_obj){ cpu[0].span, 65, 1 };
}

static void setup_two_full_words(void)
{
	full_span(66, 1, 0);
	obj[0] = (struct mini_obj){ cpu[0].span, 65, 1 };
	obj[1] = (struct mini_obj){ cpu[0].span, 64, 1 };
}

static void setup_disowned(void)
{
	full_span(2, 1, 0);
	mini_flush(&m, &cpu[0]);
}

static void setup_listed(void)
{
	full_span(3, 1, 0);
	mini_flush(&m, &cpu[0]);
	mini_free(&m, &cpu[1], obj[2]);
}

static void flush0(void)
{
	mini_flush(&m, &cpu[0]);
}

static void free1_0(void)
{
	mini_free(&m, &cpu[1], obj[0]);
}

static void free2_1(void)
{
	mini_free(&m, &cpu[2], obj[1]);
}

/* Take one more, from wherever; it may not be there yet. */
static void alloc0(void)
{
	struct mini_obj o;

	mini_alloc(&m, &cpu[0], &o);
}

static void alloc0_keep(void)
{
	alloc0();
	mini_flush(&m, &cpu[0]);
}

static void alloc0_flush(void)
{
	struct mini_obj o;

	if (mini_alloc(&m, &cpu[0], &o))
		mini_free(&m, &cpu[0], o);
	mini_flush(&m, &cpu[0]);
}

/* A free that should not be. If the slot is another's, leave it alone. */
static bool wrong_free(unsigned int id, struct mini_obj o)
{
	bool won;

	if (mini_stale(o))
		return false;
	won = mini_try_free(&m, &cpu[id], o);
	undefined |= won && mini_stale(o);
	return won;
}

/* A double free after the first. */
static void free_again(unsigned int id, struct mini_obj o)
{
	if (wrong_free(id, o))
		mini_bug("a double free after the first is let through");
}

static void free_twice1_0(void)
{
	mini_free(&m, &cpu[1], obj[0]);
	free_again(1, obj[0]);
}

static void free_twice0_0(void)
{
	mini_free(&m, &cpu[0], obj[0]);
	free_again(0, obj[0]);
}

/* A double free by the owner, after one that is not its own. */
static bool freed;

static void setup_freed(void)
{
	freed = false;
	full_span(3, 1, 1);
}

static void free1_0_say_so(void)
{
	mini_free(&m, &cpu[1], obj[0]);
	freed = true;
}

static void free_again0_0(void)
{
	mini_merge(&m, &obj[0].span->bits[0]);
	if (freed)
		free_again(0, obj[0]);
	mini_merge(&m, &obj[0].span->bits[0]);
	if (freed)
		free_again(0, obj[0]);
}

/* Merges go on, but the slot is not handed out again. */
static void churn0(void)
{
	mini_merge(&m, &cpu[0].span->bits[0]);
	mini_flush(&m, &cpu[0]);
	mini_claim(&m, &cpu[0]);
}

/* Two frees of one object, at once: one at least wins. */
static unsigned int winners;

static void racing_free(unsigned int id, struct mini_obj o)
{
	if (!mini_stale(o))
		mini_set_ghost(o, GHOST_FREE);
	if (wrong_free(id, o) && winners++)
		dups++;
}

static void setup_race(void)
{
	winners = 0;
	full_span(2, 1, 0);
}

static void setup_race_listed(void)
{
	winners = 0;
	full_span(3, 1, 0);
	mini_flush(&m, &cpu[0]);
	mini_free(&m, &cpu[1], obj[2]);
}

static void race1(void)
{
	racing_free(1, obj[0]);
}

static void race2(void)
{
	racing_free(2, obj[0]);
}

static void race0(void)
{
	racing_free(0, obj[0]);
}

static void alloc0_once(void)
{
	struct mini_obj o;

	/* whichever it is, it is handed out once: mini_alloc() sees to that */
	mini_alloc(&m, &cpu[0], &o);
}

static void race0_alloc0(void)
{
	racing_free(0, obj[0]);
	alloc0_once();
}

static void check_race(void)
{
	if (!winners)
		mini_bug("both of two racing frees are refused");
	check_quiet();
}

/* free_rcu: nobody may have the slot before the grace period is over. */
static void rcu1_0(void)
{
	mini_free_rcu(&m, obj[0]);
	mini_rcu_done(&m, obj[0]);
}

/* The two steps of a free_rcu that should not be; the second if the first went through. */
static bool wrong_rcu(struct mini_obj o)
{
	bool won;

	if (mini_stale(o))
		return false;
	won = mspan_try_limbo(o.span, o.slot);
	undefined |= won && mini_stale(o);
	mini_freed(&m, o.span);
	return won;
}

static void rcu1_0_again(void)
{
	mini_free_rcu(&m, obj[0]);
	free_again(1, obj[0]);
	if (wrong_rcu(obj[0]))
		mini_bug("free_rcu after free_rcu is let through");
	if (mini_stale(obj[0]))
		mini_bug("a slot is handed out in limbo");
	mini_rcu_done(&m, obj[0]);
}

/* A wrong free_rcu of a free slot must not hide it, or a rightful free, for good. */
static void wrong_rcu1_2(void)
{
	if (wrong_rcu(obj[2]))
		mini_bug("free_rcu of a free slot is let through");
}

/* The next object in a slot is freed by RCU, and must not be refused for it. */
static void reissue0_rcu(void)
{
	struct mini_obj o;

	if (!mini_alloc(&m, &cpu[0], &o) || o.slot != obj[0].slot)
		return;
	mini_free_rcu(&m, o);
	mini_rcu_done(&m, o);
}

static void wrong_rcu1_0(void)
{
	if (wrong_rcu(obj[0]))
		mini_bug("free_rcu of a free slot is let through");
}

/* free_rcu of a slot that races with others. */
static void race_rcu2(void)
{
	bool won;

	if (!mini_stale(obj[0]))
		mini_set_ghost(obj[0], GHOST_FREE);
	won = wrong_rcu(obj[0]);
	if (won && winners++)
		dups++;
	if (won) {
		mspan_end_limbo(obj[0].span, obj[0].slot);
		mini_freed(&m, obj[0].span);
	}
}

static void race_rcu1(void)
{
	race_rcu2();
}

static const struct scenario scenarios[] = {
	{ "last remote frees of a full span, against disown", setup_full,
	  { flush0, free1_0, free2_1 }, check_quiet, 3 },
	{ "last remote free of a full span, against disown", setup_full,
	  { flush0, free1_0 }, check_quiet, 5 },
	{ "the same, and the span empties", setup_full_no_keep,
	  { flush0, free1_0, free2_1 }, check_quiet, 3 },
	{ "the same in two words", setup_two_words,
	  { flush0, free1_0, free2_1 }, check_quiet, 2 },
	{ "the same, and the second word alone has a slot", setup_two_full_words,
	  { flush0, free1_0, free2_1 }, check_quiet, 2 },
	{ "two frees empty an unowned span", setup_disowned,
	  { free1_0, free2_1 }, check_quiet, 4 },
	{ "and somebody claims it", setup_disowned,
	  { free1_0, free2_1, alloc0 }, check_quiet, 2 },
	{ "and puts it back with an object more", setup_disowned,
	  { free1_0, free2_1, alloc0_keep }, check_quiet, 2 },
	{ "claim, free and disown of a listed span", setup_listed,
	  { free1_0, free2_1, alloc0_flush }, check_quiet, 2 },
	{ "refill against remote frees", setup_full,
	  { alloc0, free1_0, free2_1 }, check_quiet, 3 },
	{ "double free, against merge, disown and claim", setup_full,
	  { churn0, free_twice1_0 }, check_quiet, 4 },
	{ "double free by the owner, against a remote free", setup_full,
	  { free_twice0_0, free2_1 }, check_quiet, 4 },
	{ "double free by the owner, after a remote free", setup_freed,
	  { free_again0_0, free1_0_say_so }, check_quiet, 4 },
	{ "double free of a listed span's slot", setup_listed,
	  { free_twice1_0, alloc0_flush }, check_quiet, 4 },
	{ "two frees race, remote", setup_race, { churn0, race1, race2 }, check_race, 3 },
	{ "two frees race, owner and remote", setup_race, { race0, race1 }, check_race, 4 },
	{ "two frees race, and the owner allocates", setup_race,
	  { alloc0_once, race1, race2 }, check_race, 3 },
	{ "two frees race in a listed span", setup_race_listed,
	  { race1, race2, alloc0_once }, check_race, 2 },
	{ "free_rcu against refill", setup_full, { alloc0, rcu1_0 }, check_quiet, 4 },
	{ "free_rcu against refill and free", setup_full,
	  { alloc0, rcu1_0, free2_1 }, check_quiet, 2 },
	{ "free_rcu against disown", setup_full_no_keep, { flush0, rcu1_0, free2_1 },
	  check_quiet, 2 },
	{ "free and free_rcu after free_rcu", setup_full, { alloc0, rcu1_0_again },
	  check_quiet, 3 },
	{ "free_rcu of a free slot, against its owner", setup_listed,
	  { wrong_rcu1_2, free2_1, alloc0_flush }, check_quiet, 2 },
	{ "free_rcu of a free slot, against free_rcu of its next object", setup_one_free,
	  { reissue0_rcu, wrong_rcu1_0 }, check_quiet, 4 },
	{ "two free_rcu race", setup_race, { churn0, race_rcu1, race_rcu2 }, check_race, 2 },
	{ "free races with free_rcu", setup_race, { churn0, race1, race_rcu2 }, check_race, 2 },
	{ "the owner frees and allocates, free_rcu races", setup_race,
	  { race0_alloc0, race_rcu2 }, check_race, 4 },
	{ "free races with free_rcu in a listed span", setup_race_listed,
	  { race1, race_rcu2, alloc0_once }, check_race, 2 },
};

static void scenario_desc(const struct scenario *s, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", s->name);
}

KUNIT_ARRAY_PARAM(scenario, scenarios, scenario_desc);

static struct kunit_case explore_cases[] = {
	KUNIT_CASE_PARAM(explore, scenario_gen_params),
	{}
};

static struct kunit_suite explore_suite = {
	.name = "mspan_explore",
	.test_cases = explore_cases,
};

kunit_test_suite(explore_suite);
