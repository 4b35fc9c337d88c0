#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loading and unloading goalloc: parameters good and bad, users that keep it
# from going, and that nothing of it is left when it has gone.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

PARAMS="initial_arenas arena_mb max_mb low_mb age_ms debug panic_on_corruption
	random_slots guard_pages"

require goalloc_fill goalloc_torture

# "parm=name:text" in the module itself: what modinfo shows
describes() {
	tr '\0' '\n' <"$(module_file goalloc)" | grep -q "^parm=$1:...*" &&
	tr '\0' '\n' <"$(module_file goalloc)" | grep -q "^parmtype=$1:"
}

# big_areas: vmalloc areas of 4 MiB and more; those unpurged have no pages any more
big_areas() {
	awk '$2 >= 4194304 && !/unpurged/ { n++ } END { print n + 0 }' /proc/vmallocinfo
}

# The module has gone, with all that it registered.
gone() {
	! loaded goalloc || { echo "still loaded"; return 1; }
	[ ! -e "$GA" ] || { echo "$GA is left"; return 1; }
	! grep -F '[goalloc]' /proc/vmallocinfo || return 1
	expect "vmalloc areas of 4 MiB and more" "$(big_areas)" "$areas_before" ||
		{ awk '$2 >= 4194304' /proc/vmallocinfo; return 1; }
	! grep -i goalloc /sys/devices/system/cpu/hotplug/states || return 1
	! find "$DEBUGFS/shrinker" 2>/dev/null | grep goalloc || return 1
	! grep goalloc /proc/modules
}

arena_rows() {
	expect "arenas" "$(rows "$GA"/arenas)" "$1"
}

# good PARAMETER...: loads, shows the values, works, unloads; small arenas are faster
good() {
	mark
	load goalloc arena_mb=4 "$@" || return 1
	for p; do
		want=${p#*=}
		case ${p%%=*}=$want in
		panic_on_corruption=1|*_slots=1|*_pages=1) want=Y ;;
		panic_on_corruption=0|*_slots=0|*_pages=0) want=N ;;
		max_mb=0) want=$(cat "$(param goalloc max_mb)") ;;
		esac
		expect "$p" "$(cat "$(param goalloc "${p%%=*}")")" "$want" || return 1
	done
	initial=$(cat "$(param goalloc initial_arenas)")
	mb=$(cat "$(param goalloc arena_mb)")
	[ "$(rows "$GA"/arenas)" -ge "$initial" ] ||
		{ echo "$initial arenas wanted:"; cat "$GA"/arenas; return 1; }
	awk -v mb="$mb" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "size") c = i }
		NR > 1 && ($c < mb * 1048576 || $c > mb * 1048576 + 65536) {
			print "arena of " $c " bytes"; bad = 1 }
		END { exit bad || !c }' "$GA"/arenas || return 1
	load goalloc_fill && echo "200 64" >"$(param goalloc_fill add)" &&
	echo "3 30000" >"$(param goalloc_fill add)" &&
	unload goalloc_fill && unload goalloc && gone && log_clean
}

# bad PARAMETER...: refused, the log says which and why, nothing is left
bad() {
	mark
	if load goalloc "$@"; then
		unload goalloc
		echo "$* was accepted"
		return 1
	fi
	name=${1%%=*}
	# goalloc's own words, or the kernel's for what is no number
	logged | grep -E "goalloc: ($name=.*: .*|.* invalid for parameter .$name')" ||
		{ echo "no reason in the log:"; logged; return 1; }
	gone && log_clean
}

defaults() {
	mark
	load goalloc || return 1
	expect initial_arenas "$(cat "$(param goalloc initial_arenas)")" 1 &&
	expect arena_mb "$(cat "$(param goalloc arena_mb)")" 64 &&
	expect panic_on_corruption "$(cat "$(param goalloc panic_on_corruption)")" N &&
	arena_rows 1 && stat_of HeapSys && expect Heaps "$(stat_of Heaps)" 1 &&
	unload goalloc && gone && log_clean
}

two_arenas() {
	mark
	load goalloc initial_arenas=2 arena_mb=16 low_mb=0 && arena_rows 2 || return 1
	[ "$(stat_of HeapSys)" -ge $((31 * MB)) ] || { cat "$GA"/stats; return 1; }
	# more than one of them holds: both are used
	load goalloc_fill && echo "20 1048576" >"$(param goalloc_fill add)" || return 1
	awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "inuse") c = i }
		NR > 1 && $c > 0 { n++ } END { exit n != 2 }' "$GA"/arenas ||
		{ cat "$GA"/arenas; return 1; }
	unload goalloc_fill goalloc && gone && log_clean
}

busy() {
	mark
	load goalloc && load goalloc_fill && echo "10 100" >"$(param goalloc_fill add)" || return 1
	if rmmod goalloc; then
		echo "unloaded under a user"
		return 1
	fi
	expect held "$(cat "$(param goalloc_fill held)")" "10 1000" &&
	echo "10 100" >"$(param goalloc_fill add)" &&
	expect held "$(cat "$(param goalloc_fill held)")" "20 2000" &&
	unload goalloc_fill goalloc && gone && log_clean
}

# An open file of debugfs is no reason to crash when the module goes.
open_file() {
	mark
	load goalloc arena_mb=4 || return 1
	exec 7<"$GA"/spans
	unload goalloc
	cat <&7 >/dev/null 2>&1
	exec 7<&-
	unload goalloc && gone && log_clean
}

# scanned SCAN: after that the shrinker has left one arena
scanned() {
	echo "0 0 1000000" >"$1" && sleep 0.2 && arena_rows 1
}

# What the kernel does when memory is short: it counts what is free, and takes it.
shrunk() {
	mark
	load goalloc arena_mb=4 low_mb=0 age_ms=10 && load goalloc_fill &&
	echo "20 1048576" >"$(param goalloc_fill add)" || return 1
	arenas=$(rows "$GA"/arenas)
	[ "$arenas" -ge 6 ] || { echo "$arenas arenas"; return 1; }
	shrinker=$(echo "$DEBUGFS"/shrinker/goalloc*)
	before=$(awk '{ print $2 }' "$shrinker"/count)
	echo 1 >"$(param goalloc_fill drop)"
	after=$(awk '{ print $2 }' "$shrinker"/count)
	echo "${before:-0} pages could be freed, then ${after:-0}"
	[ "${after:-0}" -gt $((${before:-0} + 4000)) ] &&
	wait_for 5 scanned "$shrinker"/scan &&
	unload goalloc_fill goalloc && gone && log_clean
}

# Used, unloaded, loaded again: nothing of the first life shows.
reload() {
	mark
	load goalloc && load goalloc_fill && echo "5000 200" >"$(param goalloc_fill add)" &&
	unload goalloc_fill goalloc && load goalloc || return 1
	expect Heaps "$(stat_of Heaps)" 1 && expect Mallocs "$(stat_of Mallocs)" 0 &&
	expect Frees "$(stat_of Frees)" 0 && expect HeapObjects "$(stat_of HeapObjects)" 0 &&
	load goalloc_fill && echo "5000 200" >"$(param goalloc_fill add)" &&
	expect HeapObjects "$(value "$GA"/heaps.d/fill/stats HeapObjects)" 5000 &&
	unload goalloc_fill goalloc && gone && log_clean
}

# What is left of memory, and what the kernel uses of it: KiB
memory() {
	echo 3 >/proc/sys/vm/drop_caches
	# this also empties the lists of free pages that CPUs keep
	[ ! -w /proc/sys/vm/compact_memory ] || echo 1 >/proc/sys/vm/compact_memory
	sleep 0.2
	awk '$1 ~ /^(MemAvailable|Slab|VmallocUsed|Percpu|PageTables):$/ { print $1, $2 }' \
		/proc/meminfo
}

# Loads, uses and unloads with other sizes each time.
round() {
	load goalloc initial_arenas=$(($1 % 3)) arena_mb=$((4 << $1 % 4)) &&
	load goalloc_fill || return 1
	for size in 0 8 100 3000 40000; do
		echo "100 $size" >"$(param goalloc_fill add)" || return 1
	done
	echo 3 >"$(param goalloc_fill drop)"
	if [ $(($1 % 5)) = 0 ]; then
		load goalloc_torture ops=2000 || return 1
		expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS || return 1
		unload goalloc_torture || return 1
	fi
	unload goalloc_fill goalloc && gone
}

rounds() {
	mark
	round 0 && round 1 || return 1
	memory >"$tmp/before"
	i=0
	while [ "$i" -lt 20 ]; do
		round "$i" || { echo "round $i failed"; return 1; }
		i=$((i + 1))
	done
	memory >"$tmp/after"
	# one arena of 4 MiB a round would be 80 MiB
	awk -v max="MemAvailable: -24576 Slab: 1024 VmallocUsed: 256 Percpu: 128 PageTables: 512" '
		BEGIN { n = split(max, m); for (i = 1; i < n; i += 2) limit[m[i]] = m[i + 1] }
		NR == FNR { old[$1] = $2; next }
		{ by = $2 - old[$1]; print $1, old[$1] " to " $2 " KiB"
		  if (limit[$1] < 0 ? by < limit[$1] : by > limit[$1]) bad = 1 }
		END { exit bad }' "$tmp/before" "$tmp/after" && log_clean
}

areas_before=$(big_areas)
plan 70

for p in $PARAMS; do
	check "modinfo describes $p" describes "$p"
done
check "loads and unloads" defaults
for p in initial_arenas=0 initial_arenas=3\ arena_mb=8 arena_mb=4 arena_mb=5 arena_mb=63 \
	 arena_mb=64 max_mb=0 max_mb=64 max_mb=4\ arena_mb=4 low_mb=0 low_mb=24 age_ms=0 \
	 age_ms=10 age_ms=3600000 panic_on_corruption=0 panic_on_corruption=1 \
	 random_slots=0 random_slots=1 guard_pages=0 guard_pages=1 \
	 random_slots=1\ guard_pages=1 initial_arenas=64\ arena_mb=4\ max_mb=256 \
	 debug=- debug=ZP debug=Q; do
	# shellcheck disable=SC2086 # one word a parameter
	check "accepts $p" good $p
done
for p in initial_arenas=65 initial_arenas=-1 initial_arenas=many initial_arenas=4294967296 \
	 arena_mb=3 arena_mb=65 arena_mb=0 arena_mb=-4 arena_mb=16M arena_mb= \
	 max_mb=3 max_mb=63 max_mb=-1 max_mb=99999999 max_mb=18446744073709551615 \
	 max_mb=31\ initial_arenas=2\ arena_mb=16 low_mb=4097 low_mb=-1 age_ms=9 \
	 age_ms=3600001 age_ms=1s panic_on_corruption=2 panic_on_corruption=maybe \
	 random_slots=2 guard_pages=always debug=X debug=ZPQZPQZPQ; do
	# shellcheck disable=SC2086
	check "refuses $p" bad $p
done
# 4 GiB of arenas are more than half of such a machine
if [ "$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)" -lt 8192 ]; then
	check "refuses initial_arenas=64 with arena_mb=64" bad max_mb=0 initial_arenas=64
else
	skip "refuses initial_arenas=64 with arena_mb=64" "there is enough memory"
fi
check "two arenas at load, both used" two_arenas
check "does not unload under a user" busy
check "goes while one of its files is open" open_file
if [ -d "$DEBUGFS/shrinker" ]; then
	check "gives arenas back when the kernel asks" shrunk
else
	skip "gives arenas back when the kernel asks" "no $DEBUGFS/shrinker"
fi
check "starts anew after a reload" reload
check "20 rounds leave nothing behind" rounds
check "unloads in the end" unload_all
finish
