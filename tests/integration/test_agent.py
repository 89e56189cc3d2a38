#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The resident agent with a real collector: what is found arrives, whatever happens."""
import http.server
import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from fleet import openssl, rfc3339, sha256  # noqa: E402
from resident import ResidentTest  # noqa: E402
from scans import CLEAN, FOUND, MARK_RULE, NEEDS_ROOT, wait_until  # noqa: E402

SLOW_RULES = MARK_RULE + """
rule slow { condition: for any i in (0..100000) : (uint8(i % 16) == 256) }
"""
MIB = 1 << 20


class Configuration(ResidentTest):
    has_collector = False

    def check(self, text):
        with open(self.r.config, "w") as f:
            f.write(text)
        return self.r.run("molehuntd", "-n", "--config", self.r.config)

    def test_a_good_one_is_called_good(self):
        done = self.check("profiles:\n  - {name: usr, paths: [/usr]}\nschedule:\n"
                          "  - {profile: usr, at: every 2h}\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("good", done.stdout)

    def test_mistakes_are_named_with_their_place(self):
        for text, place, words in (
                ("scan:\n  pahts: [/]\n", "2:3", 'unknown key "pahts"'),
                ("scan:\n  timeout: soon\n", "2:12", "timeout"),
                ("schedule:\n  - {profile: full, at: soon}\n", "2:25", "at"),
                ("schedule:\n  - {profile: none, at: hourly}\n", "2:15", "none"),
                ("scan:\n  jobs: 0\n", "2:9", "jobs"),
                ("scan:\n  jobs: 1\n  jobs: 2\n", "3:3", "jobs"),
                ("scan: &a\n  jobs: 1\n", "1:7", "anchor"),
                ("scan: [\n", "1:7", "section")):
            done = self.check(text)
            self.assertEqual(done.returncode, 2, text)
            self.assertTrue(done.stderr.startswith(f"{self.r.config}:{place}: "),
                            (text, done.stderr))
            self.assertIn(words, done.stderr)

    def test_a_missing_file_is_an_error(self):
        done = self.r.run("molehuntd", "-n", "--config", "/nonexistent.yaml")
        self.assertEqual((done.returncode, "/nonexistent.yaml" in done.stderr), (2, True))


class Enrolment(ResidentTest):
    def test_a_token_works_once_and_a_wrong_one_never(self):
        token = self.c.verb("token").stdout.split()[-1]
        self.assertEqual(self.r.enroll(self.c, token).returncode, 0)
        other = self.resident()
        for text, words in ((token, "used"), ("nonsense", "not a token")):
            done = other.enroll(self.c, text)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
        secret, pin = self.c.verb("token").stdout.split()[-1].split(".")
        done = other.enroll(self.c, ("B" if secret[0] == "A" else "A") + secret[1:] + "." + pin)
        self.assertEqual((done.returncode, "token" in done.stderr), (2, True), done.stderr)
        self.assertFalse(os.path.exists(other.state + "/agent/ca.pem"))

    def test_an_enrolled_machine_is_not_enrolled_again_by_mistake(self):
        self.enrolled()
        done = self.r.enroll(self.c)
        self.assertEqual((done.returncode, "--force" in done.stderr), (2, True), done.stderr)

    def test_findings_wait_for_an_enrolment_that_comes_later(self):
        paths = [self.r.plant(str(i)) for i in range(20)]
        self.r.start()
        self.r.wait_for_log("20 scanned, 20 findings")
        self.assertEqual(self.paths_arrived(), [])
        self.enrolled()
        self.wait_for_paths(paths)
        self.assertEqual(len(self.arrived()), 20)


class Work(ResidentTest):
    def test_it_scans_at_start_and_again_and_counts_what_recurs(self):
        path = self.r.plant("a")
        self.enrolled().start().wait_for_log("1 scanned")
        self.r.scan()
        self.r.scan()
        wait_until(lambda: len(self.arrived()) >= 3, 20, "three times the same finding")
        first, second, third = self.arrived()[:3]
        self.assertEqual([(f["activity_id"], f["type_uid"], f["count"])
                          for f in (first, second, third)],
                         [(1, 200401, 1), (2, 200402, 2), (2, 200402, 3)])
        self.assertEqual({f["finding_info"]["uid"] for f in (first, second, third)},
                         {first["finding_info"]["uid"]})
        self.assertEqual(first["finding_info"]["first_seen_time"],
                         third["finding_info"]["first_seen_time"])
        status, lines = self.r.history()
        self.assertEqual((status, [scans.path_of(f) for f in lines]), (CLEAN, [path]))
        self.assertGreaterEqual(lines[0]["count"], 3)
        self.assertIn(path, self.r.run("molehunt", "findings", "--state", self.r.state).stdout)
        self.assertEqual(self.r.stop(), 0)

    def test_nothing_found_is_said_and_a_new_file_is_found_next_time(self):
        self.enrolled().start()
        self.r.wait_for_log("0 scanned, 0 findings")
        self.assertEqual(self.r.history(), (CLEAN, []))
        late = self.r.plant("late")
        self.r.scan()
        self.wait_for_paths([late])

    def test_rules_left_out_and_coverage_are_told(self):
        self.r.plant("a")
        large = self.r.plant("large", bytes(2 * MIB))
        bad = os.path.join(self.r.scratch, "bad.yar")
        with open(bad, "w") as f:
            f.write("rule {")
        text = Path(self.r.config).read_text()
        text = text.replace(json.dumps(self.r.rules), f"{json.dumps(self.r.rules)}, {json.dumps(bad)}")
        text = text.replace("  jobs: 2", "  jobs: 2\n  max_file_size: 1MiB")
        Path(self.r.config).write_text(text)
        self.enrolled().start()
        self.r.wait_for_log(r"bad\.yar:1: ")
        self.r.wait_for_log(r"2 scanned, 1 findings, 1 not scanned")
        def coverage():
            return [r for r in self.c.lines("export", "--coverage") if "type" in r]
        wait_until(lambda: len(coverage()) == 2, what="coverage")
        records = coverage()
        summary = [r for r in records if r["type"] == "summary"][0]
        self.assertEqual((summary["scanned"], summary["missed"]), (2, 1))
        self.assertEqual(summary["rule_set"]["files_left_out"], 1)
        self.assertEqual((summary["profile"], summary["resumed"]), ("full", 0))
        self.assertIn("rules: some rule files are left out", summary["weaker"])
        self.assertIn(large, json.dumps(records))

    @unittest.skipUnless(os.path.exists("/proc/self/autogroup"), "no autogroups here")
    def test_a_session_of_its_own_steps_back_and_that_of_others_is_left_alone(self):
        def niceness(pid):
            return Path(f"/proc/{pid}/autogroup").read_text().rpartition("nice ")[2].strip()
        before = niceness("self")
        self.r.start()
        self.r.wait_for("molehunt-agent")
        self.assertEqual(niceness("self"), before)
        self.r.stop()
        self.r.start(("setsid",))
        agent = self.r.wait_for("molehunt-agent")
        self.assertEqual(niceness(agent), "19")

    def test_sigterm_ends_it_in_time_and_loses_nothing(self):
        self.r = self.resident()
        Path(self.r.rules).write_text(SLOW_RULES)
        paths = [self.r.plant(f"{i:03}") for i in range(400)]
        self.enrolled().start()
        wait_until(self.arrived, what="a first finding")
        started = time.monotonic()
        self.assertEqual(self.r.stop(), 0)
        self.assertLess(time.monotonic() - started, 5)
        self.r.start()
        self.wait_for_paths(paths)


class Trouble(ResidentTest):
    rules = SLOW_RULES
    n_files = 300

    def setUp(self):
        super().setUp()
        self.paths = [self.r.plant(f"{i:03}") for i in range(self.n_files)]

    def keep_port(self):
        """The collector comes back under the address that agents know."""
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\n')

    def check_one_line(self):
        """One epoch, no gap, no fork, no broken chain."""
        self.assertEqual(len(self.in_store("SELECT DISTINCT epoch FROM reports")), 1)
        self.assertEqual(self.in_store("SELECT * FROM alarms WHERE state != 3"), [])

    def test_a_collector_that_was_away_gets_everything_once(self):
        self.enrolled()
        self.keep_port()
        self.c.end()
        self.r.start()
        self.r.wait_for_log(f"{self.n_files} scanned")
        self.c.start()
        self.wait_for_paths(self.paths)
        self.assertEqual(len(self.arrived()), self.n_files)
        wait_until(lambda: self.r.spool("SELECT count(*) FROM sealed") == [(0,)],
                   what="an empty spool")
        self.check_one_line()

    def test_a_collector_killed_in_the_middle_gets_everything_once(self):
        self.enrolled()
        self.keep_port()
        self.r.start()
        for _ in range(3):
            wait_until(self.arrived, what="a first finding")
            self.assertEqual(self.c.end(signal.SIGKILL), -signal.SIGKILL)
            self.c.start()
            time.sleep(0.5)
        self.wait_for_paths(self.paths)
        self.assertEqual(len(self.arrived()), self.n_files)
        self.check_one_line()

    def test_helpers_killed_in_the_middle_lose_nothing(self):
        # More than wait for workers: the opener is still at it.
        self.paths += [self.r.plant(f"{i:04}") for i in range(1000, 2000)]
        self.enrolled().start()
        for name in ("molehunt-scan", "molehunt-open", "molehunt-courier") * 2:
            pid = self.r.wait_for(name)
            time.sleep(0.2)
            scans.kill(pid, signal.SIGKILL)
        self.wait_for_paths(self.paths)
        self.check_one_line()

    def test_an_agent_killed_in_the_middle_goes_on(self):
        self.enrolled().start()
        for _ in range(3):
            pid = self.r.wait_for("molehunt-agent")
            wait_until(lambda: scans.workers(self.r.process.pid), what="a worker")
            time.sleep(0.7)
            scans.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: self.r.pid_of("molehunt-agent") not in (0, pid),
                       what="a new agent")
        self.wait_for_paths(self.paths)
        self.check_one_line()

    def test_a_killed_supervisor_leaves_nobody_behind_and_loses_nothing(self):
        self.enrolled().start()
        wait_until(self.arrived, what="a first finding")
        family = scans.children(self.r.process.pid)
        family += scans.workers(self.r.process.pid)
        self.r.stop(signal.SIGKILL)
        wait_until(lambda: not any(scans.program(p).startswith("molehunt") for p in family), 10,
                   "the end of the helpers")
        self.r.start()
        self.wait_for_paths(self.paths)
        self.check_one_line()


class Disk(ResidentTest):
    @NEEDS_ROOT
    def test_a_full_disk_makes_scanning_wait_and_loses_nothing(self):
        state = tempfile.mkdtemp(prefix="molehunt-state-")
        self.addCleanup(os.rmdir, state)
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "molehunt-test", state]
        if subprocess.run(mount, check=False).returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        # Whoever watches this machine may look at its files for a moment yet.
        self.addCleanup(wait_until, lambda: subprocess.run(
            ["umount", state], check=False, capture_output=True).returncode == 0, 10, "umount")
        self.r = self.resident(state=state)
        self.r.start().wait_for_log("0 scanned")
        self.r.stop()
        paths = [self.r.plant(f"{i:04}") for i in range(1000)]
        filler = os.path.join(state, "filler")
        free = os.statvfs(state)
        with open(filler, "wb") as f:
            f.write(bytes(free.f_bavail * free.f_frsize - MIB // 2))
        self.enrolled()
        self.r.start().ask_scan()
        self.r.wait_for_log("no room: .*; scanning waits")
        time.sleep(1)
        self.assertEqual(self.paths_arrived(), [])
        os.unlink(filler)
        self.r.wait_for_log("scanning goes on")
        self.wait_for_paths(paths)
        self.assertEqual(len(self.arrived()), 1000)
        self.r.stop()

    def test_a_damaged_spool_is_set_aside_and_told(self):
        paths = [self.r.plant(str(i)) for i in range(10)]
        self.r.start().wait_for_log("10 scanned")
        self.r.stop()
        spool = self.r.state + "/agent/spool.db"
        with open(spool, "r+b") as f:
            f.seek(20)
            f.write(os.urandom(8000))
        self.enrolled().start()
        aside = self.r.wait_for_log(r"was damaged and is kept as (\S+);").group(1)
        self.assertGreater(os.stat(aside).st_size, 8000)
        self.wait_for_paths(paths)

    def test_a_spool_that_is_damaged_while_it_is_used(self):
        """A page that only delivery reads, found when it is read and not at the next start."""
        self.enrolled()
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\n')
        self.c.end()
        before = self.r.plant("a")
        self.r.start_asking()
        wait_until(lambda: self.r.spool("SELECT count(*) FROM sealed") != [(0,)], 20, "a report")
        path = self.r.state + "/agent/spool.db"
        link = sqlite3.connect(path, timeout=10, isolation_level=None)
        self.addCleanup(link.close)
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        root, = link.execute("SELECT rootpage FROM sqlite_master WHERE name='sealed'").fetchone()
        with open(path, "r+b") as f:
            f.seek((root - 1) * 4096)
            f.write(b"\xa5" * 4096)
        # So that the agent reads from the disk what it knows.
        link.execute("INSERT INTO meta (key, value) VALUES ('test', 1)")
        self.r.wait_for_log("was damaged and is kept as")
        self.c.start()
        # What it held and could not be read is found again, without being asked for.
        self.wait_for_paths([before])
        later = self.r.plant("b")
        self.r.ask_scan()
        self.wait_for_paths([before, later])

    def test_a_spool_that_is_no_database_at_all(self):
        os.makedirs(self.r.state + "/agent", 0o700)
        Path(self.r.state + "/agent/spool.db").write_bytes(b"hello" * 5000)
        path = self.r.plant("a")
        self.enrolled().start()
        self.r.wait_for_log("was damaged and is kept as")
        self.wait_for_paths([path])


class FalseCollector(http.server.BaseHTTPRequestHandler):
    """Answers every report with what its server's receipt() makes of it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        der = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.setdefault(sha256(der), []).append(time.monotonic())
        answer = self.server.receipt(der)
        self.send_response(200)
        self.send_header("Content-Type", "application/pkcs7-mime; smime-type=signed-data")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """The agent was killed while it was answered: expected here."""


class ForgedReceipts(ResidentTest):
    """Whoever carries reports cannot make one disappear."""

    def serve(self, receipt):
        """In place of the collector, with its TLS key: as much as a courier can do."""
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.tls + ".pem", self.tls + ".key")
        ctx.load_verify_locations(self.c.ca)
        ctx.verify_mode = ssl.CERT_REQUIRED
        server = QuietServer(("127.0.0.1", self.c.port), FalseCollector)
        server.socket = ctx.wrap_socket(server.socket, server_side=True)
        server.receipt, server.asked = receipt, {}
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()

        def stop():
            server.shutdown()
            thread.join()
            server.server_close()
        return server, stop

    def seal(self, pair, said):
        return openssl("cms", "-sign", "-binary", "-nosmimecap", "-nodetach", "-md", "sha256",
                       "-outform", "DER", "-signer", pair + ".pem", "-inkey", pair + ".key",
                       data=json.dumps(said, separators=(",", ":")).encode())

    def test_no_false_receipt_removes_a_report(self):
        path = self.r.plant("a")
        self.enrolled().start()
        self.wait_for_paths([path])
        self.r.stop()
        agent, epoch, last = self.in_store("SELECT a.agent, e.epoch, e.last_sequence FROM epochs e"
                                           " JOIN agents a ON a.id = e.agent")[0]
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\n')
        self.c.end()
        signing = self.r.state + "/agent/signing"
        self.tls, receipt = self.c.dir + "/tls", self.c.dir + "/receipt"

        def said(der, **other):
            words = {"type": "receipt", "version": 1, "agent": agent, "epoch": epoch,
                     "sequence": last + 1, "sha256": sha256(der), "received": rfc3339(time.time())}
            words.update(other)
            return words
        forgeries = [
            lambda der: self.seal(signing, said(der)),
            lambda der: self.seal(self.tls, said(der)),
            lambda der: self.seal(receipt, said(b"other bytes")),
            lambda der: self.seal(receipt, said(der, agent=str(uuid.uuid4()))),
            lambda der: self.seal(receipt, said(der, epoch=str(uuid.uuid4()))),
            lambda der: b"nonsense",
        ]
        second = self.r.plant("b")
        for forge in forgeries:
            server, stop = self.serve(forge)
            self.r.start().ask_scan()
            times = wait_until(lambda s=server: next((t for t in list(s.asked.values())
                                                      if len(t) > 1), None),
                               20, "a report that is sent again")
            self.assertGreater(times[1] - times[0], 1, "sent again without a pause")
            self.r.stop(signal.SIGKILL)
            stop()
            self.assertGreater(self.r.spool("SELECT count(*) FROM sealed")[0][0], 0)
        self.c.start()
        self.r.start()
        self.wait_for_paths([path, second])


if __name__ == "__main__":
    scans.main()
