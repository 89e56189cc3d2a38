#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A simulated fleet sends while its collector is killed and restarted: nothing lost or twice.

MOLEHUNT_AGENTS (300) send for MOLEHUNT_SECONDS (15); `./dev soak --fleet` has 10,000
and 600.  Spools, couriers and TLS are the product's own, tests/delivery/delivery_fleet.c.
MOLEHUNT_SEED repeats the moments of a run, as far as moments can be repeated.
"""
import atexit
import collections
import hashlib
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from fleet import BIN, PROGRAM, Collector

FLEET = os.path.join(BIN, "..", "tests", "delivery_fleet")
SEED = int(os.environ.get("MOLEHUNT_SEED", str(int(time.time()))))
AGENTS = int(os.environ.get("MOLEHUNT_AGENTS", "300"))
SECONDS = int(os.environ.get("MOLEHUNT_SECONDS", "15"))
IS_SHORT = AGENTS < 1000
KILLS = 3 if IS_SHORT else max(1, SECONDS // 30)
INTERVAL_MS = 2000 if IS_SHORT else 60 * 1000  # between reports of an agent
AWAY_S = 2                                     # at most, between kill and restart
DRAIN_S = 60 if IS_SHORT else 900              # for what waits when the sending ends
# The default of 8,000 is not for 10,000 agents.
SETTINGS = f"limits: {{ connections: {AGENTS + 2000} }}\nmetrics: {{ listen: [\"127.0.0.1:0\"] }}\n"
TICK = os.sysconf("SC_CLK_TCK")


class Life:
    """What a collector cost in one life and what it counted, read just before its end."""

    def __init__(self, collector):
        pid = collector.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            family = [str(pid), *f.read().split()]
        self.cpu_s = sum(self.cpu(p) for p in family)
        with open(f"/proc/{pid}/status") as f:
            facts = dict(line.split(":", 1) for line in f)
        self.peak_kb = int(facts["VmHWM"].split()[0])
        with urllib.request.urlopen(f"http://{collector.metrics}/metrics", timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        self.values = {name: float(value) for name, value in pairs}

    @staticmethod
    def cpu(pid):
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def count(self, name):
        return int(self.values.get("molehunt_collector_" + name, 0))

    def outcome(self, name):
        return self.count(f'reports_total{{outcome="{name}"}}')


class Journal:
    """What the fleet says: reports with their findings, and which have a receipt."""

    def __init__(self, path):
        self.findings, self.receipted = {}, collections.Counter()
        with open(path) as f:
            for line in f:
                what, digest, *uids = line.split()
                if what == "sealed":
                    self.findings[digest] = uids
                else:
                    self.receipted[digest] += 1


class Store:
    """What the collector holds, read when it has ended: bytes are hashed again."""

    def __init__(self, folder):
        self.reports, self.findings = collections.Counter(), collections.Counter()
        self.altered = 0
        with sqlite3.connect(f"file:{folder}/store.db?mode=ro", uri=True) as db:
            for digest, der in db.execute("SELECT digest, der FROM reports"):
                self.altered += hashlib.sha256(der).digest() != digest
                self.reports[hashlib.sha256(der).hexdigest()] += 1
            for (uid,) in db.execute("SELECT uid FROM findings"):
                # 64 hexadecimal digits are kept as the 32 bytes that they mean.
                self.findings[uid.hex() if isinstance(uid, bytes) else uid] += 1


def in_memory():
    """A folder for the fleet's small files; in memory where there is such a place."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="molehunt-fleet-", dir=place)


class Fleet(unittest.TestCase):
    def setUp(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if hard < 2 * AGENTS:
            self.skipTest(f"{AGENTS} agents need RLIMIT_NOFILE of {2 * AGENTS}; it is {hard}")
        self.chance = random.Random(SEED)
        self.c = Collector(SETTINGS).start()
        # The same port after a restart.
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\n' + SETTINGS)
        self.folder = in_memory()
        self.addCleanup(self.folder.cleanup)
        self.journal = os.path.join(self.c.scratch.name, "journal")
        self.lives = []

    def start_fleet(self):
        self.fleet = subprocess.Popen(
            [FLEET, "--collector", self.c.dir, "--port", str(self.c.port),
             "--folder", self.folder.name, "--journal", self.journal,
             "--agents", str(AGENTS), "--seconds", str(SECONDS),
             "--interval", str(INTERVAL_MS), "--drain", str(DRAIN_S)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        atexit.register(self.fleet.kill)  # a test that failed leaves it running
        self.assertEqual(self.fleet.stdout.readline(), "ready\n")

    def kill_and_restart(self):
        """One kill in each part of the time, at a moment of chance in it."""
        start, part = time.monotonic(), SECONDS / KILLS
        for n in range(KILLS):
            moment = start + part * (n + self.chance.uniform(0.1, 0.9))
            time.sleep(max(0, moment - time.monotonic()))
            self.lives.append(Life(self.c))
            self.c.end(signal.SIGKILL)
            time.sleep(self.chance.uniform(0, AWAY_S))
            self.c.start()

    def end_fleet(self):
        out = self.fleet.communicate(timeout=SECONDS + DRAIN_S + 120)[0]
        self.lives.append(Life(self.c))
        self.assertEqual(self.c.end(), 0)
        return json.loads(out)

    def print_table(self, result, lost, twice):
        def total(name):
            return sum(life.outcome(name) for life in self.lives)
        peak = max(life.count("connections") for life in self.lives)
        rows = (
            ("agents", f"{AGENTS:,}"),
            ("reports sealed", f"{result['reports']:,}"),
            ("findings in them", f"{result['findings']:,}"),
            ("seconds of sending, until all had receipts", f"{SECONDS}, {result['seconds']:.0f}"),
            ("collector killed and restarted", f"{KILLS}"),
            ("connections made, of them resumed",
             f"{result['connections']:,}, {result['resumed']:,}"),
            ("connections open before a kill, most", f"{peak:,}"),
            ("connections that failed or broke", f"{result['failures']:,}"),
            ("agents told to come back later (429, 503)", f"{result['busy']:,}"),
            ("reports refused", f"{result['refused']}"),
            ("reports that came again and were there, at least", f"{total('duplicate'):,}"),
            ("from sealing to receipt: median, 99 %, longest",
             "{:.2f} s, {:.2f} s, {:.2f} s".format(
                 *(result[k] / 1000 for k in ("p50_ms", "p99_ms", "max_ms")))),
            ("collector: CPU seconds", f"{sum(life.cpu_s for life in self.lives):.1f}"),
            ("collector: most memory resident",
             f"{max(life.peak_kb for life in self.lives) / 1024:.0f} MiB"),
            ("fleet: CPU seconds, memory resident",
             f"{result['cpu_s']:.0f}, {result['resident_kb'] / 1024:.0f} MiB"),
            ("lost (reports, findings)", f"{lost[0]}, {lost[1]}"),
            ("stored twice (reports, findings)", f"{twice[0]}, {twice[1]}"),
            ("seed", f"{SEED}"),
        )
        for name, value in rows:
            print(f"{name:52} {value}", flush=True)

    def check(self, result):
        journal, store = Journal(self.journal), Store(self.c.dir)
        uids = {uid for each in journal.findings.values() for uid in each}
        lost = (len(journal.findings.keys() - store.reports.keys()),
                len(uids - store.findings.keys()))
        twice = (sum(n - 1 for n in store.reports.values()),
                 sum(n - 1 for n in store.findings.values()))
        self.print_table(result, lost, twice)
        self.assertEqual((lost, twice), ((0, 0), (0, 0)))
        # Nothing that nobody sealed, nothing altered, and a receipt for each, once.
        self.assertEqual(store.reports.keys(), journal.findings.keys())
        self.assertEqual(store.findings.keys(), uids)
        self.assertEqual(store.altered, 0)
        self.assertEqual(journal.receipted, collections.Counter(journal.findings.keys()))
        self.assertEqual(len(journal.findings), result["reports"])
        self.assertEqual(len(uids), result["findings"])
        self.assertEqual((result["refused"], result["bad_receipts"]), (0, 0))

    def test_nothing_is_lost_and_nothing_is_stored_twice(self):
        self.start_fleet()
        self.kill_and_restart()
        result = self.end_fleet()
        self.check(result)
        self.assertGreater(result["reports"], AGENTS * SECONDS * 1000 // INTERVAL_MS // 2)
        done = subprocess.run([PROGRAM, "verify", self.c.dir], env=self.c.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertEqual(self.c.lines("alarms"), [])
        print("molehunt-collector verify:", done.stdout.strip().splitlines()[-1])
        self.c.close()


if __name__ == "__main__":
    if not BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(77)
    unittest.main(verbosity=2)
