#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Certificates that live a minute: they are renewed, whatever happens meanwhile."""
import os
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from delivering import Delivery  # noqa: E402


class Renewal(Delivery):
    def setUp(self):
        super().setUp()
        self.c.end()
        self.c.configure("certificates: {agent_life: 1m}\n")
        self.c.start()

    def test_both_keys_are_renewed_and_what_was_sealed_before_is_taken(self):
        self.enrolled()
        files = ("agent/signing.key", "agent/signing.pem", "courier/tls.key", "courier/tls.pem")
        before = {f: self.pem(f) for f in files}
        first = self.r.plant("first")
        self.r.start()
        self.wait_for_paths([first])
        self.r.wait_for_log("a new signing certificate is there", 60)
        later = self.r.plant("later")
        self.r.scan()
        self.wait_for_paths([first, later])
        self.r.wait_for_log("the new signing certificate works", 30)
        self.r.wait_for_log("the new TLS certificate works", 60)
        for f in files:
            self.assertNotEqual(before[f], self.pem(f), f)
            self.assertEqual(os.stat(os.path.join(self.r.state, f)).st_mode & 0o777, 0o600)
            self.assertFalse(os.path.exists(os.path.join(self.r.state, f + ".new")))
        # Same agent, and every report's signature is good for good.
        self.assertEqual(len(self.agents_of_reports()), 1)
        self.assertEqual(self.c.verb("verify").returncode, 0)
        text = self.r.log_text()
        self.assertNotIn("PRIVATE KEY", text)

    @unittest.skipUnless(os.environ.get("MOLEHUNT_SOAK"), "a minute of kills: ./dev soak")
    def test_killed_at_random_it_has_an_identity_all_the_same(self):
        """Longer than a life: without renewal nothing would arrive at the end."""
        self.enrolled()
        self.r.start()
        end = time.monotonic() + 70
        n = 0
        while time.monotonic() < end:
            for name in ("molehunt-courier", "molehunt-agent"):
                time.sleep(1.7)
                pid = self.r.pid_of(name)
                if pid:
                    os.kill(pid, 9)
                    n += 1
        path = self.r.plant("last")
        self.r.ask_scan()
        self.wait_for_paths([path], 120)
        self.assertGreater(n, 20)

    def test_a_collector_that_is_away_costs_no_key(self):
        self.enrolled()
        key = self.pem("courier/tls.key")
        self.r.start()
        self.r.wait_for_log("connected")
        self.c.end()
        time.sleep(62)
        # Past its end, and kept; doctor says so and what to do.
        self.assertEqual(self.pem("courier/tls.key"), key)
        self.wait_for_doctor("certificate", r"signing: expired.*enroll --force")
        self.wait_for_doctor("delivery", "refused.*nothing listens")
        path = self.r.plant("meanwhile")
        self.r.scan()
        port = self.c.port
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{port}"]\ncertificates: {{agent_life: 1h}}\n')
        self.c.start()
        before = self.agent_id()
        self.enroll_again()
        self.wait_for_paths([path], 40)
        self.assertNotEqual(before, self.agent_id())
        self.assertEqual(self.agents_of_reports(), [self.agent_id()])


if __name__ == "__main__":
    unittest.main(verbosity=2)
