# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the goalloc tests share: TAP, loading and unloading, the log, debugfs.
# For any POSIX shell, busybox included. Modules come from $GOALLOC_MODULES,
# or else from where modprobe finds them.

KSFT_SKIP=4
DEBUGFS=/sys/kernel/debug
GA=$DEBUGFS/goalloc
KB=1024
MB=$((1024 * KB))

nr=0
nfail=0
nskip=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

plan() {
	echo "TAP version 13"
	echo "1..$1"
	planned=$1
}

skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	exit $KSFT_SKIP
}

# check WHAT COMMAND...: a test passes if the command ends with 0; what it
# printed is shown if it does not.
check() {
	what=$1
	shift
	nr=$((nr + 1))
	if "$@" >"$tmp/check" 2>&1; then
		echo "ok $nr $what"
	else
		sed 's/^/# /' "$tmp/check" | tail -n 40
		echo "not ok $nr $what"
		nfail=$((nfail + 1))
	fi
}

# skip WHAT WHY
skip() {
	nr=$((nr + 1))
	nskip=$((nskip + 1))
	echo "ok $nr $1 # SKIP $2"
}

finish() {
	if [ "$nr" != "$planned" ]; then
		echo "# $planned tests were planned, $nr have run"
		nfail=$((nfail + 1))
	fi
	echo "# Totals: pass:$((nr - nfail - nskip)) fail:$nfail xfail:0 xpass:0 skip:$nskip error:0"
	[ $nfail = 0 ]
	exit
}

# expect WHAT GOT WANTED
expect() {
	[ "$2" = "$3" ] && return 0
	echo "$1: $2, expected $3"
	return 1
}

# load MODULE [PARAMETER...]
load() {
	mod=$1
	shift
	if [ -n "${GOALLOC_MODULES-}" ]; then
		insmod "$GOALLOC_MODULES/$mod.ko" "$@"
	else
		modprobe "$mod" "$@"
	fi
}

loaded() {
	[ -d "/sys/module/$1" ]
}

unload() {
	for mod; do
		! loaded "$mod" || rmmod "$mod" || return 1
	done
}

# All that these tests load, users first.
unload_all() {
	unload goalloc_gctorture goalloc_torture goalloc_liar goalloc_peer goalloc_abuse goalloc_fill goalloc_graph goalloc_kv goalloc_hello goalloc
}

# The file of a module, for its description.
module_file() {
	if [ -n "${GOALLOC_MODULES-}" ]; then
		echo "$GOALLOC_MODULES/$1.ko"
	else
		modinfo -n "$1"
	fi
}

param() {
	echo "/sys/module/$1/parameters/$2"
}

require() {
	[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
	[ -d "$DEBUGFS" ] || skip_all "no debugfs"
	grep -q " $DEBUGFS debugfs " /proc/mounts || mount -t debugfs none $DEBUGFS ||
		skip_all "debugfs cannot be mounted"
	for mod in goalloc "$@"; do
		[ -f "$(module_file "$mod")" ] || skip_all "no module $mod"
	done
	unload_all || skip_all "goalloc is in use"
}

# Everything after the last mark is what logged prints.
mark() {
	canary="goalloc selftest ${0##*/} $$ $nr $(cut -d' ' -f1 /proc/uptime)"
	echo "$canary" >/dev/kmsg
}

logged() {
	dmesg | awk -v c="$canary" 'seen { print; next } index($0, c) { seen = 1 }
		END { if (!seen) print "BUG: the mark has left the log" }'
}

# Reports of misuse, and the stacks they dump, are taken out of the log.
without_misuse() {
	awk '/goalloc: misuse:/ { open++; next }
	     open && /goalloc: / { next }
	     open && /Call Trace:/ { open--; next }
	     { print }'
}

FATAL='BUG:|WARNING:|UBSAN|KASAN|KCSAN|Oops|Call Trace|[^_]corruption|stall|general protection|lockdep|deadlock|unable to handle|not tainted'

# A function in a stack dump says nothing by its name.
frames='^\[[ .0-9]*\]  +(\? )?[A-Za-z0-9_.]+\+0x'

# Races that are within the kernel are not looked for here.
without_kernel_races() {
	if [ -f "${0%/*}/kernel_races.awk" ]; then
		awk -f "${0%/*}/kernel_races.awk"
	else
		cat
	fi
}

# Nothing bad was logged since the mark.
log_clean() {
	! logged | without_kernel_races | grep -vE "$frames" | grep -E "goalloc: misuse:|live objects|$FATAL"
}

log_clean_but_misuse() {
	! logged | without_misuse | without_kernel_races | grep -vE "$frames" | grep -E "$FATAL"
}

# value FILE NAME: of a "Name: value" file
value() {
	awk -v n="$2:" '$1 == n { print $2; found = 1 } END { exit !found }' "$1"
}

stat_of() {
	value "$GA"/stats "$1"
}

# rows FILE: lines of a table without its header
rows() {
	awk 'NR > 1 { n++ } END { print n + 0 }' "$1"
}

# Grace periods in a hurry, to the end of the test; what it found comes back.
hurry() {
	normal=$(cat /sys/kernel/rcu_normal)
	expedited=$(cat /sys/kernel/rcu_expedited)
	trap 'rm -rf "$tmp"; echo "$normal" >/sys/kernel/rcu_normal
	      echo "$expedited" >/sys/kernel/rcu_expedited' EXIT
	echo 0 >/sys/kernel/rcu_normal
	echo 1 >/sys/kernel/rcu_expedited
}

# Waits up to SECONDS for a command to succeed: wait_for SECONDS COMMAND...
wait_for() {
	tries=$(($1 * 10))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# Torture, in the background, until it is told to stop.
torture_begins() {
	mark
	load goalloc || return 1
	load goalloc_torture ops=4000000000 &
	wait_for 10 loaded goalloc_torture || return 1
	sleep 1
}
