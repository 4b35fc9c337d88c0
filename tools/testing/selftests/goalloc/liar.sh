#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Modules that lie: names used twice, things destroyed twice or from within their
# own callbacks, and modules that go in every phase with all they made left
# behind. Refused in one line, or done; nothing is lost, and nothing of a module
# that has gone runs.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

require goalloc_peer goalloc_liar goalloc_torture

PEER=/sys/module/goalloc_peer/parameters
LIAR=/sys/module/goalloc_liar/parameters

# What each case must say in the log, once: goalloc's own words.
says() {
	case $1 in
	heap_name_twice) echo "heap liar-own: there is one of that name already" ;;
	cache_name_twice) echo "cache first: the heap has one of that name already" ;;
	cache_twice) echo "there is no cache .*, or it is being destroyed; refused" ;;
	heap_twice) echo "there is no heap .*, or it is being destroyed; refused" ;;
	cache_in_dead_heap) echo "cache late: there is no such heap, or it is being destroyed" ;;
	default_heap) echo "the default heap cannot be destroyed" ;;
	heap_in_dtor) echo "a ctor or dtor destroys a heap; refused" ;;
	cache_in_ctor) echo "a ctor or dtor destroys a cache; refused" ;;
	ctor_allocs_same) echo "cache first: its ctor allocates from it, .*; refused" ;;
	dtor_frees_itself) echo "misuse: double free: .*heap liar-own, cache first.*; refused" ;;
	heap_goes_in_dtor) echo "heap liar-own was destroyed with 1 live objects" ;;
	esac
}

# all of goalloc's own lines, without what it says of each leaked object
said() {
	logged | grep ' goalloc: ' | grep -vE 'live objects:$|goalloc:   [0-9a-f(]'
}

lie() {
	mark
	echo "$1" >"$LIAR/what" || { logged; return 1; }
	said
	text=$(says "$1")
	n=0
	[ -z "$text" ] || n=1
	# late frees are reported, too: the object had gone by then
	case $1 in
	heap_goes_in_dtor) n=2 ;;
	esac
	expect "lines that goalloc said" "$(said | wc -l)" "$n" || return 1
	[ -z "$text" ] || said | grep -q "$text" || { echo "not in the log: $text"; return 1; }
	log_clean_but_misuse
}

peer() {
	echo "$1" >"$PEER/do" || { echo "peer: $1 failed"; logged | grep goalloc_peer; return 1; }
}

dtors() {
	cut -d' ' -f2 "$PEER/counts"
}

owner_of() {
	awk -v h="$1" '$2 == h { print $3 }' "$GA"/heaps
}

# Loads the liar, which leaves 64 objects: 48 in its heap, 16 in the default one.
leaves() {
	mark
	load goalloc_liar leave=1 "$@" &&
	expect "objects in its heap" "$(value "$GA"/heaps.d/liar/stats HeapObjects)" 48 &&
	expect owner "$(owner_of liar)" goalloc_liar
}

# What goalloc has to say of a module that goes so, and what it shows.
orphaned() {
	for text in "heap liar: its module goalloc_liar goes without destroying it" \
		    "heap liar: cache liar outlives its module" \
		    "heap liar: [0-9]* objects stay behind"; do
		expect "lines: $text" "$(logged | grep -c "goalloc: $text")" 1 || return 1
	done
	expect owner "$(owner_of liar)" -
}

# Nothing is left of it.
over() {
	expect "live objects" "$(stat_of HeapObjects)" 0 && peer destroy &&
	expect Heaps "$(stat_of Heaps)" 1 && expect misuse "$(misuses)" 0 &&
	log_clean_but_misuse
}

misuses() {
	awk '/^Misuse_/ { n += $2 } END { print n + 0 }' "$GA"/stats
}

fresh() {
	unload goalloc_liar goalloc_peer goalloc && load goalloc && load goalloc_peer
}

stays_behind() {
	fresh && leaves && unload goalloc_liar && orphaned || return 1
	logged | grep -q "goalloc: heap liar: 48 objects stay behind" || { logged; return 1; }
	for f in stats classes caches cpus limit; do
		cat "$GA/heaps.d/liar/$f" >/dev/null || return 1
	done
	peer check || return 1
	# a second of the name is refused, as the orphan has it
	if load goalloc_liar 2>/dev/null; then
		echo "a second heap liar was made"
		return 1
	fi
	logged | grep -q "goalloc: heap liar: there is one of that name already" || return 1
	before=$(dtors)
	peer free && expect "dtors of a module that has gone" "$(dtors)" "$before" && over || return 1
	load goalloc_liar && unload goalloc_liar
}

# The orphan is destroyed with its objects in it: they are listed.
listed() {
	fresh && leaves && unload goalloc_liar && orphaned || return 1
	mark
	peer destroy || return 1
	for text in "heap liar, cache liar: 32 live objects:" \
		    "heap liar was destroyed with 48 live objects"; do
		expect "lines: $text" "$(logged | grep -c "goalloc: $text")" 1 || return 1
	done
	expect "objects of the default heap" "$(stat_of HeapObjects)" 16 &&
	expect Heaps "$(stat_of Heaps)" 1
}

# goes_while WHAT: the peer does it when the liar goes, and after
goes_while() {
	fresh && leaves dtor_us=20 && peer "$1" && sleep 0.5 && unload goalloc_liar &&
	orphaned || return 1
	before=$(dtors)
	sleep 0.5
	peer rest && expect "dtors of a module that has gone" "$(dtors)" "$before" &&
	peer free && over
}

# Callbacks of goalloc_free_rcu() with its dtor are pending.
goes_before_rcu() {
	fresh && leaves dtor_us=100 && peer rcu && unload goalloc_liar && orphaned || return 1
	before=$(dtors)
	peer rest && sleep 0.2 && expect "dtors of a module that has gone" "$(dtors)" "$before" &&
	over
}

# Another is in the middle of its dtor: the module stays until that is over.
goes_in_dtor() {
	fresh && leaves dtor_us=1000000 && peer one || return 1
	expect "dtors under way" "$(cut -d' ' -f3 "$PEER/counts")" 1 &&
	unload goalloc_liar && expect "dtors" "$(dtors)" 1 &&
	expect "dtors under way" "$(cut -d' ' -f3 "$PEER/counts")" 0 && orphaned &&
	peer rest && peer free && over
}

goes_while_read() {
	fresh && leaves || return 1
	exec 7<"$GA"/heaps.d/liar/classes 8<"$GA"/heaps.d/liar/stats 9<"$GA"/spans
	head -c 20 <&7 >/dev/null
	unload goalloc_liar && orphaned || return 1
	cat <&7 >/dev/null && cat <&8 | grep -q '^HeapObjects: *48 ' || return 1
	cat <&9 >/dev/null
	peer free || return 1
	peer destroy || return 1
	# the heap has gone, its files say so, and do no harm
	! cat <&8 >/dev/null 2>&1 || echo "# an empty rest was read"
	exec 7<&- 8<&- 9<&-
	expect Heaps "$(stat_of Heaps)" 1 && log_clean_but_misuse
}

goes_while_shrunk() {
	fresh && leaves dtor_us=20 && peer work || return 1
	(while [ ! -e "$tmp/enough" ]; do
		echo 1 >"$GA"/shrink
		for f in "$DEBUGFS"/shrinker/goalloc*/scan; do
			[ ! -e "$f" ] || echo "0 0 10000" >"$f"
		done
	done) &
	sleep 0.5
	unload goalloc_liar
	ret=$?
	sleep 0.5
	: >"$tmp/enough"
	wait
	rm -f "$tmp/enough"
	[ "$ret" = 0 ] && orphaned && peer rest && peer free && over
}

# A heap that says it is another module's: it is that one's to answer for.
in_anothers_name() {
	fresh && load goalloc_liar && mark && echo others_heap >"$LIAR/what" || return 1
	expect owner "$(owner_of liar-others)" goalloc_peer && unload goalloc_liar || return 1
	! logged | grep 'goalloc: heap' || return 1
	unload goalloc_peer || return 1
	for text in "heap liar-others: its module goalloc_peer goes without destroying it" \
		    "heap liar-others: 1 objects stay behind"; do
		expect "lines: $text" "$(logged | grep -c "goalloc: $text")" 1 || return 1
	done
	# goalloc itself takes it down
	unload goalloc && logged | grep -q "heap liar-others was destroyed with 1 live objects"
}

torture_after() {
	unload goalloc_liar goalloc_peer goalloc && mark && load goalloc &&
	load goalloc_torture ops=20000 rare=8 || return 1
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS &&
	unload goalloc_torture && expect "live objects" "$(stat_of HeapObjects)" 0 && log_clean
}

hurry
load goalloc
load goalloc_peer || skip_all "goalloc_peer does not load"
load goalloc_liar || skip_all "goalloc_liar does not load"
cases=$(grep -v others_heap "$LIAR/cases")
# shellcheck disable=SC2086
plan $(($(echo $cases | wc -w) + 11))
for case in $cases; do
	check "$case" lie "$case"
done
check "a module goes, its heap and objects stay" stays_behind
check "what an orphan holds is listed when it is destroyed" listed
check "goes while others allocate and free" goes_while work
check "goes while caches are made" goes_while caches
check "goes before the RCU callbacks with its dtor" goes_before_rcu
check "goes while its dtor runs" goes_in_dtor
check "goes while files of its heap are open" goes_while_read
check "goes while the shrinkers run" goes_while_shrunk
check "a heap in another's name" in_anothers_name
check "torture passes after all that" torture_after
check "unloads in the end" unload_all
finish
