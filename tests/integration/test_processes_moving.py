#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""molehunt scan --pid: processes that are not what they were a moment ago."""
import platform
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from processes import KEY  # noqa: E402
from scans import (CLEAN, FOUND, INCOMPLETE, MARK, NEEDS_ROOT, ScanTest,  # noqa: E402
                   is_sanitized, kill, wait_until)

SECONDS = 60 if is_sanitized() else 20
SYS_EXIT = {"x86_64": 60, "aarch64": 93}.get(platform.machine())
SYS_IO_URING_SETUP = 425

# What each child begins with: the marker is nowhere in it until plant() writes it.
PRELUDE = f"""
import ctypes, mmap, os, sys, threading, time
HIDDEN = bytes.fromhex("{bytes(b ^ KEY for b in MARK).hex()}")
def plant(memory, at):
    for i, b in enumerate(HIDDEN):
        memory[at + i] = b ^ {KEY}
def ready():
    print("ready", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
"""

LEADER_ENDS = f"""
memory = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
plant(memory, 70000)
threading.Thread(target=time.sleep, args=(60,)).start()
ready()
libc.syscall({SYS_EXIT}, 0)
"""

# The first that maps the memfd ends; the other, which was forked from it, stays.
MAPPER_ENDS = """
fd = os.memfd_create("shared")
os.ftruncate(fd, 1 << 20)
memory = mmap.mmap(fd, 1 << 20)
os.close(fd)
plant(memory, 70000)
pid = os.fork()
if pid == 0:
    time.sleep(60)
    os._exit(0)
print(pid, flush=True)
sys.stdin.readline()
time.sleep(float(sys.argv[1]))
os._exit(0)
"""

# The array of requests of an io_uring: shared memory of the kernel, without a file.
RING = f"""
parameters = ctypes.create_string_buffer(120)
fd = libc.syscall({SYS_IO_URING_SETUP}, 256, parameters)
if fd < 0:
    print("unsupported", flush=True)
    sys.exit(0)
memory = mmap.mmap(fd, 16384, offset=0x10000000)
plant(memory, 5000)
ready()
time.sleep(60)
"""

# A new program each time, which writes the marker anew.
RUNS_AGAIN = """
memory = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
plant(memory, 70000)
for at in range(4096 * 20, 16 << 20, 4096):
    memory[at] = 1
if sys.argv[2] == "0":
    ready()
time.sleep(float(sys.argv[1]))
os.execv(sys.executable, [sys.executable, "-c", sys.orig_argv[2], sys.argv[1], "1"])
"""


class MovingTest(ScanTest):
    def child(self, program, *args):
        child = subprocess.Popen([sys.executable, "-c", PRELUDE + program, *args],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        line = child.stdout.readline().strip()
        if line == "unsupported":
            self.skipTest("not on this kernel")
        return child, line

    @unittest.skipIf(SYS_EXIT is None, "no number of exit(2) for this machine")
    def test_a_process_whose_first_thread_ended(self):
        child, _ = self.child(LEADER_ENDS)
        wait_until(lambda: "Z" in Path(f"/proc/{child.pid}/stat").read_text().split()[2])
        done = self.scan("--pid", str(child.pid), timeout=SECONDS)
        self.assertEqual(done.status, FOUND, done.out + done.err)
        self.check_whole(done)

    def test_a_file_whose_first_process_ends(self):
        for i in range(10):
            with self.subTest(i):
                child, other = self.child(MAPPER_ENDS, str(0.01 * i))
                child.stdin.write("\n")
                child.stdin.flush()
                done = self.scan("--pid", str(child.pid), "--pid", other, timeout=SECONDS)
                kill(int(other), signal.SIGKILL)
                self.assertEqual(done.status, FOUND, done.out + done.err)

    @NEEDS_ROOT
    def test_shared_memory_of_the_kernel(self):
        child, _ = self.child(RING)
        done = self.scan("--pid", str(child.pid), timeout=SECONDS)
        self.assertEqual(done.status, FOUND, done.out + done.err)
        self.check_whole(done)

    def test_a_process_that_begins_new_programs(self):
        for seconds in (0, 0.02, 0.1):
            with self.subTest(seconds):
                child, _ = self.child(RUNS_AGAIN, str(seconds), "0")
                time.sleep(0.05)
                done = self.scan("--pid", str(child.pid), timeout=SECONDS)
                # It may be met each time before it writes: then that is told.
                self.assertIn(done.status, (FOUND, INCOMPLETE, CLEAN), done.err)
                self.check_whole(done)
                if done.status == CLEAN:
                    self.assertEqual(done.summary["processes"], 1)


if __name__ == "__main__":
    scans.main()
