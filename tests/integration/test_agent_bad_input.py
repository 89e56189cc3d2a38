#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The resident agent, when everything around it goes wrong."""
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import hangfs  # noqa: E402
import scans  # noqa: E402
from resident import ResidentTest  # noqa: E402
from scans import MARK, MARK_RULE, NEEDS_ROOT, wait_until  # noqa: E402

# Some milliseconds per file.
SLOW_RULES = MARK_RULE + """
rule slow { condition: for any i in (0..30000) : (uint8(i % 16) == 256) }
"""
ENDS = r"full \S+: (\d+) scanned, (\d+) findings, (\d+) not scanned"


class BadInputTest(ResidentTest):
    has_collector = False

    def ask(self, *args):
        done = self.r.run("molehunt", *args, "--socket", self.r.socket, "--format", "ndjson")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def record(self, kind):
        return next((r for r in self.ask("status") if r["type"] == kind), {})

    def ends(self):
        """What each scan that has ended counted: scanned, findings, not scanned."""
        return [tuple(int(n) for n in m) for m in re.findall(ENDS, self.r.log_text())]

    def wait_for_end(self, seconds=40):
        self.r.wait_for_log(ENDS, seconds)
        return self.ends()[-1]

    def found(self):
        """How often each file was.  Watching also finds what others plant, and the mark in the
        memory of this test."""
        found = [f for f in self.r.history("--limit", "100000")[1]
                 if "file" in f["evidences"][0] and scans.rule_of(f) == "mark"]
        return {scans.path_of(f): f["count"] for f in found if self.is_ours(scans.path_of(f))}

    def is_ours(self, path):
        return path.startswith(self.r.scratch + "/") and path != self.r.rules

    def wait_for_found(self, paths, seconds=30):
        try:
            wait_until(lambda: sorted(self.found()) == sorted(paths), seconds, "their findings")
        except AssertionError as e:
            missing = sorted(set(paths) - set(self.found()))
            raise AssertionError(f"{e}: {len(missing)} of {len(paths)} are missing: {missing[:5]}\n"
                                 + self.r.log_text()[-4000:]) from e

    def lines(self, kind):
        """Records of that type that wait in the spool."""
        rows = self.r.spool("SELECT line FROM pending")
        return [r for r in (json.loads(line) for (line,) in rows) if r.get("type") == kind]

    def missed(self):
        """What the scan that has ended did not scan."""
        wait_until(lambda: self.lines("summary"), what="its summary")
        return {p["path"]: p["reason"] for c in self.lines("coverage") for p in c["paths"]}

    def mount(self, folder, *args):
        os.makedirs(folder, exist_ok=True)
        if subprocess.run(["mount", *args, folder], check=False,
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False,
                        stderr=subprocess.DEVNULL)


@NEEDS_ROOT
class Hangs(BadInputTest):
    def dead(self, folder):
        os.makedirs(folder)
        fs = hangfs.HangFS(folder, is_dead=True)
        try:
            fs.__enter__()
        except hangfs.Unavailable as e:
            self.skipTest(str(e))
        self.addCleanup(fs.__exit__)
        return fs

    def patterns(self, more):
        text = Path(self.r.config).read_text()
        home = json.dumps(self.r.tree + "/h/*/conf")
        Path(self.r.config).write_text(text.replace(f"[{json.dumps(self.r.tree)}]",
                                                    f"[{home}]\n    {more}"))

    def test_a_dead_mount_where_patterns_lead_is_not_touched(self):
        fs = self.dead(self.r.tree + "/h/m")
        paths = [self.r.plant(f"h/{name}/conf/x") for name in "az"]
        self.patterns("cross_file_systems: yes")
        self.r.start()
        self.assertEqual(self.wait_for_end(9), (2, 2, 1))
        self.assertFalse(fs.reached.is_set())
        self.wait_for_found(paths)
        self.assertEqual(self.missed(), {self.r.tree + "/h/m": "network-file-system"})

    def test_a_dead_mount_is_neither_watched_nor_scanned_unless_asked(self):
        self.r.configure(watch="enabled: yes")
        text = Path(self.r.config).read_text()
        tree = f"[{json.dumps(self.r.tree)}]"
        Path(self.r.config).write_text(
            text.replace(tree, tree + "\n    cross_file_systems: yes"))
        fs = self.dead(self.r.tree + "/m")
        paths = [self.r.plant(name) for name in "az"]
        self.r.start()
        self.assertEqual(self.wait_for_end(9), (2, 2, 1))
        self.wait_for_found(paths)
        self.wait_for_found(paths + [self.r.plant("later")])
        self.assertFalse(fs.reached.is_set())

    def test_one_that_hangs_while_patterns_are_looked_for_is_passed_over(self):
        fs = self.dead(self.r.tree + "/h/m")
        paths = [self.r.plant(f"h/{name}/conf/x") for name in "az"]
        self.patterns("network_file_systems: yes")
        self.r.start()
        self.assertEqual(self.wait_for_end(50), (2, 2, 1))
        self.assertTrue(fs.reached.is_set())
        self.wait_for_found(paths)
        self.assertEqual(self.missed(), {self.r.tree + "/h/m/conf": "open-hung"})


class Kills(BadInputTest):
    rules = SLOW_RULES
    n_files = 500

    def setUp(self):
        super().setUp()
        self.paths = [self.r.plant(f"{i:03}") for i in range(self.n_files)]
        self.written = os.path.join(self.r.scratch, "written")
        os.mkdir(self.written)

    def news(self):
        """How often each path was told as new."""
        counts = {}
        for (line,) in self.r.spool("SELECT line FROM pending"):
            record = json.loads(line)
            if record.get("activity_id") == 1 and "file" in record["evidences"][0]:
                path = scans.path_of(record)
                if self.is_ours(path):
                    counts[path] = counts.get(path, 0) + 1
        return counts

    def check_one_whole_run(self, paths):
        self.assertEqual(self.wait_for_end(60), (self.n_files, self.n_files, 0))
        self.wait_for_found(paths)
        news = self.news()
        self.assertEqual(sorted(news), sorted(paths))
        self.assertEqual({path: n for path, n in news.items() if n != 1}, {})
        uid = re.search(r"full (\S+): \d+ scanned", self.r.log_text()).group(1)
        (summary,) = wait_until(lambda: [s for s in self.lines("summary") if s["scan"] == uid],
                                what="its summary")
        self.assertEqual((summary["scanned"], summary["missed"], summary["complete"]),
                         (self.n_files, 0, True))
        self.assertEqual(len(self.ends()), 1)

    def test_a_run_that_is_stopped_again_and_again_counts_exactly(self):
        self.r.start()
        for n in range(1, 4):
            wait_until(lambda: self.record("scan").get("scanned", 0) > 100 * (n - 1), what="work")
            self.assertEqual(self.r.stop(), 0)
            self.assertEqual(self.ends(), [])
            self.r.start()
            wait_until(lambda n=n: self.record("scan").get("resumed") == n, what="its going on")
        self.check_one_whole_run(self.paths)

    def victim(self, kind):
        if kind == "supervisor":
            return self.r.process.pid
        if kind == "worker":
            return next(iter(scans.workers(self.r.process.pid)), 0)
        return self.r.pid_of({"agent": "molehunt-agent", "opener": "molehunt-open",
                              "zygote": "molehunt-scan"}[kind])

    def test_nothing_is_lost_whoever_is_killed_whenever(self):
        """Openers are those that walk, watch and block: any of them."""
        rng = random.Random(20)
        kinds = ["agent", "opener", "opener", "zygote", "worker", "supervisor"] * 3 + [
            "opener", "worker"]
        rng.shuffle(kinds)
        self.r.configure(watch="enabled: yes")
        self.r.start()
        paths = list(self.paths)
        for n, kind in enumerate(kinds):
            time.sleep(rng.uniform(0.02, 0.4))
            pid = self.victim(kind)
            if kind == "supervisor":
                self.r.stop(signal.SIGKILL)
                self.r.start()
            elif pid:
                scans.kill(pid, signal.SIGKILL)
            paths.append(os.path.join(self.written, str(n)))
            Path(paths[-1]).write_bytes(MARK)
        self.check_one_whole_run(paths)


@NEEDS_ROOT
class Mounts(BadInputTest):
    """In a mount namespace of the test's own: see main()."""

    def watching(self):
        self.r.configure(watch="enabled: yes")
        self.r.start()
        if not wait_until(lambda: self.record("watch"), what="watching").get("is_on"):
            wait_until(lambda: self.record("watch").get("is_on"), what="watching")

    def write(self, path, content=MARK):
        with open(path, "wb") as f:
            f.write(content)
        return path

    def test_what_is_written_on_a_mount_that_appears_is_found_and_then_it_vanishes(self):
        self.watching()
        folder = self.r.tree + "/late"
        paths = []
        for n in range(3):
            self.mount(folder, "-t", "tmpfs", "-o", "size=1m", "molehunt-test")
            time.sleep(0.3)
            paths.append(self.write(f"{folder}/{n}"))
            self.wait_for_found(paths)
            subprocess.run(["umount", "-l", folder], check=True)
        self.assertEqual(self.r.process.poll(), None)
        self.wait_for_found(paths + [self.write(self.r.tree + "/after")])

    def test_what_is_written_while_watching_is_off_is_found_when_it_is_on_again(self):
        self.watching()
        paths = [self.write(self.r.tree + "/before")]
        self.wait_for_found(paths)
        self.r.configure(watch="enabled: no")
        self.r.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not self.record("watch").get("is_on"), what="the end of watching")
        self.assertEqual(self.record("watch")["why"], "by configuration")
        paths.append(self.write(self.r.tree + "/meanwhile"))
        time.sleep(1)
        self.assertNotIn(paths[-1], self.found())
        self.r.configure(watch="enabled: yes")
        self.r.process.send_signal(signal.SIGHUP)
        self.wait_for_found(paths)

    def test_a_mount_that_vanishes_while_it_is_scanned_costs_itself_alone(self):
        folder = self.r.tree + "/m"
        self.mount(folder, "-t", "tmpfs", "-o", "size=50m", "molehunt-test")
        for n in range(2000):
            self.write(f"{folder}/{n:04}", b"x")
        last = self.r.plant("z")
        Path(self.r.rules).write_text(SLOW_RULES)
        text = Path(self.r.config).read_text().replace(
            f"[{json.dumps(self.r.tree)}]",
            f"[{json.dumps(self.r.tree)}]\n    cross_file_systems: yes")
        Path(self.r.config).write_text(text)
        self.r.start()
        wait_until(lambda: self.record("scan").get("scanned", 0) > 50, what="work")
        subprocess.run(["umount", "-l", folder], check=True)
        self.wait_for_end()
        self.wait_for_found([last])

    def test_an_overlay_of_another_namespace_that_ends_leaves_the_agent_well(self):
        self.watching()
        layers = os.path.join(self.r.scratch, "layers")
        self.mount(layers, "-t", "tmpfs", "-o", "size=4m", "molehunt-test")
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(f"{layers}/{name}")
        script = (f"mount -t overlay -o lowerdir={layers}/lower,upperdir={layers}/upper,"
                  f"workdir={layers}/work none {layers}/merged && sleep 1.5 && "
                  f"printf {MARK.decode()} > {layers}/merged/x && sleep 1.5")
        for _ in range(2):
            done = subprocess.run(["unshare", "-m", "sh", "-c", script], check=False,
                                  capture_output=True)
            if done.returncode != 0:
                self.skipTest(f"no overlay here: {done.stderr.decode()}")
            wait_until(lambda: any(p.endswith("/x") for p in self.found()), what="a finding")
        after = self.write(self.r.tree + "/after")
        wait_until(lambda: after in self.found(), what="a finding")

    def test_a_hundred_thousand_files_that_come_and_go_hide_nothing(self):
        self.watching()
        storm = os.path.join(self.r.scratch, "storm")
        self.mount(storm, "-t", "tmpfs", "-o", "size=50m", "molehunt-test")
        script = ("import os, sys\n"
                  "os.chdir(sys.argv[1])\n"
                  "for i in range(50000):\n"
                  "    name = sys.argv[2] + str(i)\n"
                  "    os.close(os.open(name, os.O_WRONLY | os.O_CREAT))\n"
                  "    os.unlink(name)\n")
        time.sleep(0.5)
        makers = [subprocess.Popen([sys.executable, "-c", script, storm, c]) for c in "ab"]
        in_between = self.write(storm + "/bad")
        for maker in makers:
            self.assertEqual(maker.wait(30), 0)
        self.wait_for_found([in_between, self.write(storm + "/after")])
        self.assertEqual(len(set(self.r.pid_of("molehunt-agent") for _ in range(3))), 1)

    def test_a_file_that_is_rewritten_for_ever_is_found_and_the_agent_stays_quiet(self):
        self.watching()
        path = self.r.tree + "/log"
        with scans.Busy(lambda: self.write(path, b"harmless"), 0.001):
            time.sleep(1)
        with scans.Busy(lambda: self.write(path, MARK), 0.001):
            self.wait_for_found([path])
            before = os.times()
            agent = self.r.pid_of("molehunt-agent")
            ticks = self.cpu_ticks(agent)
            time.sleep(3)
            spent = (self.cpu_ticks(agent) - ticks) / os.sysconf("SC_CLK_TCK")
            wall = os.times().elapsed - before.elapsed
        self.assertLess(spent, 0.3 * wall)
        # At most one scan for each time of debouncing.
        self.assertLess(self.found()[path], 30)

    @staticmethod
    def cpu_ticks(pid):
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


class State(BadInputTest):
    def damage(self, how):
        path = self.r.state + "/agent/state.db"
        how(path)
        for name in (path + "-wal", path + "-shm"):
            if os.path.exists(name):
                os.unlink(name)

    def overwrite(self, path):
        with open(path, "r+b") as f:
            f.write(random.Random(1).randbytes(os.stat(path).st_size))

    def make_folder(self, path):
        os.unlink(path)
        os.mkdir(path)

    def make_later(self, path):
        link = sqlite3.connect(path)
        link.execute("PRAGMA user_version = 999")
        link.commit()
        link.close()

    def test_a_damaged_database_of_state_is_set_aside_and_scanning_goes_on(self):
        path = self.r.plant("a")
        self.r.start()
        self.wait_for_end()
        for n, (how, words) in enumerate(((self.overwrite, "was damaged"),
                                          (lambda p: os.truncate(p, 5000), "was damaged"),
                                          (self.make_later, "later version"),
                                          (self.make_folder, "nothing is remembered|damaged"))):
            with self.subTest(n):
                self.assertEqual(self.r.stop(), 0)
                self.damage(how)
                before = len(re.findall(words, self.r.log_text()))
                ends = len(self.ends())
                self.r.start()
                wait_until(lambda: len(re.findall(words, self.r.log_text())) > before,
                           what=words)
                wait_until(lambda: len(self.ends()) > ends, what="a scan")
        self.wait_for_found([path])
        self.assertLessEqual(len(list(Path(self.r.state, "agent").glob("state.db.damaged-*"))), 2)

    @NEEDS_ROOT
    def test_a_full_disk_under_the_state_loses_nothing(self):
        state = tempfile.mkdtemp(prefix="molehunt-state-")
        self.addCleanup(os.rmdir, state)
        self.mount(state, "-t", "tmpfs", "-o", "size=24m", "molehunt-test")
        self.r = self.resident(state=state)
        Path(self.r.rules).write_text(SLOW_RULES)
        paths = [self.r.plant(f"{i:03}") for i in range(300)]
        self.r.start()
        wait_until(lambda: self.record("scan").get("scanned", 0) > 20, what="work")
        filler = os.path.join(state, "filler")
        try:
            with open(filler, "wb", buffering=0) as f:
                while f.write(bytes(4096)) == 4096:
                    pass
        except OSError:
            pass
        time.sleep(1)
        self.assertEqual(self.r.process.poll(), None)
        if os.path.exists(filler):
            os.unlink(filler)
        self.assertEqual(self.wait_for_end(60)[0], 300)
        self.wait_for_found(paths)
        self.r.stop()

    def test_a_second_agent_at_the_same_socket_is_refused(self):
        self.r.plant("a")
        self.r.start()
        self.wait_for_end()
        other = self.resident()
        other.socket = self.r.socket
        other.configure()
        other.start()
        self.assertEqual(other.process.wait(20), 2)
        self.assertIn("another agent answers there; stop it, or change control.socket",
                      other.log_text())
        self.assertEqual(self.record("status")["pid"], self.r.pid_of("molehunt-agent"))


class Configuration(BadInputTest):
    LONG = json.dumps(["/" + "x" * 3999] * 5)
    WRONG = (
        ("nonsense: 1\n", 'unknown key "nonsense"'),
        ("scan:\n  jobs: 0\n", "jobs"),
        ("scan:\n  jobs: 9999\n", "jobs"),
        ("scan:\n  jobs: many\n", "jobs"),
        ("scan: 5\n", "scan"),
        ("scan:\n  jobs: 1\nscan:\n  jobs: 1\n", "twice"),
        ("scan: &a\n  jobs: 1\n", "anchor"),
        ("packs: []\n", "packs"),
        ("packs: [rules]\n", "has to begin with /"),
        ("profiles: [{name: A, paths: [/]}]\n", "a-z"),
        ("profiles: [{name: a}]\n", "looks at nothing"),
        ("profiles: [{name: a, paths: [x]}]\n", "paths"),
        ("profiles: [{name: a, paths: [/]}, {name: a, paths: [/]}]\n", "twice"),
        ("profiles: [{paths: [/]}]\n", "missing"),
        ("schedule: [{profile: none, at: hourly}]\n", "no profile none"),
        ("schedule: [{profile: full, at: sometimes}]\n", "sometimes"),
        ("schedule: [{profile: full, at: daily 25:00}]\n", "daily 25:00"),
        ("schedule: [{profile: full, at: hourly, spread: 1y}]\n", "spread"),
        ("pause: {cpu: 0}\n", "cpu"),
        ("pause: {give_up_after: 1s}\n", "give_up_after"),
        ("limits: {memory: 512MiB}\nscan: {jobs: 64}\n", "too little"),
        ("scan: {exclude: [" + json.dumps("x" * 17000) + "]}\n", "exclude"),
        ("profiles: [{name: a, paths: [/], exclude: " + LONG + "}]\n", "too long"),
        ("profiles: [{name: a, paths: [/], only: " + LONG + "}]\n", "too long"),
        ("scan: {exclude: " + LONG[:9000] + "\"]}\n"
         "profiles: [{name: a, paths: [/], exclude: " + LONG[:9000] + "\"]}]\n", "too long"),
        ("control: {socket: run/x}\n", "socket"),
        ("control: {socket: /" + "x" * 200 + "}\n", "socket"),
        ("log: {level: loud}\n", "level"),
        ("a: b: c\n", ":1:"), ("\x00", ":1:"), ("[", ":1:"), ("scan: [", "scan"),
        ("--- {}\n--- {}\n", "document"))

    def test_each_mistake_is_refused_at_start_and_at_reload(self):
        self.r.plant("a")
        self.r.start()
        self.wait_for_end()
        wrong = os.path.join(self.r.scratch, "wrong.yaml")
        for text, words in self.WRONG:
            with self.subTest(text[:60]):
                Path(wrong).write_text(text)
                done = self.r.run("molehuntd", "--config", wrong, "--state", self.r.state + "2")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(words, done.stderr)
                n = self.r.log_text().count("the configuration in use stays")
                Path(self.r.config).write_text(text)
                self.r.process.send_signal(signal.SIGHUP)
                wait_until(lambda n=n: self.r.log_text().count(
                    "the configuration in use stays") > n, 5, "a refusal")
        self.r.scan()
        self.assertIn("problem", self.record("rules"))

    def test_a_configuration_that_is_a_folder_or_missing_is_refused(self):
        for path in (self.r.tree, self.r.scratch + "/none"):
            done = self.r.run("molehuntd", "--config", path, "--state", self.r.state)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(path, done.stderr)


if __name__ == "__main__":
    if not scans.BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(scans.SKIPPED)
    hangfs.own_mounts()
    unittest.main(verbosity=2)
