# SPDX-License-Identifier: BSD-2-Clause
"""Run a command and measure all of its processes: CPU time, wall time, memory."""

import ctypes
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.01
WORKER_COMM = "molehunt-scan"


@dataclass
class Cost:
    cpu: float  # user and system seconds of all processes
    wall: float
    status: int


@dataclass
class Memory:
    """Peaks seen by sampling, in bytes; a shared page counts once in total_anon."""

    total_anon: int = 0  # of all processes together
    worker_anon: int = 0  # of one worker
    worker_dirty: int = 0  # Private_Dirty of one worker
    workers: int = 0
    samples: int = 0


class Failed(Exception):
    """A program that did not do its work; the text holds the end of its error output."""


def become_subreaper():
    """Have orphaned grandchildren handed to us, so that their CPU time is seen too."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cpu_of(usage):
    return usage.ru_utime + usage.ru_stime


def reap_orphans():
    cpu = 0.0
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid == 0:
            return cpu
        cpu += cpu_of(usage)


def run(argv, stdout, good=(0,), env=None, sampler=None):
    """Run argv with its output in the file stdout; Failed unless its status is one of good."""
    errors = Path(f"{stdout}.err")
    with open(stdout, "wb") as out, open(errors, "wb") as err:
        began = time.monotonic()
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                 env=env and {**os.environ, **env})
        if sampler:
            sampler.start(child.pid)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            if sampler:
                sampler.stop()
    wall = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in good:
        tail = errors.read_bytes()[-500:].decode(errors="replace").strip()
        raise Failed(f"{argv[0]} ended with status {child.returncode}: {tail}")
    return Cost(cpu_of(usage) + reap_orphans(), wall, child.returncode)


def children_of(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += Path(f"/proc/{pid}/task/{task}/children").read_text().split()
    except OSError:
        pass
    return [int(c) for c in found]


def tree_of(pid):
    """pid and all its descendants that are alive now."""
    todo, found = [pid], []
    while todo:
        here = todo.pop()
        found.append(here)
        todo += children_of(here)
    return found


def rollup(pid):
    """The fields of /proc/PID/smaps_rollup in bytes, or None when the process is gone."""
    fields = {}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split(":")
            fields[name] = int(value.split()[0]) * 1024
    except (OSError, ValueError):
        return None
    return fields


def is_worker(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == WORKER_COMM
    except OSError:
        return False


class Sampler:
    """Watches the memory of a process and its descendants in a thread of its own."""

    def __init__(self):
        self.memory = Memory()
        self._stop = threading.Event()
        self._thread = None

    def start(self, pid):
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _watch(self, pid):
        while not self._stop.wait(SAMPLE_SECONDS):
            self._sample(pid)

    def _sample(self, pid):
        memory, total, workers = self.memory, 0, 0
        for each in tree_of(pid):
            fields = rollup(each)
            if fields is None:
                continue
            total += fields.get("Pss_Anon", fields.get("Anonymous", 0))
            if is_worker(each):
                workers += 1
                memory.worker_anon = max(memory.worker_anon, fields.get("Anonymous", 0))
                memory.worker_dirty = max(memory.worker_dirty, fields.get("Private_Dirty", 0))
        memory.total_anon = max(memory.total_anon, total)
        memory.workers = max(memory.workers, workers)
        memory.samples += 1
