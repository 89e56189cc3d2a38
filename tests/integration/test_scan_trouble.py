#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""molehunt scan when its helpers die, hang or are stopped: no target is lost."""
import os
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import hangfs  # noqa: E402
import scans  # noqa: E402
from scans import (ERROR, FOUND, HOLDING_RULES, INCOMPLETE, MARK_RULE,  # noqa: E402
                   NEEDS_ROOT, ScanTest, rule_of)

# Some 10 ms per file, so that a scan of a few hundred lasts seconds.
SLOW_RULES = MARK_RULE + """
rule slow { condition: for any i in (0..150000) : (uint8(i % 16) == 256) }
"""


class Deaths(ScanTest):
    rules = SLOW_RULES

    def plant_many(self, n=300):
        return sorted(self.plant(f"{i:04}/file") for i in range(n))

    def check_all_there(self, done, paths):
        """Each path is found or, if it met two deaths when alone, poisoned."""
        poisoned = done.found("poisoned")
        self.assertEqual(sorted(done.found() + poisoned), paths, done.err)
        self.assertEqual(done.status, FOUND)
        s = self.check_whole(done)
        self.assertEqual(s["scanned"] + s["missed"], len(paths))
        return poisoned

    def test_workers_killed_again_and_again_lose_no_target(self):
        paths = self.plant_many()
        process = self.start(self.tree)
        n_killed = 0
        scans.wait_until(lambda: scans.workers(process.pid), what="a worker")
        while process.poll() is None and n_killed < 12:
            for worker in scans.workers(process.pid)[:1]:
                n_killed += scans.kill(worker, signal.SIGKILL)
            time.sleep(0.15)
        self.assertGreater(n_killed, 3)
        self.check_all_there(self.outcome(process), paths)

    def test_a_killed_zygote_loses_no_target(self):
        paths = self.plant_many()
        process = self.start(self.tree)
        for _ in range(3):
            scans.wait_until(lambda: scans.workers(process.pid), what="a worker")
            time.sleep(0.2)
            for zygote in scans.helpers(process.pid, "molehunt-scan"):
                scans.kill(zygote, signal.SIGKILL)
        self.assertEqual(self.check_all_there(self.outcome(process), paths), [])

    def test_a_zygote_that_others_kill_while_it_loads_leaves_no_rule_out(self):
        paths = [self.plant(f"{i}") for i in range(20)]
        rules = self.write_rules("many.yar", MARK_RULE + "".join(
            f'rule r{i} {{ strings: $a = "no such text {i} at all" condition: $a }}\n'
            for i in range(20000)))
        process = self.start("--rules", rules, self.tree)
        (zygote,) = scans.wait_until(
            lambda: scans.helpers(process.pid, "molehunt-scan"), what="a zygote")
        time.sleep(0.1)
        scans.kill(zygote, signal.SIGKILL)
        done = self.outcome(process)
        self.assertEqual(sorted(set(done.found())), sorted(paths), done.err)
        self.assertNotIn("did not end", done.err)

    def test_a_killed_opener_loses_no_target(self):
        paths = self.plant_many(400)
        process = self.start(self.tree)
        scans.wait_until(lambda: scans.workers(process.pid), what="a worker")
        time.sleep(0.3)
        (opener,) = scans.helpers(process.pid, "molehunt-open")
        scans.kill(opener, signal.SIGKILL)
        self.assertEqual(self.check_all_there(self.outcome(process), paths), [])

    def test_a_stopped_worker_is_replaced(self):
        paths = self.plant_many(100)
        process = self.start("--timeout", "1s", self.tree)
        scans.wait_until(lambda: scans.workers(process.pid), what="a worker")
        time.sleep(0.1)
        os.kill(scans.workers(process.pid)[0], signal.SIGSTOP)
        self.assertEqual(self.check_all_there(self.outcome(process), paths), [])


class Poison(ScanTest):
    rules = HOLDING_RULES

    def kill_holders(self, process, path):
        """End each worker that has that file open."""
        while process.poll() is None:
            for worker in scans.workers(process.pid):
                if path in scans.opened(worker).values():
                    scans.kill(worker, signal.SIGKILL)
            time.sleep(0.02)

    def test_what_kills_its_worker_twice_alone_is_a_finding(self):
        others = [self.plant(f"{i}") for i in range(20)]
        path = self.plant("poison", b"nothing")
        process = self.start(self.tree)
        self.kill_holders(process, path)
        done = self.outcome(process)
        self.assertEqual((done.found(), done.found("poisoned")), (sorted(others), [path]))
        self.assertEqual((done.status, done.missed()), (FOUND, {path: "poisoned"}))
        (f,) = [f for f in done.findings if rule_of(f) == "poisoned"]
        self.assertEqual((f["class_uid"], f["severity_id"]), (2004, 3))
        self.assertIn("Killed", f["message"])

    def test_poison_alone_is_never_summed_up_as_nothing_found(self):
        path = self.plant("poison", b"nothing")
        process = self.start("--format", "text", self.tree)
        self.kill_holders(process, path)
        done = self.outcome(process)
        self.assertEqual(done.status, FOUND)
        self.assertIn(f"FOUND {path}\n      poisoned: ", done.out)
        self.assertNotIn("Nothing found", done.out)


class Stopped(ScanTest):
    rules = SLOW_RULES

    def stop(self, sig, *args):
        for i in range(600):
            self.plant(f"{i:03}")
        process = self.start(*args, self.tree)
        self.first_output(process)
        started = time.monotonic()
        process.send_signal(sig)
        done = self.outcome(process)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(done.status, ERROR)
        return done

    def test_ctrl_c_ends_with_2_and_tells_what_was_not_reached(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            done = self.stop(sig)
            s = self.check_whole(done)
            self.assertFalse(s["complete"])
            self.assertGreater(s["not_scanned"]["stopped"], 0)
            self.assertLess(s["scanned"], 600)
            self.assertIn("stopped", done.missed().values())

    def test_ctrl_c_says_so_in_words(self):
        done = self.stop(signal.SIGINT, "--format", "text")
        self.assertIn("The scan was stopped.", done.out)
        self.assertIn("stopped", done.out.split("Not scanned")[1])

    def test_ctrl_c_while_a_file_holds_a_worker_for_long(self):
        rules = self.write_rules("holding.yar", HOLDING_RULES.replace("400000000", "40000000000"))
        self.plant("poison")
        process = self.start("--rules", rules, self.tree)
        scans.wait_until(lambda: any(self.tree in path for w in scans.workers(process.pid)
                                     for path in scans.opened(w).values()), what="a busy worker")
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = self.outcome(process)
        self.assertEqual(done.status, ERROR)
        self.assertLess(time.monotonic() - started, 5)


@NEEDS_ROOT
class Fuse(ScanTest):
    """A file system in user space that hangs on open."""

    rules = MARK_RULE + 'rule later { strings: $a = "read after" condition: $a }'

    def setUp(self):
        super().setUp()
        self.mount = os.path.join(self.tree, "m")
        os.mkdir(self.mount)

    def hang(self):
        fs = hangfs.HangFS(self.mount)
        try:
            fs.__enter__()
        except hangfs.Unavailable as e:
            self.skipTest(str(e))
        self.addCleanup(fs.__exit__)
        return fs

    def test_it_is_not_touched_unless_asked_and_that_is_told(self):
        fs = self.hang()
        done = self.scan(self.mount)
        self.assertEqual((done.status, done.missed()),
                         (INCOMPLETE, {self.mount: "network-file-system"}))
        done = self.scan("--cross", self.tree)
        self.assertEqual((done.status, done.missed()),
                         (INCOMPLETE, {self.mount: "network-file-system"}))
        self.assertIn("--network", self.text_scan(self.mount).out)
        self.assertFalse(fs.reached.is_set())

    def test_it_costs_its_own_file_alone(self):
        self.hang()
        first, last = self.plant("a"), self.plant("z")
        done = self.scan("--cross", "--network", self.tree)
        self.assertEqual((done.status, done.found()), (FOUND, [first, last]))
        self.assertEqual(done.found("later"), [self.mount + "/later"])
        self.assertEqual(done.missed(), {self.mount + "/hang": "open-hung"})
        self.assertEqual(self.check_whole(done)["scanned"], 4)


if __name__ == "__main__":
    scans.main()
