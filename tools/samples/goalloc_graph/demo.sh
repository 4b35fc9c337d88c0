#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What a managed heap does: threads pass sockets through sockets, drop them in circles,
# and nobody frees anything. Looks at the collector meanwhile, and at what is left when
# all is closed. Runs as root in a test VM, with no more than busybox.

usage="usage: demo.sh [SECONDS]    for how long, default 5
environment:
  MODULES     where goalloc.ko and goalloc_graph.ko are (default /modules)
  GRAPH_ARGS  more parameters of goalloc_graph.ko"

case ${1-} in
-*) echo "$usage"; exit 2 ;;
esac

# shellcheck source=../demo_lib.sh
. "${0%/*}/../demo_lib.sh"

seconds=${1:-5}
graph=/sys/kernel/debug/goalloc_graph
gc=$views/heaps.d/goalloc_graph/gc

# of NAME: one of the numbers of goalloc_graph
of() {
	sed -n "s/^$1: //p" $graph
}

# What a "Name: value" file says, three to a line.
columns() {
	tr -d ':' | awk -v name="$1" '
		{ line = line sprintf("  %-16s %12s", $1, $2) }
		NR % 3 == 0 { print sprintf("%-6s", name) line; line = name = "" }
		END { if (line != "") print sprintf("%-6s", name) line }'
}

show() {
	grep -v ^Seed $graph | columns graph
	sed '1d; /^LastGC/d' $gc | columns gc
}

title "a managed heap: sockets in flight, on Linux $(uname -r)"
insmod "$modules/goalloc.ko" || fail "goalloc.ko does not load"
# shellcheck disable=SC2086 # one word a parameter
insmod "$modules/goalloc_graph.ko" ops=1000000000000 seconds="$seconds" $GRAPH_ARGS ||
	fail "goalloc_graph.ko does not load"
# a line for each cycle; and each looks, before it sweeps, whether it missed anything
for order in "trace 1" "checkmark 1"; do
	echo "$order" >$gc || fail "$gc cannot be written"
done
echo "sockets are opened, sent through sockets, received, closed; nobody counts who has them"
sleep $((seconds / 2))
[ "$(of State)" = running ] || fail "goalloc_graph: $(of State), before its time"
title "while it runs"
show

tries=60
while [ "$(of State)" = running ] && [ $tries -gt 0 ]; do
	sleep 1
	tries=$((tries - 1))
done
title "all closed, and collected"
show
title "the last cycles, and the result"
dmesg | grep -E 'goalloc: gc [0-9]+ goalloc_graph:' | tail -n 6 | sed 's/.*goalloc: //'
dmesg | sed -n 's/.*goalloc_graph: \([^:]*[ :]\)/\1/p' | tail -n 4
[ "$(of State)" = PASS ] || fail "goalloc_graph: $(of State)"
[ "$(of LiveObjects)" = 0 ] || fail "$(of LiveObjects) objects are left"
reclaimed=$(of RingsReclaimed)
[ "$reclaimed" -gt 0 ] || fail "no circle was reclaimed"
sockets=$(of Sockets)

rmmod goalloc_graph || fail "goalloc_graph does not unload"
[ ! -e $gc ] || fail "$gc is still there"
rmmod goalloc || fail "goalloc does not unload"
silent
echo
echo "PASSED: $sockets sockets, $reclaimed circles of them cut loose, all reclaimed, in $(elapsed) s"
