# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the static checks share: the files they read, and cases that run side by
# side and are told in TAP. Sourced, by bash.

. "${BASH_SOURCE%/*}/../../vm/lib.sh"

names=()
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# sources FIND-EXPRESSION...: files of the tree, sorted; built ones are not of it
sources() {
	(cd "$top" && find . \( -name .git -o -path ./build \) -prune -o -type f \
		\( "$@" \) ! -name '*.mod.c' -print | sort)
}

# scripts INTERPRETER: those that begin with it
scripts() {
	sources -name '*' | (cd "$top" && xargs grep -lE --max-count=1 "^#!/.*\\b($1)\\b")
}

# What stands in for the kernel's headers, in user space and for spatch, is its
# own kind.
c_files() {
	sources -name '*.[ch]' |
		grep -vE '^./tools/testing/(userspace/include/|static/cocci\.h)'
}

# start WHAT COMMAND...: a case, which must say nothing and end with 0
start() {
	local n=${#names[@]}

	names+=("$1")
	shift
	while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	{
		(cd "$top" && "$@") >"$work/$n.out" 2>&1 </dev/null
		echo $? >"$work/$n.status"
	} &
}

# not_run WHAT WHY: a case that is skipped
not_run() {
	echo "$2" >"$work/${#names[@]}.skip"
	names+=("$1")
}

# The cases' results, with what there is to see of those that failed.
finish() {
	local i n status

	wait
	echo "TAP version 13"
	echo "1..${#names[@]}"
	for i in "${!names[@]}"; do
		n=$((i + 1))
		if [ -e "$work/$i.skip" ]; then
			echo "ok $n ${names[i]} # SKIP $(cat "$work/$i.skip")"
			continue
		fi
		status=$(cat "$work/$i.status" 2>/dev/null) || status=none
		if [ "$status" = 0 ] && [ ! -s "$work/$i.out" ]; then
			echo "ok $n ${names[i]}"
			continue
		fi
		head -n 40 "$work/$i.out" | sed 's/^/# /'
		echo "not ok $n ${names[i]} (status $status)"
	done
}
