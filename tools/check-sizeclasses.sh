#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Compare the size-class headers with what their generator prints.

tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# shellcheck disable=SC2086 # HOSTCC may be a command with arguments
${HOSTCC:-cc} -O2 -o "$tmp/mksizeclasses" "$tools/mksizeclasses.c" || exit 1

# compare FILE [ARGUMENT]
compare() {
	file=$1
	shift
	"$tmp/mksizeclasses" "$@" >"$tmp/header" || exit 1
	cmp -s "$tmp/header" "$tools/../$file" && return
	echo "$0: $file is not what tools/mksizeclasses.c prints" >&2
	exit 1
}

compare goalloc_mod/sizeclasses.h
compare goalloc_mod/include/linux/goalloc_sizes.h inline
