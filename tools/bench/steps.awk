# SPDX-License-Identifier: GPL-2.0
#
# What goalloc_steps saw, as a table.

BEGIN {
	FS = "\t"
	printf "\nExecuted step by step: instructions, and those of them that lock the bus\n\n"
	printf "%-26s %12s %6s  %s\n", "operation", "instructions", "locks", "the first"
}
{ printf "%-26s %12d %6d  %s\n", $1, $2, $3, $4 }
