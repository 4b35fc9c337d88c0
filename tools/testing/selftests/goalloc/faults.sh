#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Memory that cannot be had: the kernel fails a share of the allocations that
# goalloc makes, of pages and of its own structures, while heaps grow and while
# the torture runs. Each fails or succeeds as a whole, and nothing is lost.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

MOST=1000000 # faults that there may be, more than there are
SECONDS_EACH=${GOALLOC_FAULT_SECONDS:-6}

require goalloc_fill goalloc_torture
for dir in fail_page_alloc failslab; do
	[ -d $DEBUGFS/$dir ] || skip_all "this kernel cannot inject faults: no $dir"
done

# Slabs fail where they are kmalloc()'s: the kernel itself warns when vmalloc()
# lacks one of its own.
for cache in /sys/kernel/slab/kmalloc-*/failslab; do
	echo 1 >"$cache" || skip_all "failslab cannot be told which slabs"
done
echo 1 >$DEBUGFS/failslab/cache-filter

# inject PERCENT: in marked tasks, of all orders, whatever the flags; 0 ends it
inject() {
	for dir in $DEBUGFS/fail_page_alloc $DEBUGFS/failslab; do
		echo 0 >"$dir"/probability || return 1
		[ "$1" != 0 ] || continue
		echo 1 >"$dir"/task-filter && echo 0 >"$dir"/verbose && echo 1 >"$dir"/interval &&
		echo "$MOST" >"$dir"/times && echo N >"$dir"/ignore-gfp-wait || return 1
		[ ! -e "$dir"/min-order ] || echo 0 >"$dir"/min-order || return 1
		[ ! -e "$dir"/ignore-gfp-highmem ] || echo N >"$dir"/ignore-gfp-highmem || return 1
		echo "$1" >"$dir"/probability || return 1
	done
}

# Faults since then, of fail_page_alloc or failslab
injected() {
	echo $((MOST - $(cat "$DEBUGFS/$1/times")))
}

held() {
	read -r count _ <"$(param goalloc_fill held)"
	echo "$count"
}

# growth PERCENT: from nothing to 30 MB, an arena at a time, until a page could not be had; and
# on without faults
growth() {
	mark
	unload_all && load goalloc arena_mb=4 initial_arenas=0 low_mb=0 &&
	load goalloc_fill faults=1 &&
	inject "$1" || return 1
	calls=0
	# an arena's pages come by few calls: 1 % of them is often none
	while [ "$calls" -lt 3000 ]; do
		echo "20 30000" >"$(param goalloc_fill add)" 2>/dev/null
		calls=$((calls + 1))
		[ "$(held)" -ge 1000 ] || continue
		[ "$(injected fail_page_alloc)" = 0 ] || break
		echo 1 >"$(param goalloc_fill drop)"
		echo 1 >"$GA"/shrink
	done
	inject 0
	pages=$(injected fail_page_alloc)
	objects=$(held)
	echo "$objects objects by $calls calls, $pages page allocations failed"
	[ "$pages" -gt 0 ] || { echo "no fault was injected"; return 1; }
	expect "live objects" "$(value "$GA"/heaps.d/fill/stats HeapObjects)" "$objects" || return 1
	echo 0 >"$(param goalloc_fill faults)"
	echo "200 30000" >"$(param goalloc_fill add)" &&
	expect held "$(held)" $((objects + 200)) &&
	echo 2 >"$(param goalloc_fill drop)" && echo "200 500" >"$(param goalloc_fill add)" &&
	echo 1 >"$(param goalloc_fill drop)" &&
	expect "live objects in the end" "$(stat_of HeapObjects)" 0 &&
	unload goalloc_fill goalloc && log_clean || return 1
	! logged | grep "has changed"
}

# torture PERCENT
torture() {
	mark
	unload_all && load goalloc arena_mb=4 initial_arenas=0 low_mb=0 age_ms=10 &&
	inject "$1" || return 1
	load goalloc_torture faults=1 ops=4000000000 &
	sleep "$SECONDS_EACH"
	inject 0
	pages=$(injected fail_page_alloc)
	slabs=$(injected failslab)
	# and what follows is served as ever
	sleep 1
	echo 1 >"$(param goalloc_torture stop)"
	wait
	logged | grep goalloc_torture:
	echo "failed: $pages allocations of pages, $slabs of slabs"
	[ "$pages" -gt 0 ] || [ "$1" = 1 ] || { echo "no page allocation failed"; return 1; }
	[ "$slabs" -gt 0 ] || { echo "no slab allocation failed"; return 1; }
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS &&
	unload goalloc_torture &&
	expect "live objects" "$(stat_of HeapObjects)" 0 && expect Heaps "$(stat_of Heaps)" 1 &&
	expect Mallocs "$(stat_of Mallocs)" "$(stat_of Frees)" &&
	unload goalloc && log_clean
}

plan 6
trap 'inject 0; rm -rf "$tmp"' EXIT
for percent in 1 10 50; do
	check "heaps grow, $percent % fail" growth $percent
	check "torture, $percent % fail" torture $percent
done
finish
