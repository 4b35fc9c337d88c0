# SPDX-License-Identifier: GPL-2.0
"""Adds up what gcov counted, over runs and over files that include a header.

usage: coverage.py COUNTS UNCOVERED

COUNTS holds a JSON document a line, as gcov --json-format prints them. A table
goes to stdout, a line for each file of goalloc_mod/; the lines of source that were
never executed go to UNCOVERED.
"""

import json
import os
import sys

MOD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../goalloc_mod")


def add_up(counts):
    """How often each line of each file was executed."""
    files = {}
    for document in counts:
        for source in json.loads(document)["files"]:
            _, ours, name = source["file"].rpartition("goalloc_mod/")
            if not ours:
                continue
            lines = files.setdefault(name, {})
            for line in source["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, 0) + line["count"]
    return files


def row(name, lines, covered):
    print(f"{name:<28} {lines:>6} {covered:>8} {100 * covered / lines:>6.1f}")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: coverage.py COUNTS UNCOVERED")
    with open(sys.argv[1], encoding="utf-8") as counts:
        files = add_up(counts)
    if not files:
        sys.exit("coverage.py: nothing was counted")

    print(f"{'file':<28} {'lines':>6} {'executed':>8} {'%':>6}")
    lines = covered = 0
    with open(sys.argv[2], "w", encoding="utf-8") as uncovered:
        for name, counted in sorted(files.items()):
            missed = sorted(number for number, count in counted.items() if not count)
            row(name, len(counted), len(counted) - len(missed))
            lines += len(counted)
            covered += len(counted) - len(missed)
            with open(os.path.join(MOD, name), encoding="utf-8") as source:
                text = source.read().split("\n")
            for number in missed:
                print(f"{name}:{number}: {text[number - 1].strip()}", file=uncovered)
    row("all", lines, covered)


main()
