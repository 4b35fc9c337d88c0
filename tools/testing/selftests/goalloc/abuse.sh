#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Misuse of every kind, with objects of several sizes: refused, counted under
# its kind, reported once a site, and the heap unharmed.
#
# shellcheck disable=SC2317 # functions are called by check

# shellcheck source=goalloc_lib.sh
. "${0%/*}/goalloc_lib.sh"

SIZES="40 5000 100000" # and 96, when it comes to reports

require goalloc_abuse goalloc_torture

# "kind count" of all kinds, and "reports count"
counters() {
	awk '/^Misuse/ { sub(/^Misuse_?/, ""); sub(/:/, ""); gsub("-", "_"); print $1, $2 }
		/^Reports:/ { print "reports", $2 }' "$GA"/stats
}

# commit CASE: sets word, count, kinds, reason; the kinds that were meant have
# grown by as many as there were, no other has. What grew is in $tmp/grown.
commit() {
	counters >"$tmp/before"
	echo "$1" >"$(param goalloc_abuse what)" || return 1
	read -r word count kinds reason <"$(param goalloc_abuse verdict)"
	echo "$word $count $kinds $reason"
	counters | awk -v kinds="$kinds" -v count="$count" '
		BEGIN { n = split(kinds, k, ","); for (i = 1; i <= n; i++) meant[k[i]] = 1 }
		NR == FNR { old[$1] = $2; next }
		{ by = $2 - old[$1]; old[$1] = "" }
		by == 0 { next }
		{ print $1, by }
		$1 == "reports" { next }
		$1 in meant { sum += by; next }
		{ print "not meant: " $1; bad = 1 }
		END { if (sum != count) print sum + 0 " were counted, not " count
		      exit bad || sum != count || NR < 20 }' "$tmp/before" - >"$tmp/grown"
	counted=$?
	cat "$tmp/grown"
	return "$counted"
}

reports() {
	awk '$1 == "reports" { n = $2 } END { print n + 0 }' "$tmp/grown"
}

# misuse CASE SIZE
misuse() {
	echo "$2" >"$(param goalloc_abuse size)" && commit "$1" && expect verdict "$word" PASS
}

# A site reports once. Frees that raced have no site: they are seen later.
reported_once() {
	echo 96 >"$(param goalloc_abuse size)"
	mark
	commit "$1" && expect verdict "$word" PASS || return 1
	[ "$(logged | grep -c "goalloc: misuse:")" = "$(reports)" ] ||
		{ echo "$(reports) reports were counted:"; logged; return 1; }
	[ "$count" = 0 ] || [ "$(reports)" -gt 0 ] || { echo "not reported"; return 1; }
	# a double free may look like another kind the second time
	tries=0
	while commit "$1" && [ "$(reports)" != 0 ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 3 ] || { echo "reported again and again"; return 1; }
	done
	expect "the last time" "$word" PASS
}

# The report names what was hit, and how one came there.
report_tells() {
	unload goalloc_abuse goalloc && load goalloc && load goalloc_abuse && mark || return 1
	commit double_cache_free || return 1
	logged
	for text in 'goalloc: misuse: double free' 'heap abuse' 'cache abuse-cache' \
		    'slot [0-9]* of [0-9]*' 'double_cache_free.*goalloc_abuse' 'Call Trace:' ; do
		logged | grep -q "$text" || { echo "not in the log: $text"; return 1; }
	done
	! logged | grep -E 'misuse:.* (0x)?[0-9a-f]{0,4}ffff[89a-f][0-9a-f]{11}' ||
		{ echo "a kernel address is in the log"; return 1; }
}

still_good() {
	mark
	load goalloc_torture ops=20000 || return 1
	expect verdict "$(cat "$(param goalloc_torture verdict)")" PASS &&
	unload goalloc_torture && expect "live objects" "$(stat_of HeapObjects)" 0 && log_clean
}

hurry
load goalloc
load goalloc_abuse || skip_all "goalloc_abuse does not load"
cases=$(cat "$(param goalloc_abuse cases)")
ncases=$(echo "$cases" | wc -w)
nsizes=$(echo "$SIZES" | wc -w)
plan $((ncases * (nsizes + 1) + nsizes + 3))

for case in $cases; do
	if [ "$case" = double_free_race ]; then
		skip "$case is reported once a site" "it has no site"
		continue
	fi
	check "$case is reported once a site" reported_once "$case"
	[ "$word" != SKIP ] || echo "# $case: $reason"
done
for size in $SIZES; do
	mark
	for case in $cases; do
		what="$case, $size bytes"
		echo "$size" >"$(param goalloc_abuse size)"
		case $case.$(nproc).$size in
		*_remote.1.* | *_local.1.* | *_race.1.*)
			skip "$what" "only one CPU" ;;
		never_allocated.*.5000 | never_allocated.*.100000)
			skip "$what" "the objects are too large" ;;
		*)
			check "$what" misuse "$case" "$size" ;;
		esac
	done
	check "nothing else was logged with $size bytes" log_clean_but_misuse
done
check "the heap serves as before" still_good
check "a report says what, where and who" report_tells
check "unloads in the end" unload_all
finish
