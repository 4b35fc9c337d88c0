#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debugging of objects as it is switched from user space: the parameter, the file of
# a heap, what is refused; and that misuse is seen as ever while it is on.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

require goalloc_abuse goalloc_fill

debug=$GA/heaps.d/default/debug

# letters NAME: of the heap, or of a cache
letters() {
	awk -v n="$1" '$1 == n { print $2 }' "$debug"
}

# sets TEXT WANTED: written to the file, what the heap has then
sets() {
	echo "$1" >"$debug" && expect "after \"$1\"" "$(letters heap)" "$2"
}

# refuses TEXT REASON: and nothing changes
refuses() {
	before=$(letters heap)
	if echo "$1" 2>"$tmp/why" >"$debug"; then
		echo "\"$1\" was accepted"
		return 1
	fi
	grep -i "$2" "$tmp/why" || { cat "$tmp/why"; return 1; }
	expect "after \"$1\"" "$(letters heap)" "$before"
}

bad_parameter() {
	mark
	if load goalloc debug="$1"; then
		unload goalloc
		return 1
	fi
	logged | grep -F "goalloc: debug=$1: must be"
}

filled() {
	mark
	load goalloc_fill && echo "300 100" >"$(param goalloc_fill add)" &&
	echo "3 50000" >"$(param goalloc_fill add)" &&
	echo check >"$debug" && unload goalloc_fill && log_clean
}

# abuse CASE: is counted as what it is, and nothing else goes wrong
abuse() {
	mark
	load goalloc_abuse || return 1
	echo "$1" >"$(param goalloc_abuse what)" || { logged; return 1; }
	unload goalloc_abuse && log_clean_but_misuse
}

plan 16
check "a letter that there is not" bad_parameter ZX
check "letters by the dozen" bad_parameter ZZZZZZZZZZZZ
check "the parameter, at load" load goalloc debug=ZPUQ arena_mb=4
check "is the default heap's" expect letters "$(letters heap)" ZPUQ
check "objects come and go, and are intact" filled
for case in double_free double_free_remote double_free_race interior wrong_cache rcu_twice; do
	check "$case" abuse $case
done
check "another letter that there is not" refuses X invalid
check "a cache that there is not" refuses "Z nobody" "no such"
check "off" sets - -
check "on again, in another order" sets QZ ZQ
check "unloads" unload goalloc_fill goalloc_abuse goalloc
finish
