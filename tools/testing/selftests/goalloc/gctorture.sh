#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A graph of managed objects that threads and interrupts rewire while it is walked, and
# collected all the time: 300000 stores of pointers (or GOALLOC_GCTORTURE_OPS; ten million
# are an hour's work for an emulated machine). The module says how it ended; see
# test_modules/gctorture_main.c.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

ops=${GOALLOC_GCTORTURE_OPS:-300000}

require goalloc_gctorture

refused() {
	mark
	if load goalloc_gctorture "$@"; then
		echo "$* was accepted"
		return 1
	fi
	logged | grep "goalloc_gctorture: ${1%%=*}="
}

# ran N: no fewer mutations than that, and some cycles
ran() {
	logged | awk -v n="$1" '
		/mutations by .* in interrupts/ {
			for (i = 1; i < NF; i++)
				if ($i == "mutations") done = $(i - 1) }
		/ cycles, .* objects marked/ {
			for (i = 1; i < NF; i++)
				if ($i == "cycles,") cycles = $(i - 1) }
		END { print done + 0 " of " n ", " cycles + 0 " cycles"
		      exit done < n || cycles < 3 }'
}

# torture OPS MODULE-PARAMETERS [PARAMETER...]: of goalloc, and of the torture
torture() {
	mark
	n=$1
	# shellcheck disable=SC2086 # one word a parameter
	load goalloc $2 || { logged; return 1; }
	shift 2
	load goalloc_gctorture mutations="$n" "$@" || { logged; return 1; }
	logged | grep goalloc_gctorture:
	expect verdict "$(cat "$(param goalloc_gctorture verdict)")" PASS && ran "$n" &&
	unload goalloc_gctorture || return 1
	expect "live objects" "$(stat_of HeapObjects)" 0 && expect Heaps "$(stat_of Heaps)" 1 &&
	unload goalloc && log_clean
}

# Time is up before the mutations are.
ends_in_time() {
	mark
	load goalloc && load goalloc_gctorture mutations=1000000000000 seconds=2 || return 1
	expect verdict "$(cat "$(param goalloc_gctorture verdict)")" PASS &&
	unload goalloc_gctorture goalloc && log_clean
}

# What the stop parameter is for.
stopped() {
	mark
	load goalloc || return 1
	load goalloc_gctorture mutations=1000000000000 &
	wait_for 10 loaded goalloc_gctorture || return 1
	sleep 1
	expect verdict "$(cat "$(param goalloc_gctorture verdict)")" running || return 1
	echo 1 >"$(param goalloc_gctorture stop)"
	wait
	expect verdict "$(cat "$(param goalloc_gctorture verdict)")" PASS &&
	unload goalloc_gctorture goalloc && log_clean
}

plan 12
load goalloc
for p in mutations=0 writers=5000 readers=-2 stretch=1000001; do
	check "refuses $p" refused $p
done
unload goalloc
check "$ops mutations" torture "$ops" ""
check "races drawn out" torture $((ops / 4)) "" stretch=20000
check "sections recorded, small arenas" torture $((ops / 8)) "gc_debug=1 arena_mb=4"
check "few objects, many threads" torture $((ops / 8)) "age_ms=10" max_kb=16 writers=8 readers=4
check "many objects, seldom collected" torture $((ops / 4)) "" max_kb=8192 pause_ms=300
check "stops when told" stopped
check "ends in time" ends_in_time
check "unloads in the end" unload_all
finish
