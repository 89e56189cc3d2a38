#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rules of our pack do what their manifests say, judged by the yara program.

Every check scans inert files made by tools/make_samples.py in one run of yara.
"""

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "signatures" / "packs" / "molehunt"
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True
import make_samples  # noqa: E402

YARA = shutil.which("yara")
NEEDS_YARA = unittest.skipUnless(YARA, "the program yara is not installed (package yara)")
SKIPPED = 77

REQUIRED_META = {
    "id", "description", "author", "date", "version", "reference", "score", "family",
    "actor", "attack", "scope", "os", "container", "category", "status", "sharing", "license",
}
NAME = re.compile(r"^APT_(MAL|HKTL)_[A-Za-z0-9_]+_[A-Z][a-z]{2}[0-9]{2}_[0-9]+$")
META_LINE = re.compile(r'^\t\t(\w+) = (?:"((?:[^"\\]|\\.)*)"|([0-9]+))$', re.M)
# Highest score of a rule by category or status.
SCORE_LIMITS = {"HKTL": 75, "EXPERIMENTAL": 69}


def rule_files():
    return sorted(PACK.glob("*.yar"))


def rule_name(text):
    return re.search(r"^rule (\w+)", text, re.M).group(1)


def metadata(text):
    """The metadata pairs of a rule file in order, duplicates included."""
    part = text.split("\tmeta:\n")[1].split("\tstrings:\n")[0]
    return [(m[1], m[2] if m[2] is not None else int(m[3])) for m in META_LINE.finditer(part)]


class Scan(unittest.TestCase):
    """A scratch folder and one run of yara over a list of files in it."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="molehunt-pack-")
        self.addCleanup(scratch.cleanup)
        self.dir = Path(scratch.name)

    def scan(self, paths):
        """Map of path to the sorted names of the rules that matched it."""
        listing = self.dir / "list.txt"
        listing.write_text("".join(f"{p}\n" for p in paths))
        rules = [f"{f.stem}:{f}" for f in rule_files()]
        run = subprocess.run(
            [YARA, "--fail-on-warnings", "--no-follow-symlinks", "-p", "2", "--scan-list"]
            + rules + [str(listing)],
            capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        found = defaultdict(list)
        for line in run.stdout.splitlines():
            name, path = line.split(" ", 1)
            found[path].append(name)
        return {str(p): sorted(found[str(p)]) for p in paths}


@NEEDS_YARA
class Samples(Scan):
    def test_samples_fire_their_own_rule_only_and_near_misses_none(self):
        samples = make_samples.write_samples(PACK, self.dir / "samples", negatives=True)
        found = self.scan([s["path"] for s in samples])
        for s in samples:
            with self.subTest(sample=Path(s["path"]).name):
                expected = [s["rule"]] if s["expect"] == "fire" else []
                self.assertEqual(found[s["path"]], expected)

    def test_no_rule_fires_on_the_pack_itself(self):
        found = self.scan(sorted(p for p in PACK.rglob("*") if p.is_file()))
        self.assertEqual({p: r for p, r in found.items() if r}, {})

    def test_samples_cannot_be_executed(self):
        for s in make_samples.write_samples(PACK, self.dir / "samples"):
            path = Path(s["path"])
            self.assertEqual(path.stat().st_mode & 0o7777, 0o644)
            self.assertIn(b"INERT-TEST-SAMPLE", path.read_bytes())
            if not path.read_bytes().startswith(b"\x7fELF"):
                continue  # a host may hand PE files to Wine
            path.chmod(0o755)
            with self.assertRaises(OSError, msg=path.name):
                subprocess.run([str(path)], check=False, timeout=10)


@NEEDS_YARA
class Model(Scan):
    """[require] in the manifest and the condition in the rule are the same function."""

    def test_each_subset_of_strings_fires_when_the_manifest_says_so(self):
        expected = {}
        for m in make_samples.load_manifests(PACK):
            names = list(m["facts"])
            self.assertLessEqual(len(names), 12, m["path"])
            subsets = itertools.chain.from_iterable(
                itertools.combinations(names, n) for n in range(len(names) + 1))
            for i, subset in enumerate(subsets):
                path = self.dir / f"{m['path'].stem}-{i}"
                path.write_bytes(make_samples.payload(m, subset, m["container"]))
                fires = make_samples.must_fire(m, subset)
                expected[str(path)] = [m["rule"]] if fires else []
        self.assertEqual(self.scan(list(expected)), expected)

    def test_each_damaged_string_counts_as_absent(self):
        expected = {}
        for m in make_samples.load_manifests(PACK):
            for name, value in m["facts"].items():
                rest = [n for n in m["facts"] if n != name]
                for at in (0, len(value) // 2 & ~1, len(value) - 1 & ~1):
                    broken = bytearray(value)
                    broken[at] ^= 0x01
                    data = make_samples.payload(m, rest, m["container"]) + bytes(broken) + b"\0" * 4
                    path = self.dir / f"{m['path'].stem}-{name[1:]}-{at}"
                    path.write_bytes(data)
                    fires = make_samples.must_fire(m, rest)
                    expected[str(path)] = [m["rule"]] if fires else []
        self.assertEqual(self.scan(list(expected)), expected)

    def test_limit_on_size_is_exact(self):
        expected = {}
        for m in make_samples.load_manifests(PACK):
            limit = m["require"]["filesize_below"]
            data = make_samples.payload(m, "all", m["container"])
            for size, rules in ((limit - 1, [m["rule"]]), (limit, [])):
                path = self.dir / f"{m['path'].stem}-{size}"
                path.write_bytes(data)
                with open(path, "r+b") as f:
                    f.truncate(size)
                expected[str(path)] = rules
        self.assertEqual(self.scan(list(expected)), expected)


class Metadata(unittest.TestCase):
    def test_each_rule_has_its_manifest_and_the_reverse(self):
        rules = {f.stem: rule_name(f.read_text()) for f in rule_files()}
        manifests = {m["path"].stem: m["rule"] for m in make_samples.load_manifests(PACK)}
        self.assertEqual(rules, manifests)
        self.assertGreaterEqual(len(rules), 14)

    def test_metadata_is_complete_and_well_formed(self):
        ids = set()
        for f in rule_files():
            with self.subTest(rule=f.name):
                text = f.read_text()
                pairs = metadata(text)
                meta = dict(pairs)
                self.assertEqual(len(pairs), len(meta), "a key stands twice")
                self.assertFalse(REQUIRED_META - set(meta))
                self.assertRegex(rule_name(text), NAME)
                self.assertRegex(meta["description"], r"^Detects [ -~]{52,392}$")
                self.assertNotIn("://", meta["description"])
                self.assertRegex(meta["attack"], r"^T[0-9]{4}(\.[0-9]{3})?$")
                self.assertRegex(meta["date"], r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")
                self.assertIn(meta["scope"], ("file", "memory", "both"))
                self.assertEqual(str(uuid.UUID(meta["id"])), meta["id"])
                self.assertNotIn(meta["id"], ids, "the id belongs to another rule")
                ids.add(meta["id"])

    def test_scores_stay_in_the_band_of_their_kind(self):
        for f in rule_files():
            meta = dict(metadata(f.read_text()))
            limit = min(SCORE_LIMITS.get(meta["category"], 100),
                        SCORE_LIMITS.get(meta["status"], 100))
            self.assertTrue(40 <= meta["score"] <= limit, f.name)

    def test_evidence_carries_the_status(self):
        for m in make_samples.load_manifests(PACK):
            with self.subTest(rule=m["rule"]):
                meta = dict(metadata(m["path"].with_suffix(".yar").read_text()))
                self.assertEqual(m["status"], meta["status"])
                self.assertEqual(m["container"], meta["container"])
                classes = {f["evidence"] for f in m["fact"]}
                self.assertTrue(classes <= {"V", "R"}, "recalled facts do not ship")
                if "R" in classes:
                    self.assertEqual(m["status"], "EXPERIMENTAL")
                for f in m["fact"]:
                    self.assertTrue(set(f["source"]) <= set(m["sources"]), f["string"])

    def test_strings_are_long_and_varied_enough(self):
        for m in make_samples.load_manifests(PACK):
            for name, value in m["facts"].items():
                with self.subTest(rule=m["rule"], string=name):
                    self.assertGreaterEqual(len(value.replace(b"\0", b"")), 6)
                    self.assertGreater(len(set(value)), 3)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=1)
    result = program.result
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if not YARA else 0)
