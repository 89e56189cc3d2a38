#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The hanging file system that other tests use does hang, and lets go."""

import errno
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import hangfs  # noqa: E402

SKIPPED = 77
OPEN_IT = """
import os, sys
try:
    os.open(sys.argv[1], os.O_RDONLY)
except OSError as e:
    sys.exit(e.errno)
"""


class Hang(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="molehunt-hang-")
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)

    def test_the_other_files_can_be_listed_and_read(self):
        with hangfs.HangFS(self.dir):
            self.assertEqual(sorted(os.listdir(self.dir)), ["before", "hang", "later"])
            self.assertEqual((self.dir / "before").read_bytes(), hangfs.FILES[b"before"])
            self.assertEqual((self.dir / "hang").stat().st_size, len(hangfs.FILES[b"hang"]))
            self.assertFalse((self.dir / "other").exists())

    def test_open_hangs_even_when_killed_until_the_mount_is_aborted(self):
        with hangfs.HangFS(self.dir) as fs:
            child = subprocess.Popen([sys.executable, "-c", OPEN_IT, str(self.dir / "hang")])
            self.assertTrue(fs.reached.wait(10))
            child.kill()
            with self.assertRaises(subprocess.TimeoutExpired):
                child.wait(0.5)
        self.assertEqual(child.wait(10), -9)

    def test_whoever_waits_gets_an_error_when_the_mount_is_aborted(self):
        with hangfs.HangFS(self.dir) as fs:
            child = subprocess.Popen([sys.executable, "-c", OPEN_IT, str(self.dir / "hang")])
            self.assertTrue(fs.reached.wait(10))
        self.assertIn(child.wait(10), (errno.ENOTCONN, errno.ECONNABORTED))


if __name__ == "__main__":
    try:
        with tempfile.TemporaryDirectory() as probe, hangfs.HangFS(probe):
            pass
    except hangfs.Unavailable as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main()
