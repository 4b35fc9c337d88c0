# SPDX-License-Identifier: GPL-2.0
#
# bench.tsv as tables: awk -f table.awk headlines bench.tsv. A line has goalloc's
# figure, one peer's, and the ratio goalloc/peer, for each init_on_alloc that
# there is. A "~" is with figures whose control moved too often: repeat those.

function number(value, unit) {
	if (value == "")
		return "-"
	if (unit == "instructions" && value >= 100)
		return sprintf("%.0f", value)
	return value >= 1000 ? sprintf("%.0f", value) : sprintf("%.1f", value)
}

# what is printed for a figure, by its key
function figure(key) {
	if (!(key in stat))
		return "-"
	if (stat[key] == "fails")
		return "fails"
	if (unit[key] == "x")
		return sprintf("%.2fx", value[key]) (shaky[key] ? "~" : "")
	if (unit[key] == "percent")
		return sprintf("%.2f%%", value[key])
	return number(value[key], unit[key]) (shaky[key] ? "~" : "")
}

function ratio(ours, theirs) {
	if (!(ours in stat) || !(theirs in stat) || stat[ours] == "fails" ||
	    stat[theirs] == "fails" || value[theirs] <= 0)
		return "-"
	return sprintf("%.2f", value[ours] / value[theirs])
}

function spread(key) {
	if (!(key in stat) || stat[key] == "fails")
		return "-"
	return unit[key] == "x" ? sprintf("%.2f", deviation[key]) : number(deviation[key])
}

function heading(title) {
	printf "\n%s\n\n", title
}

# the columns of both settings of init_on_alloc
function counted(heap, op, peer,    init, line, ours, theirs) {
	line = ""
	for (init = 1; init >= 0; init--) {
		ours = "icount" SUBSEP init SUBSEP heap SUBSEP op SUBSEP "goalloc"
		theirs = "icount" SUBSEP init SUBSEP heap SUBSEP op SUBSEP peer
		line = line sprintf(" %11s %11s %6s", figure(ours), figure(theirs),
				    ratio(ours, theirs))
	}
	return line
}

function timed(op, peer,    ours, theirs) {
	ours = "native" SUBSEP 1 SUBSEP "default" SUBSEP op SUBSEP "goalloc"
	theirs = "native" SUBSEP 1 SUBSEP "default" SUBSEP op SUBSEP peer
	return sprintf(" %9s %7s %9s %7s %6s %8s", figure(ours), spread(ours), figure(theirs),
		       spread(theirs), ratio(ours, theirs), rounds[theirs in rounds ? theirs : ours])
}

function counted_head(label, width) {
	printf "%-*s %23s %30s\n", width, "", "init_on_alloc=1", "init_on_alloc=0"
	printf "%-*s %11s %11s %6s %11s %11s %6s\n", width, label, "goalloc", "peer", "ratio",
	       "goalloc", "peer", "ratio"
}

function timed_head(label, width) {
	printf "%-*s %9s %7s %9s %7s %6s %8s\n", width, label, "goalloc", "+-", "peer", "+-",
	       "ratio", "rounds"
}

FILENAME != last_file { files++; last_file = FILENAME }

files == 1 && !/^#/ {
	n = ++nheadlines
	h_rig[n] = $1; h_heap[n] = $2; h_op[n] = $3; h_peer[n] = $4
	$1 = $2 = $3 = $4 = ""
	sub(/^ +/, "")
	h_text[n] = $0
	next
}
files == 1 || FNR == 1 { next }

{
	split($0, f, "\t")
	key = f[1] SUBSEP f[2] SUBSEP f[3] SUBSEP f[4] SUBSEP f[5]
	seen_rig[f[1]] = 1
	if (f[4] ~ /^latency-/) {
		line = f[1] SUBSEP f[2] SUBSEP f[4] SUBSEP f[5]
		if (!(line in latency))
			l_order[++nlatency] = line
		latency[line] = latency[line] sprintf(" %9s", number(f[7], f[8]))
		next
	}
	# measured more than once: the least
	if (key in value && value[key] <= f[7])
		next
	stat[key] = f[6]; value[key] = f[7]; unit[key] = f[8]; deviation[key] = f[9]
	split(f[10], r, "/")
	rounds[key] = f[10]
	shaky[key] = f[6] == "median" && r[1] < 15
	row = f[1] SUBSEP f[3] SUBSEP f[4]
	measured[row] = 1
	if (!((row, f[5]) in known)) {
		known[row, f[5]] = 1
		rows[++nrows] = row SUBSEP f[5]
		npeers[row] += f[5] != "goalloc"
	}
}

function headlines(rig,    i, label) {
	for (i = 1; i <= nheadlines; i++) {
		if (h_rig[i] != rig)
			continue
		if (!((rig, h_heap[i], h_op[i]) in measured))
			continue
		label = sprintf("%-46s %-12s", h_text[i], h_peer[i])
		if (rig == "icount")
			print label counted(h_heap[i], h_op[i], h_peer[i])
		else
			print label timed(h_op[i], h_peer[i])
	}
}

function all(rig,    i, f, label) {
	for (i = 1; i <= nrows; i++) {
		split(rows[i], f, SUBSEP)
		if (f[1] != rig || (f[4] == "goalloc" && npeers[f[1], f[2], f[3]]))
			continue
		if (f[4] == "goalloc")
			f[4] = "-"
		if (rig == "icount")
			print sprintf("%-24s %-8s %-12s", f[3], f[2], f[4]) counted(f[2], f[3], f[4])
		else
			print sprintf("%-24s %-12s", f[3], f[4]) timed(f[3], f[4])
	}
}

END {
	if ("icount" in seen_rig) {
		heading("What counts most, instructions (heap with 1, 16, 64 arenas: nearly full)")
		counted_head(sprintf("%-46s %-12s", "", "peer"), 59)
		headlines("icount")
	}
	if ("native" in seen_rig) {
		heading("What counts most, nanoseconds")
		timed_head(sprintf("%-46s %-12s", "", "peer"), 59)
		headlines("native")
	}
	if ("icount" in seen_rig) {
		heading("All, instructions")
		counted_head(sprintf("%-24s %-8s %-12s", "operation", "heap", "peer"), 46)
		all("icount")
	}
	if ("native" in seen_rig) {
		heading("All, nanoseconds")
		timed_head(sprintf("%-24s %-12s", "operation", "peer"), 37)
		all("native")
	}
	if (nlatency) {
		heading("Single calls, each by itself, interrupts off")
		printf "%-6s %-13s %-22s %-12s %9s %9s %9s %9s\n", "rig", "init_on_alloc", "call",
		       "side", "p50", "p99", "p99.9", "max"
		for (i = 1; i <= nlatency; i++) {
			split(l_order[i], f, SUBSEP)
			sub(/^latency-/, "", f[3])
			printf "%-6s %-13s %-22s %-12s%s\n", f[1], f[2], f[3], f[4],
			       latency[l_order[i]]
		}
	}
}
