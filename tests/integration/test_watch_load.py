#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Watching under load: each event is accounted for, and nothing bad slips through."""
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest
import uuid
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from resident import ResidentTest  # noqa: E402
from scans import BIN, IS_ROOT, SKIPPED, wait_until  # noqa: E402

LOAD = os.path.join(BIN, "..", "tests", "load")
INSIDE = "MOLEHUNT_TEST_INSIDE"  # a mount namespace of its own
# Other tests plant files meanwhile, and the whole machine is watched.
OWN_MARK = f"MOLEHUNT-TEST-{uuid.uuid4()}"
STORE_MS = 500  # agent/agent_main.h
# What became of an event that was read: records/watch.h.
FATES = ("merged", "sent", "clean", "excluded", "own", "gone", "not_regular", "dropped", "pending")


class WatchTest(ResidentTest):
    """The tree is a tmpfs; counters are those of the whole machine."""

    has_collector = False
    rules = f'rule mark {{ strings: $m = "{OWN_MARK}" condition: $m }}\n'

    def setUp(self):
        super().setUp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m", "tree", self.r.tree],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.r.tree], check=True)

    def watch(self, more=""):
        self.r.configure(schedule="[]", watch=f"enabled: yes, memory_after: 1h{more}")
        self.r.start().wait_for_log("file systems are watched")
        # The rules are ready by then, and marks lie where the tree is.
        wait_until(lambda: self.status("watch").get("is_on"), what="watching")

    def plant(self, name):
        return self.r.plant(name, OWN_MARK.encode())

    def status(self, kind):
        done = self.r.run("molehunt", "status", "--socket", self.r.socket, "--format", "ndjson")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        return next((r for r in records if r["type"] == kind), {})

    def found(self):
        return {os.fsdecode(path) for (path,) in self.r.spool(
            "SELECT path FROM history WHERE rule = 'mark'")}

    def wait_for_found(self, paths, seconds):
        try:
            wait_until(lambda: set(paths) <= self.found(), seconds, "that all are found")
        except AssertionError as e:
            missing = sorted(set(paths) - self.found())
            raise AssertionError(f"{e}: {missing}\n{self.status('watch')}\n"
                                 + self.r.log_text()[-3000:]) from e


class Storm(WatchTest):
    def storm(self, n_files):
        """Files closed after writing, as fast as two writers can; bad ones among them."""
        bad, is_over = [], threading.Event()

        def plant():
            while not is_over.wait(0.05):
                bad.append(self.plant(f"bad-{len(bad)}"))

        planter = threading.Thread(target=plant)
        planter.start()
        try:
            done = subprocess.run([LOAD, "storm", "2", "2", str(n_files), self.r.tree],
                                  capture_output=True, text=True, check=True, timeout=60)
        finally:
            is_over.set()
            planter.join()
        closes = int(done.stdout.split()[0].partition("=")[2])
        return closes, bad

    def settled(self):
        """Counters when all that happened has been told; they come every 5 seconds."""
        before = self.status("watch")
        time.sleep(5.5)
        after = self.status("watch")
        self.assertGreaterEqual(after["read"], before["read"])
        return after

    def assert_accounted(self, counters):
        self.assertEqual(counters["read"], sum(counters[fate] for fate in FATES), counters)

    def test_every_event_is_accounted_for(self):
        self.watch()
        closes, bad = self.storm(500)
        self.wait_for_found(bad, 60)
        counters = self.settled()
        self.assert_accounted(counters)
        self.assertGreater(closes, 10000)
        self.assertGreater(counters["merged"], 1000, "a storm of few files is merged")

    def test_what_is_beyond_the_bound_is_lost_aloud_and_found_by_a_rescan(self):
        self.watch(", pending_max: 64")
        _, bad = self.storm(5000)
        self.r.wait_for_log("events were lost")
        self.wait_for_found(bad, 60)
        counters = self.settled()
        self.assert_accounted(counters)
        self.assertGreater(counters["dropped"], 0)


class Soon(WatchTest):
    def test_a_finding_that_comes_alone_is_stored_at_once(self):
        self.watch()
        self.wait_for_found([self.plant("first")], 20)
        time.sleep(2 * STORE_MS / 1000)
        path = self.plant("second")
        self.wait_for_found([path], 20)
        ((seen, stored),) = self.r.spool(
            "SELECT h.last_ms, max(p.stored_ms) FROM history h, pending p WHERE h.path = ?",
            os.fsencode(path))
        self.assertLess(stored - seen, STORE_MS - 50)


class OwnFiles(WatchTest):
    """Whoever closes a descriptor of a file loses its locks there: SQLite needs them."""

    def locks(self):
        """Of the agent, as inodes and ranges."""
        lines = Path("/proc/locks").read_text().splitlines()
        pid = str(self.r.pid_of("molehunt-agent"))
        return sorted(" ".join(words[5:]) for words in (line.split() for line in lines)
                      if words[4] == pid)

    def test_the_agent_keeps_its_locks_when_others_open_its_databases(self):
        self.r.configure(schedule="[]", watch="enabled: yes, memory_after: 1h",
                         profile=f"  - name: own\n    paths: [{json.dumps(self.r.state)}]\n")
        self.r.start().wait_for_log("file systems are watched")
        before = self.locks()
        self.assertEqual(len(before), 4, "two of each database")
        for name in ("spool.db", "spool.db-shm", "state.db"):
            with open(os.path.join(self.r.state, "agent", name), "ab"):
                pass
        self.wait_for_found([self.plant("later")], 20)
        self.assertEqual(self.locks(), before, "by watching")
        self.r.run("molehunt", "schedule", "run", "own", "--socket", self.r.socket)
        self.r.wait_for_log(r"own \S+: \d+ scanned")
        self.assertEqual(self.locks(), before, "by a walk")


if __name__ == "__main__":
    if not BIN or not IS_ROOT or not shutil.which("unshare"):
        print("skipped: needs MOLEHUNT_BIN, root, and the program unshare")
        sys.exit(SKIPPED)
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              *sys.argv])
    unittest.main(verbosity=2)
