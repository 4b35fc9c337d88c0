/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The collector of a managed heap: one cycle or two against mutators in sections.
 * Sequentially consistent, but for EARLY.
 *
 * N objects of one pointer each, in spans, NR roots, two mutators, each with a CPU of
 * its own and two pointers (P, and Q, which was P before) that are good until its
 * section ends.  In a section a mutator picks freely between OPS0 or OPS1 operations:
 * load from a root or an object, store one of its pointers or NIL to either, and what
 * the features add.  The last of the spans, which are NS, has all slots that remain.
 *
 * Size:      N NS NR OPS0 OPS1 NCYC (cycles)
 * Initially: root 0 holds object CHAIN - 1, and each the one before it; root 1 holds
 *            object SECOND, likewise down to CHAIN
 * Features:  ALLOC    allocate from a window, claim spans (sweeping or blackening)
 *            OWNED=c  mutator c - 1 owns the last span at first
 *            GROW     the last span is yet to be made
 *            WEAK     a weak reference, to object CHAIN - 1
 *            ASSIST   who is in a section scans a span while the heap marks
 *            HELPER   a thread scans, too, out of any section
 *            HANDLE   one handle: create, read, put
 *            FINAL    a finalizer is set on an object
 *            REMOVE   mutator 0 removes the last root and frees its memory; to others
 *                     that root is unknown
 *            NO_REMOVE_SHADE  and does not shade what it points to
 *            COLLECT  ask for a cycle and wait for it; without, there is one anyway
 *            EARLY    a load whose store's look at the phase comes before it
 *            EXACT    a plain store that comes too late shades what it replaces, by magic
 *            MOVE_LOCKED  spans go from list to list under a lock that has_gray() takes
 *            READ_APART  a claim reads 1: the generation and then the phase, 2: the reverse
 *            LAX      marks that are left at step 0 do not matter
 *            ASSISTER=c  mutator c - 1 does nothing but assist
 * M_*:       mutations, each of which must fail; see the README.
 */
#ifndef N
#define N 3
#endif
#ifndef NS
#define NS N
#endif
#ifndef NR
#define NR 1
#endif
#ifndef OPS0
#define OPS0 2
#endif
#ifndef OPS1
#define OPS1 2
#endif
#ifndef NCYC
#define NCYC 1
#endif
#ifndef CHAIN
#define CHAIN 2
#endif
#ifndef READ_APART
#define READ_APART 0
#endif
#ifndef ASSISTER
#define ASSISTER 0
#endif

#define NIL	N
#define BIT(o)	(1 << (o))
#define ALL	(BIT(N) - 1)
#define SPAN(o)	((o) < NS - 1 -> (o) : NS - 1)
#define SLOTS(s) ((s) < NS - 1 -> BIT(s) : ALL & ~(BIT(NS - 1) - 1))
#define ROOT(k)	(N + (k))
#define H	ROOT(NR)	/* the handle */

#define OFF	0
#define MARK	1
#define DRAIN	2

/* the heap's word: written in one step */
byte ph;
bit gen;
bit g1;			/* the first grace period is over */

byte cell[N + NR + 1] = NIL;	/* objects, roots, the handle */
byte fr, mk, sc;		/* slots: free, marked, scanned */
byte own[NS];			/* a mutator + 1, or nobody */
bit sg[NS];			/* the generation it was swept for */
bit born = 1;			/* the last span exists */
bit clock;			/* the central's, as far as that needs it */
bit un[NS];			/* listed as unswept */
byte qd;			/* spans: queued */
byte lst, hlst;			/* on CPUs' lists, on the heap's */
bit dirty;			/* counted since the count was read */

bit in[2], gpw[2];		/* sections; those that a grace period waits for */
bit pd[2];			/* preemption is off, as far as a visit minds */
byte P[2] = NIL, Q[2] = NIL;

byte weak = NIL;
bit wlock, wfinal;
byte fin = NIL, final;		/* has a finalizer; whose finalizers are due */
bit rlock, listed = 1, there = 1; /* the last root: mutex, registered, memory is there */
bit handed;		/* the handle is known to others */
bit asked, ended;
byte busy;

hidden byte R, z, y;

/* R: what is reachable from roots, held, or needed by finalizers */
inline reach() {
	R = final;
	z = 0;
	do
	:: z <= NR ->
		if
		:: z < NR - 1 || z == NR || listed -> R = R | BIT(cell[ROOT(z)])
		:: else
		fi;
		z++
	:: else -> break
	od;
	z = 0;
	do
	:: z < 2 ->
		if :: in[z] -> R = R | BIT(P[z]) | BIT(Q[z]) :: else fi;
		z++
	:: else -> break
	od;
	if :: fin != NIL -> R = R | BIT(cell[fin]) :: else fi;
	y = 0;
	do
	:: y < N ->
		z = 0;
		do
		:: z < N -> if :: R & BIT(z) -> R = R | BIT(cell[z]) :: else fi; z++
		:: else -> break
		od;
		y++
	:: else -> break
	od;
	R = R & ALL
}

/* the owner sweeps span s; one step */
inline sweep(s) {
	reach();
	z = 0;
	do
	:: z < N ->
		if
		:: (SLOTS(s) & ~mk & ~fr) & BIT(z) ->
			if
			:: z == fin -> fin = NIL; final = final | BIT(z)
			:: else ->
				assert(!(R & BIT(z)));	/* reclaimed, and reachable or held */
				assert(weak != z);
				fr = fr | BIT(z);
				cell[z] = NIL
			fi
		:: else
		fi;
		z++
	:: else -> break
	od;
	mk = mk & ~SLOTS(s);
	sc = sc & ~SLOTS(s);
	sg[s] = gen;
	un[s] = 0
}

#ifdef M_BOUNDED
#define ROOM	(lst == 0)
#else
#define ROOM	1
#endif

#define QBIT	BIT(SPAN(x))

/* the span of x: on a list, and then it counts; also for who finds it on its way there */
inline queue() {
#ifdef M_COUNT_FIRST
	dirty = 1;
#endif
	if
	:: d_step { !(qd & QBIT) && ROOM -> qd = qd | QBIT }; lst = lst | QBIT
	:: d_step { (qd & QBIT) || !ROOM ->
#ifdef M_COUNT_QUEUED
		x = NIL
#else
		skip
#endif
		}
	fi;
#ifdef M_COUNT_FIRST
	x = NIL
#else
	d_step { if :: x != NIL -> dirty = 1 :: else fi; x = NIL }
#endif
}

/* marked, and then queued; x is NIL after it */
inline shade(x) {
	if
	:: d_step { x != NIL && !((mk | fr) & BIT(x)) -> mk = mk | BIT(x) };
		queue()
	:: d_step { x == NIL || ((mk | fr) & BIT(x)) -> x = NIL }
	fi
}

#ifdef M_NO_SHADE_NEW
#define NEW(v)	NIL
#else
#define NEW(v)	v
#endif
#ifdef M_NO_SHADE_OLD
#define OLD(v)	NIL
#else
#define OLD(v)	v
#endif

#ifdef EXACT
#define PLAIN(s, v) d_step { \
		if \
		:: ph == MARK && cell[s] != NIL && !(mk & BIT(cell[s])) -> mk = mk | BIT(cell[s]); \
			qd = qd | BIT(SPAN(cell[s])); lst = lst | BIT(SPAN(cell[s])); dirty = 1 \
		:: else \
		fi; \
		cell[s] = v }
#else
#define PLAIN(s, v) cell[s] = v
#endif

inline barrier(s, v) {
	x = NEW(v);
	shade(x);
#ifdef M_NO_XCHG
	x = OLD(cell[s]);
	cell[s] = v;
#else
	d_step { x = OLD(cell[s]); cell[s] = v };
#endif
	shade(x)
}
/* the look at the phase may be stale by the time of the store */
inline assign(s, v) {
	if
	:: ph == MARK -> barrier(s, v)
	:: ph != MARK -> PLAIN(s, v)
	fi;
	d_step { s = 0; v = 0 }
}

#define USE(p)	assert(!(fr & BIT(p)))	/* an object that the section holds */
#define MINE(k)	((k) < NR - 1 || listed && (NR == 1 || i == 0))
#ifdef REMOVE
#define MAY(k)	MINE(k)
#else
#define MAY(k)	1
#endif

#define CANTAKE(s) (own[s] == 0 && ((s) < NS - 1 || born) && \
		    ((fr & SLOTS(s)) || ph == OFF && un[s]))
#define WINDOW	((own[0] == i + 1 -> SLOTS(0) : 0) | \
		 (NS > 1 && own[1 % NS] == i + 1 -> SLOTS(1 % NS) : 0) | \
		 (NS > 2 && own[2 % NS] == i + 1 -> SLOTS(2 % NS) : 0))

/* the free slots of span o become black; from phase p, g: whether it is after G1 */
inline blacken(o) {
#ifdef M_NO_BLACKEN_CLAIM
	skip
#else
	if
	:: lg -> d_step {
			sc = sc | (fr & SLOTS(o) & ~mk); mk = mk | (fr & SLOTS(o)) }
	:: else ->
		if
		:: d_step { fr & SLOTS(o) & ~mk -> mk = mk | (fr & SLOTS(o)) };
			x = o; queue()
		:: d_step { !(fr & SLOTS(o) & ~mk) -> lg = 0 }
		fi
	fi
#endif
}

#if READ_APART == 1
#define SEEN	v
#else
#define SEEN	gen
#endif

/* an owner's look at what it claimed */
inline claimed(o) {
#if READ_APART == 1
	v = gen;
#endif
	if
#if READ_APART == 2
	:: ph == OFF -> d_step { if :: sg[o] != gen -> sweep(o) :: else un[o] = 0 fi }
#else
	:: d_step { ph == OFF -> if :: sg[o] != SEEN -> sweep(o) :: else un[o] = 0 fi }
#endif
	:: d_step { ph != OFF -> lg = g1 || ph == DRAIN };
		blacken(o)
	fi
}

#ifdef M_BLACK_SCANNED
#define VISIT_BLACK	sc = sc | b; mk = mk | b
#else
#define VISIT_BLACK	mk = mk | b; qd = qd | BIT(j); lst = lst | BIT(j)
#endif

/* scan span o, which is off the lists */
inline scan(o) {
#ifdef M_UNQUEUE_LATE
	d_step { m = mk & ~sc & SLOTS(o); sc = sc | m; m = m & ~fr };
	qd = qd & ~BIT(o);
#else
	d_step { qd = qd & ~BIT(o); m = mk & ~sc & SLOTS(o); sc = sc | m; m = m & ~fr };
#endif
	do
	:: d_step { m != 0 -> x = 0;
			do :: !(m & BIT(x)) -> x++ :: else -> break od;
			m = m & ~BIT(x); x = cell[x] };
		shade(x)
	:: d_step { m == 0 -> o = 0 }; break
	od
}

/* some span that is on a list comes off it */
inline take(o) {
	if
	:: d_step { (lst | hlst) & 1 -> o = 0; lst = lst & ~BIT(o); hlst = hlst & ~BIT(o) }
	:: d_step { (lst | hlst) & 2 -> o = 1; lst = lst & ~BIT(o); hlst = hlst & ~BIT(o) }
	:: d_step { (lst | hlst) & 4 -> o = 2; lst = lst & ~BIT(o); hlst = hlst & ~BIT(o) }
	fi
}
#define GRAY	(lst | hlst)

/* off the heap's list alone; o is NS if there is none */
inline take_one() {
	if
	:: d_step { hlst & 1 -> o = 0; hlst = hlst & ~BIT(o) }
	:: d_step { hlst & 2 -> o = 1; hlst = hlst & ~BIT(o) }
	:: d_step { hlst & 4 -> o = 2; hlst = hlst & ~BIT(o) }
	:: d_step { hlst == 0 -> o = NS }
	fi
}

/* what CPUs have queued goes to the heap's list first, if there is nothing */
inline gather() {
	if
	:: hlst != 0
#ifdef MOVE_LOCKED
	:: d_step { hlst == 0 -> hlst = lst; lst = 0 }
#else
	:: d_step { hlst == 0 -> s = lst; lst = 0 };
		hlst = hlst | s
#endif
	fi;
	take_one()
}

proctype mutator(byte i; byte n) {
	byte x = NIL, o, s, v, m;
	bit lg;
#ifdef EARLY
	byte lp;
#endif
#ifdef M_INIT_PLAIN
	byte fresh = NIL;
#endif

	do
	:: n > 0 && !in[i] -> in[i] = 1
	:: d_step { in[i] -> in[i] = 0; gpw[i] = 0; P[i] = NIL; Q[i] = NIL
#ifdef M_INIT_PLAIN
		; fresh = NIL
#endif
		}
	:: n == 0 && !in[i] -> break
	:: n > 0 && in[i] && i + 1 != ASSISTER -> n--;
		if
		:: atomic { s = N; do :: s < ROOT(NR - 1) && MAY(s + 1 - N) -> s++ :: break od;
			MAY(s - N) }; d_step { Q[i] = P[i]; P[i] = cell[s]; s = 0 }
		:: d_step { P[i] != NIL -> USE(P[i]); Q[i] = P[i]; P[i] = cell[P[i]] }
		:: atomic { s = N; do :: s < ROOT(NR - 1) && MAY(s + 1 - N) -> s++ :: break od;
			MAY(s - N); if :: v = NIL :: P[i] != NIL -> v = P[i] fi };
#ifdef M_RANGE_PLAIN
			d_step { cell[s] = v; s = 0; v = 0 }
#else
			assign(s, v)
#endif
		:: atomic { P[i] != NIL -> USE(P[i]); s = P[i];
			if :: v = NIL :: Q[i] != NIL -> v = Q[i] fi };
#ifdef M_INIT_PLAIN
			if
			:: s == fresh -> d_step { cell[s] = v; s = 0; v = 0 }
			:: else -> assign(s, v)
			fi
#else
			assign(s, v)
#endif
		:: atomic { P[i] != NIL && Q[i] != NIL && P[i] != Q[i] ->
			USE(Q[i]); s = Q[i]; v = P[i] }; assign(s, v)
#ifdef EARLY
		:: P[i] != NIL -> lp = ph;
			d_step { s = cell[N]; v = P[i]; Q[i] = P[i]; P[i] = s };
			if
			:: s != NIL && lp == MARK -> barrier(s, v)
			:: s != NIL && lp != MARK -> cell[s] = v
			:: s == NIL
			fi;
			d_step { lp = 0; s = 0; v = 0 }
#endif
#ifdef ALLOC
		:: d_step { fr & WINDOW -> o = 0;
			do :: !(fr & WINDOW & BIT(o)) -> o++ :: else -> break od;
			fr = fr & ~BIT(o);
#ifdef M_INIT_PLAIN
			fresh = o;
#endif
			Q[i] = P[i]; P[i] = o; o = 0 }
#endif
#ifdef WEAK
		:: d_step { !wlock && (weak == NIL || ph != MARK) -> Q[i] = P[i]; P[i] = weak }
#ifdef M_WEAK_ONE_STEP
		:: d_step { !wlock && weak != NIL && ph == MARK -> wlock = 1; x = weak };
#else
		:: d_step { !wlock && weak != NIL && ph == MARK && wfinal -> Q[i] = P[i];
			P[i] = (mk & BIT(weak) -> weak : NIL) }
		:: d_step { !wlock && weak != NIL && ph == MARK && !wfinal -> wlock = 1; x = weak };
#endif
			shade(x);
			d_step { Q[i] = P[i]; P[i] = weak; wlock = 0 }
#endif
#ifdef HANDLE
		:: d_step { P[i] != NIL && cell[H] == NIL -> cell[H] = P[i]; v = P[i] };
#ifdef M_HANDLE_PLAIN
			d_step { v = 0; handed = 1 }
#else
			if :: d_step { ph == MARK -> x = v }; shade(x) :: ph != MARK fi;
			d_step { v = 0; handed = 1 }
#endif
		:: d_step { handed -> handed = 0; v = cell[H]; cell[H] = NIL };
			if :: d_step { ph == MARK -> x = v }; shade(x) :: ph != MARK fi; v = 0
		:: d_step { handed -> Q[i] = P[i]; P[i] = cell[H] }
#endif
#ifdef FINAL
		:: d_step { P[i] != NIL && fin == NIL && !(final & BIT(P[i])) -> fin = P[i]; v = fin };
#ifdef M_FINAL_UNSHADED
			v = 0
#else
			if :: d_step { ph == MARK -> x = v }; shade(x) :: ph != MARK fi; v = 0
#endif
#endif
		fi
#ifdef ASSIST
	:: n > 0 && in[i] && g1 && ph == MARK && (ASSISTER == 0 || i + 1 == ASSISTER) -> n--;
#ifdef M_ASSIST_OUTSIDE
		d_step { in[i] = 0; gpw[i] = 0; P[i] = NIL; Q[i] = NIL };
#endif
		gather();
#ifndef M_ASSIST_UNCOUNTED
		/* it had something gray in hand, whoever has it now, and found marked or not */
		if
		:: o < NS -> scan(o); dirty = 1; s = 0
		:: o == NS && s != 0 -> d_step { o = 0; s = 0; dirty = 1 }
		:: o == NS && s == 0 -> o = 0
		fi
#else
		s = 0;
		if :: o < NS -> scan(o) :: o == NS -> o = 0 fi
#endif
#endif
#ifdef ALLOC
	/* a refill: preemption is off from the claim to the look at the phase */
	:: n > 0 && in[i] && !(fr & WINDOW) && i + 1 != ASSISTER ->
		if
#ifdef M_READ_FIRST
		:: pd[i] = 1; s = ph;
			if
			:: d_step { CANTAKE(0) -> own[0] = i + 1; o = 0 }
			:: d_step { NS > 1 && CANTAKE(1 % NS) -> own[1 % NS] = i + 1; o = 1 }
			:: d_step { NS > 2 && CANTAKE(2 % NS) -> own[2 % NS] = i + 1; o = 2 }
			:: o = NS
			fi;
			if
			:: o == NS
			:: o < NS && s == OFF ->
				d_step { if :: sg[o] != gen -> sweep(o) :: else un[o] = 0 fi }
			:: o < NS && s != OFF -> lg = 1; blacken(o)
			fi;
			s = 0
#else
		:: d_step { CANTAKE(0) -> own[0] = i + 1; pd[i] = 1; o = 0 }; claimed(o)
		:: d_step { NS > 1 && CANTAKE(1 % NS) -> own[1 % NS] = i + 1; pd[i] = 1; o = 1 };
			claimed(o)
		:: d_step { NS > 2 && CANTAKE(2 % NS) -> own[2 % NS] = i + 1; pd[i] = 1; o = 2 };
			claimed(o)
		:: !CANTAKE(0) && !(NS > 1 && CANTAKE(1 % NS)) && !(NS > 2 && CANTAKE(2 % NS)) -> goto none
#endif
		fi;
		d_step { pd[i] = 0; lg = 0; x = NIL; o = 0; v = 0 }
none:		skip
#endif
#ifdef GROW
	/* under the central's lock, and owned by nobody */
	:: d_step { n > 0 && in[i] && !born && !clock -> clock = 1; o = gen; lg = (ph == DRAIN) };
#ifdef M_BORN_SWEPT
		lg = 0;
#endif
		d_step { sg[NS - 1] = (lg -> 1 - o : o); born = 1; clock = 0; lg = 0; o = 0 }
#endif
#ifdef REMOVE
	:: i == 0 && !in[i] && listed && n > 0 -> n--;
#ifdef M_REMOVE_SHADE_LATE
		d_step { !rlock -> rlock = 1; listed = 0 };
		rlock = 0;
#endif
#ifndef NO_REMOVE_SHADE
		in[i] = 1;
		if :: d_step { ph == MARK -> x = cell[ROOT(NR - 1)] }; shade(x) :: ph != MARK fi;
		d_step { in[i] = 0; gpw[i] = 0 };
#endif
#ifdef M_REMOVE_UNLOCKED
		listed = 0;
#else
		d_step { !rlock -> rlock = 1; listed = 0 };
		rlock = 0;
#endif
		d_step { there = 0; cell[ROOT(NR - 1)] = NIL }
#endif
#ifdef COLLECT
	:: d_step { n > 0 && !in[i] -> n--; asked = 1 };
		ended
	:: n > 0 && in[i] -> n--;	/* refused, with a warning */
#ifdef M_WAIT_INSIDE
		asked = 1;
		ended
#endif
#endif
	od
}

#ifdef HELPER
proctype helper() {
	byte x = NIL, o, s, m;

end:	do
	:: d_step { g1 && ph == MARK && GRAY != 0 -> busy++ };
		do
		:: gather();
			s = 0;
			if :: o < NS -> scan(o) :: o == NS -> o = 0; break fi
		od;
		busy--
	od
}
#endif

#ifdef LAX
#define STEP0	skip
#else
#define STEP0	assert(mk == 0 && sc == 0 && qd == 0)
#endif

/* as the thread finds it out, step by step; not so under a lock */
#ifdef MOVE_LOCKED
#define IF_NO_GRAY(then) if :: GRAY == 0 -> then :: else fi
#else
#define IF_NO_GRAY(then) if :: hlst == 0 -> if :: lst == 0 -> then :: else fi :: else fi
#endif
#ifdef M_NO_BUSY
#define IDLE	1
#else
#define IDLE	(busy == 0)
#endif

inline grace() {
	d_step { gpw[0] = in[0]; gpw[1] = in[1] };
	gpw[0] == 0 && gpw[1] == 0
}

proctype collector() {
	byte x = NIL, o, k, j, m, b, c;

end:	do
	:: c < NCYC ->
#ifdef COLLECT
end1:		asked;
#endif
		/* 1 */
		d_step {
			c++;
			STEP0;
			ph = MARK
		};
		/* 2: each CPU is visited */
#ifndef M_NO_VISIT
		k = 0;
		do
		:: k < 2 ->
			d_step {
				pd[k] == 0 -> j = 0;
				do
				:: j < NS ->
					b = fr & SLOTS(j) & ~mk;
					if
					:: own[j] == k + 1 && b -> VISIT_BLACK
					:: else
					fi;
					j++
				:: else -> break
				od;
				j = 0; b = 0; k++
			}
		:: else -> break
		od;
		k = 0;
#endif
		/* 3 */
#ifndef M_NO_G1
		grace();
#endif
		g1 = 1;
		/* 4 */
		do
		:: k < NR - 1 || k == NR -> d_step { x = cell[ROOT(k)]; k++ }; shade(x)
#ifdef REMOVE
		:: k == NR - 1 ->
			d_step { !rlock -> rlock = 1 };
			if
			:: listed -> d_step { assert(there); x = cell[ROOT(k)] }; shade(x)
			:: else
			fi;
			d_step { rlock = 0; k++ }
#else
		:: k == NR - 1 -> d_step { x = cell[ROOT(k)]; k++ }; shade(x)
#endif
		:: k > NR -> break
		od;
		k = 0;
#ifdef FINAL
		o = 0;
		if
		:: d_step { fin != NIL -> o = fin }; d_step { x = cell[o]; o = 0 }; shade(x)
		:: fin == NIL
		fi;
#endif
again:		do
		:: GRAY != 0 ->
			if
			:: take(o); scan(o)
			:: GRAY == 0	/* somebody else has it */
			fi
#if defined(ASSIST) || defined(HELPER)
		:: hlst == 0 ->
			IF_NO_GRAY(
				if
				:: IDLE -> dirty = 0; IF_NO_GRAY(if :: IDLE -> break :: else fi)
				:: else
				fi)
#else
		:: d_step { GRAY == 0 -> dirty = 0 }; break
#endif
		od;
		/* 5 */
#ifndef M_NO_REPEAT
		grace();
#ifdef M_EMPTY_QUEUE
		if :: GRAY -> goto again :: else fi;
#else
		if :: dirty -> goto again :: !dirty fi;
#endif
#endif
		/* 6 */
		if
#if defined(M_WEAK_NO_CHECK) || defined(M_EMPTY_QUEUE) || defined(M_NO_REPEAT)
		:: d_step { !wlock -> wfinal = 1 }
#else
		:: d_step { !wlock && dirty -> skip }; goto again
		:: d_step { !wlock && !dirty -> wfinal = 1 }
#endif
		fi;
		d_step { !wlock ->
			if :: weak != NIL && !(mk & BIT(weak)) -> weak = NIL :: else fi };
		IDLE;
#ifdef M_TWO_STORES
		ph = OFF;
		d_step { ph = DRAIN; gen = 1 - gen };
#else
		d_step { ph = DRAIN; gen = 1 - gen };
#endif
		/* 7 */
#ifndef M_NO_STEP7
		grace();
#endif
		/* 8 */
		d_step { wfinal = 0; g1 = 0; dirty = 0 };
		ph = OFF;
		d_step {
			!clock -> j = 0;
			do :: j < NS -> un[j] = (j < NS - 1 || born); j++ :: else -> break od;
			j = 0
		};
		do
		:: d_step { j < NS && !un[j] -> j++ }
		:: d_step { j < NS && un[j] && (own[j] == 0 || pd[own[j] - 1] == 0) ->
			own[j] = 0;
			if :: sg[j] != gen -> sweep(j) :: else un[j] = 0 fi;
			j++ }
		:: j == NS -> break
		od;
		j = 0;
		d_step { STEP0; ended = 1 }
	:: else -> break
	od
}

init {
	d_step {
		R = 0;
		do
		:: R < CHAIN -> cell[R] = (R > 0 -> R - 1 : NIL); R++
		:: else -> break
		od;
		do :: R < N -> fr = fr | BIT(R); R++ :: else -> break od;
		cell[N] = (CHAIN > 0 -> CHAIN - 1 : NIL);
		R = 0;
#ifdef SECOND
		R = SECOND;
		cell[ROOT(1)] = SECOND;
		do
		:: R > CHAIN -> cell[R] = R - 1; fr = fr & ~BIT(R); R--
		:: else -> fr = fr & ~BIT(R); break
		od;
		R = 0;
#endif
#ifdef WEAK
		weak = CHAIN - 1;
#endif
#ifdef GROW
		born = 0;
#endif
#ifdef OWNED
		own[NS - 1] = OWNED;
#endif
	};
	atomic {
		run mutator(0, OPS0);
		run mutator(1, OPS1);
#ifdef HELPER
		run helper();
#endif
		run collector()
	}
}
