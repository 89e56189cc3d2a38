#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A clock that is a year wrong, at the agent or at the collector: findings wait, none is lost.

The clock is played by libfaketime, for the real programs; that of the machine is not set.
"""
import glob
import os
import time
import unittest

import scans
from resident import ResidentTest
from scans import wait_until

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


def wrong_by(days):
    return ("env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME={days:+d}d",
            "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1")


@unittest.skipIf(LIBRARY is None, "libfaketime is not installed")
class Clock(ResidentTest):
    n_files = 20

    def setUp(self):
        super().setUp()
        self.paths = [self.r.plant(f"{i:03}") for i in range(self.n_files)]
        self.enrolled()
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\n')

    def check_all_once(self):
        self.wait_for_paths(self.paths)
        # New once; by a clock that is set right a scan may be due, which finds them again.
        new = [scans.path_of(f) for f in self.arrived() if f["activity_id"] == 1]
        self.assertEqual(sorted(new), self.paths)
        wait_until(lambda: self.r.spool("SELECT count(*) FROM sealed") == [(0,)], 20,
                   "an empty spool")
        self.assertEqual(self.in_store("SELECT * FROM alarms WHERE closed_ms = 0"), [])
        self.assertEqual(self.c.verb("verify").returncode, 0)

    def agent_wrong_by(self, days):
        keys = self.keys()
        self.r.start(wrong_by(days)).wait_for_log(f"{self.n_files} scanned")
        self.r.wait_for_log("the signing certificate is not valid at the")
        time.sleep(1)
        self.assertEqual(self.arrived(), [])
        self.assertEqual(self.r.stop(), 0)
        self.assertEqual(self.keys(), keys)
        self.r.start()
        self.check_all_once()

    def keys(self):
        found = {}
        for path in glob.glob(self.r.state + "/*/*.key") + glob.glob(self.r.state + "/*/*.pem"):
            with open(path, "rb") as f:
                found[path] = f.read()
        self.assertGreaterEqual(len(found), 4)
        return found

    def test_an_agent_a_year_ahead(self):
        self.agent_wrong_by(365)

    def test_an_agent_a_year_behind(self):
        self.agent_wrong_by(-365)

    def test_an_agent_that_was_ahead_within_its_certificate(self):
        """What it sealed is refused as of the future, for days to come."""
        self.r.start(wrong_by(9)).wait_for_log(f"{self.n_files} scanned")
        self.r.wait_for_log("does not take report 1: .*sealed in the future")
        self.assertEqual(self.arrived(), [])
        self.assertEqual(self.r.stop(), 0)
        self.r.start()
        self.r.wait_for_log("sealed while the clock was ahead: sealed anew")
        self.check_all_once()

    def test_a_collector_a_year_ahead_removes_nothing(self):
        """By that clock all is older than store.keep."""
        self.r.start()
        self.check_all_once()
        self.assertEqual(self.r.stop(), 0)
        self.c.end()
        with open(os.path.join(self.c.dir, "collector.yaml"), "a") as f:
            f.write("store:\n  keep: 30d\n")
        self.c.start(wrong_by(365))
        time.sleep(4)
        self.c.end()
        self.c.start()
        self.check_all_once()

    def collector_wrong_by(self, days):
        self.c.end()
        self.c.start(wrong_by(days))
        self.r.start().wait_for_log(f"{self.n_files} scanned")
        self.r.wait_for_log("certificate")
        time.sleep(1)
        self.c.end()
        self.c.start()
        self.check_all_once()

    def test_a_collector_a_year_ahead(self):
        self.collector_wrong_by(365)

    def test_a_collector_a_year_behind(self):
        self.collector_wrong_by(-365)


if __name__ == "__main__":
    scans.main()
