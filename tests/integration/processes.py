# SPDX-License-Identifier: BSD-2-Clause
"""Processes that hold memory of many kinds, for tests of process scanning.

    with Held("mark=" + hidden(MARK), "heap", "sparse=10G") as held:
        outcome = self.scan("--pid", str(held.pid))
        held.addresses["heap"]

The modes are those of hold_memory.c beside this file.
"""
import os
import select
import subprocess

from scans import BIN, kill

HOLD_MEMORY = os.path.join(BIN, "..", "tests", "hold_memory")
KEY = 0x5a


def hidden(data, key=KEY):
    """The argument of `mark` for these bytes: they are not in it."""
    return bytes(b ^ key for b in data).hex() + f",{key}"


def mark(data):
    return f"mark={hidden(data)}"


class Held:
    """A hold_memory with these modes, ready; ended, with its children, at the end."""

    def __init__(self, *modes, seconds=30, argv0=None, **more):
        arguments = [argv0 or HOLD_MEMORY, *modes]
        self.process = subprocess.Popen(arguments, executable=HOLD_MEMORY, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.pid = self.process.pid
        self.found = []  # (mode, address or None) in the order of the arguments
        line = self._line(seconds)
        if not line.startswith("ready "):
            self.end()
            raise AssertionError(f"hold_memory {' '.join(modes)} said: {line!r}")
        for word in line.split()[2:]:
            name, value = word.split("=", 1)
            self.found.append((name, None if value == "unsupported" else int(value, 16)))

    def _line(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return "nothing in time"
        return self.process.stdout.readline()

    @property
    def addresses(self):
        """Of each mode the last marker, or its region."""
        return {name: at for name, at in self.found if at is not None}

    @property
    def unsupported(self):
        return {name for name, at in self.found if at is None}

    @property
    def children(self):
        return [pid for name, pid in self.found if name == "child"]

    def all_of(self, mode):
        return [at for name, at in self.found if name == mode and at is not None]

    def latencies(self, seconds=10):
        """Of the mode `loop`, since the call before: n, p50_ns, p99_ns, p999_ns."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        words = self._line(seconds).split()[1:]
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def status(self, field, pid=None):
        """A field of /proc/PID/status: a number (kB, where it has a unit), else text."""
        with open(f"/proc/{pid or self.pid}/status") as f:
            text = dict(line.rstrip("\n").split(":\t", 1) for line in f)[field].strip()
        word = text.split()[0] if text else ""
        return int(word) if word.isdigit() else text

    def rollup(self, field):
        """Kilobytes of a field of /proc/PID/smaps_rollup: Rss, Pss, Swap..."""
        with open(f"/proc/{self.pid}/smaps_rollup") as f:
            lines = dict(line.split(":", 1) for line in f.readlines()[1:])
        return int(lines[field].split()[0])

    def end(self):
        """Its children end with it."""
        if self.process.poll() is None:
            kill(self.pid, 9)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
