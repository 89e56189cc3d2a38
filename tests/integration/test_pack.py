#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rules of our pack do what their manifests say, judged by the yara program.

Files are inert: made by tools/make_samples.py and pack_cases.py, and scanned in one run of yara.
"""

import datetime
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
import pack_cases  # noqa: E402
import pack_table  # noqa: E402

YARA = shutil.which("yara")
YARAC = shutil.which("yarac")
NEEDS_YARA = unittest.skipUnless(YARA and YARAC,
                                 "the program yara is not installed (package yara)")
SKIPPED = 77

REQUIRED_META = {
    "id", "description", "author", "date", "version", "reference", "score", "family",
    "actor", "attack", "scope", "os", "container", "category", "status", "sharing", "license",
}
NAME = re.compile(r"^(APT_)?(MAL|HKTL|PUA|WEBSHELL)_[A-Za-z0-9_]+_[A-Z][a-z]{2}[0-9]{2}_[0-9]+$")
META_LINE = re.compile(r'^\t\t(\w+) = (?:"((?:[^"\\]|\\.)*)"|([0-9]+))$', re.M)
STRING_LINE = re.compile(r"^\t\t(\$\w+) = ", re.M)
DATE = re.compile(r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")
# Highest score of a rule by category, status or actor.
SCORE_LIMITS = {"HKTL": 75, "PUA": 75, "EXPERIMENTAL": 69, "unknown": 80}
TAGS = {"file": "FILE", "memory": "MEMORY", "both": "FILE MEMORY"}
# A string of this length can be enough alone.
MIN_SOLE_LENGTH = 12
# Shorter strings are allowed where so many are asked for.
MIN_LENGTH, MIN_LENGTH_AMONG, N_AMONG = 6, 4, 3
MIN_FAMILIES = 90
MAX_SAMPLE = 1024 * 1024


def rule_files():
    return sorted(PACK.glob("*.yar"))


def rule_name(text):
    return re.search(r"^rule (\w+)", text, re.M).group(1)


def metadata(text):
    """The metadata pairs of a rule file in order, duplicates included."""
    part = text.split("\tmeta:\n")[1].split("\tstrings:\n")[0]
    return [(m[1], m[2] if m[2] is not None else int(m[3])) for m in META_LINE.finditer(part)]


@NEEDS_YARA
class Files(unittest.TestCase):
    """All files are written, then scanned in one run, then looked at test by test."""

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="molehunt-pack-")
        cls.addClassCleanup(scratch.cleanup)
        cls.dir = Path(scratch.name)
        cls.manifests = make_samples.load_manifests(PACK)
        cls.expected = defaultdict(dict)
        for m in cls.manifests:
            for group in (pack_cases.subset_cases, pack_cases.minimal_cases,
                          pack_cases.mutation_cases, pack_cases.near_miss_cases):
                for name, data, length, rules in group(m):
                    cls.add(group.__name__, f"{m['path'].stem}-{name}", data, length, rules)
        cls.add_whole_packs()
        cls.samples = make_samples.write_samples(PACK, cls.dir / "samples", negatives=True)
        for s in cls.samples:
            rules = [s["rule"]] if s["expect"] == "fire" else []
            # What is too large is among the mutations already: it need not be read twice.
            if rules or Path(s["path"]).stat().st_size <= MAX_SAMPLE:
                cls.expected["samples"][s["path"]] = rules
        cls.found = cls.scan([p for group in cls.expected.values() for p in group])

    @classmethod
    def add(cls, group, name, data, length, rules):
        path = cls.dir / name
        with open(path, "wb") as f:
            f.write(data)
            if length > len(data):
                f.truncate(length)
        cls.expected[group][str(path)] = rules

    @classmethod
    def add_whole_packs(cls):
        """The pack's own files as they are, all in one, and compiled."""
        own = sorted(p for p in PACK.rglob("*") if p.is_file())
        cls.expected["own_files"] = {str(p): [] for p in own}
        everything = b"\n".join(p.read_bytes() for p in own)
        cls.add("own_files", "everything", everything, 0, [])
        compiled = cls.dir / "pack.yac"
        done = subprocess.run([YARAC, *namespaces(), str(compiled)], capture_output=True,
                              text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        cls.expected["own_files"][str(compiled)] = []

    @classmethod
    def scan(cls, paths):
        """Map of path to the sorted names of the rules that matched it."""
        listing = cls.dir / "list.txt"
        listing.write_text("".join(f"{p}\n" for p in paths))
        run = subprocess.run(
            [YARA, "--fail-on-warnings", "--no-follow-symlinks", "-p", "2", "--scan-list"]
            + namespaces() + [str(listing)],
            capture_output=True, text=True, check=False, timeout=300)
        assert (run.returncode, run.stderr) == (0, ""), run.stderr
        found = defaultdict(list)
        for line in run.stdout.splitlines():
            name, path = line.split(" ", 1)
            found[path].append(name)
        return {p: sorted(found[p]) for p in paths}

    def agree(self, group):
        """Only the rules that a case names fire: this is the matrix of families, too."""
        cases = self.expected[group]
        self.assertTrue(cases)
        wrong = {Path(p).name: (self.found[p], rules) for p, rules in cases.items()
                 if self.found[p] != rules}
        self.assertEqual(wrong, {}, "file: (found, expected)")

    def test_samples_fire_their_own_rule_only_and_near_misses_none(self):
        self.agree("samples")

    def test_each_subset_of_strings_fires_when_the_manifest_says_so(self):
        self.agree("subset_cases")

    def test_minimal_sets_fire_and_smaller_ones_do_not(self):
        self.agree("minimal_cases")

    def test_mutations_do_what_the_manifest_says(self):
        self.agree("mutation_cases")

    def test_reports_exports_logs_and_cores_that_quote_a_rule_are_silent(self):
        self.agree("near_miss_cases")

    def test_no_rule_fires_on_the_pack_itself(self):
        self.agree("own_files")

    def test_samples_cannot_be_executed(self):
        for s in self.samples:
            path = Path(s["path"])
            self.assertEqual(path.stat().st_mode & 0o7777, 0o644)
            self.assertIn(b"INERT-TEST-SAMPLE", path.read_bytes())
            if not path.read_bytes().startswith(b"\x7fELF"):
                continue  # a host may hand PE files to Wine
            path.chmod(0o755)
            with self.assertRaises(OSError, msg=path.name):
                subprocess.run([str(path)], check=False, timeout=10)
            path.chmod(0o644)


def namespaces():
    return [f"{f.stem}:{f}" for f in rule_files()]


HOLDER = """
import ctypes, mmap, sys
ctypes.CDLL(None).prctl(0x59616d61, -1, 0, 0, 0)  # PR_SET_PTRACER, anybody: for Yama
with open(sys.argv[1], "rb") as f:
    held = mmap.mmap(-1, 16 << 20)
    f.readinto(held)
print("ready", flush=True)
sys.stdin.read()
"""


@NEEDS_YARA
class Memory(unittest.TestCase):
    """The part of a condition for memory, in a process that holds the strings and is no program
    of the family.  One process holds strings of all rules at once: no two rules share any."""

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="molehunt-pack-")
        cls.addClassCleanup(scratch.cleanup)
        cls.dir = Path(scratch.name)
        cls.compiled = cls.dir / "pack.yac"
        subprocess.run([YARAC, *namespaces(), str(cls.compiled)], check=True, timeout=60)
        cls.manifests = make_samples.load_manifests(PACK)

    def scan_process_with(self, values):
        """Names of the rules that fire in the memory of a process that holds the values."""
        held = self.dir / "held"
        held.write_bytes(b"\0" * 4 + b"\0\0\0\0".join(values) + b"\0" * 4)
        child = subprocess.Popen([sys.executable, "-c", HOLDER, str(held)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.assertEqual(child.stdout.readline(), b"ready\n")
            run = subprocess.run([YARA, "-C", str(self.compiled), str(child.pid)], text=True,
                                 capture_output=True, check=False, timeout=60)
        finally:
            child.communicate(b"", timeout=10)
        if "can not attach" in run.stderr or "could not attach" in run.stderr:
            self.skipTest(f"this system does not let yara read a process: {run.stderr.strip()}")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return sorted({line.split(" ", 1)[0] for line in run.stdout.splitlines()})

    def in_memory(self):
        return [m for m in self.manifests if m["terms"]["memory"]]

    def test_all_strings_fire_the_rules_for_memory_and_no_other(self):
        values = [v for m in self.manifests for v in m["values"].values()]
        self.assertEqual(self.scan_process_with(values), sorted(m["rule"] for m in self.in_memory()))

    def test_minimal_sets_fire_and_smaller_ones_do_not(self):
        sets = {m["rule"]: pack_cases.minimal_sets(m, "memory") for m in self.in_memory()}
        for i in range(3):  # a different set of each rule every time, and another string missing
            enough, short = [], []
            for m in self.in_memory():
                chosen = sorted(sets[m["rule"]][(i * 7) % len(sets[m["rule"]])])
                enough += [m["values"][n] for n in chosen]
                short += [m["values"][n] for j, n in enumerate(chosen) if j != i % len(chosen)]
            self.assertEqual(self.scan_process_with(enough), sorted(sets))
            self.assertEqual(self.scan_process_with(short), [])


class Metadata(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manifests = make_samples.load_manifests(PACK)
        cls.texts = {f.stem: f.read_text() for f in rule_files()}

    def of_each(self, check):
        """Call check(manifest, metadata, text) for each rule."""
        for m in self.manifests:
            text = self.texts[m["path"].stem]
            with self.subTest(rule=m["rule"]):
                check(m, dict(metadata(text)), text)

    def test_each_rule_has_its_manifest_and_the_reverse(self):
        rules = {stem: rule_name(text) for stem, text in self.texts.items()}
        self.assertEqual(rules, {m["path"].stem: m["rule"] for m in self.manifests})
        self.assertEqual(len(set(rules.values())), len(rules))
        families = {dict(metadata(t))["family"] for t in self.texts.values()}
        self.assertGreaterEqual(len(families), MIN_FAMILIES)

    def test_metadata_is_complete_and_well_formed(self):
        ids = set()
        def check(m, meta, text):
            self.assertEqual(len(metadata(text)), len(meta), "a key stands twice")
            self.assertFalse(REQUIRED_META - set(meta))
            self.assertRegex(rule_name(text), NAME)
            self.assertLessEqual(len(rule_name(text)), 128)
            self.assertRegex(meta["description"], r"^Detects [ -~]{52,392}$")
            self.assertNotIn("://", meta["description"])
            for technique in meta["attack"].split(", "):
                self.assertRegex(technique, r"^T[0-9]{4}(\.[0-9]{3})?$")
            self.assertRegex(meta["date"], DATE)
            self.assertRegex(meta.get("modified", meta["date"]), DATE)
            self.assertLessEqual(meta["date"], meta.get("modified", meta["date"]))
            self.assertEqual("modified" in meta, meta["version"] > 1)
            self.assertEqual(str(uuid.UUID(meta["id"])), meta["id"])
            self.assertNotIn(meta["id"], ids, "the id belongs to another rule")
            ids.add(meta["id"])

        self.of_each(check)

    def test_scope_container_and_status_agree_with_the_manifest(self):
        def check(m, meta, text):
            for key in ("scope", "container", "status"):
                self.assertEqual(m[key], meta[key])
            tags = re.search(r"^rule \w+ : ([A-Z ]+)$", text, re.M).group(1)
            self.assertEqual(tags, TAGS[meta["scope"]])
            self.assertEqual(bool(m["terms"]["file"]), meta["scope"] != "memory")
            self.assertEqual(bool(m["terms"]["memory"]), meta["scope"] != "file")

        self.of_each(check)

    def test_scores_stay_in_the_band_of_their_kind(self):
        def check(_m, meta, _text):
            limit = min(SCORE_LIMITS.get(meta[key], 100)
                        for key in ("category", "status", "actor"))
            self.assertTrue(40 <= meta["score"] <= limit, meta["score"])

        self.of_each(check)

    def test_evidence_carries_the_status(self):
        def check(m, meta, _text):
            classes = {f["evidence"] for f in m["facts"]}
            self.assertTrue(classes <= {"V", "R"}, "recalled facts do not ship")
            if "R" in classes:
                self.assertEqual(m["status"], "EXPERIMENTAL")
            sources = {s["id"]: s for s in m["sources"]}
            self.assertEqual(set().union(*(f["sources"] for f in m["facts"])), set(sources))
            for s in sources.values():
                self.assertFalse({"title", "publisher", "year"} - set(s))
                self.assertLessEqual(str(s.get("read", "")), str(datetime.date.today()))

        self.of_each(check)

    def test_each_string_is_a_fact_and_the_reverse(self):
        def check(m, _meta, text):
            self.assertEqual(STRING_LINE.findall(text), [f["string"] for f in m["facts"]])
            used = {n for terms in m["terms"].values() for t in terms for _, ns in t for n in ns}
            self.assertEqual(used, set(m["values"]))

        self.of_each(check)

    def test_strings_are_long_and_varied_enough(self):
        def check(m, _meta, _text):
            fewest = {name: min(n for terms in m["terms"].values() for parts in terms
                                for n, names in parts if name in names)
                      for name in m["values"]}
            kinds = {f["string"]: f["kind"] for f in m["facts"]}
            for name, value in m["values"].items():
                length = len(value) // 2 if kinds[name] == "wide" else len(value)
                among = fewest[name] >= N_AMONG
                self.assertGreaterEqual(length, MIN_LENGTH_AMONG if among else MIN_LENGTH, name)
                self.assertGreater(len(set(value)), 3, name)

        self.of_each(check)

    def test_one_string_suffices_only_when_it_is_long_and_called_x(self):
        def check(m, _meta, _text):
            for place in m["terms"]:
                for enough in pack_cases.minimal_sets(m, place):
                    if len(enough) == 1:
                        name = next(iter(enough))
                        self.assertTrue(name.startswith("$x"), name)
                        self.assertGreaterEqual(len(m["values"][name]), MIN_SOLE_LENGTH, name)

        self.of_each(check)

    def test_no_string_holds_another_of_its_rule_or_of_any_rule(self):
        values = [(m["rule"], name, value) for m in self.manifests
                  for name, value in m["values"].items()]
        held = [(r1, n1, r2, n2) for r1, n1, v1 in values for r2, n2, v2 in values
                if (r1, n1) != (r2, n2) and v1 in v2]
        self.assertEqual(held, [])

    def test_table_of_the_readme_is_that_of_the_pack(self):
        readme = PACK.parent / "README.md"
        text = readme.read_text(encoding="utf-8")
        self.assertEqual(pack_table.with_table(text, pack_table.table(PACK)), text)


class Indicators(unittest.TestCase):
    """The path patterns: regular expressions with scores, below comments that say why."""

    INNOCENT = [
        "/usr/lib/locate/frcode", "/root/.bashrc", "/tmp/hsperfdata_root/1", "/run/initctl",
        "/usr/lib/systemd/systemd-logind", "/var/log/syslog", "/usr/sbin/rsyslogd",
        "/usr/lib/x86_64-linux-gnu/libselinux.so.1", "/srv/a/.X11/X0-lock", "/tmp/.X0-lock",
        "/lib/modules/6.1.0/kernel/drivers/block/floppy.ko", "/srv/share/wininet.dll",
    ]
    NAMED = {
        "/run/haldrund.pid": 75, "/dev/shm/kdmtmpflush": 85, "/usr/lib/libntpVnQE6mk/x": 90,
        "/etc/rc-Zobk0jpi/PgSD93ql": 95, "/usr/lib/systemd/systemd-daemon": 75,
        "/srv/share/Windows/RIODRV32.SYS": 85,
    }

    def patterns(self):
        """(comment, pattern, score) of each line."""
        lines = (PACK / "indicators" / "file-names.txt").read_text().splitlines()
        for comment, line in zip(lines, lines[1:]):
            if line and not line.startswith("#"):
                pattern, score = line.rsplit(";", 1)
                yield comment, pattern, int(score)

    def test_each_pattern_is_valid_scored_and_documented(self):
        patterns = list(self.patterns())
        self.assertGreater(len(patterns), 50)
        for comment, pattern, score in patterns:
            with self.subTest(pattern=pattern):
                self.assertRegex(comment, r"^# .+; .+; evidence [VR]\b")
                self.assertTrue(40 <= score <= 100)
                grep = subprocess.run(["grep", "-P", "-e", pattern, "/dev/null"],
                                      capture_output=True, check=False, timeout=10)
                self.assertEqual(grep.returncode, 1, grep.stderr)

    def test_named_paths_match_and_innocent_ones_do_not(self):
        def score_of(path):
            return max((s for _, p, s in self.patterns() if re.search(p, path)), default=None)

        self.assertEqual({p: score_of(p) for p in self.NAMED}, self.NAMED)
        self.assertEqual([p for p in self.INNOCENT if score_of(p)], [])


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=1)
    result = program.result
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if not YARA else 0)
