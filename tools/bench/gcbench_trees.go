// SPDX-License-Identifier: GPL-2.0

// What gcbench_trees.c does, by Go's own runtime: gcbench_trees DEPTH. Prints the
// same rows.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

const leastDepth = 4

type node struct {
	left, right *node
}

func grow(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{grow(depth - 1), grow(depth - 1)}
}

func (n *node) count() int {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func check(trees, depth, sum int) int {
	fmt.Printf("check\t%d\t%d\t%d\n", trees, depth, sum)
	return sum
}

func run(depth int) int {
	nodes := check(1, depth+1, grow(depth+1).count())
	kept := grow(depth)
	for d := leastDepth; d <= depth; d += 2 {
		trees := 1 << (depth + leastDepth - d)
		sum := 0
		for i := 0; i < trees; i++ {
			sum += grow(d).count()
		}
		nodes += check(trees, d, sum)
	}
	return nodes + check(1, depth, kept.count())
}

func row(what string, value uint64, unit string) {
	fmt.Printf("%s\tgo\t%d\t%s\n", what, value, unit)
}

func main() {
	var stats runtime.MemStats

	depth, err := 0, error(nil)
	if len(os.Args) == 2 {
		depth, err = strconv.Atoi(os.Args[1])
	}
	if err != nil || depth < 6 || depth > 20 {
		fmt.Fprintln(os.Stderr, "usage: gcbench_trees DEPTH, from 6 to 20")
		os.Exit(2)
	}
	begin := time.Now()
	nodes := run(depth)
	took := time.Since(begin)
	runtime.ReadMemStats(&stats)
	row("time", uint64(took.Nanoseconds()), "ns")
	row("objects", uint64(nodes), "objects")
	row("peak", stats.HeapSys, "bytes")
	row("cycles", uint64(stats.NumGC), "cycles")
}
