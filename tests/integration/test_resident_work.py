#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the resident agent does beside single scans: places, watching, blocking, policies."""
import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import scans
from resident import ResidentTest
from scans import MARK, wait_until

NEEDS_ROOT = unittest.skipIf(os.geteuid() != 0, "watching needs root")


class Asking(ResidentTest):
    has_collector = False

    def ask(self, *args):
        done = self.r.run("molehunt", *args, "--socket", self.r.socket, "--format", "ndjson")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def status(self, kind):
        return next((r for r in self.ask("status") if r["type"] == kind), None)

    def findings(self):
        """By path; memory by the process's pid."""
        found = {}
        for f in self.r.history("--limit", "1000000")[1]:
            evidence = f["evidences"][0]
            at = evidence["file"]["path"] if "file" in evidence else evidence["process"]["pid"]
            found[at] = f
        return found

    def found(self, path, seconds=20):
        return wait_until(lambda: self.findings().get(path), seconds, f"a finding in {path}")

    def summaries(self):
        """Of all scans: how many were scanned, and whether the summary is whole."""
        return [(m[1], int(m[2])) for m in
                re.finditer(r"scan: (\S+) \S+: (\d+) scanned", self.r.log_text())]


class Places(Asking):
    n_files = 600

    def setUp(self):
        super().setUp()
        self.paths = [self.r.plant(f"{i % 7}/{i:04}", MARK if i % 100 == 0 else b"nothing")
                      for i in range(self.n_files)]

    def started(self, **config):
        self.r.configure(schedule="[]", **config)
        self.r.start_asking()

    def test_a_paused_scan_goes_on_after_a_restart_and_counts_the_whole(self):
        # Rules that take their time, so that the stop falls into the middle.
        Path(self.r.rules).write_text(scans.MARK_RULE + "".join(
            f'rule slow{i} {{ condition: for any i in (0..400) : (uint8(i % 7) == 300 + {i}) }}\n'
            for i in range(40)))
        self.started(scan="  matched: none\n")
        self.r.ask_scan()
        for _ in range(3):
            wait_until(lambda: (self.status("scan") or {"scanned": 0})["scanned"] > 0
                       or self.summaries(), 20, "its begin")
            self.assertEqual(self.r.stop(), 0)
            self.r.start_asking()
        wait_until(lambda: not self.status("scan"), 60, "its end")
        wait_until(self.summaries, 20, "its summary")
        self.assertEqual(self.summaries(), [("full", self.n_files)])
        self.assertEqual(len(self.findings()), 6)

    def test_a_pause_by_hand_stops_it_and_lasts_over_a_restart(self):
        self.started()
        self.ask("schedule", "pause")
        self.r.ask_scan()
        time.sleep(1)
        self.assertEqual(self.summaries(), [])
        self.r.stop()
        self.r.start_asking()
        self.assertIsNotNone(self.status("paused"))
        time.sleep(1)
        self.assertEqual(self.summaries(), [])
        self.ask("schedule", "resume")
        self.r.ask_scan()
        wait_until(self.summaries, 30, "the scan")
        self.assertEqual(self.summaries()[0], ("full", self.n_files))

    def test_a_profile_that_is_not_there_is_refused(self):
        self.started()
        done = self.r.run("molehunt", "schedule", "run", "none", "--socket", self.r.socket)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no such profile", done.stderr)

    def test_what_is_unchanged_is_passed_over_until_the_rules_change(self):
        folder = next((p for p in ("/usr/share/doc", "/usr/include", "/etc")
                       if sum(len(f) for _, _, f in os.walk(p)) > 100), None)
        if folder is None:
            self.skipTest("no folder with files that are older than a minute")
        self.r.configure(schedule="[]", profile=f"  - {{name: old, paths: [{folder}]}}\n")
        self.r.start_asking()
        lines = []
        for rules in (None, None, "// changed\n" + scans.MARK_RULE):
            if rules is not None:
                Path(self.r.rules).write_text(rules)
                self.r.process.send_signal(signal.SIGHUP)
                self.r.wait_for_log("with other rules")
            self.ask("schedule", "run", "old")
            n = len(lines)
            wait_until(lambda n=n: len(self.old_lines()) > n, 120, "a scan")
            lines = self.old_lines()
        first, second, third = lines
        if first[0] == second[0]:
            self.skipTest(f"the file system of {folder} keeps no times that last")
        self.assertGreater(first[0], 100)
        self.assertLess(second[0], first[0] / 10 + 50)
        self.assertGreater(second[1], first[0] * 9 / 10 - 50)
        self.assertGreater(third[0], first[0] * 9 / 10)

    def test_what_is_too_large_is_told_again_and_not_read_again(self):
        large = next((p for d in ("/usr/lib", "/usr/bin") for p, _, f in os.walk(d)
                      for p in (os.path.join(p, n) for n in f)
                      if os.path.isfile(p) and not os.path.islink(p)
                      and (2 << 20) < os.stat(p).st_size < (16 << 20)
                      and time.time() - os.stat(p).st_ctime > 3600), None)
        if large is None:
            self.skipTest("no large file that is older than an hour")
        folder = os.path.dirname(large)
        self.r.configure(schedule="[]", scan="  max_file_size: 1MiB\n  archives: no\n",
                         profile=f"  - {{name: old, paths: [{folder}]}}\n")
        self.r.start_asking()
        found = []
        for i in range(2):
            self.ask("schedule", "run", "old")
            wait_until(lambda i=i: len(self.old_lines()) > i, 120, "a scan")
            found.append(re.findall(r"scan: old \S+: (\d+) scanned, .* (\d+) not scanned",
                                    self.r.log_text())[i])
        (first, missed), (second, again) = ((int(a), int(b)) for a, b in found)
        if first == second:
            self.skipTest(f"the file system of {folder} keeps no times that last")
        self.assertGreater(missed, 0)
        self.assertEqual(again, missed)
        self.assertLess(second, first)

    def old_lines(self):
        return [(int(m[1]), int(m[2])) for m in re.finditer(
            r"scan: old \S+: (\d+) scanned, .* (\d+) unchanged", self.r.log_text())]


@NEEDS_ROOT
class Watching(Asking):
    def watching(self, more="", **config):
        self.r.configure(schedule="[]", watch="enabled: yes, memory_after: 1s" + more, **config)
        self.r.start().wait_for_log("file systems are watched")

    def test_what_is_written_is_found_with_who_wrote_it(self):
        self.watching()
        path = self.r.plant("new")
        finding = self.found(path)
        actor = finding["evidences"][0]["actor"]["process"]
        self.assertEqual(actor["pid"], os.getpid())
        self.assertIn("python", actor["file"]["path"])
        self.assertEqual(finding["evidences"][0]["data"]["package"]["reason"],
                         "no package has it")

    def test_a_file_that_is_gone_before_it_is_scanned_is_found_all_the_same(self):
        self.watching()
        path = self.r.plant("short")
        os.unlink(path)
        wait_until(lambda: any("short" in str(p) for p in self.findings()), 20, "a finding")

    def test_the_memory_of_what_was_started_is_scanned(self):
        self.watching()
        # Not in its command line, which is memory as well: the mark is put together.
        code = ("import time\nx = ('MOLEHUNT-TEST' + '-MARK-%d' % 7) * 9\ntime.sleep(60)\n")
        child = subprocess.Popen([sys.executable, "-c", code])
        try:
            wait_until(lambda: child.pid in self.findings(), 30,
                       "a finding in its memory")
        finally:
            child.kill()
            child.wait()

    def test_what_happened_while_no_agent_ran_is_found(self):
        self.watching()
        self.found(self.r.plant("first"))
        self.r.stop()
        late = self.r.plant("late")
        self.r.start()
        self.found(late, 60)
        self.r.wait_for_log("scan: lost events")

    def test_a_watcher_that_is_killed_loses_nothing(self):
        self.watching()
        self.found(self.r.plant("first"))
        watcher = scans.helpers(self.r.process.pid, "molehunt-open")[0]
        os.kill(watcher, signal.SIGKILL)
        path = self.r.plant("second")
        self.found(path, 60)
        self.r.wait_for_log("the watcher is gone")

    def n_clean(self):
        return self.status("watch")["clean"]

    def test_a_program_that_is_executed_again_and_again_is_read_once(self):
        # Not copied: only what is older than a minute is known as clean.
        program = next((p for p in ("/usr/bin/gzip", "/usr/bin/expr", "/bin/true")
                        if os.path.isfile(p)
                        and time.time() - os.stat(p).st_ctime > 3600), None)
        if program is None or os.stat(program).st_dev != os.stat("/").st_dev:
            self.skipTest("no program on the root file system that is older than an hour")
        self.watching()
        if os.statvfs(program).f_fsid == 0 or "overlay" in subprocess.run(
                ["stat", "-f", "-c", "%T", program], capture_output=True, text=True,
                check=True).stdout:
            self.skipTest("its file system keeps no times that last")

        def run():
            subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)
        run()
        wait_until(lambda: self.status("cache")["entries"] > 0, 20, "a clean file")
        known = self.n_clean()
        for _ in range(5):
            run()
            time.sleep(0.5)
        wait_until(lambda: self.n_clean() > known, 10, "an event that is passed over")

    def test_what_is_not_tried_again_is_told_each_time(self):
        Path(self.r.rules).write_text(scans.HOLDING_RULES)
        self.watching()
        path = self.r.plant("poison", b"nothing")

        def is_poisoned():
            for worker in scans.workers(self.r.process.pid):
                if path in scans.opened(worker).values():
                    scans.kill(worker, signal.SIGKILL)
            return path in self.findings()
        wait_until(is_poisoned, 30, "its finding")
        for _ in range(3):
            with open(path, "ab"):
                pass
            time.sleep(1)
        self.r.stop()
        missed = [int(n) for n in re.findall(r"scan: watch .* (\d+) not scanned",
                                             self.r.log_text())]
        self.assertGreaterEqual(sum(missed), 4)

    def test_what_is_bad_is_not_executed_where_that_is_asked_for(self):
        self.watching(", block: yes")
        good = self.r.plant("good", Path("/bin/true").read_bytes())
        bad = self.r.plant("bad", Path("/bin/true").read_bytes() + MARK)
        os.chmod(good, 0o755)
        os.chmod(bad, 0o755)
        self.found(bad)
        wait_until(lambda: self.status("watch")["is_blocking"], 20, "the blocker")

        def is_denied():
            try:
                subprocess.run([bad], check=True)
            except PermissionError:
                return True
            return False
        wait_until(is_denied, 20, "a refusal")
        self.assertEqual(subprocess.run([good], check=False).returncode, 0)
        denied = wait_until(lambda: (lambda f: f if f["action_id"] == 2 else None)(
            self.findings()[bad]), 20, "the finding's update")
        self.assertEqual(denied["disposition_id"], 2)
        # A stalled agent blocks nobody.
        agent = self.r.pid_of("molehunt-agent")
        os.kill(agent, signal.SIGSTOP)
        try:
            wait_until(lambda: not is_denied(), 10, "the dead man's hand")
        finally:
            os.kill(agent, signal.SIGCONT)

    def test_nothing_is_watched_where_that_is_switched_off(self):
        self.r.configure(schedule="[]")
        self.r.start_asking()
        self.assertFalse(self.status("watch")["is_on"])
        self.r.plant("new")
        time.sleep(1.5)
        self.assertEqual(self.findings(), {})


@NEEDS_ROOT
class Weaker(Asking):
    """Machines that withhold something: it starts, and says what is weaker."""

    def test_without_rights_it_scans_and_says_what_it_does_not_see(self):
        if shutil.which("setpriv") is None:
            self.skipTest("there is no setpriv")
        self.r.plant("a")
        self.r.configure(watch="enabled: yes")
        self.r.start_asking(["setpriv", "--bounding-set", "-sys_admin,-net_admin"])
        self.found(os.path.join(self.r.tree, "a"))
        watch = wait_until(lambda: (lambda w: w if w["why"] and "begins" not in w["why"] else None)(
            self.status("watch")), 20, "the watcher's word")
        self.assertFalse(watch["is_on"])
        checks = {c["name"]: c for c in self.ask("doctor")}
        self.assertEqual(checks["watching"]["level"], "weaker")
        self.assertIn("root", checks["watching"]["advice"])
        self.assertEqual(self.status("status")["health"], "weaker")


class Policies(Asking):
    """Signed as minisign does, with openssl's Ed25519."""

    key_id = b"MOLEHUNT"

    def setUp(self):
        super().setUp()
        self.key = os.path.join(self.r.scratch, "operator")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key],
                       check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        public = os.path.join(self.r.scratch, "operator.pub")
        with open(public, "wb") as f:
            f.write(b"untrusted comment: a key\n"
                    + base64.b64encode(b"Ed" + self.key_id + der[-32:]) + b"\n")
        os.chmod(self.r.scratch, 0o755)
        self.r.configure(schedule="[]", more=f"policy: {{key: {json.dumps(public)}}}\n")
        self.r.start_asking()

    def sign(self, data):
        path = os.path.join(self.r.scratch, "to-sign")
        Path(path).write_bytes(data)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.key, "-rawin",
                               "-in", path], check=True, capture_output=True).stdout

    def policy(self, version, text, expires="2099-01-01T00:00:00Z"):
        path = os.path.join(self.r.scratch, f"policy-{version}.yaml")
        data = (f"policy: {{id: test, version: {version}, issued: '2026-01-01T00:00:00Z',"
                f" expires: '{expires}'}}\n{text}").encode()
        Path(path).write_bytes(data)
        signature = self.sign(hashlib.blake2b(data).digest())
        comment = b"a test"
        with open(path + ".minisig", "wb") as f:
            f.write(b"untrusted comment: a signature\n"
                    + base64.b64encode(b"ED" + self.key_id + signature) + b"\n"
                    b"trusted comment: " + comment + b"\n"
                    + base64.b64encode(self.sign(signature + comment)) + b"\n")
        return path

    def apply(self, path):
        return self.r.run("molehunt", "policy", "apply", path, "--socket", self.r.socket)

    def test_a_policy_takes_the_place_of_the_configuration_and_lasts(self):
        text = "schedule:\n  - {profile: memory, at: 'daily 04:00'}\n"
        done = self.apply(self.policy(3, text))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        wait_until(lambda: [r["profile"] for r in self.ask("schedule", "list")] == ["memory"], 20,
                   "its schedule")
        self.assertEqual(self.status("policy")["version"], 3)
        self.r.stop()
        self.r.start_asking()
        self.assertEqual(self.status("policy")["version"], 3)
        self.assertEqual([r["profile"] for r in self.ask("schedule", "list")], ["memory"])

    def test_older_changed_and_forbidden_ones_are_refused(self):
        self.assertEqual(self.apply(self.policy(5, "")).returncode, 0)
        wait_until(lambda: self.status("policy").get("version") == 5, 20, "the policy")
        changed = self.policy(7, "")
        Path(changed).write_bytes(Path(changed).read_bytes() + b"# more\n")
        for path, why in ((self.policy(4, ""), "5"), (changed, "ignature"),
                          (self.policy(8, "log: {level: debug}\n"), "log"),
                          (self.policy(9, "schedule: [{profile: x, at: hourly}]\n"), "x"),
                          (self.policy(10, "", "2026-01-02T00:00:00Z"), "expire"),
                          (self.r.rules, "minisig")):
            done = self.apply(path)
            self.assertEqual(done.returncode, 2, path)
            self.assertIn(why, done.stderr)
        self.assertEqual(self.status("policy")["version"], 5)


if __name__ == "__main__":
    scans.main()
