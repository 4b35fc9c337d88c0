#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Random operations from every CPU and from interrupts, a million of them
# (or GOALLOC_TORTURE_OPS), against a reference model; and on heaps of other
# shapes. The module says how it ended; see test_modules/torture_main.c.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

ops=${GOALLOC_TORTURE_OPS:-1000000}

require goalloc_torture

refused() {
	mark
	if load goalloc_torture "$@"; then
		echo "$* was accepted"
		return 1
	fi
	logged | grep "goalloc_torture: ${1%%=*}="
}

# torture OPS PARAMETER...: of the module goalloc
torture() {
	mark
	n=$1
	shift
	load goalloc "$@" || { logged; return 1; }
	load goalloc_torture ops="$n" || { logged; return 1; }
	logged | grep goalloc_torture:
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS || return 1
	# no fewer than were asked for, by its own count
	logged | awk -v n="$n" '/operations by .* in interrupts/ {
			for (i = 1; i < NF; i++)
				if ($i == "operations") done = $(i - 1) }
		END { print done " of " n; exit done + 64 < n }' || return 1
	unload goalloc_torture || return 1
	expect "live objects" "$(stat_of HeapObjects)" 0 &&
	expect Heaps "$(stat_of Heaps)" 1 &&
	expect Mallocs "$(stat_of Mallocs)" "$(stat_of Frees)" &&
	unload goalloc && log_clean
}

# drawn SEED: what the threads drew for their first operations
drawn() {
	mark
	load goalloc_torture ops=40000 threads=4 seed="$1" || return 1
	unload goalloc_torture || return 1
	logged | sed -n 's/.*goalloc_torture: streams of .*: //p'
}

# What a seed is for, whatever the CPUs make of it.
repeats() {
	load goalloc || return 1
	first=$(drawn 7) && again=$(drawn 7) && other=$(drawn 8) || return 1
	unload goalloc
	[ -n "$first" ] || { echo "nothing was said of the streams"; return 1; }
	expect "streams of seed 7 again" "$again" "$first" || return 1
	[ "$other" != "$first" ] || { echo "seed 8 draws what seed 7 draws"; return 1; }
}

# Time is up before the operations are.
ends_in_time() {
	mark
	load goalloc && load goalloc_torture ops=1000000000000 seconds=2 rare=16 sample=8 ||
		return 1
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS &&
	unload goalloc_torture goalloc && log_clean
}

# What the stop parameter is for.
stopped() {
	torture_begins || return 1
	expect verdict "$(cat "$(param goalloc_torture verdict)")" running || return 1
	echo 1 >"$(param goalloc_torture stop)"
	wait
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS &&
	unload goalloc_torture goalloc && log_clean
}

plan 14
load goalloc
check "refuses ops=0" refused ops=0
for p in threads=5000 seconds=700000 rare=0 sample=1000001; do
	check "refuses $p" refused $p
done
unload goalloc
check "$ops operations" torture "$ops"
check "arenas of 4 MiB, none at load, none ahead" \
	torture $((ops / 10)) arena_mb=4 initial_arenas=0 low_mb=0
check "CPUs give spans back after 10 ms" torture $((ops / 10)) age_ms=10 arena_mb=8
check "CPUs keep their spans" torture $((ops / 20)) age_ms=0
check "every object under debugging" torture $((ops / 10)) debug=ZPUQ
check "stops when told" stopped
check "ends in time" ends_in_time
check "a seed repeats what is drawn" repeats
check "unloads in the end" unload_all
finish
