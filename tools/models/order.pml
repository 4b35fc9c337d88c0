/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The barriers of the slot protocol, each as a litmus test.  The owner's plain
 * stores wait in a buffer and reach memory in any order, but for what a barrier
 * or a release forbids; other CPUs' loads run in any order, but for acquire and
 * barriers.  A successful cmpxchg, xchg and fetch_or are full barriers, andnot
 * is none by itself.
 *
 * TEST=1  disown (stores, barrier, loads) against a remote free (bit, then queued)
 * TEST=2  merge (free, barrier, rfree) against the check of a second free
 * TEST=3  free_rcu (limbo, then rfree) against merge's reads
 * TEST=4  disown against the callback (limbo, then queued)
 * TEST=5  the free word through disown, promise, list and pop
 * TEST=6  two last frees, a word each: one of them must see the span empty
 * TEST=7  the scanner (queued, barrier, marks) against a shade (mark, queued)
 * TEST=8  what is queued (list, count) against the collector's look (count, list)
 * TEST=9  a load, and then the phase, against what was published after marking began
 */
#ifndef TEST
#define TEST 1
#endif

byte fr, rf, lb, owner = 1, queued = 1;
byte rf2;
bit linked, lock;
/* the owner's buffer: a store of the value waits */
bit wfr, wown, wq;
byte vfr;
byte done, seen;

proctype drain() { /* memory takes the stores, in any order */
end:	do
	:: atomic { wfr -> fr = vfr; wfr = 0 }
	:: atomic { wown -> owner = 0; wown = 0 }
#ifdef M_QUEUED_ONCE	/* WRITE_ONCE instead of a release */
	:: atomic { wq -> queued = 0; wq = 0 }
#else
	:: atomic { wq && !wfr && !wown -> queued = 0; wq = 0 }
#endif
	od
}
#define MB()	(!wfr && !wown && !wq)	/* waits for the buffer */
#define PROMISE() \
	if :: x == 0 -> atomic { x = queued; queued = 1 }; \
		if :: x == 0 -> linked = 1 :: else fi \
	   :: else fi

proctype disown() {
	byte x, y;
#if TEST == 5
	atomic { vfr = 2; wfr = 1 };	/* slot 0 is issued, slot 1 free */
#endif
	wown = 1;
	wq = 1;
#ifndef M_DISOWN_NOMB
	MB();
#endif
#if TEST == 4
	y = rf; x = y & ~lb;
#else
	x = rf;
#endif
	if :: x != 0 ->
		/* xchg is a full barrier */
		MB(); x = 0; PROMISE()
	   :: else -> MB() fi;
	done++
}

proctype freer() {
	byte x;
#if TEST == 4	/* the callback of a slot with limbo and rfree set */
#ifdef M_CB_NOMB
	if :: lb = 0; x = queued :: x = queued; lb = 0 fi;
#else
	lb = 0; x = queued;
#endif
#else
	rf = rf | 1;	/* cmpxchg: nothing passes it */
	x = queued;
#endif
	PROMISE();
	done++
}

#if TEST == 2
proctype merge() {
	atomic { vfr = fr | rf; wfr = 1 };
#ifndef M_MERGE_NOMB
	MB();
#endif
	rf = 0;		/* atomic andnot, not a barrier */
	MB();
	done++
}
proctype second() {
	byte x;
#ifdef M_FREE_NOACQ
	if :: x = rf; x = x | fr :: x = fr; x = x | rf fi;
#else
	x = rf; x = x | fr;
#endif
	assert(x != 0);	/* an ordered double free is refused */
	done++
}
#endif

#if TEST == 3
proctype freercu() { lb = 1; rf = 1; done++ }
proctype merge() {
	byte r, l;
#ifdef M_MERGE_NOACQ
	if :: r = rf; l = lb :: l = lb; r = rf fi;
#else
	r = rf; l = lb;
#endif
	assert((r & ~l) == 0);	/* the callback has not run */
	done++
}
#endif

#if TEST == 5
proctype popper() {
	byte x;
	atomic { linked -> linked = 0 };	/* central lock */
	x = fr;
	assert(!(x & 1));	/* slot 0 belongs to somebody */
	done++
}
#endif

#if TEST == 7 /* a span off the list; its shader is freer() */
proctype scanner() {
	byte x;
	wq = 1;
#ifndef M_SCAN_NOMB
	MB();
#endif
	x = rf;
	seen = x;
	MB();
	done++
}
#endif

#if TEST == 8 /* fr: on the list, queued == 0: counted */
proctype queue() {
	atomic { vfr = 1; wfr = 1 };
	wq = 1;		/* smp_wmb() before it */
	done++
}
proctype look() {
	byte x, y;
#ifdef M_COUNT_NORMB
	if :: y = queued; x = fr :: x = fr; y = queued fi;
#else
	y = queued; x = fr;
#endif
	assert(y == 1 || x == 1);	/* what is counted is found */
	done++
}
#endif

#if TEST == 9 /* rf: the phase is MARK, rf2: a black object is there */
proctype publish() { rf = 1; rf2 = 1; done++ }
proctype load() {
	byte x, y;
#ifdef M_LOAD_NOACQ
	if :: x = rf2; y = rf :: y = rf; x = rf2 fi;
#else
	x = rf2; y = rf;
#endif
	assert(x == 0 || y == 1);	/* no plain store into it */
	done++
}
#endif

#if TEST == 6
proctype last(byte me) {
	byte x;
#ifdef M_EMPTY_NOMB	/* as if the flip were no barrier: the load may go first */
	if
	:: me == 0 -> x = rf2; rf = 1
	:: me == 0 -> rf = 1; x = rf2
	:: me == 1 -> x = rf; rf2 = 1
	:: me == 1 -> rf2 = 1; x = rf
	fi;
#else
	if
	:: me == 0 -> rf = 1; x = rf2
	:: me == 1 -> rf2 = 1; x = rf
	fi;
#endif
	atomic { seen = seen + x; done++; assert(done < 2 || seen > 0) }
}
#endif

init {
	atomic {
		run drain();
#if TEST == 1
		run disown(); run freer();
#elif TEST == 2
		rf = 1; run merge(); run second();
#elif TEST == 3
		run freercu(); run merge();
#elif TEST == 4
		rf = 1; lb = 1; run disown(); run freer();
#elif TEST == 5
		fr = 3; run disown(); run freer(); run popper();
#elif TEST == 7
		run scanner(); run freer();
#elif TEST == 8
		run queue(); run look();
#elif TEST == 9
		run publish(); run load();
#else
		run last(0); run last(1);
#endif
	};
	atomic { done == 2 + (TEST == 5) -> skip;
#if TEST == 1 || TEST == 4
		assert(linked)	/* the last free is not lost */
#elif TEST == 7
		assert(linked || seen)	/* nor the mark */
#endif
	}
}
