#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# CPUs that go and come back: what one held returns to the heap, and nothing
# is lost while the others work on.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

CPU=1
ONLINE=/sys/devices/system/cpu/cpu$CPU/online

require goalloc_fill goalloc_torture
[ -w $ONLINE ] || skip_all "CPU $CPU cannot be taken offline"
[ "$(cat $ONLINE)" = 1 ] || skip_all "CPU $CPU is not online"

# Spans that the CPU owns, in the table of spans.
owned() {
	awk -v cpu="$CPU" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^owner/) c = i }
		NR > 1 && $c == cpu { n++ } END { print n + 0; exit !c }' "$GA"/spans
}

on_cpu() {
	taskset $((1 << CPU)) sh -c "echo '$1' >$(param goalloc_fill add)"
}

gives_back() {
	mark
	load goalloc age_ms=0 && load goalloc_fill || return 1
	for size in 0 16 200 1000; do
		on_cpu "20 $size" || return 1
	done
	[ "$(owned)" -ge 4 ] || { echo "CPU $CPU owns too little:"; cat "$GA"/spans; return 1; }
	echo 0 >"$ONLINE" || return 1
	left=$(owned)
	# all that was there can be freed elsewhere
	echo 1 >"$(param goalloc_fill drop)"
	objects=$(value "$GA"/heaps.d/fill/stats HeapObjects)
	echo 1 >"$ONLINE" || return 1
	expect "spans of the dead CPU" "$left" 0 && expect "live objects" "$objects" 0 || return 1
	on_cpu "20 16" && [ "$(owned)" -ge 1 ] &&
	unload goalloc_fill goalloc && log_clean
}

under_torture() {
	torture_begins || return 1
	bad=0
	n=0
	while [ "$n" -lt 10 ]; do
		echo 0 >"$ONLINE" || bad=1
		sleep 0.3
		echo 1 >"$ONLINE" || bad=1
		sleep 0.3
		n=$((n + 1))
	done
	echo 1 >"$(param goalloc_torture stop)"
	wait
	logged | grep goalloc_torture:
	expect "switching" "$bad" 0 &&
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS &&
	unload goalloc_torture && expect "live objects" "$(stat_of HeapObjects)" 0 &&
	unload goalloc && log_clean
}

# Loaded while a CPU is away: it is served when it comes.
comes_later() {
	mark
	echo 0 >"$ONLINE" || return 1
	load goalloc && load goalloc_fill && echo "100 64" >"$(param goalloc_fill add)"
	ret=$?
	echo 1 >"$ONLINE"
	[ "$ret" = 0 ] && on_cpu "100 64" && [ "$(owned)" -ge 1 ] || return 1
	expect held "$(cat "$(param goalloc_fill held)")" "200 12800" &&
	unload goalloc_fill goalloc && log_clean
}

plan 4
check "a CPU that goes gives its spans back" gives_back
check "a CPU that was offline at load is served" comes_later
check "CPU $CPU goes and comes 10 times under load" under_torture
check "unloads in the end" unload_all
[ "$(cat $ONLINE)" = 1 ] || echo 1 >"$ONLINE"
finish
