#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How the resident agent delivers: another identity, proxies, collectors."""
import http.client
import json
import os
import re
import shutil
import socket
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from fleet import Agent, Collector  # noqa: E402
from delivering import Delivery  # noqa: E402
from proxies import Proxy  # noqa: E402
from scans import wait_until  # noqa: E402


class Identity(Delivery):
    def test_what_was_sealed_is_delivered_under_the_next_identity(self):
        self.enrolled()
        before = self.agent_id()
        self.c.end()
        path = self.r.plant("a")
        self.r.start()
        self.r.wait_for_log("report: sealed 1")
        self.r.stop()
        self.c.start()
        self.c.verb("agents", "revoke", before)
        self.enroll_again()
        self.r.start()
        self.r.wait_for_log("another agent now: a new epoch")
        self.wait_for_paths([path])
        self.assertEqual(len(self.arrived()), 1)
        self.assertEqual(self.agents_of_reports(), [self.agent_id()])
        self.assertNotEqual(before, self.agent_id())
        # Its chain begins at one, without an alarm.
        self.assertEqual(self.in_store("SELECT min(sequence) FROM reports"), [(1,)])
        self.assertEqual([a["alarms"] for a in self.c.lines("agents")
                          if a["agent"] == self.agent_id()], [0])

    def test_a_revoked_agent_is_told_and_comes_back_with_a_token(self):
        first = self.r.plant("first")
        self.enrolled().start()
        self.wait_for_paths([first])
        before = self.agent_id()
        self.c.verb("agents", "revoke", before)
        time.sleep(3)  # until the collector has looked
        second = self.r.plant("second")
        self.r.scan()
        self.wait_for_doctor("delivery", "error: .*revoked.*the fleet's operator did that", 30)
        self.assertEqual(self.paths_arrived(), [first])
        self.enroll_again()
        wait_until(lambda: self.paths_arrived() == sorted([first, second]), 90, "both")
        self.assertNotEqual(before, self.agent_id())

    def test_a_new_identity_is_taken_while_it_runs(self):
        first = self.r.plant("first")
        self.enrolled().start()
        self.wait_for_paths([first])
        before = self.agent_id()
        self.enroll_again()
        self.r.wait_for_log(f"agent {self.agent_id()} delivers")
        second = self.r.plant("second")
        self.r.scan()
        self.wait_for_paths([first, second])
        self.assertEqual(sorted(self.agents_of_reports()), sorted([before, self.agent_id()]))

    def test_a_fork_goes_out_in_a_new_epoch(self):
        first = self.r.plant("first")
        self.enrolled().start()
        self.wait_for_paths([first])
        wait_until(lambda: self.r.spool("SELECT count(*) FROM sealed")[0][0] == 0 and
                   self.r.spool("SELECT count(*) FROM pending")[0][0] == 0, 20, "quiet")
        self.r.stop()
        # Somebody with this identity was here and used the next places of the chain.
        meta = dict(self.r.spool("SELECT key, value FROM meta"))
        other = Agent(self.c, "other", enrol=False)
        for name, folder in (("signing", "agent"), ("tls", "courier")):
            for end in ("key", "pem"):
                shutil.copy(f"{self.r.state}/{folder}/{name}.{end}",
                            getattr(other, name) + "." + end)
        other.id, other.epoch = self.agent_id(), meta["epoch"]
        for i in range(1, 4):
            status, body = other.post(other.report(int(meta["sequence"]) + i))
            self.assertEqual(status, 200, body)
        second = self.r.plant("second")
        self.r.start_asking()
        self.r.scan()
        self.r.wait_for_log("409 fork.*it is kept", 40)
        self.r.wait_for_log("sealed anew in a new epoch", 90)
        wait_until(lambda: second in self.paths_arrived(), 60, "its arrival")
        self.assertGreater(len(self.in_store("SELECT DISTINCT epoch FROM reports")), 1)
        self.assertEqual(self.r.spool("SELECT count(*) FROM sealed WHERE refusal LIKE '409%'"),
                         [(0,)])

    def test_a_copy_of_a_machine_says_that_it_is_one(self):
        self.enrolled()
        path = Path(self.r.state, "agent/identity.json")
        identity = json.loads(path.read_text())
        identity["machine_id"] = "0" * 32
        path.write_text(json.dumps(identity))
        found = self.r.plant("a")
        self.r.start_asking()
        self.wait_for_doctor("identity", "error: this machine is a copy.*enroll --force")
        self.assertIn("copy", self.records("status", "delivery")[0]["trouble"])
        self.wait_for_paths([found])

    def test_a_key_that_others_may_read_is_told(self):
        self.enrolled()
        os.chmod(self.r.state + "/agent/signing.key", 0o644)
        os.chmod(self.r.state + "/courier/tls.key", 0o640)
        self.r.start_asking()
        self.wait_for_doctor("key", "error: signing.key.*chmod 600")
        self.wait_for_doctor("renewal", "tls.key may be read by others")


class Ways(Delivery):
    def deliver(self, more):
        path = self.r.plant("a")
        self.r.configure(more=more)
        self.r.start()
        self.wait_for_paths([path])

    def proxy(self, *args, **more):
        proxy = Proxy(*args, **more)
        self.addCleanup(proxy.close)
        return proxy

    def test_a_proxy_is_asked_with_its_password(self):
        proxy = self.proxy("me:s3cr:et")
        secret = Path(self.r.scratch, "password")
        secret.write_text("s3cr:et\n")
        secret.chmod(0o600)
        self.enrolled()
        self.deliver(f"delivery: {{proxy: 'http://me@127.0.0.1:{proxy.port}', "
                     f"proxy_password_file: '{secret}'}}\n")
        self.assertTrue(proxy.asked[0][0].startswith(f"CONNECT localhost:{self.c.port} "))
        text = self.r.log_text()
        self.assertNotIn("s3cr", text)
        self.assertNotIn(proxy.asked[0][1].split(" ")[1], text)

    def test_what_a_proxy_refuses_is_explained(self):
        proxy = self.proxy("me:secret")
        self.enrolled()
        self.r.configure(more=f"delivery: {{proxy: 'http://127.0.0.1:{proxy.port}'}}\n")
        self.r.start_asking()
        self.wait_for_doctor("delivery", "error: proxy 127.0.0.1 .*user and a password.*407")
        proxy.credentials, proxy.answer = None, b"HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n"
        self.wait_for_doctor("delivery", "no redirect is followed", 40)
        proxy.answer = b"x" * 9000
        self.wait_for_doctor("delivery", "proxy's answer is too large", 60)

    def test_a_password_that_others_may_read_is_not_used(self):
        proxy = self.proxy("me:secret")
        secret = Path(self.r.scratch, "password")
        secret.write_text("secret\n")
        secret.chmod(0o644)
        self.enrolled()
        self.r.configure(more=f"delivery: {{proxy: 'http://me@127.0.0.1:{proxy.port}', "
                              f"proxy_password_file: '{secret}'}}\n")
        self.r.start_asking()
        self.wait_for_doctor("proxy", "may be read by others.*0600")
        wait_until(lambda: proxy.asked, 10, "a question")
        self.assertNotIn("c2VjcmV0", proxy.asked[0][1])

    def test_no_proxy_goes_around_it(self):
        proxy = self.proxy()
        self.enrolled()
        self.deliver(f"delivery: {{proxy: 'http://127.0.0.1:{proxy.port}', "
                     "no_proxy: [localhost]}\n")
        self.assertEqual(proxy.asked, [])

    def test_enrolment_goes_through_a_proxy(self):
        proxy = self.proxy("me:a@b")
        token = self.c.verb("token").stdout.split()[-1]
        command = ("molehunt", "enroll", f"https://localhost:{self.c.port}", token, "--state",
                   self.r.state, "--proxy")
        done = self.r.run(*command, f"http://127.0.0.1:{proxy.port}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("user and a password", done.stderr)
        done = self.r.run(*command, f"http://me:a%40b@127.0.0.1:{proxy.port}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def second_collector(self):
        """Another one of the same fleet: same keys, a store of its own."""
        second = Collector()
        self.addCleanup(second.close)
        for name in os.listdir(self.c.dir):
            source, target = os.path.join(self.c.dir, name), os.path.join(second.dir, name)
            if name == "authority":
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif not name.startswith("store.db") and name != "collector.yaml":
                shutil.copy2(source, target)
        return second.start()

    def test_another_collector_takes_over_and_the_first_comes_back(self):
        second = self.second_collector()
        self.enrolled()
        first = self.r.plant("first")
        self.r.configure(more="delivery: {collectors: "
                              f"['https://localhost:{second.port}']}}\n")
        self.r.start()
        self.wait_for_paths([first])
        self.c.end()
        later = self.r.plant("later")
        self.r.scan()
        wait_until(lambda: later in {scans.path_of(f) for f in second.lines("findings")}, 40,
                   "arrival at the second")
        self.assertIn(f":{second.port}", self.records("status", "delivery")[0]["collector"])

    def test_a_name_a_port_and_a_strange_server_are_explained(self):
        self.enrolled()
        path = Path(self.r.state, "courier/courier.json")
        good = json.loads(path.read_text())
        strange = Collector().start()
        self.addCleanup(strange.close)
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        self.r.start_asking()
        for url, words in (
                ("https://nowhere.invalid:1", "cannot look up nowhere.invalid.*name servers"),
                ("https://localhost:1", "refused.*nothing listens"),
                (f"https://localhost:{strange.port}", "does not verify.*another server"),
                (f"https://127.0.0.2:{self.c.port}", "refused|not for this name")):
            path.write_text(json.dumps(dict(good, collector=url)))
            os.kill(self.r.wait_for("molehunt-courier"), 9)
            self.wait_for_doctor("delivery", "error: .*" + words, 40)

    def test_enrolment_explains_what_is_wrong(self):
        token = self.c.verb("token").stdout.split()[-1]
        for url, words in (("https://nowhere.invalid:1", "name servers"),
                           ("https://localhost:1", "nothing listens there"),
                           ("http://localhost", "https://"),
                           (f"https://localhost:{self.c.port}/x", "no path")):
            done = self.r.run("molehunt", "enroll", url, token, "--state", self.r.state)
            self.assertEqual((done.returncode, words in done.stderr), (2, True), done.stderr)

    def test_numbers_are_told_on_loopback(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        first = self.r.plant("first")
        self.r.configure(more=f"metrics: {{listen: '127.0.0.1:{port}'}}\n")
        self.enrolled().start()
        self.wait_for_paths([first])

        def ask(path="/metrics", method="GET"):
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            link.request(method, path)
            answer = link.getresponse()
            return answer.status, answer.read().decode(), answer.headers

        wait_until(lambda: "receipts_total 1\n" in ask()[1], 10, "a receipt")
        status, text, headers = ask()
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        names = set()
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) molehunt_agent_\w+ .+|"
                             r'molehunt_agent_\w+(\{\w+="[^"]+"\})? \d+(\.\d+)?)$')
            if line[0] != "#":
                names.add(re.match(r"\w+", line)[0])
        self.assertIn("molehunt_agent_findings_total 1\n", text)
        self.assertIn('molehunt_agent_targets_missed_total{reason="permission"} 0\n', text)
        self.assertIn('molehunt_agent_link{state="up"} 1\n', text)
        # Each is described, once.
        self.assertEqual(sorted(re.findall(r"# TYPE (\w+)", text)), sorted(names))
        self.assertEqual(ask("/other")[0], 404)
        self.assertEqual(ask(method="POST")[0], 400)
        # Who says nothing is turned away, and keeps nobody else away for long.
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(12)]
        wait_until(lambda: self.answers(ask), 20, "an answer")
        for link in silent:
            link.close()

    @staticmethod
    def answers(ask):
        try:
            return ask()[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def test_an_idle_connection_is_closed_and_the_session_resumed(self):
        first = self.r.plant("first")
        self.enrolled().start()
        self.wait_for_paths([first])
        wait_until(lambda: "nothing to send" in self.records("status", "delivery")[0]["state"],
                   120, "an idle end")
        later = self.r.plant("later")
        self.r.scan()
        self.wait_for_paths([first, later])
        delivery = self.records("status", "delivery")[0]
        self.assertGreaterEqual(delivery["connections"], 2)
        self.assertEqual(delivery["failures"], 0)
        self.assertNotIn("warning: delivery", self.r.log_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
