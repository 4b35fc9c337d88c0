/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slot state of one span: who may write which word, and when the span is
 * listed, owned, promised or parked.  Sequentially consistent; order.pml has
 * the barriers.
 *
 * One span of two slots, NC CPUs, OPS operations a CPU.  Each CPU picks freely
 * between: alloc (with refill), legal free, bad free, disown (aging, a flush),
 * and whatever the features below add.
 *
 * Size:      NC OPS WORDS (1: both slots in one word, 2: one word each) NBAD
 * Features:  BAD     up to NBAD double frees, racing or ordered
 *            RCU=1   free_rcu sets limbo, then rfree; the callback clears limbo
 *            RCU=2   the same under a lock that all free_rcu of a span take
 *            KILL    all-free spans are parked, reused, given to the page heap
 *            KEEP    with KILL: or left listed, at the freer's choice
 *            WORKER=1  locked slow alloc, span stays listed during the claim
 *            WORKER=2  the same, span is unlinked and disowned
 *            NMI     a won promise may be listed later, by anyone's irq_work
 *            CPUDEAD one CPU may go away owning the span; another disowns it
 *            WINDOW  who wins the promise with a free may own the span instead
 * Liberties: LOCAL_FREE_FIRST  the owner's plain free reads free, then rfree
 *            RETRY_LAZY        a failed cmpxchg rechecks rfree only
 * M_*:       mutations, each of which must fail; see the README.
 */
#ifndef NC
#define NC 2
#endif
#ifndef OPS
#define OPS 3
#endif
#ifndef NBAD
#define NBAD 1
#endif
#ifndef WORDS
#define WORDS 1
#endif
#ifndef RCU
#define RCU 0
#endif
#ifndef WORKER
#define WORKER 0
#endif

#if WORDS == 1
#define W(i)	0
#define B(i)	(1 << (i))
#define ALLW	3
#else
#define W(i)	(i)
#define B(i)	1
#define ALLW	1
#endif

/* ghost: what a slot really is */
#define FREE	0
#define LIVE	1
#define FREEING	2	/* a legal free has begun */
#define ISSUING	3	/* an alloc has chosen it */

#define WK	(NC + 1)	/* owner: WORKER */

byte fr[WORDS] = ALLW, rf[WORDS], lb[WORDS];	/* free, rfree, limbo */
byte owner, queued = 1, lock;
bit linked = 1, dead;		/* the central's: on partial; parked */
byte deferred;			/* promises that wait for irq_work */
bit orphan;			/* owned by a CPU that is gone */

/* ghost */
byte gs[2], epoch[2];
bit taint[2];			/* a racing double free of this issue was begun */
bit pend[2];			/* an RCU callback is due */
bit cls;			/* class that the memory serves, flips at the page heap */
bit kept = 1;			/* left listed while all free, on purpose */
bit undef;			/* a stale free hit a new owner: anything goes */
bit died;
short dup;			/* double frees that got through, not reported yet */
byte nbad, done, insect;

#define A(x) assert(undef || (x))

#define LOCK()		atomic { lock == 0 -> lock = 1 }
#define UNLOCK()	lock = 0

/* merge or the page heap found duplicates v in word w */
inline report(w, v) {
#if WORDS == 1
	if :: (v) & 1 -> A(taint[0]); dup-- :: else fi;
	if :: (v) & 2 -> A(taint[1]); dup-- :: else fi;
#else
	if :: (v) != 0 -> A(taint[w]); dup-- :: else fi;
#endif
}

/* inside the atomic step that makes the bit visible */
inline commit(i) {
	if
	:: epoch[i] != e0 -> A(bad || nbad > 0); undef = 1
	:: else ->
		A(!(bad && g0 == FREE));	/* ordered double free: refused at the call */
		if :: gs[i] == FREE -> A(taint[i]); dup++ :: else -> gs[i] = FREE fi
	fi
}

/* no false alarm */
inline refused(i) { A(bad || taint[i] || (nbad > 0 && epoch[i] != e0)) }

/* ---- words ---- */

#if RCU
/* what a merge would find, or what has been merged already */
#ifdef M_AVAIL_LITERAL
#define AV(w)	(fr[w] | (rf[w] & ~lb[w]))
#define AVL(w)	(fr[w] | (r & ~l))
#else
#define AV(w)	((fr[w] | rf[w]) & ~lb[w])
#define AVL(w)	((fr[w] | r) & ~l)
#endif
#ifdef M_LIMBO_READ_FIRST
#define RDRL(w)	l = lb[w]; r = rf[w]
#else
#define RDRL(w)	r = rf[w]; l = lb[w]
#endif
#else
#define AV(w)	(fr[w] | rf[w])
#define AVL(w)	(fr[w] | r)
#define RDRL(w)	r = rf[w]
#endif

/* x: any slot available; z: all of them.  Word by word, never at once. */
#define READW(w) \
	RDRL(w); \
	atomic { r = AVL(w); x = x | r; if :: r != ALLW -> z = 0 :: else fi; r = 0; l = 0 }
inline READALL() {
	atomic { x = 0; z = 1 };
	READW(0);
#if WORDS == 2
	READW(1);
#endif
}

/* owner only */
#if RCU
#ifdef M_MERGE_LIMBO_FIRST
#define RDMERGE(w) l = lb[w]; r = rf[w]; atomic { r = r & ~l; l = 0 }
#else
#define RDMERGE(w) r = rf[w]; atomic { r = r & ~lb[w] }
#endif
#else
#define RDMERGE(w) r = rf[w]
#endif
#ifdef M_MERGE_XCHG
#define MERGEW(w) \
	atomic { r = rf[w]; rf[w] = 0 }; \
	atomic { report(w, r & fr[w]); fr[w] = fr[w] | r; r = 0 }
#else
#define MERGEW(w) \
	RDMERGE(w); \
	if :: r != 0 -> atomic { report(w, r & fr[w]); fr[w] = fr[w] | r }; \
		atomic { rf[w] = rf[w] & ~r; r = 0 } \
	:: else fi
#endif
inline MERGE() {
	MERGEW(0);
#if WORDS == 2
	MERGEW(1);
#endif
}

/* what alloc may take from word w, into x; the read of rfree is the last one */
#if defined(M_NOMASK)
#define MASK(w)	x = f
#else
#define MASK(w)	x = f & ~rf[w]
#endif

/* take one slot, i, of word w if there is any: x says whether */
#if WORDS == 1
#define PICK(w)	if :: x & 1 -> i = 0 :: else -> i = 1 fi
#else
#define PICK(w)	i = w
#endif
#define TAKEW(w) \
	f = fr[w]; \
	atomic { MASK(w); \
		if :: x != 0 -> PICK(w); A(gs[i] == FREE); A(!pend[i]); \
			epoch[i]++; taint[i] = 0; gs[i] = ISSUING \
		   :: else -> f = 0 fi }; \
	if :: x != 0 -> atomic { fr[w] = f & ~B(i); f = 0; x = 1 } :: else fi
inline TAKE() {
	TAKEW(0);
#if WORDS == 2
	if :: x == 0 -> TAKEW(1) :: else fi;
#endif
}

/* is there room after a merge?  into x */
#define ROOMW(w) atomic { if :: fr[w] & ~rf[w] -> x = 1 :: else fi }
inline ROOM() {
	x = 0;
	ROOMW(0);
#if WORDS == 2
	ROOMW(1);
#endif
}

/* a double free's callback may still be due when the grace period ends */
#if !RCU || defined(M_GP_NOLIMBO)
#define NOLIMBO	1
#elif WORDS == 1
#define NOLIMBO	(lb[0] == 0)
#else
#define NOLIMBO	(lb[0] == 0 && lb[1] == 0)
#endif

/* ---- the central ---- */

/* lock held: park the span if it is linked and all free */
inline PARK() {
#ifdef M_PARK_UNLINKED
	if :: owner == 0 && !dead ->
#else
	if :: linked ->
#endif
#ifndef M_PARK_NORECHECK
		READALL();
#else
		z = 1;
#endif
		if
		:: z -> atomic {
			x = 0; z = 0;
			A(gs[0] == FREE && gs[1] == FREE);
			A((!pend[0] || taint[0]) && (!pend[1] || taint[1]));
			A(owner == 0); A(!dead);
			linked = 0; dead = 1; kept = 0;
#ifdef M_PARK_UNQUEUED
			queued = 0
#endif
			}
#ifdef KEEP
		:: z -> atomic { kept = 1; x = 0; z = 0 }
#endif
		:: else -> atomic { x = 0; z = 0 }
		fi
	:: else
	fi
}

inline ADD() {
	LOCK();
	atomic { A(!linked); A(owner == 0); A(!dead); linked = 1; kept = 0 };
#if defined(KILL) && !defined(M_ADD_NOPARK)
	PARK();
#endif
	UNLOCK()
}

/* after a bit became available: list the span unless somebody did or will */
inline PROMISE() {
	x = queued;
	if
	:: x == 0 ->
		atomic { x = queued; queued = 1 };
		if
		:: x == 0 -> ADD()
#ifdef NMI
		:: x == 0 -> deferred++
#endif
		:: else
		fi
	:: else
	fi;
	x = 0
}

/* a freer's look whether the span is empty now; a hint, rechecked by PARK */
inline EMPTY() {
#ifdef KILL
	READALL();
	if :: z && owner == 0 -> atomic { x = 0; z = 0 }; LOCK(); PARK(); UNLOCK()
	   :: else -> atomic { x = 0; z = 0 } fi
#else
	skip
#endif
}

inline DISOWN() {
	MERGE();
#ifdef M_QUEUED_FIRST
	queued = 0;
	owner = 0;
#else
	owner = 0;
#ifndef M_POP_UNQUEUED
	queued = 0;
#endif
#endif
#ifdef M_NOREREAD
	x = 0;
#else
	READALL();
#endif
	z = 0;
	if :: x != 0 ->
		atomic { x = queued; queued = 1 };
		if :: x == 0 -> ADD() :: else fi
	   :: else
	fi;
	x = 0
}

/* slow alloc: the central lock is held all the way */
#if WORKER
inline WALLOC() {
	LOCK();
	x = 0;
	if
	:: linked -> atomic { A(owner == 0); A(!dead); owner = WK; kept = 0; x = 1;
#if WORKER == 2
			linked = 0
#endif
		}
#ifdef KILL
	:: dead -> atomic { A(!linked && owner == 0); owner = WK; dead = 0; x = 1;
#if WORKER == 1
			linked = 1
#endif
		}
#endif
	:: else
	fi;
	if :: x -> MERGE(); TAKE();
		took = x;
		ROOM();
#if WORKER == 1
		if
		:: x ->	atomic { owner = 0; x = 0 }	/* still listed, still queued */
		:: else ->
			linked = 0;
			WRELEASE()
		fi
#else
		WRELEASE()
#endif
	   :: else
	fi;
	UNLOCK();
	if :: took -> atomic { gs[i] = LIVE; i = 0; took = 0 } :: else fi
}
/* DISOWN with the central lock held */
inline WRELEASE() {
	MERGE();
	owner = 0;
#ifndef M_W_KEEPQUEUED
	queued = 0;
#endif
#ifdef M_W_NOREREAD
	x = 0;
#else
	READALL();
#endif
	z = 0;
	if :: x != 0 ->
		atomic { x = queued; queued = 1 };
		if :: x == 0 -> atomic { A(!linked && !dead && owner == 0); linked = 1 };
#if defined(KILL) && !defined(M_W_NOPARK)
			PARK()
#endif
		   :: else fi
	   :: else
	fi;
	x = 0
}
#endif

/* ---- the CPUs ---- */

proctype cpu(byte id) {
	byte r, f, x, i, e0, g0, n, c0, l;
	bit mine, bad, rcu, z;
#if WORKER
	bit took;
#endif

	do
	:: n >= OPS || undef -> break
	:: n < OPS && !undef -> n++;
	   if
	   :: /* alloc */
	      insect++;
	      if :: !mine ->
		 LOCK();
		 if
		 :: linked -> atomic { A(owner == 0); A(!dead); linked = 0; kept = 0; owner = id; mine = 1 }
#ifdef M_POP_UNQUEUED
			; queued = 0
#endif
#ifdef KILL
		 :: dead -> atomic { A(!linked && owner == 0); owner = id; mine = 1; dead = 0 }
#endif
		 :: else
		 fi;
		 UNLOCK();
		 if :: mine -> MERGE() :: else fi
		 :: else fi;
	      if :: mine ->
		 TAKE();
		 if :: x != 0 -> atomic { gs[i] = LIVE; x = 0; i = 0 }
		    :: else -> MERGE(); ROOM();
			if :: x -> x = 0 :: else -> mine = 0; DISOWN() fi
		 fi
		 :: else fi;
	      insect--
	   :: mine -> /* aging, or a flush that runs on this CPU */
	      atomic { insect++; mine = 0 }; DISOWN(); insect--
#if WORKER
	   :: insect++; WALLOC(); insect--
#endif
#ifdef NMI
	   :: atomic { deferred > 0 -> deferred--; insect++ }; ADD(); insect--
#endif
#ifdef CPUDEAD
	   :: atomic { mine && !died && done < NC - 1 -> died = 1; orphan = 1; mine = 0; n = OPS; goto out }
	   :: atomic { orphan -> orphan = 0; insect++ }; DISOWN(); insect--
#endif
#ifdef KILL
	   :: atomic { /* grace period over: the page heap has the pages */
		dead && insect == 0 && lock == 0 && NOLIMBO ->
		A(!pend[0] && !pend[1]);
#ifndef M_GP_NOCHECK
		report(0, fr[0] & rf[0]);
#if WORDS == 2
		report(1, fr[1] & rf[1]);
#endif
#endif
		rf[0] = 0; fr[0] = ALLW;
#if WORDS == 2
		rf[1] = 0; fr[1] = ALLW;
#endif
		cls = 1 - cls }
#endif
	   :: /* free */
	      atomic {
		if
		:: gs[0] == LIVE -> i = 0; gs[0] = FREEING; g0 = FREEING; bad = 0
		:: gs[1] == LIVE -> i = 1; gs[1] = FREEING; g0 = FREEING; bad = 0
#ifdef BAD
		:: nbad < NBAD && (gs[0] == FREEING || (gs[0] == FREE && epoch[0] > 0)) ->
			nbad++; i = 0; bad = 1; g0 = gs[0];
			if :: g0 == FREEING -> taint[0] = 1 :: else fi
		:: nbad < NBAD && (gs[1] == FREEING || (gs[1] == FREE && epoch[1] > 0)) ->
			nbad++; i = 1; bad = 1; g0 = gs[1];
			if :: g0 == FREEING -> taint[1] = 1 :: else fi
#endif
		fi;
		e0 = epoch[i]; insect++;
#if RCU
		if :: rcu = 0 :: rcu = 1 fi
#endif
	      }
	      if
	      :: mine && !rcu ->	/* plain: the fast path */
#ifdef LOCAL_FREE_FIRST
		 x = fr[W(i)]; x = x | rf[W(i)];
#else
		 x = rf[W(i)]; x = x | fr[W(i)];
#endif
		 if :: x & B(i) -> refused(i)
		    :: else -> atomic { fr[W(i)] = fr[W(i)] | B(i); commit(i) } fi
	      :: else ->
		 atomic { c0 = cls; x = dead };
		 if :: x -> refused(i); goto fdone :: else fi;
#if RCU == 2
		 if :: rcu -> LOCK() :: else fi;
#endif
retry:
#ifdef M_FREE_FIRST
		 f = fr[W(i)]; r = rf[W(i)];
#else
		 r = rf[W(i)]; f = fr[W(i)];
#endif
#ifdef RETRY_LAZY
retry2:
#endif
		 if :: (r | f) & B(i) -> refused(i);
#if RCU == 2
			if :: rcu -> UNLOCK() :: else fi;
#endif
			goto fdone
		    :: else fi;
#if RCU
		 if :: rcu ->
#ifndef M_RFREE_FIRST
			atomic { l = lb[W(i)] & B(i); lb[W(i)] = lb[W(i)] | B(i) };
#endif
			if :: l != 0 -> l = 0;
#if RCU == 2
				refused(i); UNLOCK(); goto fdone
#elif defined(M_LIMBO_REFUSE)
				refused(i); goto fdone
#else
				goto retry
#endif
			   :: else fi;
rretry:			atomic {
				if :: rf[W(i)] != r -> skip
				   :: else -> rf[W(i)] = r | B(i); commit(i); A(c0 == cls); pend[i] = 1; goto rdone fi };
			r = rf[W(i)]; f = fr[W(i)];
			if :: !((r | f) & B(i)) -> goto rretry :: else fi;
			/* lost to another free: take limbo back, and what it hid is ours to promise */
			refused(i);
			lb[W(i)] = lb[W(i)] & ~B(i);
#if RCU == 2
			UNLOCK();
#endif
			r = 0; f = 0;
#ifndef M_UNDO_NOPROMISE
			PROMISE();
#ifndef M_UNDO_NOPARK
			EMPTY();
#endif
#endif
			goto fdone;
rdone:
#ifdef M_RFREE_FIRST
			lb[W(i)] = lb[W(i)] | B(i);
#endif
#if RCU == 2
			UNLOCK();
#endif
			goto fdone
		    :: else fi;
#endif
#ifdef RETRY_LAZY
		 atomic { if :: rf[W(i)] != r -> r = rf[W(i)]; goto retry2
#else
		 atomic { if :: rf[W(i)] != r -> goto retry
#endif
			     :: else -> rf[W(i)] = r | B(i); commit(i); A(c0 == cls); r = 0; f = 0; l = 0 fi };
#ifdef WINDOW
#ifdef M_WINDOW_UNPROMISED
		 x = owner;
		 if
		 :: x == 0 && !mine -> atomic { owner = id; mine = 1; x = 0 }; goto fdone
		 :: x = 0
		 fi;
#else
		 if
		 :: !mine ->	/* for plain frees from here on, and allocs: queued stays 1 */
			atomic { x = queued; queued = 1 };
			if
			:: x == 0 -> atomic { A(owner == 0); A(!linked); A(!dead); owner = id; mine = 1; kept = 0 };
				x = 0; goto fdone
			:: else -> x = 0
			fi
		 :: skip
		 fi;
#endif
#endif
		 PROMISE();
		 EMPTY()
	      fi;
fdone:	      atomic { x = 0; r = 0; f = 0; c0 = 0; l = 0; rcu = 0; i = 0; bad = 0; e0 = 0; g0 = 0; insect-- }
#if RCU
	   :: /* a callback, on any CPU */
	      atomic { if :: pend[0] -> i = 0 :: pend[1] -> i = 1 fi; pend[i] = 0; insect++ }
	      lb[W(i)] = lb[W(i)] & ~B(i);
#ifndef M_CB_NOPROMISE
	      PROMISE();
#endif
#ifndef M_CB_NOPARK
	      EMPTY();
#endif
	      atomic { x = 0; i = 0; insect-- }
#endif
	   :: skip
	   fi
	od;
#ifdef NMI
	do :: atomic { deferred > 0 -> deferred--; insect++ }; ADD(); insect-- :: else -> break od;
#endif
#ifdef CPUDEAD
	if :: atomic { orphan -> orphan = 0; insect++ }; DISOWN(); insect-- :: else fi;
out:
#endif
	atomic {
		done++;
		if :: done == NC && !undef -> /* at rest */
			assert(!linked || owner == 0);
			/* nothing strands: a span with a slot to give is listed, owned or parked */
			x = AV(0);
#if WORDS == 2
			x = x | AV(1);
#endif
			assert(!(owner == 0 && !dead && x != 0) || linked);
			assert(!(owner == 0 && !dead && !linked) || queued == 0);
			assert(!dead || (!linked && owner == 0));
			/* no popper goes round: if it finds no room, it does not list the span again */
			z = 0;
#if RCU
			if :: (fr[0] & ~(rf[0] & lb[0])) | (rf[0] & ~lb[0]) -> z = 1 :: else fi;
#if WORDS == 2
			if :: (fr[1] & ~(rf[1] & lb[1])) | (rf[1] & ~lb[1]) -> z = 1 :: else fi;
#endif
			assert(!linked || z || x == 0);
#endif
#if defined(KILL)
			/* no empty span stays listed unless kept on purpose */
			z = (AV(0) == ALLW);
#if WORDS == 2
			z = z && (AV(1) == ALLW);
#endif
			assert(!(linked && z && !kept));
#endif
			/* no slot lost, none free that is not */
			for (i : 0 .. 1) {
				assert((gs[i] == FREE) == (((fr[W(i)] | rf[W(i)] | lb[W(i)]) & B(i)) != 0));
#if RCU
				assert(((lb[W(i)] & B(i)) != 0) == pend[i]);
#endif
			};
			report(0, fr[0] & rf[0]);
#if WORDS == 2
			report(1, fr[1] & rf[1]);
#endif
			assert(dup == 0)
		   :: else
		fi
	}
}

init { atomic { byte k = 1; do :: k <= NC -> run cpu(k); k++ :: else -> break od } }
