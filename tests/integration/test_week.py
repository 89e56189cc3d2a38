#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A collector that was away for seven days of reports, one a minute, played in a spool.

MOLEHUNT_REPORTS (200) of them; `./dev soak` plays all 10,080.
"""
import os
import signal
import subprocess
import time

import scans
from fleet import BIN
from resident import ResidentTest
from scans import wait_until

REPORTS = int(os.environ.get("MOLEHUNT_REPORTS", "200"))
TOOL = os.path.join(os.path.dirname(BIN), "tests", "fill_spool")


class Week(ResidentTest):
    def test_a_week_of_reports_arrives_once_and_in_order(self):
        self.enrolled()
        subprocess.run([TOOL, self.r.state, str(REPORTS)], check=True)
        self.c.end()
        with open(os.path.join(self.c.dir, "collector.yaml"), "w") as f:
            f.write(f'listen: ["127.0.0.1:{self.c.port}"]\nlimits: {{agent_reports: 0}}\n')
        self.c.start()
        self.r.configure(schedule="[]", more="delivery: {replay_rate: 1000}\n")
        started = time.monotonic()
        self.r.start()
        # And one kill of each side in the middle of it.
        wait_until(lambda: self.left() < REPORTS, 30, "the first receipt")
        os.kill(self.r.wait_for("molehunt-agent"), signal.SIGKILL)
        self.c.end(signal.SIGKILL)
        self.c.start()
        self.wait_for_the_last()
        seconds = time.monotonic() - started
        found = self.c.lines("findings", "--limit", "200000", "--path", "/week/*")
        self.assertEqual(sorted(int(scans.path_of(f)[6:]) for f in found),
                         list(range(1, REPORTS + 1)))
        self.assertEqual(self.in_store("SELECT * FROM alarms WHERE closed_ms = 0"), [])
        self.assertEqual(self.c.verb("verify").returncode, 0)
        print(f"{REPORTS} reports in {seconds:.0f} s, lost 0, twice 0", flush=True)

    def wait_for_the_last(self):
        """However long it takes on a busy machine, as long as it goes on."""
        left = self.left()
        while left > 0:
            wait_until(lambda: self.left() < left, 120, f"one more receipt, of {left}")
            left = self.left()

    def left(self):
        return self.r.spool("SELECT count(*) FROM sealed")[0][0]


if __name__ == "__main__":
    scans.main()
