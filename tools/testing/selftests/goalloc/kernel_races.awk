# SPDX-License-Identifier: GPL-2.0
#
# From a kernel log, takes the first lines of KCSAN's reports of races that are
# within the kernel: none of whose functions is of a module of goalloc's. What
# else stands between the two lines of equals signs stays, and what has no end.

/BUG: KCSAN: / { head = $0; n = ours = 0; inside = 1; next }
inside && /=====/ {
	if (ours)
		print head
	for (i = 0; i < n; i++)
		print lines[i]
	inside = 0
}
inside { ours += /\[goalloc/; lines[n++] = $0; next }
{ print }
END {
	if (inside)
		print head
	for (i = 0; inside && i < n; i++)
		print lines[i]
}
