# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the samples' demos share. Sourced, by busybox's sh too, as root in a test VM.

modules=${MODULES:-/modules}
views=/sys/kernel/debug/goalloc
mark="goalloc demo $$ begins"
begin=$(cut -d . -f 1 /proc/uptime)
[ -d /sys/kernel/debug/kprobes ] || mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
[ "$(id -u)" != 0 ] || echo "<6>$mark" >/dev/kmsg

# What the kernel had to say since the demo began, warnings and worse, but for
# what it says of any unsigned module, and of an emulated machine that is slow.
complaints() {
	if dmesg | grep -qF "$mark"; then
		dmesg -r | sed "1,/$mark/d" | grep '^<[0-4]>' | grep -vE \
			-e 'loading out-of-tree module|module verification failed' \
			-e '] (clocksource|hrtimer|hpet|perf|workqueue): '
	else
		echo "the kernel's log has overflowed"
	fi
}

fail() {
	echo
	complaints | tail -n 40
	echo "FAILED: $*"
	exit 1
}

title() {
	echo
	echo "== $* =="
}

elapsed() {
	echo $(($(cut -d . -f 1 /proc/uptime) - begin))
}

silent() {
	[ -z "$(complaints)" ] || fail "the kernel complained"
	echo "no warning in the kernel's log, nothing left behind"
}
