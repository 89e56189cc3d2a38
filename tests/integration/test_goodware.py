#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tools/goodware.py finds what a package holds, archives in it included, and throws it away."""
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import scans
from scans import MARK, MARK_RULE, PROGRAM

TOOL = Path(__file__).resolve().parents[2] / "tools" / "goodware.py"


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is not installed")
class Goodware(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="molehunt-goodware-")
        self.addCleanup(scratch.cleanup)
        self.dir = Path(scratch.name)
        (self.dir / "pack").mkdir()
        (self.dir / "pack" / "mark.yar").write_text(MARK_RULE)

    def package(self, name, files):
        root = self.dir / name
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: 1:2-3\nArchitecture: all\nMaintainer: x <x@example.org>\n"
            "Description: x\n")
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        deb = self.dir / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, deb], check=True,
                       stdout=subprocess.DEVNULL)
        return deb

    def run_tool(self, *debs):
        done = subprocess.run(
            [sys.executable, "-B", TOOL, "--molehunt", PROGRAM, "--pack", self.dir / "pack",
             "--work", self.dir / "work", "--record", self.dir / "record.json",
             *(w for d in debs for w in ("--deb", d))],
            capture_output=True, text=True, check=False, timeout=60)
        record = self.dir / "record.json"
        return done, json.loads(record.read_text()) if record.exists() else None

    def test_a_clean_package_is_recorded(self):
        done, record = self.run_tool(self.package("clean", {"usr/bin/a": b"x" * 1000}))
        self.assertEqual((done.returncode, record["hits"]), (0, []), done.stderr)
        self.assertEqual((record["packages"], record["files"], record["bytes"], record["rules"]),
                         (1, 1, 1000, 1))
        self.assertEqual(list((self.dir / "work").iterdir()), [])

    def test_hits_are_named_with_package_path_and_strings(self):
        tar = self.dir / "in.tar.gz"
        (self.dir / "member").write_bytes(MARK)
        with tarfile.open(tar, "w:gz") as t:
            t.add(self.dir / "member", "deep/member")
        deb = self.package("bad", {"usr/bin/a": MARK, "usr/share/in.tar.gz": tar.read_bytes()})
        done, record = self.run_tool(self.package("clean", {"usr/bin/b": b"x"}), deb)
        self.assertEqual(done.returncode, 1)
        self.assertEqual({(h["package"], h["path"], h["rule"], *h["strings"]) for h in record["hits"]},
                         {("bad", "usr/bin/a", "mark", "$m"),
                          ("bad", "usr/share/in.tar.gz!/deep/member", "mark", "$m")})
        self.assertIn("mark $m: bad: usr/bin/a", done.stderr)

    def test_what_is_no_package_is_an_error(self):
        (self.dir / "no.deb").write_bytes(b"no")
        done, record = self.run_tool(self.dir / "no.deb")
        self.assertEqual((done.returncode, record), (2, None))
        self.assertIn("no.deb", done.stderr)

    def test_a_package_with_hits_fails_after_a_change_of_the_pack_only_with_new_ones(self):
        deb = self.package("bad", {"usr/bin/a": MARK})
        _, before = self.run_tool(deb)
        (self.dir / "pack" / "mark.yar").write_text("rule other { condition: false }")
        done, after = self.run_tool(deb)
        self.assertEqual((done.returncode, after["hits"]), (0, []))
        self.assertNotEqual(before["pack_fingerprint"], after["pack_fingerprint"])


if __name__ == "__main__":
    scans.main()
