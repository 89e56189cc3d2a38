#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Asking the resident agent: molehunt status, doctor, findings."""
import json
import os
import socket
import subprocess
import unittest

from resident import ResidentTest

NOBODY = 65534


class Control(ResidentTest):
    has_collector = False

    def setUp(self):
        super().setUp()
        self.r.plant("a")
        self.r.start().wait_for_log("1 scanned, 1 findings")

    def ask(self, *args, user=None):
        program = os.path.join(os.environ["MOLEHUNT_BIN"], "molehunt")
        done = subprocess.run([program, *args, "--socket", self.r.socket, "--format", "ndjson"],
                              capture_output=True, text=True, check=False, timeout=30,
                              user=user, extra_groups=[] if user else None, cwd="/")
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def record(self, kind, *args, **more):
        found = [r for r in self.ask(*args, **more)[1] if r["type"] == kind]
        self.assertEqual(len(found), 1, kind)
        return found[0]

    def test_status_tells_how_it_is(self):
        self.assertEqual(self.record("rules", "status")["rules"], 1)
        self.assertEqual(self.record("status", "status")["health"], "weaker")
        self.assertIn("not enrolled", str(self.record("status", "status")["reasons"]))
        self.assertEqual(self.record("delivery", "status")["state"], "not enrolled")

    def test_what_ended_last_is_told(self):
        last = self.record("last", "status")
        self.assertEqual((last["profile"], last["scanned"], last["findings"]), ("full", 1, 1))

    def test_findings_are_those_that_were_reported(self):
        done, findings = self.ask("findings")
        self.assertEqual((done.returncode, len(findings)), (0, 1))
        self.assertEqual(findings, self.r.history()[1])
        # No package brought what the test made; why is told in any case.
        package = findings[0]["evidences"][0]["data"]["package"]
        self.assertIsNone(package["checksum_agrees"])
        self.assertTrue(package["reason"])
        text = self.r.run("molehunt", "findings", "--socket", self.r.socket).stdout
        self.assertIn("mark", text)

    def test_doctor_says_how_to_mend_it(self):
        checks = {c["name"]: c for c in self.ask("doctor")[1]}
        self.assertEqual(checks["spool"]["level"], "good")
        self.assertIn("molehunt enroll", checks["delivery"]["advice"])

    @unittest.skipIf(os.geteuid() != 0, "other users are played by root")
    def test_others_see_that_it_is_well_but_not_what_it_found(self):
        os.chmod(self.r.scratch, 0o755)
        bin_dir = os.environ["MOLEHUNT_BIN"]
        if subprocess.run(["test", "-x", f"{bin_dir}/molehunt"], user=NOBODY,
                          check=False).returncode != 0:
            self.skipTest("the programs are in a folder that others cannot enter")
        done, records = self.ask("status", user=NOBODY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("waiting", json.dumps(records))
        self.assertNotIn("findings", [k for r in records for k in r])
        done, records = self.ask("findings", user=NOBODY)
        self.assertEqual((done.returncode, records), (2, []))
        self.assertIn("for root and the members", done.stderr)

    def test_hostile_requests_do_no_harm(self):
        for line in (b"\n", b"{}\n", b'{"verb":5}\n', b'{"verb":"nothing"}\n', b"\xff\n",
                     b'{"verb":"findings","limit":-5,"since_ms":"x"}\n', b"[" * 100000 + b"\n",
                     b'{"verb":"findings","limit":99999999999999999999}\n'):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(20)
                s.connect(self.r.socket)
                s.sendall(line)
                last = b"".join(iter(lambda s=s: s.recv(65536), b"")).splitlines()[-1]
                self.assertIn(json.loads(last)["type"], ("error", "end"))
        self.assertEqual(self.ask("status")[0].returncode, 0)

    def test_no_agent_is_told(self):
        self.r.stop()
        done, _ = self.ask("status")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is the agent running?", done.stderr)


if __name__ == "__main__":
    unittest.main()
