#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The resident agent, when everything around it goes wrong."""
import json
import os
import random
import re
import signal
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
        return {scans.path_of(f): f["count"] for f in self.r.history()[1]}

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

    def test_one_that_hangs_while_patterns_are_looked_for_is_passed_over(self):
        fs = self.dead(self.r.tree + "/h/m")
        paths = [self.r.plant(f"h/{name}/conf/x") for name in "az"]
        self.patterns("network_file_systems: yes")
        self.r.start()
        self.assertEqual(self.wait_for_end(50), (2, 2, 1))
        self.assertTrue(fs.reached.is_set())
        self.wait_for_found(paths)
        self.assertEqual(self.missed(), {self.r.tree + "/h/m/conf": "open-hung"})


if __name__ == "__main__":
    if not scans.BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(scans.SKIPPED)
    unittest.main(verbosity=2)
