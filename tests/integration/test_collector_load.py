#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The collector when there is too much: queues, limits, storms, ends in mid-load."""
import atexit
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import BIN, Agent, Collector, openssl, sha256  # noqa: E402

LOAD = os.path.join(BIN, "..", "tests", "delivery_load")
NO_LIMITS = "limits: { agent_reports: 0, agent_bytes: 0 }\n"
METRICS = 'metrics: { listen: ["127.0.0.1:0"] }\n'


class Load:
    """delivery_load against a collector; `options` as on its command line."""

    def __init__(self, collector, mode, *options):
        self.journal = tempfile.NamedTemporaryFile(prefix="molehunt-journal-")
        self.process = subprocess.Popen(
            [LOAD, mode, "--collector", collector.dir, "--port", str(collector.port),
             "--journal", self.journal.name, "--time", "90", *(str(x) for x in options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)  # a test that failed leaves it running

    def result(self, timeout=100):
        out = self.process.communicate(timeout=timeout)[0]
        return json.loads(out)

    def receipted(self):
        with open(self.journal.name) as f:
            return f.read().split("\n")[:-1]  # the last line may be half there


def stored(collector):
    with sqlite3.connect(f"file:{collector.dir}/store.db?mode=ro", uri=True) as db:
        digests = [row[0].hex() for row in db.execute("SELECT digest FROM reports")]
        n = db.execute("SELECT count(*) FROM findings").fetchone()[0]
    return digests, n


def metrics(collector):
    with urllib.request.urlopen(f"http://{collector.metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name[len("molehunt_collector_"):]] = float(value)
    return text, values


class TooMuch(unittest.TestCase):
    def test_a_full_queue_says_429_and_loses_nothing(self):
        c = Collector("threads: { verifiers: 1 }\nqueue: { reports: 1 }\n"
                      + NO_LIMITS + METRICS).start()
        load = Load(c, "send", "--connections", 24, "--reports", 3, "--findings", 20)
        result = load.result()
        self.assertEqual((result["receipted"], result["refused"]), (72, 0), result)
        self.assertGreater(result["busy"], 0)
        digests, n = stored(c)
        self.assertEqual(sorted(digests), sorted(load.receipted()))
        self.assertEqual(n, 72 * 20)
        self.assertEqual(metrics(c)[1]['reports_total{outcome="queue_full"}'], result["busy"])
        c.close()

    def test_an_agent_over_its_rate_is_told_how_long_to_wait(self):
        c = Collector("limits: { agent_reports: 5 }\n").start()
        a, other = Agent(c, "fast"), Agent(c, "other")
        for sequence in range(1, 6):
            self.assertEqual(a.post(a.report(sequence))[0], 200)
        der = a.report(6)
        status, body, headers = c.request("POST", "/v1/reports", der, pair=a.tls)
        self.assertEqual((status, json.loads(body)["error"]), (429, "busy"))
        wait = int(headers["Retry-After"])
        self.assertTrue(1 <= wait <= 12, wait)
        self.assertEqual(other.post(other.report())[0], 200)
        time.sleep(wait)
        self.assertEqual(a.post(der)[0], 200)
        c.close()

    def test_a_thousand_that_come_back_at_once_are_all_served(self):
        c = Collector("limits: { handshakes: 32, agent_reports: 0 }\n" + METRICS).start()
        result = Load(c, "storm", "--connections", 1000, "--findings", 1).result()
        self.assertEqual((result["receipted"], result["broken"], result["refused"]),
                         (1000, 0, 0), result)
        values = metrics(c)[1]
        self.assertEqual(values['handshakes_total{kind="full"}'], 1000)
        self.assertGreater(values["accept_pauses_total"], 0)
        c.close()

    def test_silent_connections_do_not_keep_others_out(self):
        c = Collector("limits: { handshakes: 8 }\n").start()
        a = Agent(c, "agent")
        silent = [socket.create_connection(("127.0.0.1", c.port)) for _ in range(24)]
        start = time.monotonic()
        self.assertEqual(a.post(a.report())[0], 200)
        self.assertLess(time.monotonic() - start, 10)
        for s in silent:
            s.close()
        c.close()

    def test_too_much_under_way_is_cut_off(self):
        c = Collector("limits: { uploads: 1MiB }\n" + METRICS).start()
        a = Agent(c, "agent")
        links = []
        for _ in range(3):
            plain = socket.create_connection(("127.0.0.1", c.port), timeout=5)
            link = c.context(a.tls).wrap_socket(plain, server_hostname="localhost")
            link.sendall(b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
            links.append(link)
        try:
            for link in links:
                link.sendall(bytes(800000))
        except OSError:
            pass
        time.sleep(0.5)
        values = metrics(c)[1]
        self.assertGreater(values['connections_closed_total{reason="upload"}'], 0)
        self.assertLess(values["upload_bytes"], 2 * 1024 * 1024)
        for link in links:
            link.close()
        time.sleep(0.5)
        self.assertEqual(metrics(c)[1]["upload_bytes"], 0)
        self.assertEqual(a.post(a.report())[0], 200)
        c.close()

    def test_who_does_not_read_its_answers_is_closed(self):
        c = Collector("deadlines: { reply: 1s }\n").start()
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(10)
        plain.connect(("127.0.0.1", c.port))
        link = c.context().wrap_socket(plain, server_hostname="localhost")
        request = b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n" * 100
        start = time.monotonic()
        with self.assertRaises(OSError):
            while time.monotonic() - start < 9:
                link.sendall(request)
        self.assertLess(time.monotonic() - start, 9)
        link.close()
        c.close()


class Ends(unittest.TestCase):
    def test_sigterm_under_load_half_answers_nothing(self):
        c = Collector(NO_LIMITS).start()
        load = Load(c, "send", "--connections", 32, "--reports", 200, "--findings", 5,
                    "--no-retry")
        while len(load.receipted()) < 100 and load.process.poll() is None:
            time.sleep(0.02)
        start = time.monotonic()
        self.assertEqual(c.end(), 0)
        self.assertLess(time.monotonic() - start, 13)
        result = load.result()
        self.assertLess(result["receipted"], 32 * 200)
        self.assertEqual((result["half"], result["refused"]), (0, 0), result)
        digests, _ = stored(c)
        self.assertEqual(set(load.receipted()) - set(digests), set())
        self.assertEqual(c.verb("verify", check=False).returncode, 0)
        c.close()

    def test_kill_9_under_load_loses_nothing_and_stores_nothing_twice(self):
        c = Collector(NO_LIMITS).start()
        # The same port after a restart.
        with open(c.dir + "/collector.yaml", "w") as f:
            f.write(f'listen: ["127.0.0.1:{c.port}"]\n' + NO_LIMITS)
        load = Load(c, "send", "--connections", 24, "--reports", 40, "--findings", 5)
        for n in (50, 300, 600):
            while len(load.receipted()) < n and load.process.poll() is None:
                time.sleep(0.01)
            c.end(signal.SIGKILL)
            before = set(load.receipted())
            self.assertEqual(before - set(stored(c)[0]), set())
            c.start()
        result = load.result()
        self.assertEqual((result["receipted"], result["refused"]), (960, 0), result)
        digests, n = stored(c)
        self.assertEqual(sorted(digests), sorted(load.receipted()))
        self.assertEqual((len(digests), n), (960, 960 * 5))
        c.end()
        self.assertEqual(c.verb("verify", check=False).returncode, 0)
        c.close()

    def test_connections_that_vanish_in_mid_report_harm_nothing(self):
        c = Collector("store: { commit_delay: 50ms }\n" + NO_LIMITS).start()
        a = Agent(c, "agent")
        ders = [a.report(sequence) for sequence in range(1, 9)]

        def vanish(der, after):
            link = c.connect(a.tls)
            link.request("POST", "/v1/reports", der)
            time.sleep(after)
            link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            link.close()
        threads = [threading.Thread(target=vanish, args=(der, i * 0.003))
                   for i in range(10) for der in ders]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        time.sleep(0.5)
        for der in ders:
            self.assertEqual(a.post(der)[0], 200)
        self.assertEqual(sorted(stored(c)[0]), sorted(sha256(d) for d in ders))
        c.close()

    def test_sighup_under_load_drops_no_connection(self):
        c = Collector(NO_LIMITS).start()
        load = Load(c, "send", "--connections", 16, "--reports", 60, "--findings", 2)
        while load.process.poll() is None:
            c.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        result = load.result()
        self.assertEqual((result["receipted"], result["broken"]), (960, 0), result)
        c.close()


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Collector().start()
        cls.agent = Agent(cls.c, "agent")

    @classmethod
    def tearDownClass(cls):
        cls.c.close()

    def issue(self, name, uris, start, end):
        """A TLS pair of the fleet's CA, valid from and to so many seconds from now."""
        base = os.path.join(self.c.scratch.name, name)
        now = time.time()
        with open(base + ".cnf", "w") as f:
            f.write("[ca]\ndefault_ca = d\n[d]\n"
                    f"database = {base}.db\nnew_certs_dir = {self.c.scratch.name}\n"
                    "rand_serial = yes\ndefault_md = sha256\npolicy = p\nx509_extensions = x\n"
                    "[p]\ncommonName = supplied\n"
                    "[x]\nbasicConstraints = critical,CA:FALSE\nextendedKeyUsage = clientAuth\n"
                    f"keyUsage = critical,digitalSignature\nsubjectAltName = {uris}\n")
        open(base + ".db", "w").close()
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", base + ".key")
        openssl("req", "-new", "-key", base + ".key", "-subj", "/CN=x", "-out", base + ".csr")

        def when(offset):
            return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(now + offset))
        openssl("ca", "-batch", "-notext", "-config", base + ".cnf", "-cert", self.c.ca,
                "-keyfile", self.c.dir + "/authority/ca.key", "-in", base + ".csr",
                "-startdate", when(start), "-enddate", when(end), "-out", base + ".pem")
        return base

    def names(self):
        return f"URI:urn:uuid:{self.agent.id},URI:urn:molehunt:tls"

    def test_expired_and_not_yet_valid_do_not_connect(self):
        for name, start, end in (("expired", -7200, -3600), ("early", 3600, 7200)):
            pair = self.issue(name, self.names(), start, end)
            with self.assertRaises((ssl.SSLError, ConnectionError), msg=name):
                self.agent.post(self.agent.report(), pair=pair)

    def test_a_certificate_for_something_else_is_refused(self):
        for name, uris in (("receipts", "URI:urn:molehunt:receipt"),
                           ("signs", f"URI:urn:uuid:{self.agent.id},URI:urn:molehunt:signing"),
                           ("nobody", "URI:urn:molehunt:tls"), ("none", "DNS:localhost")):
            pair = self.issue(name, uris, -3600, 3600)
            status, body = self.agent.post(self.agent.report(), pair=pair)
            self.assertEqual((status, body["error"]), (403, "connection"), name)

    def test_a_certificate_that_ends_in_mid_connection_ends_it(self):
        pair = self.issue("short", self.names(), -3600, 4)
        end = time.monotonic() + 5.5
        link = self.c.connect(pair)
        link.request("POST", "/v1/reports", self.agent.report(77))
        answer = link.getresponse()
        answer.read()
        self.assertEqual(answer.status, 200)
        time.sleep(max(0, end - time.monotonic()))
        link.request("POST", "/v1/reports", self.agent.report(78))
        answer = link.getresponse()
        self.assertEqual((answer.status, b"expired" in answer.read()), (403, True))
        link.close()

    def resume(self, pair, session):
        plain = socket.create_connection(("127.0.0.1", self.c.port), timeout=10)
        link = self.contexts[pair].wrap_socket(plain, server_hostname="localhost",
                                               session=session)
        return link

    def exchange(self, link, der):
        link.sendall(b"POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(der) + der)
        answer = b""
        while True:
            piece = link.recv(65536)
            if not piece:
                return answer
            answer += piece

    def test_a_resumed_session_of_a_revoked_agent_is_refused(self):
        a = Agent(self.c, "resuming")
        self.contexts = {a.tls: self.c.context(a.tls)}
        link = self.resume(a.tls, None)
        self.assertIn(b" 200 ", self.exchange(link, a.report(1)).split(b"\r\n")[0])
        session = link.session
        link.close()
        link = self.resume(a.tls, session)
        self.assertTrue(link.session_reused)
        self.assertIn(b" 200 ", self.exchange(link, a.report(2)).split(b"\r\n")[0])
        session = link.session
        link.close()
        self.c.verb("agents", "revoke", a.id)
        time.sleep(2)
        link = self.resume(a.tls, session)
        self.assertTrue(link.session_reused)
        answer = self.exchange(link, a.report(3))
        self.assertIn(b" 403 ", answer.split(b"\r\n")[0])
        self.assertIn(b'"revoked"', answer)
        link.close()


class Metrics(unittest.TestCase):
    def test_what_happened_is_counted_and_no_agent_is_named(self):
        c = Collector(METRICS).start()
        a = Agent(c, "agent")
        self.assertEqual(a.post(a.report(findings=3))[0], 200)
        self.assertEqual(a.post(b"nonsense")[0], 400)
        text, values = metrics(c)
        self.assertEqual(values['reports_total{outcome="stored"}'], 1)
        self.assertEqual(values['reports_total{outcome="refused"}'], 1)
        self.assertEqual(values["findings_total"], 3)
        self.assertEqual(values["certificates_issued_total"], 2)
        self.assertEqual(values["commit_seconds_count"], 1)
        self.assertGreater(values["store_bytes"], 0)
        self.assertNotIn(a.id, text)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"\})? [0-9.]+)$')
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://{c.metrics}/v1/reports", timeout=10)
        c.close()

    def test_other_addresses_than_loopback_need_to_be_asked_for(self):
        c = Collector('metrics: { listen: ["0.0.0.0:0"] }\n')
        done = c.verb("serve", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("metrics.remote", done.stderr)
        c.configure('metrics: { listen: ["0.0.0.0:0"], remote: yes }\n')
        c.start()
        self.assertTrue(re.match(r"0\.0\.0\.0:\d+$", c.metrics))
        c.close()


if __name__ == "__main__":
    if not BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(77)
    unittest.main(verbosity=2)
