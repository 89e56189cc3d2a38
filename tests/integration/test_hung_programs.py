#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that run from a file system whose server answers no more."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import hangfs  # noqa: E402
import scans  # noqa: E402
from resident import ResidentTest  # noqa: E402
from scans import MARK, NEEDS_ROOT, wait_until  # noqa: E402

SOON_S = 2  # BLOCK_ANSWER_MS is 200, and this machine has other work
SHELL = os.path.realpath("/bin/sh")


@NEEDS_ROOT
class Hung(ResidentTest):
    has_collector = False

    def setUp(self):
        super().setUp()
        folder = os.path.join(self.r.scratch, "hung")
        os.mkdir(folder)
        self.fs = hangfs.HangFS(folder, program=Path(SHELL).read_bytes())
        try:
            self.fs.__enter__()
        except hangfs.Unavailable as e:
            self.skipTest(str(e))
        self.addCleanup(self.fs.__exit__)
        self.program = os.path.join(folder, "program")

    def watching(self, more=""):
        self.r.configure(schedule="[]", watch="enabled: yes" + more)
        self.r.start().wait_for_log("file systems are watched")

    def record(self, kind):
        done = self.r.run("molehunt", "status", "--socket", self.r.socket, "--format", "ndjson")
        return next((r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == kind),
                    {})

    def found(self, path, seconds=30):
        return wait_until(lambda: next((f for f in self.r.history()[1]
                                        if f["evidences"][0].get("file", {}).get("path") == path), None), seconds, path)

    def shell(self):
        """A shell from there, which does what it is told, frozen."""
        shell = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lambda: (shell.kill(), shell.communicate()))
        # All that it will need of its file is in memory then.
        self.assertEqual(self.tell(shell, "/bin/true; echo $?"), "0")
        self.assertEqual(self.tell(shell, "/bin/missing 2>/dev/null; echo $?"), "127")
        self.fs.is_frozen = True
        return shell

    def tell(self, shell, line):
        shell.stdin.write(line + "\n")
        shell.stdin.flush()
        return shell.stdout.readline().strip()

    def plant_program(self, name, more=b""):
        path = self.r.plant(name, Path("/bin/true").read_bytes() + more)
        os.chmod(path, 0o755)
        return path

    def is_denied(self, path):
        try:
            subprocess.run([path], check=True)
        except PermissionError:
            return True
        return False

    def test_who_runs_from_there_is_denied_what_is_bad_and_nobody_waits(self):
        self.watching(", block: yes")
        good, bad = self.plant_program("good"), self.plant_program("bad", MARK)
        self.found(bad)
        wait_until(lambda: self.is_denied(bad), 20, "a refusal")
        shell = self.shell()
        time.sleep(1.1)  # what was known of it is old then: ACTOR_FRESH_MS
        for _ in range(3):
            before = time.monotonic()
            self.assertEqual(self.tell(shell, f"{bad} 2>/dev/null; echo $?"), "126")
            self.assertLess(time.monotonic() - before, SOON_S)
            before = time.monotonic()
            self.assertEqual(subprocess.run([good], check=False).returncode, 0)
            self.assertLess(time.monotonic() - before, SOON_S)
        time.sleep(1)
        self.assertTrue(self.is_denied(bad))
        self.assertTrue(self.record("watch")["is_blocking"])
        self.assertNotIn("blocker ended", self.r.log_text())
        self.assertNotIn("blocker does not answer", self.r.log_text())

    def test_what_a_program_from_there_does_is_told_and_the_watcher_goes_on(self):
        self.watching()
        shell = self.shell()
        time.sleep(1.1)
        path = os.path.join(self.r.tree, "written")
        self.assertEqual(self.tell(shell, f"echo '{MARK.decode()}' > {path}; echo $?"), "0")
        actor = self.found(path)["evidences"][0]["actor"]["process"]
        self.assertEqual(actor["pid"], shell.pid)
        self.assertEqual(actor["file"]["path"], self.program)
        time.sleep(5)  # its memory is due: memory_after
        self.found(self.r.plant("later"))
        self.assertEqual(self.record("watch")["hung"], 0)

    def test_a_watcher_that_hangs_is_told_and_replaced_and_nothing_is_missed(self):
        self.watching()
        self.found(self.r.plant("first"))
        hung = scans.helpers(self.r.process.pid, "molehunt-open")[0]
        os.kill(hung, signal.SIGSTOP)
        path = self.r.plant("second")
        wait_until(lambda: "did not answer" in self.record("watch").get("why", ""), 40,
                   "the word of its silence")
        self.assertFalse(self.record("watch")["is_on"])
        self.assertEqual(self.record("status")["health"], "failing")
        self.found(path)
        wait_until(lambda: self.record("watch")["is_on"], 20, "another watcher")
        self.assertEqual(self.record("watch")["hung"], 1)
        self.found(self.r.plant("third"))


if __name__ == "__main__":
    if not scans.BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(scans.SKIPPED)
    hangfs.own_mounts()
    unittest.main(verbosity=2)
