#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The collector as its users meet it: enrolment, delivery, bad input, evidence."""
import gzip
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import BIN, Agent, Collector, openssl, sha256  # noqa: E402

QUICK = """deadlines:
  handshake: 1s
  headers: 1s
  body: 2s
  idle: 2s
"""


class CollectorTest(unittest.TestCase):
    settings = ""

    @classmethod
    def setUpClass(cls):
        cls.c = Collector(cls.settings).start()
        cls.agent = Agent(cls.c, "agent")

    @classmethod
    def tearDownClass(cls):
        cls.c.close()

    def refused(self, answer, status, code):
        self.assertEqual((answer[0], answer[1].get("error")), (status, code), answer)
        self.assertTrue(answer[1]["detail"])


class Enrolment(CollectorTest):
    def test_the_ca_is_there_without_a_certificate(self):
        status, body, headers = self.c.request("GET", "/.well-known/est/cacerts")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("application/pkcs7-mime"))

    def test_certificates_say_what_the_protocol_says(self):
        for pair, use in ((self.agent.signing, "signing"), (self.agent.tls, "tls")):
            text = openssl("x509", "-in", pair + ".pem", "-noout", "-ext",
                           "subjectAltName").decode()
            self.assertIn("urn:molehunt:" + use, text)
            self.assertIn("urn:uuid:" + self.agent.id, text)
        self.assertEqual(self.agent.subject(self.agent.tls), self.agent.id)

    def test_a_used_a_wrong_and_an_expired_token_are_told_apart(self):
        secret = self.c.token()
        agent = Agent(self.c, "used", secret)
        for text, word in ((secret, b"used"), ("A" * 32, b"not know"), (None, b"not know")):
            status, body, _ = agent.enrol("tls", text)
            self.assertEqual(status, 401)
            self.assertIn(word, body)
        secret = self.c.token()
        with sqlite3.connect(self.c.dir + "/store.db") as db:
            db.execute("UPDATE tokens SET expires_ms = 1 WHERE labels = 0")
        status, body, _ = agent.enrol("tls", secret)
        self.assertEqual(status, 401)
        self.assertIn(b"expired", body)

    def test_the_secret_is_not_in_the_store(self):
        secret = self.c.token()
        for name in os.listdir(self.c.dir):
            path = os.path.join(self.c.dir, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    self.assertNotIn(secret.encode(), f.read(), name)

    def test_a_request_that_is_none_does_not_use_up_the_token(self):
        secret = self.c.token()
        agent = Agent(self.c, "careless", enrol=False)
        openssl("genrsa", "-out", agent.base + "-rsa.key", "2048")
        for body in (b"zzzz", b"!", agent.csr(agent.base + "-rsa")):
            status, answer, _ = agent.enrol("tls", secret, body=body)
            self.assertEqual(status, 400, answer)
        self.assertEqual(agent.enrol("tls", secret)[0], 200)

    def test_renewal_needs_the_tls_certificate(self):
        agent = Agent(self.c, "renewing")
        before = agent.id
        self.assertEqual(agent.enrol("signing", None, "simplereenroll")[0], 403)
        self.assertEqual(agent.enrol("signing", None, "simplereenroll", pair=agent.tls)[0], 200)
        self.assertEqual(agent.subject(agent.signing), before)


class Delivery(CollectorTest):
    def test_a_report_is_stored_receipted_and_readable(self):
        agent = Agent(self.c, "good")
        der = agent.report(findings=2)
        status, receipt = agent.post(der)
        self.assertEqual(status, 200, receipt)
        said = agent.receipt(receipt)
        self.assertEqual((said["sha256"], said["agent"], said["epoch"], said["sequence"]),
                         (sha256(der), agent.id, agent.epoch, 1))
        found = self.c.lines("findings", "--agent", agent.id)
        self.assertEqual([f["class_uid"] for f in found], [2004, 2004])
        self.assertIn("/usr/bin/.x", self.c.verb("findings").stdout)
        self.assertEqual(self.c.verb("findings", "--rule", "Nothing*").stdout,
                         "No findings that fit.\n")
        path = os.path.join(self.c.scratch.name, "one.p7m")
        self.c.verb("reports", "--export", f"{agent.id}/{agent.epoch}/1", path)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), der)
        again, second = agent.post(der)
        self.assertEqual((again, second), (200, receipt))
        self.assertEqual(len(self.c.lines("findings", "--agent", agent.id)), 2)
        self.assertEqual(self.c.verb("verify", check=False).returncode, 0)

    def test_a_flipped_byte_is_a_bad_signature(self):
        der = bytearray(self.agent.report())
        der[len(der) // 3] ^= 1
        status, body = self.agent.post(bytes(der))
        self.assertEqual(status, 400)
        self.assertIn(body["error"], ("bad-signature", "bad-envelope"))

    def test_two_signers_and_no_signed_attributes_are_bad_envelopes(self):
        a = self.agent
        two = a.seal(a.content(), "-signer", a.tls + ".pem", "-inkey", a.tls + ".key")
        self.refused(a.post(two), 400, "bad-envelope")
        self.refused(a.post(a.seal(a.content(), "-noattr")), 400, "bad-envelope")
        self.refused(a.post(b"nonsense"), 400, "bad-envelope")

    def test_what_is_not_a_report_inside_is_bad_content(self):
        a = self.agent
        bomb = gzip.compress(bytes(64 * 1024 * 1024))
        for content in (bomb, b"not gzip", gzip.compress(b"{}\n"), a.content(findings=0) + b"x",
                        a.content(coverage=7), a.content(sealed=time.time() + 3600)):
            self.refused(a.post(a.seal(content)), 400, "bad-content")

    def test_the_signer_s_certificate_has_to_be_right(self):
        a = self.agent
        self.refused(a.post(a.seal(a.content(), pair=a.tls)), 403, "certificate")
        self.refused(a.post(a.report(sealed=time.time() - 86400)), 403, "certificate")
        other = Agent(self.c, "other")
        self.refused(a.post(other.report()), 403, "wrong-agent")

    def test_a_foreign_authority_is_refused(self):
        foreign = Collector().start()
        try:
            stranger = Agent(foreign, "stranger")
            stranger.c, stranger.id = self.c, self.agent.id
            self.refused(self.agent.post(stranger.report()), 403, "certificate")
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                stranger.post(self.agent.report(), pair=stranger.tls)
        finally:
            foreign.close()

    def test_without_a_certificate_there_is_only_enrolment(self):
        status, body, _ = self.c.request("POST", "/v1/reports", b"x")
        self.assertEqual(status, 403, body)

    def test_a_fork_is_refused_and_gap_and_chain_are_alarms(self):
        a = Agent(self.c, "forking")
        first = a.report()
        self.assertEqual(a.post(first)[0], 200)
        self.refused(a.post(a.report()), 409, "fork")
        third = a.report(3, sha256(b"what"))
        self.assertEqual(a.post(third)[0], 200)
        second = a.report(2, sha256(first))
        self.assertEqual(a.post(second)[0], 200)
        with sqlite3.connect(self.c.dir + "/store.db") as db:
            alarms = set(db.execute("SELECT x.kind, x.sequence, x.state FROM alarms x JOIN agents a"
                                    " ON a.id = x.agent WHERE a.agent = ?", (a.id,)))
        # The gap closed before it was told.  The second report of the fork may
        # have been sealed later: then it is a rollback, too.
        self.assertEqual(alarms - {("rollback", 0, 1)}, {("fork", 1, 1), ("gap", 3, 3), ("chain", 3, 1)})
        listed = {x["finding_info"]["analytic"]["name"]
                  for x in self.c.lines("findings", "--rule", "alarm:*", "--agent", a.id)}
        self.assertEqual(listed - {"alarm:rollback"}, {"alarm:fork", "alarm:chain"})
        self.assertIn("ALARM", self.c.verb("findings", "--agent", a.id).stdout)
        # What was an alarm at once is no damage of the store.
        self.assertEqual(self.c.verb("verify", check=False).returncode, 0)

    def test_a_revoked_agent_is_out_on_its_open_connection(self):
        a = Agent(self.c, "revoked")
        link = self.c.connect(a.tls)
        link.request("POST", "/v1/reports", a.report())
        answer = link.getresponse()
        answer.read()
        self.assertEqual(answer.status, 200)
        self.c.verb("agents", "revoke", a.id)
        link.sock.settimeout(2.5)  # the reload interval and some
        self.assertEqual(link.sock.recv(1), b"", "the connection has to be closed")
        link.close()
        self.refused(a.post(a.report(2)), 403, "revoked")
        self.assertEqual(a.enrol("tls", None, "simplereenroll", pair=a.tls)[0], 403)
        self.assertEqual(self.c.verb("agents", "revoke", "nobody", check=False).returncode, 2)

    def test_a_larger_body_is_refused(self):
        link = self.c.connect(self.agent.tls)
        try:
            link.request("POST", "/v1/reports", bytes(2 * 1024 * 1024))
            self.assertEqual(link.getresponse().status, 413)
        except (ConnectionError, ssl.SSLError):
            pass  # closed while we still sent: the answer may be lost
        link.close()

    def test_a_head_in_doubt_is_refused(self):
        for lines in ("Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: +1\r\n",
                      "Content-Length : 1\r\n", "Content-Length: 1\r\nTransfer-Encoding: x\r\n"):
            raw = self.raw()
            raw.sendall(f"POST /v1/reports HTTP/1.1\r\nHost: x\r\n{lines}\r\nx".encode())
            answer = raw.recv(4096)
            self.assertIn(b" 400 ", answer.split(b"\n")[0], lines)
            raw.close()
        raw = self.raw()
        raw.sendall(b"POST /v1/reports HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b" 411 ", raw.recv(4096).split(b"\n")[0])
        raw.close()

    def raw(self):
        plain = socket.create_connection(("127.0.0.1", self.c.port), timeout=10)
        return self.c.context(self.agent.tls).wrap_socket(plain, server_hostname="localhost")

    def test_sighup_keeps_serving_and_sigterm_ends_well(self):
        c = Collector().start()
        a = Agent(c, "agent")
        c.process.send_signal(signal.SIGHUP)
        self.assertEqual(a.post(a.report())[0], 200)
        self.assertIn("certificates were read again", c.log_text())
        self.assertEqual(c.end(), 0)
        c.close()


class SlowClients(CollectorTest):
    settings = QUICK

    def lives(self, send):
        """Seconds until the server closes, while send() trickles."""
        start = time.monotonic()
        try:
            while time.monotonic() - start < 8:
                if send() is False:
                    break
                time.sleep(0.2)
        except (OSError, ssl.SSLError):
            pass
        return time.monotonic() - start

    def tls(self):
        plain = socket.create_connection(("127.0.0.1", self.c.port), timeout=0.1)
        plain.settimeout(5)
        return self.c.context(self.agent.tls).wrap_socket(plain, server_hostname="localhost")

    def test_a_trickle_does_not_outlive_its_deadline(self):
        hello = socket.create_connection(("127.0.0.1", self.c.port))
        head, body, idle = self.tls(), self.tls(), self.tls()
        body.sendall(b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n")

        def receive(s):
            s.settimeout(0.1)
            try:
                return len(s.recv(1)) > 0
            except (TimeoutError, ssl.SSLWantReadError):
                return True
        cases = [(lambda: hello.send(b"\x16"), 1), (lambda: head.send(b"x"), 1),
                 (lambda: body.send(b"x"), 2), (lambda: receive(idle), 2)]
        results = [None] * len(cases)

        def run(i):
            results[i] = self.lives(cases[i][0])
        threads = [threading.Thread(target=run, args=(i,)) for i in range(len(cases))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for i, (_, limit) in enumerate(cases):
            self.assertLess(results[i], limit + 3, f"case {i}")
        for s in (hello, head, body, idle):
            s.close()
        self.assertEqual(self.agent.post(self.agent.report())[0], 200)


class Trouble(unittest.TestCase):
    def test_too_many_connections_are_told_to_come_back(self):
        c = Collector("limits: { connections: 2 }\n").start()
        a = Agent(c, "agent")
        held = [c.connect(a.tls) for _ in range(2)]
        for link in held:
            link.connect()
        time.sleep(0.2)
        status, _, headers = c.request("POST", "/v1/reports", b"x", pair=a.tls)
        self.assertEqual((status, int(headers["Retry-After"]) > 0), (503, True))
        for link in held:
            link.close()
        time.sleep(0.2)
        self.assertEqual(a.post(a.report())[0], 200)
        c.close()

    def test_without_descriptors_it_pauses_and_recovers(self):
        c = Collector().start(["prlimit", "--nofile=60:60"])
        a = Agent(c, "agent")
        held = [socket.create_connection(("127.0.0.1", c.port)) for _ in range(100)]
        time.sleep(1)
        with open(f"/proc/{c.process.pid}/stat") as f:
            used = sum(int(x) for x in f.read().split()[13:15])
        time.sleep(2)
        with open(f"/proc/{c.process.pid}/stat") as f:
            used = sum(int(x) for x in f.read().split()[13:15]) - used
        self.assertLess(used, 50, "ticks of CPU while out of descriptors")
        self.assertEqual(c.log_text().count("pausing"), 1)
        for link in held:
            link.close()
        time.sleep(1)
        self.assertEqual(a.post(a.report())[0], 200)
        c.close()

    def test_who_leaves_before_the_answer_finds_it_stored(self):
        c = Collector("store: { commit_delay: 500ms }\n").start()
        a = Agent(c, "agent")
        der = a.report()
        for _ in range(3):
            link = c.connect(a.tls)
            link.request("POST", "/v1/reports", der)
            time.sleep(0.1)
            link.close()
        time.sleep(1)
        self.assertEqual([r["sha256"] for r in c.lines("reports")], [sha256(der)])
        link = c.connect(a.tls)
        link.request("POST", "/v1/reports", der)
        time.sleep(0.1)
        c.process.send_signal(signal.SIGTERM)
        self.assertEqual(link.getresponse().status, 200)
        link.close()
        c.close()

    def test_a_full_store_says_busy_and_loses_nothing(self):
        c = Collector("store: { max_size: 300K }\n").start()
        a = Agent(c, "agent")
        sent, previous = [], "0" * 64
        for sequence in range(1, 400):
            der = a.report(sequence, previous, findings=3)
            status, body = a.post(der)
            if status != 200:
                break
            sent.append(sha256(der))
            previous = sha256(der)
        self.assertEqual((status, body["error"]), (503, "busy"))
        self.assertIn("not stored", c.log_text())
        self.assertEqual([r["sha256"] for r in c.lines("reports")], sent)
        self.assertEqual(c.verb("verify", check=False).returncode, 0)
        c.end()
        c.configure("")
        c.start()
        self.assertEqual(a.post(der)[0], 200)
        c.close()

    def test_nothing_that_was_receipted_is_lost_by_kill_9(self):
        c = Collector().start()
        agents = [Agent(c, f"agent{i}") for i in range(3)]
        prepared = []
        for a in agents:
            previous, reports = "0" * 64, []
            for sequence in range(1, 41):
                reports.append(a.report(sequence, previous))
                previous = sha256(reports[-1])
            prepared.append(reports)
        receipted, lock = set(), threading.Lock()

        def send(a, reports):
            link = c.connect(a.tls)
            for der in reports:
                try:
                    link.request("POST", "/v1/reports", der)
                    answer = link.getresponse()
                    answer.read()
                except Exception:
                    return
                if answer.status == 200:
                    with lock:
                        receipted.add(sha256(der))
        threads = [threading.Thread(target=send, args=x) for x in zip(agents, prepared)]
        for t in threads:
            t.start()
        while len(receipted) < 30:
            time.sleep(0.005)
        c.end(signal.SIGKILL)
        for t in threads:
            t.join()
        c.start()
        stored = {r["sha256"] for r in c.lines("reports")}
        self.assertGreaterEqual(len(receipted), 30)
        self.assertEqual(receipted - stored, set())
        self.assertEqual(c.verb("verify", check=False).returncode, 0)
        for a, reports in zip(agents, prepared):
            self.assertEqual(a.post(reports[0])[0], 200)
        c.close()

    def test_a_bad_configuration_is_named_with_its_place(self):
        c = Collector("limits:\n  conections: 5\n")
        done = c.run("serve", "-n", "--config", c.dir + "/collector.yaml", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn('collector.yaml:3:3: unknown key "conections"', done.stderr)
        self.assertEqual(c.run("init", c.dir, "--name", "x", check=False).returncode, 2)
        c.close()

    def test_a_dead_authority_is_started_again_and_is_confined(self):
        c = Collector().start()
        Agent(c, "before")
        with open(f"/proc/{c.process.pid}/task/{c.process.pid}/children") as f:
            authority = int(f.read().split()[0])
        with open(f"/proc/{authority}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        self.assertEqual(status["NoNewPrivs"], "1")
        with open(os.path.join(BIN, "molehunt-authority"), "rb") as f:
            program = f.read()
            if b"__asan_init" not in program and b"__tsan_init" not in program:
                self.assertEqual(status["Seccomp"], "2")
        os.kill(authority, signal.SIGKILL)
        time.sleep(2)
        Agent(c, "agent")
        c.close()


if __name__ == "__main__":
    if not BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(77)
    unittest.main(verbosity=2)
