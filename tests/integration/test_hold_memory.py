# SPDX-License-Identifier: BSD-2-Clause
"""The process that other tests scan holds what it says."""
import os
import tempfile
import time
import unittest

import scans
from processes import Held, mark
from scans import MARK, status_of, wait_until

# Not readable from outside, by design of the kernel.
SECRET = {"secret"}


class HoldMemory(unittest.TestCase):
    def read(self, pid, at, n=len(MARK)):
        with open(f"/proc/{pid}/mem", "rb", 0) as f:
            f.seek(at)
            return f.read(n)

    def check_marks(self, *modes):
        with Held(mark(MARK), *modes) as held:
            for name, at in held.found:
                if at is None or name in SECRET | {"tiny-count"}:
                    continue
                self.assertEqual(self.read(held.pid, at), MARK, name)
            return held

    def test_markers_stand_where_it_says(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = os.path.join(folder.name, "file")
        with open(file, "wb") as f:
            f.write(bytes(5 * 4096))
        held = self.check_marks(
            "heap=100000", "stack", "data", "page-border", "fill=none,32M,8388599,4K",
            "fill=random,1M,100", "fill=zeros,1M,0", "fill=repeat,1M,5", "sparse=1T,100",
            "prot-none", "executable", "executable=rwx", "guard", "shared=5000", "sysv",
            "memfd=shared", "memfd=private,rx", f"deleted={folder.name}/a",
            f"deleted={folder.name}/b,private", f"file-cow={file},8192", "missing=anon",
            "missing=memfd", "secret", "tiny=100")
        self.assertLessEqual(held.unsupported, {"guard", "missing", "secret"})
        self.assertEqual(len(held.all_of("fill")), 5)
        with open(file, "rb") as f:
            self.assertNotIn(MARK, f.read())

    def test_the_marker_is_nowhere_else(self):
        with Held(mark(MARK), "comm=41") as held:
            with open(f"/proc/{held.pid}/cmdline", "rb") as f:
                self.assertNotIn(MARK, f.read())
            with open(f"/proc/{held.pid}/maps") as f:
                regions = [line.split()[0].split("-") for line in f if " rw-p " in line]
            for low, high in regions:
                content = self.read(held.pid, int(low, 16), int(high, 16) - int(low, 16))
                self.assertNotIn(MARK, content)

    def test_images_are_copied_as_they_lie_and_as_they_are_loaded(self):
        with Held("image=/bin/true,raw", "image=/bin/true,memory,rx") as held:
            for at in held.all_of("image"):
                self.assertEqual(self.read(held.pid, at, 4), b"\x7fELF")

    def test_children_share_pages_and_end_with_it(self):
        with Held(mark(MARK), "heap", "fork=3") as held:
            self.assertEqual(len(held.children), 3)
            for child in held.children:
                self.assertEqual(self.read(child, held.addresses["heap"]), MARK)
            children = held.children
        for child in children:
            wait_until(lambda: self.is_gone(child), what="the end of a child")

    @staticmethod
    def is_gone(pid):
        try:
            return status_of(pid)["State"].startswith("Z")
        except OSError:
            return True

    def test_it_can_have_as_many_mappings_as_the_kernel_lets(self):
        with Held("tiny") as held:
            with open(f"/proc/{held.pid}/maps") as f:
                self.assertGreater(len(f.readlines()), 60000)

    def test_a_loop_tells_its_latencies(self):
        for kind in ("fault", "map"):
            with Held(f"loop={kind}") as held:
                time.sleep(0.1)
                told = held.latencies()
                self.assertGreater(told["n"], 100)
                self.assertLessEqual(told["p50_ns"], told["p99_ns"])

    def test_it_execs_itself_and_ends(self):
        with Held(mark(MARK), "heap", "exec=20,5") as held:
            self.assertEqual(held.process.wait(20), 0)
        with Held("exit=20") as held:
            self.assertEqual(held.process.wait(20), 0)

    def test_its_names_can_be_hostile(self):
        with Held("comm=1b5b33316d0a", "cmdline=6b0a00ff1b") as held:
            with open(f"/proc/{held.pid}/comm", "rb") as f:
                self.assertEqual(f.read(), b"\x1b[31m\n\n")
            with open(f"/proc/{held.pid}/cmdline", "rb") as f:
                self.assertEqual(f.read(5), b"k\n\0\xff\x1b")


if __name__ == "__main__":
    scans.main()
