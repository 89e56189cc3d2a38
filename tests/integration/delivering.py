# SPDX-License-Identifier: BSD-2-Clause
"""What tests of the resident agent's delivery have in common."""
import json
import re
from pathlib import Path

from resident import ResidentTest
from scans import wait_until


class Delivery(ResidentTest):
    def pem(self, name):
        return Path(self.r.state, name).read_text()

    def records(self, verb, kind):
        done = self.r.run("molehunt", verb, "--socket", self.r.socket, "--format", "ndjson")
        return [r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == kind]

    def doctor(self, name):
        """What doctor says of a thing: level, text and advice in one."""
        return " / ".join(f"{c['level']}: {c['text']}; {c.get('advice', '')}"
                          for c in self.records("doctor", "check") if c["name"] == name)

    def wait_for_doctor(self, name, pattern, seconds=20):
        try:
            return wait_until(lambda: re.search(pattern, self.doctor(name)), seconds, pattern)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.doctor(name)}\n{self.r.log_text()[-3000:]}") from e

    def enroll_again(self):
        token = self.c.verb("token").stdout.split()[-1]
        done = self.r.run("molehunt", "enroll", f"https://localhost:{self.c.port}", token,
                          "--state", self.r.state, "--force")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def agent_id(self):
        return json.loads(self.pem("agent/identity.json"))["agent"]

    def agents_of_reports(self):
        return sorted({r["agent"] for r in self.c.lines("reports")})
