#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is said of rules without editing them, and how findings say why they count so much."""
import datetime
import glob
import os
import unittest

import scans
from resident import ResidentTest
from scans import CLEAN, ERROR, FOUND, MARK, ScanTest, rule_of

RULES = """
rule Severe { meta: severity = "high" strings: $a = "%s" condition: $a }
rule SUSP_Thing { strings: $a = "%s" condition: $a }
""" % (MARK.decode(), MARK.decode())
LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)
NOW = datetime.datetime.now(datetime.timezone.utc)
TOMORROW = (NOW + datetime.timedelta(days=1)).date().isoformat()
YESTERDAY = (NOW - datetime.timedelta(days=1)).date().isoformat()


def by_rule(done):
    return {rule_of(f): f for f in done.findings}


class Overrides(ScanTest):
    def write(self, text):
        return self.write_rules("overrides.yaml", text)

    def pack(self):
        return os.path.dirname(self.write_rules("foreign/a.yar", RULES))

    def test_each_finding_says_why_it_has_its_score(self):
        self.plant("a", MARK)
        found = by_rule(self.scan("--rules", self.pack(), self.tree))
        severe, susp = found["Severe"]["unmapped"], found["SUSP_Thing"]["unmapped"]
        self.assertEqual((severe["score"], severe["score_why"]), (80, {"source": "severity"}))
        self.assertEqual((susp["score"], susp["score_why"]), (65, {"source": "kind"}))
        # 1 - (1 - .8) * (1 - .65 / 2) = .865
        for f in found.values():
            self.assertEqual((f["risk_score"], f["risk_level_id"]), (87, 3))
            self.assertEqual(f["unmapped"]["risk"], {"scores": [80, 65], "rules": 2})
            self.assertEqual((f["is_alert"], f["status_id"]), (True, 1))

    def test_rules_are_disabled_scored_and_suppressed(self):
        self.plant("a", MARK)
        self.plant("known/a", MARK)
        overrides = self.write(f"""overrides:
  - {{rule: "foreign/*:SUSP_*", action: disable, reason: too many}}
  - {{rule: Severe, action: score, score: 30, reason: "seen in our own tool"}}
  - {{rule: Severe, action: suppress, path: "*/known/*", until: {TOMORROW}, reason: "ticket 7"}}
""")
        done = self.scan("--rules", self.pack(), "--overrides", overrides, self.tree)
        self.assertEqual({rule_of(f) for f in done.findings}, {"Severe"})
        self.assertEqual((len(done.findings), done.status), (2, FOUND))
        for f in done.findings:
            self.assertEqual(f["unmapped"]["score"], 30)
            self.assertEqual(f["unmapped"]["score_why"], {
                "source": "override", "was": "severity", "reason": "seen in our own tool"})
            is_known = "/known/" in scans.path_of(f)
            self.assertEqual(f["status_id"], 3 if is_known else 1)
            self.assertEqual("suppressed" in f["unmapped"], is_known)
            self.assertEqual("risk_score" in f, not is_known)
            if is_known:
                self.assertEqual((f["status"], f["status_detail"], f["is_alert"]),
                                 ("Suppressed", "ticket 7", False))
                self.assertEqual(f["unmapped"]["suppressed"],
                                 {"reason": "ticket 7", "until": TOMORROW})
        text = self.text_scan("--rules", self.pack(), "--overrides", overrides, self.tree)
        self.assertIn("KNOWN ", text.out)
        self.assertIn(f"suppressed until {TOMORROW}: ticket 7", text.out)
        self.assertIn("2 findings in 2 files, 1 of them known", text.out)
        # Where all is known, nothing is found; yet it is told.
        done = self.scan("--rules", self.pack(), "--overrides", overrides,
                         os.path.join(self.tree, "known"))
        self.assertEqual((done.status, len(done.findings)), (CLEAN, 1))

    def test_what_has_expired_does_nothing_and_is_told(self):
        self.plant("a", MARK)
        overrides = self.write(f"""overrides:
  - {{rule: mark, action: suppress, until: {YESTERDAY}, reason: "ticket 7"}}
""")
        done = self.scan("--overrides", overrides, self.tree)
        self.assertEqual((done.status, done.findings[0]["status_id"]), (FOUND, 1))
        self.assertIn(f"the override of mark ended with {YESTERDAY}", done.err)

    def test_groups_of_hosts(self):
        self.plant("a", MARK)
        overrides = self.write("""groups: [office]
overrides:
  - {rule: mark, action: score, score: 10, groups: [cad, lab], reason: x}
""")
        score = lambda *o: self.scan("--overrides", overrides, *o, self.tree).findings[0][
            "unmapped"]["score"]
        self.assertNotEqual(score(), 10)
        self.assertEqual(score("--group", "lab"), 10)

    def test_a_bad_line_is_named(self):
        self.plant("a", MARK)
        for text, what in (
                ("overrides:\n  - {rule: a, action: suppress, reason: x}\n", ":2:"),
                ("overrides:\n  - {rule: a, action: drop, reason: x}\n", "disable, score"),
                ("override: []\n", "override")):
            path = self.write(text)
            done = self.scan("--overrides", path, self.tree)
            self.assertEqual(done.status, ERROR)
            self.assertIn(f"{path}:", done.err)
            self.assertIn(what, done.err)
        self.assertEqual(self.scan("--group", "a b", self.tree).status, ERROR)


class Agent(ResidentTest):
    def test_the_agent_holds_to_its_configuration(self):
        self.enrolled()
        self.r.configure(more=f"""groups: [lab]
overrides:
  - rule: mark
    action: suppress
    path: "*/known/*"
    until: {TOMORROW}
    reason: ticket 7
    groups: [lab]
""")
        paths = [self.r.plant("known/a"), self.r.plant("other/a")]
        self.r.start()
        self.wait_for_paths(paths)
        status = {scans.path_of(f): f["status_id"] for f in self.arrived()}
        self.assertEqual([status[p] for p in paths], [3, 1])
        # People see it, too: at the collector, and on the machine.
        there = self.c.verb("findings").stdout
        for text in (there, self.r.run("molehunt", "findings", "--state", self.r.state).stdout,
                     self.r.run("molehunt", "findings", "--socket", self.r.socket).stdout):
            rows = dict(zip((line.strip() for line in text.splitlines()[1:]), text.splitlines()))
            self.assertIn("mark (suppressed)", rows[paths[0]])
            self.assertNotIn("suppressed", rows[paths[1]])
        self.assertEqual(self.c.verb("verify").returncode, 0)

    @unittest.skipIf(LIBRARY is None, "libfaketime is not installed")
    def test_a_disabled_rule_runs_again_when_its_last_day_is_over(self):
        """The clock of the agent is some seconds before midnight."""
        today = NOW.date().isoformat()
        self.r.configure(more=f"""overrides:
  - {{rule: mark, action: disable, until: {today}, reason: ticket 8}}
""")
        path = self.r.plant("a")
        second = datetime.datetime.now(datetime.timezone.utc)
        ahead = 86400 - 15 - (second.hour * 3600 + second.minute * 60 + second.second)
        self.r.start(("env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME={ahead:+d}s",
                      "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"))
        self.r.wait_for_log("1 scanned")
        self.assertEqual(self.r.history()[1], [])
        self.r.wait_for_log("an override has ended", 60)
        self.r.wait_for_log("does nothing: look at its reason again")
        self.r.wait_for_log("the new configuration is in use, with other rules")
        self.r.scan()
        self.assertEqual([scans.path_of(f) for f in self.r.history()[1]], [path])


if __name__ == "__main__":
    scans.main()
