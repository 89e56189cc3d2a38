#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 of each process at moments of chance: every finding arrives, and is new once.

MOLEHUNT_ROUNDS (20) kills of the kind that is named on the command line; `./dev soak`
does 500 of each.  MOLEHUNT_SEED repeats a run, as far as moments can be repeated.
"""
import os
import random
import signal
import sys
import time
import unittest

import scans
from resident import ResidentTest
from scans import MARK, wait_until

ROUNDS = int(os.environ.get("MOLEHUNT_ROUNDS", "20"))
SEED = int(os.environ.get("MOLEHUNT_SEED", str(int(time.time()))))
FILES = 4
NEW = 1  # OCSF activity_id "Create"
KINDS = ("supervisor", "opener", "agent", "worker", "courier", "collector")


class Kills(ResidentTest):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.enrolled()
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\n')
        self.r.configure(schedule="[]")
        self.r.start_asking()

    def lines(self, pattern):
        """Findings at the collector, as (path, is it new)."""
        found = self.c.lines("findings", "--limit", "100000", "--path", pattern)
        return [(scans.path_of(f), f["activity_id"] == NEW) for f in found]

    def pids(self, kind):
        if kind == "supervisor":
            return [self.r.process.pid]
        if kind == "collector":
            return [self.c.process.pid]
        if kind == "worker":
            return scans.workers(self.r.process.pid)
        name = {"opener": "molehunt-open", "agent": "molehunt-agent",
                "courier": "molehunt-courier"}[kind]
        return scans.helpers(self.r.process.pid, name)

    def kill_one(self, kind):
        """False when there was none to kill within its time: the scan was quicker."""
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            pids = self.pids(kind)
            if pids and scans.kill(self.chance.choice(pids), signal.SIGKILL):
                return True
            time.sleep(0.002)
        return False

    def family(self):
        pid = self.r.process.pid
        return scans.children(pid) + scans.workers(pid)

    def recover(self, kind, family):
        if kind == "supervisor":
            self.r.stop(signal.SIGKILL)
            wait_until(lambda: not any(scans.program(p).startswith("molehunt")
                                       for p in family), 10, "the end of the helpers")
            self.r.start()
        if kind == "collector":
            self.c.end(signal.SIGKILL)
            self.c.start()

    def wait_for_round(self, pattern, paths):
        """Ask again if what was asked for was lost with the agent."""
        def is_there():
            return {p for p, _ in self.lines(pattern)} == set(paths)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                wait_until(is_there, 6, "the findings of a round")
                return
            except AssertionError:
                self.r.ask_scan()
        raise AssertionError(f"{paths} are not all there: {self.lines(pattern)}\n"
                             + self.r.log_text()[-4000:])

    def one_round(self, n, kind):
        paths = [self.r.plant(f"r{n:04}/{i}", MARK + f"{SEED}/{n}/{i}".encode())
                 for i in range(FILES)]
        self.r.ask_scan()
        time.sleep(self.chance.choice((0, self.chance.uniform(0, 0.1),
                                       self.chance.uniform(0, 1.2))))
        family = self.family()
        killed = self.kill_one(kind)
        if killed:
            self.recover(kind, family)
        self.wait_for_round(f"*/r{n:04}/*", paths)
        for path in paths:
            os.unlink(path)
        return killed, paths

    def test_every_finding_arrives_and_is_new_once(self):
        kind = os.environ["MOLEHUNT_KILL"]
        planted, n_killed = [], 0
        for n in range(ROUNDS):
            killed, paths = self.one_round(n, kind)
            n_killed += killed
            planted += paths
            if n % 50 == 49:
                print(f"{kind}: {n + 1} rounds, {n_killed} killed", file=sys.stderr, flush=True)
        new = sorted(path for path, is_new in self.lines("*/r*") if is_new)
        self.assertEqual(new, sorted(planted))
        wait_until(lambda: self.r.spool("SELECT count(*) FROM sealed") == [(0,)], 20,
                   "an empty spool")
        self.assertEqual(self.in_store("SELECT * FROM alarms WHERE closed_ms = 0"), [])
        self.assertEqual(len(self.in_store("SELECT DISTINCT epoch FROM reports")), 1)
        self.assertEqual(self.c.verb("verify").returncode, 0)
        self.assertGreaterEqual(n_killed, ROUNDS * 3 // 4)
        print(f"{kind}: {n_killed} killed in {ROUNDS} rounds, {len(planted)} findings, each new "
              f"once; seed {SEED}", file=sys.stderr)


if __name__ == "__main__":
    if "MOLEHUNT_BIN" not in os.environ:
        sys.exit("MOLEHUNT_BIN is not set")
    os.environ["MOLEHUNT_KILL"] = sys.argv.pop(1) if len(sys.argv) > 1 else "agent"
    if os.environ["MOLEHUNT_KILL"] not in KINDS:
        sys.exit("kinds: " + ", ".join(KINDS))
    unittest.main(verbosity=2)
