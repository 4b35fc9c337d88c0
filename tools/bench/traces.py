# SPDX-License-Identifier: GPL-2.0
"""The format of recorded allocations: see README.traces.

write() makes a file of events, read() takes one and trusts nothing in it.
"""

import re
from array import array

MAGIC = "goalloc-trace 1"
KEYS = ("kernel", "workload", "cpus")
MAX_CPUS = 64
MAX_IDS = 1 << 22
MAX_SIZE = 64 << 20
MAX_EVENTS = 1 << 26

# An event in 64 bits, as goalloc_replay.c takes it: id, size (0 frees), CPU.
ID_BITS = 24
CPU_SHIFT = 56


def unpack(event):
    """Id, and size or 0."""
    return event & (1 << ID_BITS) - 1, event >> ID_BITS & 0xffffffff


HEADER = re.compile(r"# ([a-z]+): (\S.*)")
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class Refused(Exception):
    """What is wrong with a file, and in which line."""

    def __init__(self, path, line, what):
        super().__init__(f"{path}:{line}: {what}")


class Ids:
    """Small numbers for live objects: the one freed last comes first."""

    def __init__(self):
        self.free = []
        self.next = 0

    def get(self):
        if self.free:
            return self.free.pop()
        self.next += 1
        return self.next - 1

    def put(self, number):
        self.free.append(number)


def write(path, header, events):
    """Events are (cpu, id, size), with size 0 for a free."""
    allocs = frees = total = cpu = 0
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{MAGIC}\n")
        for key, text in header.items():
            file.write(f"# {key}: {text}\n")
        for where, number, size in events:
            if where != cpu:
                cpu = where
                file.write(f"c {cpu}\n")
            if size:
                allocs += 1
                total += size
                file.write(f"a {number} {size}\n")
            else:
                frees += 1
                file.write(f"f {number}\n")
        file.write(f"end {allocs} {frees} {total}\n")


class Trace:
    """A file that was read: its header, its events, and what they sum up to."""

    def __init__(self, path):
        self.path = path
        self.header = {}
        self.events = array("Q")
        self.cpus = 1
        self.ids = 0            # as many as the largest id needs
        self.allocs = 0
        self.frees = 0
        self.bytes = 0          # of all allocations
        self.peak = 0           # events until, for the last time, most bytes are live
        self.peak_bytes = 0
        self.live = 0           # objects in the end
        self.line = 0

    def refuse(self, what):
        raise Refused(self.path, self.line, what)

    def number(self, text, name, least, most):
        if not NUMBER.fullmatch(text):
            self.refuse(f"{name} is not a number: {text[:40]!r}")
        value = int(text)
        if not least <= value <= most:
            self.refuse(f"{name} {value} is not in {least} to {most}")
        return value

    def head(self, text):
        match = HEADER.fullmatch(text)
        if not match:
            self.refuse(f"not '# key: text': {text[:40]!r}")
        key, value = match.groups()
        if key in self.header:
            self.refuse(f"a second '{key}'")
        self.header[key] = value
        if key == "cpus":
            self.cpus = self.number(value, "cpus", 1, MAX_CPUS)

    def head_ends(self):
        for key in KEYS:
            if key not in self.header:
                self.refuse(f"the header has no '{key}'")

    def trailer(self, words):
        if len(words) != 4:
            self.refuse("not 'end ALLOCATIONS FREES BYTES'")
        for name, word, is_value in (("allocations", words[1], self.allocs),
                                     ("frees", words[2], self.frees),
                                     ("bytes", words[3], self.bytes)):
            says = self.number(word, name, 0, 1 << 62)
            if says != is_value:
                self.refuse(f"the trailer says {says} {name}, there are {is_value}")
        if not self.allocs:
            self.refuse("there are no allocations")


def events(trace, lines):
    """The part between header and trailer; returns the trailer's words."""
    live = {}
    cpu = now = 0
    out = trace.events
    for text in lines:
        trace.line += 1
        if not text.endswith("\n"):
            trace.refuse("the file ends in the middle of a line")
        words = text[:-1].split(" ")
        kind, n = words[0], len(words)
        if kind == "a" and n == 3:
            number = trace.number(words[1], "id", 0, MAX_IDS - 1)
            size = trace.number(words[2], "size", 1, MAX_SIZE)
            if number in live:
                trace.refuse(f"object {number} is allocated already")
            live[number] = size
            trace.allocs += 1
            trace.bytes += size
            trace.ids = max(trace.ids, number + 1)
            now += size
            out.append(number | size << ID_BITS | cpu << CPU_SHIFT)
            if now >= trace.peak_bytes:
                trace.peak_bytes = now
                trace.peak = len(out)
        elif kind == "f" and n == 2:
            number = trace.number(words[1], "id", 0, MAX_IDS - 1)
            if number not in live:
                trace.refuse(f"there is no object {number} to free")
            now -= live.pop(number)
            trace.frees += 1
            out.append(number | cpu << CPU_SHIFT)
        elif kind == "c" and n == 2:
            cpu = trace.number(words[1], "CPU", 0, trace.cpus - 1)
        elif kind == "end":
            trace.live = len(live)
            return words
        else:
            trace.refuse(f"not an event: {text[:40]!r}")
        if len(out) > MAX_EVENTS:
            trace.refuse(f"more than {MAX_EVENTS} events")
    trace.line += 1
    trace.refuse("the file ends without its trailer")
    return None


def read(path):
    """A file as a Trace, or Refused; OSError if it cannot be read."""
    trace = Trace(path)
    with open(path, encoding="ascii", errors="backslashreplace") as file:
        trace.line = 1
        if file.readline() != f"{MAGIC}\n":
            trace.refuse(f"does not begin with '{MAGIC}'")
        for text in file:
            trace.line += 1
            if not text.startswith("#"):
                break
            if not text.endswith("\n"):
                trace.refuse("the file ends in the middle of a line")
            trace.head(text[:-1])
        else:
            trace.line += 1
            trace.refuse("the file ends without its trailer")
        trace.head_ends()

        def rest():
            # not "yield from", which closes the file when it is left
            yield text
            for more in file:
                yield more

        trace.line -= 1
        trailer = events(trace, rest())
        trace.trailer(trailer)
        if file.readline():
            trace.line += 1
            trace.refuse("something follows the trailer")
    return trace
