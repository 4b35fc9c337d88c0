#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demo client of managed heaps: sockets in flight, circles of them cut loose while
# threads walk about, and nothing left in the end. The module says how it went.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

ops=${GOALLOC_GRAPH_OPS:-200000}

require goalloc_graph goalloc_fill

view=$DEBUGFS/goalloc_graph
gc=$GA/heaps.d/goalloc_graph/gc

# refused PARAMETER: with a line that says why
refused() {
	mark
	if load goalloc_graph "$1"; then
		echo "$1 was accepted"
		return 1
	fi
	logged | grep -E "goalloc_graph: (${1%%=*}=.*: must be|.* invalid for parameter)" &&
	expect Heaps "$(stat_of Heaps)" 1
}

ended() {
	[ "$(value "$view" State)" != running ]
}

# starts PARAMETER...: it runs, and each cycle is looked at
starts() {
	mark
	load goalloc_graph "$@" && echo "checkmark 1" >"$gc"
}

# passed: it has ended, and says that all was well
passed() {
	wait_for 120 ended || { cat "$view"; return 1; }
	cat "$view" "$gc"
	expect State "$(value "$view" State)" PASS &&
	expect LiveObjects "$(value "$view" LiveObjects)" 0 &&
	expect NamesInUse "$(value "$view" NamesInUse)" 0 &&
	expect RingsReclaimed "$(value "$view" RingsReclaimed)" "$(value "$view" RingsCutLoose)" &&
	expect CheckmarkMissed "$(value "$gc" CheckmarkMissed)" 0 &&
	logged | grep "goalloc_graph: PASS"
}

leaves() {
	unload goalloc_graph && [ ! -e "$view" ] && expect Heaps "$(stat_of Heaps)" 1 && log_clean
}

# did NAME N: no fewer
did() {
	n=$(value "$view" "$1")
	[ "$n" -ge "$2" ] || { echo "$1: $n, expected $2 or more"; return 1; }
}

runs() {
	starts ops="$ops" "$@" && passed && expect Operations "$(value "$view" Operations)" "$ops" &&
	did Sockets $((ops / 10)) && did Messages $((ops / 50)) && did Received $((ops / 1000)) &&
	did Visits 100 && did RingsCutLoose $((ops / 1000)) && did Named $((ops / 1000)) &&
	did ReclaimedObjects $((ops / 5)) && did Cycles 3 && leaves
}

ends_in_time() {
	starts ops=1000000000000 seconds=2 && passed && leaves
}

# Removed while it runs: it closes and collects all the same.
removed() {
	starts ops=1000000000000 && sleep 1 && expect State "$(value "$view" State)" running &&
	leaves && logged | grep "goalloc_graph: PASS"
}

# A module that has nothing to do with it comes and goes.
another() {
	starts ops=1000000000000 || return 1
	roots=$(value "$gc" Roots)
	for _ in 1 2 3; do
		load goalloc_fill && echo "10 64" >"$(param goalloc_fill add)" &&
		unload goalloc_fill || return 1
	done
	[ "$roots" -gt 0 ] && expect Roots "$(value "$gc" Roots)" "$roots" &&
	expect State "$(value "$view" State)" running &&
	leaves && logged | grep "goalloc_graph: PASS"
}

plan 15
load goalloc
for p in ops=0 ops=1000000000001 ops=-1 ops=many threads=65 threads=-1 seconds=86401 seed=x; do
	check "refuses $p" refused $p
done
check "$ops operations" runs
check "one writer, one reader" runs threads=1 seed=1
check "more threads than processors" runs threads=7
check "ends in time" ends_in_time
check "unloads while it runs" removed
check "another module comes and goes" another
check "unloads in the end" unload_all
finish
