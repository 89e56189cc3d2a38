# SPDX-License-Identifier: BSD-2-Clause
"""The programs that are compared: how each is called and how its findings are read.

A program is made for one rule set.  prepare() finds out what it can load;
command() gives the command for a list of files.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import measure

HERE = Path(__file__).resolve().parent
EXTERNALS = ("filename", "filepath", "extension", "filetype", "owner", "md5")
YARA_STRING = re.compile(rb"^0x([0-9a-f]+):(\$[A-Za-z0-9_]*): ")


class NotInstalled(Exception):
    """The program is not here; the text says what would bring it."""


def first_line(argv):
    out = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (out.stdout or out.stderr).strip().split("\n")[0]


class Findings:
    """What a scan found: (rule, path) pairs, and the string matches (rule, path, id, offset)."""

    def __init__(self):
        self.rules = set()
        self.strings = set()


class Program:
    """One program with one rule set; jobs is how many threads or workers it may use."""

    name = "?"
    good_status = (0,)
    env = None
    reads_strings = False

    def __init__(self, rules, jobs, scratch):
        self.files = rules
        self.jobs = jobs
        self.scratch = scratch
        self.note = ""

    def version(self):
        raise NotImplementedError

    def prepare(self):
        """Find out which rule files load; sets note when some do not."""

    def command(self, listing):
        raise NotImplementedError

    def out(self, word):
        return self.scratch / f"{self.name}.{word}"

    def run(self, listing, sampler=None):
        return measure.run(self.command(listing), self.out("out"), self.good_status,
                           self.env, sampler)

    def unscanned(self, cost):
        """Say so when the last run did not scan everything."""
        return ""

    def findings(self, listing):
        """Run once more in the form that prints string matches and read them."""
        raise NotImplementedError


class Yara(Program):
    """Debian's yara, from the same text: every rule file as NAMESPACE:FILE on the command line."""

    name = "yara"
    reads_strings = True

    def version(self):
        if not shutil.which("yara"):
            raise NotInstalled("package yara")
        return "yara " + first_line(["yara", "--version"])

    def options(self):
        return ["-w", *[w for e in EXTERNALS for w in ("-d", f"{e}=dummy")]] \
            if self.externals else ["-w"]

    def arguments(self, files):
        return [f"f{i}:{f}" for i, f in enumerate(files)]

    def loads(self, files):
        run = subprocess.run(["yara", *self.options(), *self.arguments(files), "/dev/null"],
                             capture_output=True, check=False)
        return b"error" not in run.stderr and run.returncode == 0

    def prepare(self):
        self.externals = False
        if self.loads(self.files):
            return
        self.externals = True
        good = [f for f in self.files if self.loads([f])]
        if len(good) < len(self.files):
            self.note = f"{len(self.files) - len(good)} rule files do not load"
        self.files = good

    def command(self, listing):
        return ["yara", *self.options(), "-p", str(self.jobs), "--scan-list",
                *self.arguments(self.files), str(listing)]

    def unscanned(self, cost):
        errors = Path(f"{self.out('out')}.err").read_bytes().count(b"error scanning ")
        return f"{errors} files not scanned" if errors else ""

    def findings(self, listing):
        argv = self.command(listing)
        argv[1:1] = ["-s"]
        measure.run(argv, self.out("strings"), self.good_status)
        return self.parse(self.out("strings"))

    @staticmethod
    def parse(path):
        """yara -s prints 'RULE PATH', then a line '0xOFFSET:$id: DATA' for each match."""
        found, here = Findings(), None
        with open(path, "rb") as f:
            for line in f:
                m = YARA_STRING.match(line)
                if m and here:
                    found.strings.add((*here, m[2].decode(), int(m[1], 16)))
                    continue
                rule, _, target = line.rstrip(b"\n").partition(b" ")
                here = (rule.decode(), os.fsdecode(target))
                found.rules.add(here)
        return found


class Molehunt(Program):
    """The command line of this tree: its own opener and workers, all of them counted."""

    name = "molehunt"
    good_status = (0, 1, 3)
    reads_strings = True

    def __init__(self, rules, jobs, scratch, folder, program):
        super().__init__(rules, jobs, scratch)
        self.folder = folder
        self.program = program

    def version(self):
        if not os.access(self.program, os.X_OK):
            raise NotInstalled(f"{self.program}: run ./dev build")
        return first_line([str(self.program), "--version"])

    def command(self, listing):
        return [str(self.program), "scan", "--rules", str(self.folder), "--files-from",
                str(listing), "--jobs", str(self.jobs), "--format", "ndjson"]

    def unscanned(self, cost):
        return "something was not scanned (status 3)" if cost.status == 3 else ""

    def findings(self, _listing):
        return self.parse(self.out("out"))

    @staticmethod
    def parse(path):
        """Findings are OCSF records of class 2004; other records are passed over."""
        found = Findings()
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                record = json.loads(line)
                if record.get("class_uid") != 2004:
                    continue
                evidence = record["evidences"][0]
                here = (record["finding_info"]["analytic"]["name"], evidence["file"]["path"])
                found.rules.add(here)
                strings = evidence.get("data", {}).get("yara", {}).get("strings", [])
                found.strings.update((*here, s["id"], s["offset"]) for s in strings)
        return found


class YaraX(Program):
    """YARA-X through its Node binding; one namespace, so all rule text is one source."""

    name = "yara-x"

    def __init__(self, rules, jobs, scratch, modules):
        super().__init__(rules, jobs, scratch)
        self.env = {"NODE_PATH": str(modules), "UV_THREADPOOL_SIZE": str(jobs)}

    def version(self):
        manifest = Path(self.env["NODE_PATH"], "@litko", "yara-x", "package.json")
        if not shutil.which("node") or not manifest.is_file():
            raise NotInstalled("node, and --with-yara-x to install the binding with npm")
        return "yara-x binding " + json.loads(manifest.read_text())["version"]

    def prepare(self):
        self.rules = self.out("rules")
        self.rules.write_text("".join(f"{f}\n" for f in self.files))
        measure.run([*self.script(), "--check", str(self.rules)], self.out("check"), env=self.env)
        good = self.out("check").read_text().split("\n")[:-1]
        if len(good) < len(self.files):
            self.note = f"{len(self.files) - len(good)} rule files do not load"
        self.rules.write_text("".join(f"{f}\n" for f in good))

    def script(self):
        return ["node", str(HERE / "yara_x.js")]

    def command(self, listing):
        return [*self.script(), str(self.rules), str(listing), str(self.jobs)]

    def findings(self, _listing):
        found = Findings()
        for line in self.out("out").read_bytes().splitlines():
            rule, _, target = line.partition(b" ")
            found.rules.add((rule.decode(), os.fsdecode(target)))
        return found


class Clamscan(Program):
    """ClamAV's scanner with the same rules as its only database; one thread."""

    name = "clamscan"
    good_status = (0, 1, 2)  # 2: some file could not be read

    def version(self):
        if not shutil.which("clamscan"):
            raise NotInstalled("package clamav")
        return first_line(["clamscan", "--version"])

    def database(self):
        return self.scratch / "clamav-rules"

    def prepare(self):
        """clamscan gives up at the first file that it cannot load: leave those out one by one."""
        shutil.rmtree(self.database(), ignore_errors=True)
        self.database().mkdir()
        for i, f in enumerate(self.files):
            shutil.copy(f, self.database() / f"{i:05}.yar")
        (self.scratch / "empty").touch()
        left_out = 0
        while True:
            text = self.try_to_load()
            bad = re.search(r"Can't load (\S+\.yar)", text)
            if not bad:
                break
            os.unlink(bad[1])
            left_out += 1
        loaded = re.search(r"Known viruses: (\d+)", text)
        self.note = f"one thread; loads {loaded[1] if loaded else '?'} rules"
        if left_out:
            self.note += f", {left_out} rule files left out"

    def try_to_load(self):
        argv = ["clamscan", "-d", str(self.database()), str(self.scratch / "empty")]
        run = subprocess.run(argv, capture_output=True, text=True, check=False)
        return run.stdout + run.stderr

    def command(self, listing):
        return ["clamscan", "-d", str(self.database()), "--max-filesize=2000M",
                "--max-scansize=2000M", "--max-scantime=0", "--infected", "--allmatch",
                "--no-summary", "-f", str(listing)]

    def findings(self, _listing):
        found = Findings()
        for line in self.out("out").read_text(errors="surrogateescape").splitlines():
            m = re.match(r"(.*): YARA\.(\S+?)\.UNOFFICIAL FOUND$", line)
            if m:
                found.rules.add((m[2], m[1]))
        return found
