#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The collector's store as evidence: every change is found, copies, shipping, damage."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import BIN, Agent, Collector, openssl, sha256  # noqa: E402


def fill(c, name="agent", reports=3):
    """Reports of one agent with two findings each; returns the agent and their bytes."""
    a = Agent(c, name)
    sent, previous = [], None
    for i in range(reports):
        der = a.report(i + 1, *([sha256(previous)] if previous else []), findings=2)
        status, body = a.post(der)
        if status != 200:
            raise AssertionError(body)
        sent.append(der)
        previous = der
    return a, sent


def change(c, sql, *args, store="store.db"):
    db = sqlite3.connect(os.path.join(c.dir, store))
    db.execute("PRAGMA foreign_keys = OFF")
    n = db.execute(sql, args).rowcount
    db.commit()
    db.close()
    return n


def ask(c, sql, store="store.db"):
    db = sqlite3.connect(os.path.join(c.dir, store))
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


# Not evidence: what helps to judge the next report.  Who changes it changes no past.
HINTS = {"agents": {"enrolled_ms", "seen_up_ms", "revoked_ms", "flags", "epoch",
                    "epoch_since_ms", "machine", "machine_since_ms"},
         "epochs": {"steady", "restored_sequence", "was_current"}}


class Verify(unittest.TestCase):
    """One store, copied for each change."""

    @classmethod
    def setUpClass(cls):
        cls.c = Collector().start()
        cls.agent, sent = fill(cls.c)
        cls.agent.post(cls.agent.report())  # a fork
        cls.agent.post(cls.agent.report(5, sha256(b"what")))  # a gap
        sixth = cls.agent.report(6, sha256(b"what"))
        cls.agent.post(sixth)  # a broken chain
        seventh = cls.agent.report(7, sha256(sixth))
        eighth = cls.agent.report(8, sha256(seventh))
        for der in (eighth, seventh, cls.agent.report(9, sha256(eighth))):
            cls.agent.post(der)
        cls.c.end()
        cls.good = cls.c.dir + ".good"
        shutil.copytree(cls.c.dir, cls.good)

    @classmethod
    def tearDownClass(cls):
        cls.c.close()

    def setUp(self):
        shutil.rmtree(self.c.dir)
        shutil.copytree(self.good, self.c.dir)

    def found(self):
        done = self.c.verb("verify", "--format", "ndjson", check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        wrong = [x["detail"] for x in lines if x["type"] == "wrong"]
        self.assertEqual(done.returncode, 2 if wrong else 0, done.stderr)
        return wrong

    def test_what_was_an_alarm_at_once_is_no_damage(self):
        self.assertEqual(self.found(), [])
        summary = self.c.lines("verify")[-1]
        self.assertEqual((summary["type"], summary["reports"], summary["findings"],
                          summary["wrong"]), ("summary", 8, 11, 0))
        text = self.c.verb("verify").stdout
        self.assertIn("8 report(s) with 11 finding(s)", text)
        self.assertIn("sequences 4 to 4 are missing before it", text)

    def test_one_changed_byte_in_each_column_is_found(self):
        missed = []
        for table, where in (("reports", "sequence = 2"), ("findings", "id & 1 = 1"),
                             ("alarms", "kind = 'fork'"), ("epochs", "1"), ("agents", "reports > 0")):
            columns = [r[1] for r in ask(self.c, f"PRAGMA table_info({table})")]
            for column in columns:
                if column in HINTS.get(table, ()):
                    continue
                self.setUp()
                row, old = ask(self.c, f"SELECT rowid, {column} FROM {table} WHERE {where}")[-1]
                if isinstance(old, bytes):
                    new = bytearray(old)
                    new[len(new) // 2] ^= 1
                    new = bytes(new)
                elif isinstance(old, str):
                    new = old[:-1] + chr(ord(old[-1]) ^ 1) if old else "x"
                else:
                    new = old ^ 1
                    if column in ("id", "sequence"):  # unique: the next one is taken
                        new = old + 1000
                change(self.c, f"UPDATE {table} SET {column} = ? WHERE rowid = ?", new, row)
                if not self.found():
                    missed.append(f"{table}.{column}")
        self.assertEqual(missed, [])

    def test_what_is_missing_or_put_elsewhere_is_found(self):
        changes = {
            "a removed report": ["DELETE FROM reports WHERE sequence = 2"],
            "a removed report with its findings":
                ["DELETE FROM findings WHERE id >> 20 = 2", "DELETE FROM reports WHERE id = 2"],
            "the last report":
                ["DELETE FROM findings WHERE id >> 20 IN (SELECT id FROM reports WHERE sequence = 9)",
                 "DELETE FROM reports WHERE sequence = 9"],
            "a report that had come late, and its counts":
                ["DELETE FROM findings WHERE id >> 20 IN (SELECT id FROM reports WHERE sequence = 7)",
                 "DELETE FROM reports WHERE sequence = 7",
                 "UPDATE agents SET reports = reports - 1, findings = findings - 1"],
            "a removed receipt": ["UPDATE reports SET receipt = x'' WHERE sequence = 2"],
            "a swapped receipt": ["UPDATE reports SET receipt = (SELECT receipt FROM reports WHERE"
                                  " sequence = 1) WHERE sequence = 2"],
            "a swapped report": ["UPDATE reports SET der = (SELECT der FROM reports WHERE"
                                 " sequence = 1) WHERE sequence = 2"],
            "two that change places": ["UPDATE reports SET sequence = 99 WHERE sequence = 1",
                                       "UPDATE reports SET sequence = 1 WHERE sequence = 2",
                                       "UPDATE reports SET sequence = 2 WHERE sequence = 99"],
            "a changed path": ["UPDATE findings SET path = replace(path, '/usr/bin', '/usr/lib')"],
            "a deleted finding": ["DELETE FROM findings WHERE id = (SELECT max(id) FROM findings)"],
            "an added finding": ["INSERT INTO findings (id, severity, time_ms, uid, rule, path)"
                                 " SELECT id + 2, severity, time_ms, uid, rule, path"
                                 " FROM findings LIMIT 1"],
            "a finding of no report": ["INSERT INTO findings (id, severity, time_ms, uid, rule, path)"
                                       " VALUES (99 << 20, 1, 1, '', '', '')"],
            "a deleted alarm": ["DELETE FROM alarms WHERE kind = 'fork'"],
            "a deleted alarm, and its count":
                ["DELETE FROM alarms WHERE kind = 'gap'",
                 "UPDATE numbers SET value = value - 1 WHERE name = 'alarms'"],
            "a report of no agent": ["DELETE FROM agents"],
            "a report of no epoch": ["DELETE FROM epochs"],
            "a certificate of another authority": ["UPDATE certificates SET der = zeroblob(500)"],
            "a certificate of another agent": ["UPDATE certificates SET agent = 'x' || agent"],
        }
        for name, statements in changes.items():
            with self.subTest(name):
                self.setUp()
                for sql in statements:
                    self.assertGreater(change(self.c, sql), 0)
                self.assertNotEqual(self.found(), [])

    def test_a_flipped_page_is_found_and_says_where(self):
        path = os.path.join(self.c.dir, "store.db")
        page = ask(self.c, "PRAGMA page_size")[0][0]
        root = ask(self.c, "SELECT rootpage FROM sqlite_master WHERE name = 'findings'")[0][0]
        with open(path, "r+b") as f:
            f.seek((root - 1) * page)
            f.write(b"\xff" * 64)
        self.assertTrue(any("damaged" in x or "cannot be read" in x for x in self.found()))

    def test_a_damaged_store_receipts_nothing_and_keeps_its_file(self):
        path = os.path.join(self.c.dir, "store.db")
        page = ask(self.c, "PRAGMA page_size")[0][0]
        root = ask(self.c, "SELECT rootpage FROM sqlite_master WHERE name = 'epochs'")[0][0]
        with open(path, "r+b") as f:
            f.seek((root - 1) * page)
            f.write(b"\xff" * 64)
        self.c.start()
        status, body = self.agent.post(self.agent.report(10, sha256(b"x")))
        self.c.end()
        # The agent keeps what has no receipt; nothing new is put in the store's place.
        self.assertEqual((status, body["error"]), (503, "busy"))
        self.assertEqual([n for n in os.listdir(self.c.dir) if "damaged" in n], [])
        self.assertNotEqual(self.found(), [])


class Ways(unittest.TestCase):
    def setUp(self):
        self.c = Collector().start()

    def tearDown(self):
        self.c.close()

    def test_saved_reports_are_checked_by_openssl_alone(self):
        _, sent = fill(self.c)
        folder = os.path.join(self.c.scratch.name, "saved")
        self.c.verb("reports", "--save", folder)
        files = sorted(n for n in os.listdir(folder) if n.endswith(".p7m"))
        self.assertEqual(len(files), 3)
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                self.assertIn(f.read(), sent)
            for file in (path, path + ".receipt"):
                with open(file, "rb") as f:
                    openssl("cms", "-verify", "-inform", "DER", "-CAfile", self.c.ca, data=f.read())
            done = subprocess.run([os.path.join(BIN, "molehunt"), "verify", "--ca", self.c.ca, path],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_one_report_is_exported_by_its_key(self):
        a, sent = fill(self.c)
        fill(self.c, "other")
        path = os.path.join(self.c.scratch.name, "one.p7m")
        self.c.verb("reports", "--export", f"{a.id}/{a.epoch}/2", path)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), sent[1])
        for key in (f"{a.id}/{a.epoch}/4", f"{a.id}/{a.id}/2", f"{a.id}/{a.epoch}", "x/y/z"):
            done = self.c.verb("reports", "--export", key, path, check=False)
            self.assertEqual(done.returncode, 2, key)
            self.assertIn(key, done.stderr)

    def test_a_shipper_gets_everything_once(self):
        a, _ = fill(self.c)
        cursor = os.path.join(self.c.scratch.name, "cursor")
        first = self.c.lines("export", "--cursor", cursor)
        self.assertEqual(len(first), 6)
        numbers = [e["metadata"]["sequence"] for e in first]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(self.c.lines("export", "--cursor", cursor), [])
        a.post(a.report())  # a fork: an alarm is an event
        b, _ = fill(self.c, "other", 1)
        second = self.c.lines("export", "--cursor", cursor)
        self.assertEqual([e["finding_info"]["analytic"]["name"] for e in second
                          if "alarm" in e.get("unmapped", {})][:1], ["alarm:fork"])
        self.assertEqual([e["device"]["uid"] for e in second if "unmapped" in e][:1], [a.id])
        # From the middle of a report.
        rest = self.c.lines("export", "--since-id", str(numbers[2]))
        self.assertEqual([e["metadata"]["sequence"] for e in rest][:3], numbers[3:6])
        self.assertEqual(len(self.c.lines("export", "--agent", b.id)), 2)
        done = self.c.verb("export", "--since-id", str(1 << 60), check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("ahead of this store", done.stderr)

    def test_a_shipper_beside_a_busy_collector_gets_everything_once(self):
        agents = [Agent(self.c, f"a{i}") for i in range(3)]

        def send(a):
            previous = None
            for i in range(12):
                der = a.report(i + 1, *([sha256(previous)] if previous else []), findings=3)
                if a.post(der)[0] != 200:
                    raise AssertionError("refused")
                previous = der

        threads = [threading.Thread(target=send, args=(a,)) for a in agents]
        for t in threads:
            t.start()
        cursor = os.path.join(self.c.scratch.name, "cursor")
        shipped, looks = [], 0
        while any(t.is_alive() for t in threads):
            shipped += self.c.lines("export", "--cursor", cursor)
            looks += 1
        for t in threads:
            t.join()
        shipped += self.c.lines("export", "--cursor", cursor)
        uids = [e["finding_info"]["uid"] for e in shipped]
        self.assertGreater(looks, 3)
        self.assertEqual((len(uids), len(set(uids))), (108, 108))

    def test_following_brings_what_is_new(self):
        a = Agent(self.c, "agent")
        process = subprocess.Popen([os.path.join(BIN, "molehunt-collector"), "export", self.c.dir,
                                    "--follow"], stdout=subprocess.PIPE, text=True)
        try:
            a.post(a.report())
            self.assertEqual(json.loads(process.stdout.readline())["class_uid"], 2004)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()

    def test_events_in_the_common_schema(self):
        a, _ = fill(self.c, reports=1)
        a.post(a.report())
        events = [json.loads(x) for x in self.c.verb("export", "--format", "ecs").stdout.splitlines()]
        finding, alarm = events[0], events[-1]
        self.assertEqual((finding["event"]["kind"], finding["rule"]["name"], finding["file"]["path"],
                          finding["agent"]["id"], finding["ecs"]["version"]),
                         ("alert", "Linux_Test", "/usr/bin/.x", a.id, "8.11.0"))
        self.assertIn("@timestamp", finding)
        self.assertEqual(alarm["event"]["dataset"], "molehunt.alarm")

    def test_an_alarm_is_closed_and_opens_again(self):
        a, _ = fill(self.c, reports=1)
        a.post(a.report())
        self.assertIn("(alarm: ", self.c.verb("agents").stdout)
        for alarm in self.c.lines("alarms"):
            self.c.verb("alarms", "close", str(alarm["unmapped"]["alarm"]["id"]), "--name", "known")
        self.assertNotIn("(alarm: ", self.c.verb("agents").stdout)
        self.assertIn("closed: known", self.c.verb("alarms").stdout)
        self.assertEqual(self.c.verb("alarms", "close", "99", check=False).returncode, 2)
        a.post(a.report())
        self.assertIn("(alarm: ", self.c.verb("agents").stdout)

    def test_a_backup_beside_a_busy_collector_is_whole_and_can_be_restored(self):
        agents = [Agent(self.c, f"a{i}") for i in range(2)]
        prepared = []
        for a in agents:
            previous, reports = None, []
            for i in range(30):
                reports.append(a.report(i + 1, *([sha256(previous)] if previous else [])))
                previous = reports[-1]
            prepared.append(reports)

        def send(a, reports):
            for der in reports:
                a.post(der)

        threads = [threading.Thread(target=send, args=x) for x in zip(agents, prepared)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        copy = os.path.join(self.c.scratch.name, "copy.db")
        said = self.c.verb("backup", copy).stdout
        for t in threads:
            t.join()
        self.assertIn("0 wrong", said)
        self.assertIn("authority", said)
        self.assertEqual(os.stat(copy).st_mode & 0o777, 0o600)
        self.assertEqual(self.c.verb("backup", copy, check=False).returncode, 2)
        cursor = os.path.join(self.c.scratch.name, "cursor")
        self.c.lines("export", "--cursor", cursor)
        # Restore: agents are ahead of the copy, and that is the store's loss.
        self.c.end()
        for end in ("", "-wal", "-shm"):
            if os.path.exists(self.c.dir + "/store.db" + end):
                os.remove(self.c.dir + "/store.db" + end)
        shutil.copy(copy, self.c.dir + "/store.db")
        self.c.start()
        for a, reports in zip(agents, prepared):
            self.assertEqual(a.post(a.report(31, sha256(reports[-1])))[0], 200)
        self.assertEqual(set(ask(self.c, "SELECT kind FROM alarms")) - {("restored",)}, set())
        self.assertEqual(self.c.verb("verify", check=False).returncode, 0)
        shipped = [e for e in self.c.lines("export", "--cursor", cursor) if "evidences" in e]
        self.assertEqual(len(shipped), 2)

    def test_what_is_old_goes_and_the_chain_still_closes(self):
        c = self.c
        a, sent = fill(c)
        held, _ = fill(c, "held")
        held.post(held.report())  # a fork: open
        c.end()
        c.configure("store:\n  keep: 1ms\n")
        c.start()
        deadline = time.monotonic() + 10
        while ask(c, "SELECT count(*) FROM reports")[0][0] > 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual({f["device"]["uid"] for f in c.lines("findings") if "device" in f}, {held.id})
        self.assertEqual(len(c.lines("findings", "--agent", a.id)), 0)
        self.assertEqual(len(c.lines("findings", "--rule", "Linux*")), 6)
        self.assertEqual(a.post(a.report(4, sha256(sent[-1])))[0], 200)
        lines = c.lines("verify")
        self.assertEqual(lines[-1]["wrong"], 0, lines)
        self.assertTrue(any("3 report(s) to 3 with 6 finding(s) were pruned" in x.get("detail", "")
                            for x in lines), lines)
        # A stub is as good as a report: what does not go on from it is found.
        for name in ("previous", "digest"):
            before = ask(c, f"SELECT {name} FROM pruned")[0][0]
            change(c, f"UPDATE pruned SET {name} = zeroblob(31) || x'01'")
            self.assertEqual(c.verb("verify", check=False).returncode, 2, name)
            change(c, f"UPDATE pruned SET {name} = ?", before)
        for name in ("epoch", "first", "last", "findings", "coverage", "first_received_ms",
                     "last_received_ms", "pruned_ms"):
            change(c, f"UPDATE pruned SET {name} = {name} + 1")
            self.assertEqual(c.verb("verify", check=False).returncode, 2, name)
            change(c, f"UPDATE pruned SET {name} = {name} - 1")
        self.assertEqual(c.verb("verify", check=False).returncode, 0)

    def states(self):
        return {a["unmapped"]["alarm"]["kind"]: a["unmapped"]["alarm"]["state"]
                for a in self.c.lines("alarms")}

    def wait_for_states(self, want):
        deadline = time.monotonic() + 10
        while self.states() != want and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(self.states(), want)

    def test_a_serving_collector_tells_silence_and_gaps(self):
        c = self.c
        a, sent = fill(c)
        fourth = a.report(4, sha256(sent[-1]))
        fifth = a.report(5, sha256(fourth))
        self.assertEqual(a.post(fifth)[0], 200)
        self.assertEqual(self.states(), {})  # it may be on its way
        c.end()
        # Three days of listening pass, ten minutes of waiting.
        change(c, "UPDATE numbers SET value = value + 3 * 86400000 WHERE name = 'up_ms'")
        change(c, "UPDATE alarms SET first_ms = first_ms - 600000")
        c.start()
        self.wait_for_states({"silence": "open", "gap": "open"})
        self.assertIn("2 new alarm(s)", c.log_text())
        self.assertIn("(alarm: ", c.verb("agents").stdout)
        self.assertEqual(a.post(fourth)[0], 200)
        self.wait_for_states({"silence": "closed", "gap": "closed"})
        self.assertEqual(c.verb("verify", check=False).returncode, 0)

    def test_a_gap_between_what_is_pruned_is_known(self):
        c = self.c
        a, sent = fill(c)
        fifth = a.report(5, sha256(b"the fourth"))
        a.post(fifth)
        sixth = a.report(6, sha256(fifth))
        a.post(sixth)
        c.verb("alarms", check=False)
        change(c, "UPDATE alarms SET state = 2, closed_ms = 1, sum = x''")
        c.end()
        c.configure("store:\n  keep: 1ms\n")
        c.start()
        deadline = time.monotonic() + 10
        while ask(c, "SELECT count(*) FROM reports")[0][0] > 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(a.post(a.report(7, sha256(sixth)))[0], 200)
        lines = c.lines("verify")
        self.assertEqual(lines[-1]["wrong"], 0, lines)
        self.assertTrue(any("sequences 4 to 4 were missing" in x.get("detail", "") for x in lines))

    def doctor(self, c):
        done = c.verb("doctor", "--format", "ndjson", check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        wrong = [x for x in lines if x["judgement"] == "wrong"]
        self.assertEqual(done.returncode, 2 if wrong else 0, done.stderr)
        self.assertTrue(all(x["mend"] for x in wrong))
        return {x["area"] for x in wrong}

    def test_the_doctor_finds_each_trouble_and_says_how_to_mend_it(self):
        c = self.c
        fill(c)
        listen = f'listen: ["127.0.0.1:{c.port}"]\n'
        with open(c.dir + "/collector.yaml", "w") as f:
            f.write(listen + 'names: [localhost]\n')
        self.assertEqual(self.doctor(c), set())
        with open(c.dir + "/collector.yaml", "w") as f:
            f.write(listen + 'names: [other.example]\n')
        os.chmod(c.dir + "/receipt.key", 0o640)
        self.assertEqual(self.doctor(c), {"name", "permission"})
        c.end()
        shutil.copy(c.dir + "/receipt.key", c.dir + "/tls.key")
        self.assertIn("mend: ", c.verb("doctor", check=False).stdout)
        self.assertEqual(self.doctor(c), {"name", "permission", "address", "key"})
        # Another certificate, as the manual page shows it.
        with open(c.scratch.name + "/names", "w") as f:
            f.write("subjectAltName=DNS:other.example,URI:urn:molehunt:collector\n"
                    "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
        csr = openssl("req", "-new", "-key", c.dir + "/tls.key", "-subj", "/CN=other.example")
        for days, areas in (("398", set()), ("10", {"certificate"})):
            openssl("x509", "-req", "-CA", c.ca, "-CAkey", c.dir + "/authority/ca.key", "-days", days,
                    "-extfile", c.scratch.name + "/names", "-out", c.dir + "/tls.pem", data=csr)
            self.assertEqual(self.doctor(c), {"permission", "address"} | areas)
        change(c, "DELETE FROM findings")
        change(c, "DELETE FROM alarms")
        change(c, "UPDATE numbers SET value = 7 WHERE name = 'alarms'")
        self.assertIn("database", self.doctor(c))
        change(c, "PRAGMA user_version = 99")
        self.assertIn("database", self.doctor(c))

    def test_findings_fit_a_terminal(self):
        a, _ = fill(self.c)
        # Sealed a second later: the longest of all alarms' texts.
        time.sleep(1.1)
        a.post(a.report())
        for line in self.c.verb("findings").stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)
        for verb in ("agents", "reports", "alarms"):
            for line in self.c.verb(verb).stdout.splitlines():
                self.assertLessEqual(len(line), 100, line)


if __name__ == "__main__":
    if not BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(77)
    unittest.main(verbosity=2)
