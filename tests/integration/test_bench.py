#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The bench tells the truth: it reads findings rightly and sees a difference."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tools")]
import make_samples  # noqa: E402
import measure  # noqa: E402
import programs  # noqa: E402

PACK = ROOT / "signatures" / "packs" / "molehunt"

# Speaks molehunt's NDJSON with what yara found; WITHOUT leaves out one rule.
STAND_IN = """#!{python}
import json, os, subprocess, sys
sys.path.insert(0, {bench!r})
import programs
if sys.argv[1:] == ["--version"]:
    sys.exit(print("stand-in") or 0)
value = lambda option: sys.argv[sys.argv.index(option) + 1]
from pathlib import Path
yara = programs.Yara(sorted(Path(value("--rules")).glob("*.yar")), 1, Path({scratch!r}))
yara.prepare()
found = yara.findings(value("--files-from"))
print(json.dumps(dict(type="coverage")))
for rule, path in sorted(found.rules):
    if rule == os.environ.get("WITHOUT"):
        continue
    strings = [dict(id=i, offset=o) for r, p, i, o in found.strings if (r, p) == (rule, path)]
    print(json.dumps(dict(class_uid=2004, finding_info=dict(analytic=dict(name=rule)),
        evidences=[dict(file=dict(path=path), data=dict(yara=dict(strings=strings)))])))
"""


class Scratch(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="molehunt-bench-")
        self.addCleanup(scratch.cleanup)
        self.dir = Path(scratch.name)

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path


class Reading(Scratch):
    def test_output_of_yara(self):
        path = self.write("y", "Rule_A /a b/c\n0x1f:$x1: text /d\n0x0:$: \\x00\nRule_B /a b/c\n")
        found = programs.Yara.parse(path)
        self.assertEqual(found.rules, {("Rule_A", "/a b/c"), ("Rule_B", "/a b/c")})
        self.assertEqual(found.strings,
                         {("Rule_A", "/a b/c", "$x1", 31), ("Rule_A", "/a b/c", "$", 0)})

    def test_output_of_molehunt(self):
        finding = {
            "class_uid": 2004,
            "finding_info": {"analytic": {"name": "Rule_A"}},
            "evidences": [{
                "file": {"path": "/a b/c"},
                "data": {"yara": {"strings": [{"id": "$x1", "offset": 31, "hex": "00"}]}},
            }],
        }
        lines = [json.dumps(r) for r in ({"type": "coverage"}, finding, {"type": "summary"})]
        found = programs.Molehunt.parse(self.write("m", "\n".join(lines) + "\n"))
        self.assertEqual(found.rules, {("Rule_A", "/a b/c")})
        self.assertEqual(found.strings, {("Rule_A", "/a b/c", "$x1", 31)})


class Measuring(Scratch):
    BURN = "import time\nwhile time.process_time() < 0.3: pass\n"

    def test_cpu_time_of_a_grandchild_counts(self):
        script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {self.BURN!r}])"
        cost = measure.run([sys.executable, "-c", script], self.dir / "out")
        self.assertGreater(cost.cpu, 0.3)

    def test_a_failing_program_is_an_error(self):
        with self.assertRaisesRegex(measure.Failed, "status 3: no good"):
            measure.run(["sh", "-c", "echo no good >&2; exit 3"], self.dir / "out")

    def test_memory_of_the_whole_tree_is_seen(self):
        burn = "x = bytearray(b'x') * 50_000_000\nimport time\ntime.sleep(0.3)\n"
        script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
        sampler = measure.Sampler()
        measure.run([sys.executable, "-c", script], self.dir / "out", sampler=sampler)
        self.assertGreater(sampler.memory.total_anon, 50_000_000)


@unittest.skipUnless(shutil.which("yara"), "the program yara is not installed (package yara)")
class Comparing(Scratch):
    def bench(self, **environment):
        make_samples.write_samples(PACK, self.dir / "samples")
        program = self.write("stand-in", STAND_IN.format(
            python=sys.executable, bench=str(ROOT / "bench"), scratch=str(self.dir)))
        program.chmod(0o755)
        return subprocess.run(
            [sys.executable, "-B", str(ROOT / "bench" / "bench.py"), "--repeat", "1",
             "--programs", "molehunt,yara", "--molehunt", str(program),
             "--scratch", str(self.dir / "scratch"), "--tree", str(self.dir / "samples"),
             "--json", str(self.dir / "figures.json")],
            capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, **environment})

    def test_the_same_findings_are_called_identical(self):
        run = self.bench()
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("rule matches of yara and molehunt: identical", run.stdout)
        self.assertIn("string matches of yara and molehunt: identical", run.stdout)
        figures = json.loads((self.dir / "figures.json").read_text())
        self.assertEqual({r["program"] for r in figures["results"]}, {"molehunt", "yara"})

    def test_a_missing_finding_fails_the_run_and_is_named(self):
        run = self.bench(WITHOUT="APT_MAL_APT1_SWORD_Nov26_1")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("only yara: ('APT_MAL_APT1_SWORD_Nov26_1'", run.stdout)

    def test_processes_are_scanned_by_both(self):
        bin_folder = os.environ.get("MOLEHUNT_BIN")
        if not bin_folder:
            self.skipTest("MOLEHUNT_BIN is not set")
        run = subprocess.run(
            [sys.executable, "-B", str(ROOT / "bench" / "memory.py"), "--repeat", "1", "--idle", "2",
             "--dense", "20000", "--part", "idle", "--part", "dense", "--molehunt",
             os.path.join(bin_folder, "molehunt"), "--scratch", str(self.dir)],
            capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"\| all \| [0-9.]+ \| [0-9.]+ \| [0-9]+ \|")
        self.assertRegex(run.stdout, r"(?m)^\| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \|$")


if __name__ == "__main__":
    unittest.main()
