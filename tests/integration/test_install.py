#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `cmake --install` puts down works from where it lies, and is whole."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BIN = Path(os.environ.get("MOLEHUNT_BIN", "build/release/bin")).resolve()
BUILD = BIN.parent
ROOT = Path(__file__).resolve().parents[2]

PROGRAMS = {
    "agent": {"sbin/molehuntd", "libexec/molehunt/molehunt-agent",
              "libexec/molehunt/molehunt-open", "libexec/molehunt/molehunt-scan",
              "libexec/molehunt/molehunt-courier"},
    "collector": {"bin/molehunt-collector", "libexec/molehunt/molehunt-authority"},
    "cli": {"bin/molehunt", "libexec/molehunt/molehunt-check"},
}


def install(prefix, *options, destdir=None):
    env = dict(os.environ, **({"DESTDIR": str(destdir)} if destdir else {}))
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix), *options], check=True,
                   stdout=subprocess.DEVNULL, env=env)


def files_below(folder):
    return {str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file()}


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = Path(tempfile.mkdtemp(prefix="molehunt-install-"))
        # Scan workers may be another user than the one who reads the pack for them;
        # the programs themselves have to be reachable for all.
        cls.top.chmod(0o755)
        # Away from the tree and from where the build thinks it will lie.
        cls.prefix = cls.top / "stage" / "usr"
        install("/usr", destdir=cls.top / "stage")
        cls.env = {k: v for k, v in os.environ.items() if k != "MOLEHUNT_LIBEXEC"}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top, ignore_errors=True)

    def run_program(self, name, *args, ok=0):
        done = subprocess.run([str(self.prefix / name), *map(str, args)], env=self.env, text=True,
                              capture_output=True, check=False, cwd="/", timeout=120)
        self.assertEqual(done.returncode, ok, done.stdout + done.stderr)
        return done.stdout

    def test_programs_tell_their_version(self):
        self.assertRegex(self.run_program("bin/molehunt", "--version"), r"^molehunt \d+\.\d+\.\d+")
        self.run_program("bin/molehunt-collector", "--version")
        self.run_program("sbin/molehuntd", "--help")

    def test_scan_uses_the_installed_workers_and_pack(self):
        samples = self.top / "samples"
        subprocess.run([sys.executable, str(ROOT / "tools/make_samples.py"),
                        str(ROOT / "signatures/packs/molehunt"), str(samples)], check=True,
                       stdout=subprocess.DEVNULL)
        lines = self.run_program("bin/molehunt", "scan", "--format", "ndjson", samples,
                                 ok=1).splitlines()
        records = [json.loads(line) for line in lines]
        rules = {r["finding_info"]["analytic"]["name"] for r in records if "finding_info" in r}
        packed = files_below(self.prefix / "share/molehunt/packs/molehunt")
        n_rules = sum(name.endswith(".yar") for name in packed)
        self.assertEqual(len(rules), n_rules)
        self.assertEqual(records[-1]["rule_set"]["files"], n_rules)
        self.assertEqual(records[-1]["rule_set"]["files_left_out"], 0)

    def test_the_collector_finds_its_authority(self):
        # `serve` starts it; `init` makes what it needs.
        folder = self.top / "collector"
        self.run_program("bin/molehunt-collector", "init", folder, "--name", "localhost")
        with open(folder / "collector.yaml", "a", encoding="utf-8") as config:
            config.write('\nlisten: ["127.0.0.1:0"]\n')
        server = subprocess.Popen([str(self.prefix / "bin/molehunt-collector"), "serve",
                                   str(folder)], env=self.env, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        try:
            first = server.stdout.readline()
        finally:
            server.terminate()
            rest = server.communicate(timeout=20)[0]
        self.assertIn("listening on", first + rest)
        self.assertNotIn("authority ended", first + rest)

    def test_example_configuration_is_good(self):
        example = next(self.prefix.glob("share/doc/*/examples/molehunt.yaml"))
        self.run_program("sbin/molehuntd", "-n", "--config", example)

    def test_every_page_and_unit_is_there(self):
        found = files_below(self.prefix)
        for page in sorted((ROOT / "packaging/man").iterdir()):
            self.assertIn(f"share/man/man{page.suffix[1:]}/{page.name}", found)
        for name in ("lib/systemd/system/molehuntd.service", "lib/sysusers.d/molehunt.conf",
                     "lib/systemd/system/molehunt.slice",
                     "lib/systemd/system/molehunt-collector.service",
                     "lib/sysusers.d/molehunt-collector.conf", "lib/tmpfiles.d/molehunt.conf",
                     "lib/tmpfiles.d/molehunt-collector.conf"):
            self.assertIn(name, found)
        for unit in self.prefix.glob("lib/systemd/system/*.service"):
            self.assertNotRegex(unit.read_text(), r"@[A-Z_]+@")

    def test_components_hold_their_programs_and_no_others(self):
        everything = set().union(*PROGRAMS.values())
        for component, programs in PROGRAMS.items():
            folder = self.top / component
            install(folder, "--component", component)
            self.assertEqual(files_below(folder) & everything, programs, component)


if __name__ == "__main__":
    unittest.main()
