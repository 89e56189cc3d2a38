# SPDX-License-Identifier: BSD-2-Clause
"""molehuntd in a folder of its own, beside a real collector, for integration tests."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import scans
from fleet import BIN, Collector
from scans import MARK_RULE, wait_until


# Without a past it was missed, and is caught up at once; then it is due next year.
AT_ONCE = "[{profile: full, at: monthly 1 00:00, spread: 0s}]"


class Resident:
    """A configuration, a state folder, and molehuntd when it was started."""

    def __init__(self, rules=MARK_RULE, state=None):
        self.scratch = tempfile.mkdtemp(prefix="molehunt-agent-")
        self.tree = os.path.join(self.scratch, "tree")
        self.state = state or os.path.join(self.scratch, "state")
        self.config = os.path.join(self.scratch, "molehunt.yaml")
        self.rules = os.path.join(self.scratch, "rules.yar")
        self.socket = os.path.join(self.scratch, "control.sock")
        self.process = self.log = None
        os.mkdir(self.tree)
        with open(self.rules, "w") as f:
            f.write(rules)
        self.configure()

    def configure(self, scan="", more="", profile="", schedule=AT_ONCE, watch="enabled: no"):
        """A profile full of the tree alone, which is scanned at once and then when asked."""
        with open(self.config, "w") as f:
            f.write(f"packs: [{json.dumps(self.rules)}]\n"
                    f"profiles:\n  - name: full\n    paths: [{json.dumps(self.tree)}]\n{profile}"
                    f"schedule: {schedule}\n"
                    f"scan:\n  jobs: 2\n{scan}watch: {{{watch}}}\n"
                    "pause: {cpu: 100, cpu_wait: 100, io: 100, memory: 100, on_battery: no}\n"
                    "report: {max_age: 500ms}\nspool: {min_free: 1MiB}\n"
                    f"control: {{socket: {json.dumps(self.socket)}}}\nlog: {{level: info}}\n{more}")

    def plant(self, name, content=scans.MARK):
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def run(self, program, *args):
        return subprocess.run([os.path.join(BIN, program), *args], capture_output=True,
                              text=True, check=False, timeout=60)

    def enroll(self, collector, token=None):
        token = token or collector.verb("token").stdout.split()[-1]
        return self.run("molehunt", "enroll", f"https://localhost:{collector.port}", token,
                        "--state", self.state)

    def start(self, through=()):
        """Start it; through: a command that runs it."""
        self.log = open(os.path.join(self.scratch, "log"), "a+b")
        self.process = subprocess.Popen(
            [*through, os.path.join(BIN, "molehuntd"), "--config", self.config, "--state", self.state],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        return self

    def log_text(self):
        with open(os.path.join(self.scratch, "log"), errors="replace") as f:
            return f.read()

    def wait_for_log(self, pattern, seconds=20):
        def look():
            if self.process.poll() is not None:
                raise AssertionError("molehuntd ended:\n" + self.log_text())
            return re.search(pattern, self.log_text())
        try:
            return wait_until(look, seconds, pattern)
        except AssertionError as e:
            raise AssertionError(f"{e}:\n{self.log_text()}") from e

    def pid_of(self, name):
        """The agent, or a helper that molehuntd started for it."""
        pids = scans.helpers(self.process.pid, name)
        return pids[-1] if pids else 0

    def wait_for(self, name, seconds=20):
        return wait_until(lambda: self.pid_of(name), seconds, name)

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(sig)
        status = self.process.wait(20)
        self.log.close()
        self.process = None
        return status

    def spool(self, sql, *values):
        link = sqlite3.connect(f"file:{self.state}/agent/spool.db?mode=ro", uri=True, timeout=10)
        try:
            return link.execute(sql, values).fetchall()
        finally:
            link.close()

    def start_asking(self, through=()):
        """Start, and wait until the agent answers and its rules are ready."""
        self.start(through)
        wait_until(lambda: '"is_loading":false' in self.run(
            "molehunt", "status", "--socket", self.socket, "--format", "ndjson").stdout.replace(
                " ", ""), 20, "an agent that is ready")
        return self

    def ask_scan(self):
        wait_until(lambda: self.run("molehunt", "schedule", "run", "full", "--socket",
                                    self.socket).returncode == 0, 10, "an agent that answers")

    def scan(self):
        """Have the profile scanned now, and wait until it has been."""
        n = len(re.findall(r"full \S+: \d+ scanned", self.log_text()))
        self.ask_scan()
        wait_until(lambda: len(re.findall(r"full \S+: \d+ scanned", self.log_text())) > n, 30,
                   "a scan")

    def history(self, *args):
        done = self.run("molehunt", "findings", "--state", self.state, "--format", "ndjson", *args)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.stop()
        subprocess.run(["rm", "-rf", self.scratch], check=True)


class ResidentTest(unittest.TestCase):
    rules = MARK_RULE
    has_collector = True

    def setUp(self):
        self.c = None
        if self.has_collector:
            self.c = Collector().start()
            self.addCleanup(self.c.close)
        self.r = self.resident()

    def resident(self, **more):
        resident = Resident(self.rules, **more)
        self.addCleanup(resident.close)
        return resident

    def enrolled(self):
        done = self.r.enroll(self.c)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return self.r

    def arrived(self, rule="mark"):
        """Findings at the collector, oldest first."""
        lines = self.c.lines("findings", "--limit", "100000")
        return sorted((f for f in lines if scans.rule_of(f) == rule), key=lambda f: f["time"])

    def paths_arrived(self):
        return sorted({scans.path_of(f) for f in self.arrived()})

    def wait_for_paths(self, paths, seconds=40):
        try:
            wait_until(lambda: self.paths_arrived() == sorted(paths), seconds, "their arrival")
        except AssertionError as e:
            raise AssertionError(f"{e}: {len(self.paths_arrived())} of {len(paths)} are there\n"
                                 + self.r.log_text()[-4000:]) from e

    def in_store(self, sql):
        link = sqlite3.connect(f"file:{self.c.dir}/store.db?mode=ro", uri=True, timeout=10)
        try:
            return link.execute(sql).fetchall()
        finally:
            link.close()
