#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What goalloc does, shown with real files: stores them in goalloc_kv, checks
# every byte, deletes, and looks at goalloc's debugfs files on the way. Runs as
# root in a test VM, with no more than busybox.

usage="usage: demo.sh [DIRECTORY...]    files to store, default /files
environment:
  MODULES   where goalloc.ko and goalloc_kv.ko are, unless they are loaded
            already (default /modules)
  KV_ARGS   goalloc_kv.ko's parameters
  KVCTL     the program kvctl (default: as found in PATH)"

case ${1-} in
-h|--help) echo "$usage"; exit 0 ;;
-*) echo "$usage" >&2; exit 2 ;;
esac
[ $# -gt 0 ] || set -- /files

# shellcheck source=../demo_lib.sh
. "${0%/*}/../demo_lib.sh"

kvctl=${KVCTL:-kvctl}
heap=$views/heaps.d/goalloc_kv
manifest=/tmp/goalloc_demo.manifest

kv() {
	"$kvctl" -n 2000 "$@" || fail "kvctl $1 ended with status $?"
}

# count NAME: one of the numbers of kvctl count
count() {
	"$kvctl" count | sed -n "s/^$1: //p"
}

mib() {
	echo $((($1 + 524288) / 1048576))
}

# The numbers of $views/stats that say how full the heap is, in one line.
show_stats() {
	sed 's/:/ /' $views/stats | awk '
		{ v[$1] = $2 }
		END {
			m = 1048576
			printf "stats    Arenas %d: HeapSys %.1f MiB = HeapInuse %.1f + HeapIdle %.1f\n",
				v["Arenas"], v["HeapSys"] / m, v["HeapInuse"] / m, v["HeapIdle"] / m
			printf "         HeapObjects %d, HeapAlloc %.1f MiB, Mallocs %d, Frees %d\n",
				v["HeapObjects"], v["HeapAlloc"] / m, v["Mallocs"], v["Frees"]
		}'
}

show_store() {
	"$kvctl" count | awk -F ': ' '
		{ v[$1] = $2 }
		END {
			m = 1048576
			data = v["key_bytes"] + v["value_bytes"]
			printf "store    %d entries: keys and values %.1f MiB, in spans of %.1f MiB",
				v["entries"], data / m, v["span_bytes"] / m
			if (data > 0)
				printf " (%+.1f%%)", (v["span_bytes"] / data - 1) * 100
			printf ", limit %d MiB\n", v["limit"] / m
			printf "         %d puts, %d of them replaced a value, %d deleted\n",
				v["puts"], v["replaced"], v["deleted"]
		}'
}

# table NAME LINES COLUMN... < TABLE: these columns of a table with a header, of
# arenas, or of classes or caches that have spans: the LINES with most of them
table() {
	awk -v name="$1" -v max="$2" -v want="$(shift 2; echo "$*")" '
		function line(row,   f, i, out) {
			split(row, f)
			if (f[at["class"]] == "0")
				f[at["size"]] = "large"
			for (i = 1; i <= n; i++)
				out = out sprintf(" %" width[i] "s", f[at[col[i]]])
			return out
		}
		NR == 1 {
			n = split(want, col)
			for (i = 1; i <= NF; i++)
				at[$i] = i
			header = $0
		}
		NR > 1 && (name == "arenas" || $(at["spans"]) > 0) {
			row[++rows] = $0
			spans[rows] = $(at["spans"])
		}
		END {
			# the smallest go until what is left fits
			for (left = rows; left > max; left--) {
				least = 0
				for (i = 1; i <= rows; i++)
					if (i in row && (!least || spans[i] < spans[least]))
						least = i
				delete row[least]
			}
			row[0] = header
			for (i = 0; i <= rows; i++)
				if (i in row) {
					split(row[i], f)
					for (j = 1; j <= n; j++)
						if (length(f[at[col[j]]]) > width[j])
							width[j] = length(f[at[col[j]]])
				}
			printf "%-8s%s\n", name, rows ? line(header) : " none has spans"
			for (i = 1; i <= rows; i++)
				if (i in row)
					printf "%-8s%s\n", "", line(row[i])
			if (left < rows)
				printf "%-8s ... and %d more\n", "", rows - left
		}'
}

# The map of the first arenas, 32 pages of 8 KiB to a character.
show_map() {
	sed 1d $views/map | awk -v arenas=3 '
		function flush() {
			if (line != "" && seen <= arenas)
				printf "%-8s arena %d  %s\n", "", arena, line
			line = ""
		}
		BEGIN {
			arena = -1
			print "map      each character is 256 KiB: # small objects, L large ones," \
				" + and l in part, . free"
		}
		$1 != arena {
			flush()
			arena = $1
			seen++
		}
		{
			for (i = 1; i <= length($3); i += 32) {
				s = substr($3, i, 32)
				all = length(s)
				free = gsub(/[.]/, "", s)
				large = gsub(/[L=]/, "", s)
				parked = gsub(/~/, "", s)
				small = length(s)
				if (large > small)
					c = free ? "l" : "L"
				else if (small)
					c = free ? "+" : "#"
				else
					c = parked ? "~" : "."
				line = line c
			}
			if (length(line) >= 64)
				flush()
		}
		END {
			flush()
			if (seen > arenas)
				printf "%-8s ... and %d more\n", "", seen - arenas
		}'
}

# show TITLE WHAT-TO-SEE
show() {
	title "$1"
	echo "$2"
	show_stats
	show_store
	table arenas 4 arena size mapping spans inuse parked free largest heaps <$views/arenas
	table caches 4 name objsize slot active num spans full partial empty cached~ <$heap/caches
	table classes 10 size type objs live capacity occ% waste spans full partial empty cached~ \
		<$heap/classes
	show_map
}

# The leak report of the store's heap, which must list nothing.
show_leaks() {
	title "objects that nothing points to"
	leaks=$(cat $heap/leaks) || fail "$heap/leaks cannot be read"
	echo "$leaks"
	echo "$leaks" | grep -q '^# 0 of [0-9]* objects ' || fail "objects have leaked"
}

# ---- load the modules ----

[ "$(id -u)" = 0 ] || fail "only root may load modules"
for dir; do
	[ -e "$dir" ] || fail "$dir: no such file or directory"
done
command -v "$kvctl" >/dev/null || fail "$kvctl: no such program"
vmalloc_before=$(awk '$1 == "VmallocUsed:" { print $2 }' /proc/meminfo)
fresh=

title "goalloc on Linux $(uname -r), $(grep -c '^processor' /proc/cpuinfo) CPUs"
if [ ! -d /sys/module/goalloc ]; then
	fresh=y
	insmod "$modules/goalloc.ko" || fail "goalloc.ko does not load"
fi
if [ ! -d /sys/module/goalloc_kv ]; then
	# shellcheck disable=SC2086 # one word a parameter
	insmod "$modules/goalloc_kv.ko" $KV_ARGS || fail "goalloc_kv.ko does not load"
fi
[ -r $heap/stats ] || fail "no $heap: is debugfs mounted?"
rm -f $manifest
show "before" "arenas are reserved, and nothing is in them"

# ---- fill, compare, delete, fill again ----

title "store every file below $*"
kv load -s -m $manifest "$@"
files=$(count entries)
bytes=$(count value_bytes)
[ "$files" -gt 0 ] || fail "there are no files below $*"
kv verify -m $manifest "$@"
show "at the peak" "spans of one size each hold what is up to 32 KiB; what is larger has its own"
show_leaks

title "delete every second key, compare the rest, store all again"
kv delete -H
left=$(count entries)
[ "$left" = $((files / 2)) ] || fail "$left of $files keys are left"
kv verify -m $manifest
show "half of it deleted" "what is left stays in place, and the gaps are free for others"
show_leaks
title "store all again, over what is there"
kv load -s "$@"
[ "$(count entries)" = "$files" ] || fail "$(count entries) keys instead of $files"
[ "$(count value_bytes)" = "$bytes" ] || fail "$(count value_bytes) bytes instead of $bytes"
[ "$(count replaced)" = "$left" ] || fail "$(count replaced) replaced instead of $left"
kv verify -m $manifest "$@"

title "delete everything"
kv clear
objects=$(count heap_objects)
[ "$objects" = 0 ] || fail "$objects objects are left in the heap of an empty store"
show "all deleted" "no objects; some empty spans of each size are kept for the next ones"

# what was freed by RCU keeps its span until the grace period is over
for _ in 1 2 3 4 5; do
	echo 1 >$views/shrink || fail "$views/shrink cannot be written"
	[ "$(count span_bytes)" != 0 ] || break
	sleep 1
done
show "after shrinking" "empty spans have become free pages, and an empty arena has gone"
bytes_left=$(count span_bytes)
[ "$bytes_left" = 0 ] || fail "an empty heap keeps $bytes_left bytes"

# ---- unload, and see what is left ----

title "unload"
rmmod goalloc_kv || fail "goalloc_kv does not unload"
[ ! -e $heap ] || fail "$heap is still there"
rmmod goalloc || fail "goalloc does not unload"
[ ! -e $views ] || fail "$views is still there"

if [ -n "$fresh" ]; then
	vmalloc_after=$(awk '$1 == "VmallocUsed:" { print $2 }' /proc/meminfo)
	echo "VmallocUsed: $vmalloc_before KiB before, $vmalloc_after KiB after"
	# an arena is 4 MiB at least; stacks of threads come and go
	[ "$vmalloc_after" -lt $((vmalloc_before + 4096)) ] || fail "vmalloc memory leaked"
fi

silent

echo
echo "PASSED: $files files, $(mib "$bytes") MiB stored, every byte compared, all given back, in $(elapsed) s"
