#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Configuration and rules that are replaced while the resident agent works."""
import os
import signal
import socket
import unittest
from pathlib import Path

import scans
from resident import ResidentTest
from scans import wait_until

OTHER_RULE = 'rule other { strings: $a = "MOLEHUNT-OTHER-MARK" condition: $a }\n'
SLOW_RULES = "".join(
    f'rule slow{i} {{ strings: $a = /[a-z]{{1,40}}[0-9]{{3}}x{i}/ condition: $a }}\n'
    for i in range(3))


class Reload(ResidentTest):
    has_collector = False

    def hup(self):
        self.r.process.send_signal(signal.SIGHUP)

    def rules_found(self):
        return sorted({f["finding_info"]["analytic"]["name"] for f in self.r.history()[1]})

    def started(self, **config):
        self.r.configure(**config)
        return self.r.start()

    def test_new_rules_take_the_place_of_old_ones(self):
        self.r.plant("a", b"MOLEHUNT-OTHER-MARK")
        self.started().wait_for_log("1 scanned, 0 findings")
        before = self.r.pid_of("molehunt-scan")
        Path(self.r.rules).write_text(OTHER_RULE)
        self.hup()
        self.r.wait_for_log("the new configuration is in use, with other rules")
        self.r.scan()
        self.r.wait_for_log("1 scanned, 1 findings")
        self.assertEqual(self.rules_found(), ["other"])
        # Nothing of the old set is left.
        wait_until(lambda: before not in
                   [int(p) for p in os.listdir("/proc") if p.isdigit()], 10, "its end")

    def test_a_broken_configuration_changes_nothing(self):
        self.r.plant("a")
        self.started().wait_for_log("1 scanned, 1 findings")
        good = Path(self.r.config).read_text()
        for text, why in ((good + "scanning: {}\n", "scanning"),
                          (good.replace("max_age: 500ms", "max_age: soon"), "max_age"),
                          ("packs: [relative]\n", "begin with /"), ("\x00", ":1:")):
            with self.subTest(why):
                Path(self.r.config).write_text(text)
                self.hup()
                self.r.wait_for_log(f"{why}.*; the configuration in use stays")
        Path(self.r.config).unlink()
        self.hup()
        self.r.wait_for_log("there is no such file; the configuration in use stays")
        self.r.scan()
        self.assertEqual(self.r.log_text().count("1 scanned, 1 findings"), 2)

    def test_rules_that_do_not_compile_change_nothing(self):
        self.r.plant("a")
        self.started().wait_for_log("1 scanned, 1 findings")
        Path(self.r.rules).write_text("rule broken {")
        self.hup()
        self.r.wait_for_log("the rules in use, and their configuration, stay")
        self.r.scan()
        self.assertEqual(self.r.log_text().count("1 scanned, 1 findings"), 2)

    def test_limits_of_a_spool_that_is_full_are_taken_at_a_reload(self):
        path = self.r.plant("a")
        self.r.configure()
        good = Path(self.r.config).read_text()
        Path(self.r.config).write_text(good.replace("min_free: 1MiB", "min_free: 1TiB"))
        self.r.start().wait_for_log("no room: .*; scanning waits")
        Path(self.r.config).write_text(good)
        self.hup()
        self.r.wait_for_log("scanning goes on")
        wait_until(lambda: [scans.path_of(f) for f in self.r.history()[1]] == [path], 20,
                   "the finding")
        self.assertEqual(self.r.log_text().count("the new configuration is in use"), 1)

    def test_a_scan_goes_on_with_the_new_rules_and_misses_nothing(self):
        n = 3000
        for i in range(n):
            self.r.plant(f"{i:05}", b"abc123xyz " * 1000)
        self.r.plant("zz")
        self.started().wait_for_log("rules are|rules: 1 rules")
        for i in range(3):
            done = self.r.log_text().count("the new configuration is in use")
            Path(self.r.rules).write_text(
                'rule mark { strings: $a = "MOLEHUNT-TEST-MARK" condition: $a }\n'
                + f"// {i}\n")
            self.hup()
            wait_until(lambda done=done: self.r.log_text().count(
                "the new configuration is in use") > done, 20, "a reload")
        self.r.wait_for_log(rf"full .*: {n + 1} scanned", 60)
        self.assertEqual(len(self.r.history()[1]), 1)

    def test_the_service_manager_is_told(self):
        path = os.path.join(self.r.scratch, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            os.chmod(path, 0o777)
            s.settimeout(20)
            os.environ["NOTIFY_SOCKET"] = path
            try:
                self.started()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            heard = {s.recv(100).decode() for _ in range(2)}
            self.assertEqual(heard, {"READY=1", "WATCHDOG=1"})
            self.hup()
            self.assertEqual(s.recv(100), b"RELOADING=1")
            self.assertEqual(s.recv(100), b"READY=1")
            self.r.process.send_signal(signal.SIGTERM)
            while s.recv(100) != b"STOPPING=1":
                pass

    def test_a_second_agent_is_refused(self):
        self.started().wait_for_log("rules of")
        done = self.r.run("molehuntd", "--config", self.r.config, "--state", self.r.state)
        self.assertEqual(done.returncode, 2)
        self.assertIn("another molehuntd works with this folder", done.stderr)


if __name__ == "__main__":
    unittest.main()
