/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Grace periods of sections, as mgcsection.c waits for them: counters of two sides on
 * two CPUs, NS tasks of ITER sections each, and who waits, NGP times.
 *
 * Memory is as in order.pml. A section is a set of steps, each of which is when memory
 * is read or has changed; they come in any order that barriers and dependencies leave:
 *
 *	SIDE -> BEGUN -> smp_mb() -> LOAD, STORE -> smp_mb() -> ENDED, LOOK -> wake
 *
 * Stores of who waits are in a buffer until a barrier, or before; its loads are in the
 * order of the program where that does not matter. A task may be anywhere when it
 * counts. The word x is stored ahead of each wait, and what is read from it tells which
 * grace periods must have waited for the section. A nested section is another task's:
 * one that runs at the same time, and on the same CPU, perhaps.
 *
 * NS, ITER, NGP	tasks, sections of each, grace periods
 * WAKE		who waits sleeps, and is woken; for a jiffy at most, but with
 * NO_TIMEOUT	until it is woken
 * WAKE_MB	a barrier from ENDED to LOOK, which the code does without
 * END_RELEASE	no barrier at the end: ENDED is a release
 * IRQ		sections end where the scheduler's locks are not to be taken: an irq_work takes
 *		the waiter, and wakes it
 * IRQ_OTHER	the irq_work wakes a queue that the waiter is not on
 * FREE		the heap goes after the last grace period; WAKE
 * STARVE	who waits may have to wait for who begins later
 * LOCKDEP_LAST	the end of a section looks at the heap once more, preemption on
 * M_*		mutations; see the README
 */
#if defined(IRQ) || defined(IRQ_OTHER)
#define IRQ_WORK
#endif
#ifndef NS
#define NS 2
#endif
#ifndef ITER
#define ITER 1
#endif
#ifndef NGP
#define NGP 2
#endif

#define SIDE	1
#define BEGUN	2
#define LOAD	4
#define STORE	8
#define OFF	16	/* preemption, around ENDED and LOOK */
#define ENDED	32
#define LOOK	64
#define BODY	(LOAD | STORE)

#ifdef M_BEGIN_NOMB
#define BODY_NEEDS 0
#else
#define BODY_NEEDS BEGUN
#endif
#ifdef M_END_NOMB	/* but it began before it ends */
#define END_NEEDS BEGUN
#else
#define END_NEEDS BODY
#endif
#ifdef END_RELEASE
#define OFF_NEEDS BEGUN
#else
#define OFF_NEEDS END_NEEDS
#endif
#ifdef WAKE_MB
#define LOOK_NEEDS (OFF | ENDED)
#else
#define LOOK_NEEDS OFF
#endif

byte x;
bit side, waiter;
byte begun[4], ended[4];	/* 2 * cpu + side */

/* the buffer of who waits: a store of the value waits */
bit wx, wside, wwaiter;
bit vside, vwaiter;
byte vx;

/* of each task's section */
byte did[NS], saw[NS];
bit old[NS];	/* it read the side before the wait began that goes on */

bit idling;	/* the state of who waits; or it runs */
bit off[NS], queued, busy;
bit dying, freed;
byte gp;

proctype drain() { /* memory takes the stores, in any order */
end:	do
	:: atomic { wx -> x = vx; wx = 0; vx = 0 }
	:: atomic { wside -> side = vside; wside = 0; vside = 0 }
	:: atomic { wwaiter -> waiter = vwaiter; wwaiter = 0; vwaiter = 0 }
	od
}
#define MB()	(!wx && !wside && !wwaiter)	/* waits for the buffer */

#define CAN(step, needs) (!(did[me] & (step)) && (did[me] & (needs)) == (needs))
#define DID(step) did[me] = did[me] | (step)

proctype task(byte me) {
	bit s, w;
	byte n;
#ifdef M_PLAIN_INC
	byte b;
#endif

	do
	:: n == ITER -> break
	:: n < ITER ->
		if
#ifdef FREE
		:: dying -> break	/* none begins when the heap goes */
#endif
		:: atomic { !dying -> s = side; DID(SIDE) }
		fi;
		do
		/* a counter per CPU: it is on either when it counts */
#ifdef M_PLAIN_INC	/* an interrupt may count in between */
		:: CAN(BEGUN, SIDE) -> b = begun[s]; atomic { begun[s] = b + 1; b = 0; DID(BEGUN) }
#else
		:: atomic { CAN(BEGUN, SIDE) -> begun[s]++; DID(BEGUN) }
#endif
		:: atomic { CAN(BEGUN, SIDE) -> begun[2 + s]++; DID(BEGUN) }
		:: atomic { CAN(LOAD, SIDE | BODY_NEEDS) -> saw[me] = x; DID(LOAD) }
		:: atomic { CAN(STORE, SIDE | BODY_NEEDS) -> DID(STORE) }
#ifdef WAKE
		:: atomic { CAN(OFF, SIDE | BEGUN | OFF_NEEDS) -> off[me] = 1; DID(OFF) }
		:: atomic { CAN(LOOK, LOOK_NEEDS) ->
			assert(!freed); w = waiter; DID(LOOK) }
		:: atomic { CAN(ENDED, OFF | END_NEEDS) ->
#else
		:: atomic { CAN(ENDED, SIDE | BEGUN | END_NEEDS) ->
#endif
			assert(!freed);
#ifdef M_SIDE_AGAIN
			s = side;
#endif
			if :: ended[s]++ :: ended[2 + s]++ fi;
			DID(ENDED)
#ifdef M_PREEMPT
			; off[me] = 0
#endif
			}
#ifdef WAKE
		:: (did[me] & (ENDED | LOOK | BODY)) == (ENDED | LOOK | BODY) -> break
#else
		:: (did[me] & (ENDED | BODY)) == (ENDED | BODY) -> break
#endif
		od;
#ifdef WAKE
		if
		:: w -> w = 0;
#ifdef IRQ
			atomic { assert(!freed); queued = 1 }
#else
			/* cmpxchg: after all of that */
			if
			:: atomic { waiter -> assert(!freed); waiter = 0 };
#ifdef IRQ_OTHER
				atomic { assert(!freed); queued = 1 }
#else
				atomic { assert(!freed); idling = 0 }
#endif
			/* another does, or nobody has to any more */
			:: atomic { !waiter -> assert(!freed) }
			fi
#endif
		:: else
		fi;
		off[me] = 0;
#ifdef LOCKDEP_LAST
		assert(!freed);
#endif
#endif
		atomic { did[me] = 0; saw[me] = 0; old[me] = 0; s = 0; n++ }
	od
}

#ifdef IRQ_WORK
proctype irq() {
end:	do
	:: atomic { queued -> assert(!freed); queued = 0; busy = 1 };
#ifdef IRQ
		if
		:: atomic { waiter -> assert(!freed); waiter = 0 };
			atomic { assert(!freed); idling = 0 }
		:: atomic { !waiter -> assert(!freed) }
		fi;
#endif
		atomic { assert(!freed); busy = 0 }
	od
}
#endif

/* which sections are older than the wait; t is a mere variable */
#define AGE() t = 0; \
	do \
	:: t < NS -> old[t] = (did[t] & SIDE) != 0; t++ \
	:: else -> break \
	od; t = 0
/* whether there is one yet that is older */
#define LOOK_OLD() t = 0; any = 0; \
	do \
	:: t < NS -> any = any || (old[t] && !(did[t] & ENDED)); t++ \
	:: else -> break \
	od; t = 0
/* STORE of which sections is seen */
#define LOOK_STORES() t = 0; stores = 0; \
	do \
	:: t < NS -> stores = stores | (((did[t] & STORE) != 0) << t); t++ \
	:: else -> break \
	od; t = 0

#define SUM(n, of) \
	if \
	:: n = of[sd]; n = n + of[2 + sd] \
	:: n = of[2 + sd]; n = n + of[sd] \
	fi

/* who begins has preemption off until he counted; the caller sees to it that none does */
#define BEGINS(t) ((did[t] & (SIDE | BEGUN)) == SIDE)
#if NS > 1
#define NONE_BEGINS (!BEGINS(0) && !BEGINS(1))
#else
#define NONE_BEGINS (!BEGINS(0))
#endif

/* ok: whether the side is idle */
inline idle() {
	atomic { LOOK_OLD() };
#if defined(M_BEGUN_FIRST)
	SUM(nb, begun);
	MB();
	SUM(ne, ended);
#elif defined(M_PER_CPU)	/* both of a CPU, and then the next's */
	ne = ended[sd]; MB(); nb = begun[sd];
	ne = ne + ended[2 + sd]; MB(); nb = nb + begun[2 + sd];
#elif defined(M_SUM_NOMB)
	if
	:: SUM(nb, begun); SUM(ne, ended)
	:: SUM(ne, ended); SUM(nb, begun)
	fi;
#else
	SUM(ne, ended);
	MB();
#ifdef M_LAST_NOMB	/* loads of what comes next are not any earlier */
	atomic { LOOK_STORES() };
#endif
	SUM(nb, begun);
#endif
	atomic {
		ok = nb == ne;
		nb = 0; ne = 0;
		/* who begins later does not make it wait */
#ifndef STARVE
		assert(ok || any);
#endif
		any = 0
	}
}

inline wait_for_side() {
	atomic { AGE() };
	do
	:: idle();
		if :: ok -> break :: else fi;
#ifdef WAKE
#ifndef M_STATE_LATE
		idling = 1;
		MB();
#endif
		atomic { vwaiter = 1; wwaiter = 1 };
#ifndef M_WAIT_NOMB
		MB();
#endif
#ifndef M_NO_RECHECK
		idle();
#endif
#ifdef M_STATE_LATE
		idling = 1;
#endif
		if
		:: ok
		:: !ok && !idling
#ifndef NO_TIMEOUT
		:: !ok && idling
#else
		:: !ok && idling -> !idling
#endif
		fi;
		idling = 0
#endif
	od;
#ifdef WAKE
	atomic { vwaiter = 0; wwaiter = 1 };
#endif
}

proctype wait() {
	byte nb, ne, t, stores;
	bit sd, ok, any;

	do
	:: gp == NGP -> break
	:: gp < NGP ->
#ifdef FREE	/* none is about to begin, either */
		if
		:: gp == NGP - 1 ->
			atomic { NONE_BEGINS -> dying = 1 }
		:: else
		fi;
#endif
		atomic { vx = gp + 1; wx = 1 };
#ifndef M_FIRST_NOMB
		MB();
#endif
#ifndef M_NO_FIRST
		sd = !side;
		wait_for_side();
#endif
		/* its own load of what it may have in the buffer */
		atomic { sd = side; vside = !sd; wside = 1 };
#ifdef M_NO_FLIP
		atomic { wside = 0; vside = 0 };
#endif
#ifndef M_FLIP_NOMB
		MB();
#endif
#ifndef M_NO_SECOND
		wait_for_side();
#endif
#ifndef M_LAST_NOMB
		MB();
#endif
		atomic {
#if !defined(M_LAST_NOMB) || defined(M_NO_SECOND)
			LOOK_STORES();
#endif
			gp++;
			t = 0;
			do
			:: t < NS ->
				/* what was read before has its section over, and what that did seen */
				assert(!(did[t] & LOAD) || saw[t] >= gp ||
				       ((did[t] & STORE) && (stores & (1 << t))));
				t++
			:: else -> break
			od;
			t = 0; stores = 0; sd = 0; ok = 0
		}
	od;
#ifdef FREE
#ifdef M_IRQ_SYNC_FIRST
	!queued && !busy;
#endif
#ifndef M_NO_SYNC	/* each region of those that there are */
	!off[0];
#if NS > 1
	!off[1];
#endif
#endif
#if !defined(M_NO_IRQ_SYNC) && !defined(M_IRQ_SYNC_FIRST)
	!queued && !busy;
#endif
	freed = 1;
#endif
}

init {
	byte i;
	atomic {
		run drain();
		do
		:: i < NS -> run task(i); i++
		:: else -> break
		od;
#ifdef IRQ_WORK
		run irq();
#endif
		run wait()
	}
}
