#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demo client: real files into a heap, back, and compared.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

require goalloc_kv
command -v kvctl >/dev/null || skip_all "no kvctl"

files=$tmp/files
heap=$GA/heaps.d/goalloc_kv

counts() {
	kvctl count | awk -v n="$1" '{ sub(/:/, "", $1) } $1 == n { print $2; found = 1 }
		END { exit !found }'
}

# Many small files, some odd sizes, and one as large as they may be.
make_files() {
	mkdir -p "$files/small" &&
	i=0 && while [ "$i" -lt 200 ]; do
		head -c $((1 + i * i % 3000)) /dev/urandom >"$files/small/$i" || return 1
		i=$((i + 1))
	done &&
	: >"$files/empty" && printf x >"$files/one" &&
	for size in 4095 4096 8191 8192 8193 32768 32769 65536 1048577 8388608; do
		head -c "$size" /dev/urandom >"$files/$size" || return 1
	done
	nfiles=$(find "$files" -type f | wc -l)
}

starts() {
	mark
	load goalloc && load goalloc_kv && [ -c /dev/goalloc_kv ] && [ -d "$heap" ] &&
	make_files
}

stores() {
	kvctl -n 0 load -m "$tmp/manifest" "$files" && kvctl -n 0 verify -m "$tmp/manifest" &&
	expect keys "$(kvctl list | wc -l)" "$nfiles" || return 1
	# the heap says that it holds them
	[ "$(value "$heap"/stats HeapAlloc)" -ge "$(du -sk "$files" | cut -f1)" ] &&
	[ "$(value "$heap"/stats HeapObjects)" -ge "$nfiles" ]
}

leaks_nothing() {
	grep -q '^# 0 of [1-9][0-9]* objects of heap goalloc_kv ' "$heap"/leaks && return
	cat "$heap"/leaks
	return 1
}

finds_differences() {
	printf y >"$files/one" || return 1
	if kvctl -n 0 verify "$files"; then
		echo "a changed file was not noticed"
		return 1
	fi
	printf x >"$files/one" && kvctl -n 0 verify "$files"
}

deletes_half() {
	kvctl delete -H && expect keys "$(kvctl list | wc -l)" $((nfiles / 2)) &&
	kvctl -n 0 verify -m "$tmp/manifest"
}

reloads() {
	kvctl -n 0 load "$files" && kvctl -n 0 verify "$files" &&
	expect keys "$(kvctl list | wc -l)" "$nfiles"
}

keeps_goalloc() {
	! rmmod goalloc && kvctl -n 0 verify "$files"
}

clears() {
	kvctl clear && expect keys "$(kvctl list | wc -l)" 0 &&
	echo 1 >"$GA"/shrink && expect "live objects" "$(value "$heap"/stats HeapObjects)" 0
}

hammers() {
	kvctl hammer 5 && kvctl clear
}

full() {
	unload goalloc_kv && load goalloc_kv limit_mb=40 || return 1
	i=0
	while kvctl put "big$i" "$files/8388608"; do
		i=$((i + 1))
		[ "$i" -lt 10 ] || { echo "no limit"; return 1; }
	done
	status=$(kvctl put again "$files/8388608" 2>/dev/null; echo $?)
	expect "status when full" "$status" 4 || return 1
	# what is in there is as it was
	kvctl get big0 | cmp - "$files/8388608" && kvctl delete big0 &&
	kvctl put again "$files/8388608" && kvctl get again | cmp - "$files/8388608"
}

refuses() {
	unload goalloc_kv || return 1
	if load goalloc_kv limit_mb=1; then
		echo "limit_mb=1 was accepted"
		return 1
	fi
	expect Heaps "$(stat_of Heaps)" 1
}

stops() {
	load goalloc_kv && kvctl -n 0 load "$files" && unload goalloc_kv &&
	expect Heaps "$(stat_of Heaps)" 1 && expect "live objects" "$(stat_of HeapObjects)" 0 &&
	unload goalloc && log_clean
}

plan 12
check "the client loads" starts
check "stores files and reads them back" stores
check "nothing of it has leaked" leaks_nothing
check "verify notices a changed file" finds_differences
check "deletes every second one" deletes_half
check "stores them again" reloads
check "goalloc does not unload under it" keeps_goalloc
check "clears" clears
check "several processes at the same keys" hammers
check "a full store says so, and keeps what it has" full
check "refuses a limit that is too small" refuses
check "unloads with a full store, and nothing is left" stops
unload_all
finish
