# SPDX-License-Identifier: BSD-2-Clause
"""Runs of `molehunt scan` and looks at its processes, for integration tests."""
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest

BIN = os.environ.get("MOLEHUNT_BIN", "")
PROGRAM = os.path.join(BIN, "molehunt")
SKIPPED = 77
CLEAN, FOUND, ERROR, INCOMPLETE = 0, 1, 2, 3
NOBODY = 65534
IS_ROOT = os.geteuid() == 0
NEEDS_ROOT = unittest.skipUnless(IS_ROOT, "needs root")


def nobody_can_run():
    """Whether another user reaches the build: not in a home that is root's alone."""
    return IS_ROOT and subprocess.run(["test", "-x", PROGRAM], user=NOBODY, group=NOBODY,
                                      extra_groups=[], check=False).returncode == 0


NEEDS_NOBODY = unittest.skipUnless(nobody_can_run(),
                                   "needs root, and a build that other users can reach")
MARK = b"MOLEHUNT-TEST-MARK"
MARK_RULE = 'rule mark { meta: score = 80 strings: $m = "MOLEHUNT-TEST-MARK" condition: $m }\n'
# Seconds, for a file named poison alone.
HOLDING_RULES = MARK_RULE + """
rule holds { condition: filename == "poison" and
	for any i in (0..400000000) : (uint8(i % 16) == 256) }
"""


def is_sanitized():
    """Whether the worker is an AddressSanitizer build: limits and seccomp are off in it."""
    try:
        with open(os.path.join(BIN, "molehunt-scan"), "rb") as f:
            return b"__asan_init" in f.read()
    except OSError:
        return False


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def program(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def helpers(pid, name):
    return [child for child in children(pid) if program(child) == name[:15]]  # as comm has it


def workers(pid):
    """Scan workers of the `molehunt scan` or molehuntd with that pid."""
    return [w for zygote in helpers(pid, "molehunt-scan") for w in children(zygote)]


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def opened(pid):
    """What the descriptors of a process are, by number; empty when it is gone."""
    links = {}
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            links[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:
        pass
    return links


def kill(pid, sig):
    """A signal to a process that may have ended by itself."""
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


def wait_until(condition, seconds=20, what="the condition"):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true within {seconds} s")


class Outcome:
    """What a scan said."""

    def __init__(self, status, out, err):
        self.status = status
        self.out, self.err = out, err

    @property
    def records(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def of_type(self, name):
        return [r for r in self.records if r.get("type") == name]

    @property
    def summary(self):
        (summary,) = self.of_type("summary")
        return summary

    @property
    def findings(self):
        return [r for r in self.records if r.get("class_uid") == 2004]

    def found(self, rule="mark"):
        """Paths in which that rule matched."""
        return sorted(path_of(f) for f in self.findings if rule_of(f) == rule)

    def missed(self):
        """Map of path to reason of what was not scanned."""
        return {p["path"]: p["reason"] for c in self.of_type("coverage") for p in c["paths"]}


def rule_of(finding):
    return finding["finding_info"]["analytic"]["name"]


def path_of(finding):
    return finding["evidences"][0]["file"]["path"]


def is_weak(finding):
    """Something about a process that is told, and does not count as found."""
    return (finding["finding_info"]["analytic"].get("uid", "").startswith("molehunt/anomaly/")
            and finding["unmapped"]["score"] < 40)


def strings_of(finding):
    return finding["evidences"][0]["data"]["yara"]["strings"]


class ScanTest(unittest.TestCase):
    """A scratch folder that everybody may read, and scans with rules of its own."""

    rules = MARK_RULE
    user = None  # a number: run as that user

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="molehunt-scan-")
        # rmtree() recurses: a deep tree is too much for it.
        self.addCleanup(subprocess.run, ["rm", "-rf", self.scratch], check=True)
        os.chmod(self.scratch, 0o755)
        self.rule_file = self.write_rules("rules.yar", self.rules)
        self.tree = os.path.join(self.scratch, "tree")
        os.mkdir(self.tree)

    def write_rules(self, name, text):
        path = os.path.join(self.scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def plant(self, name, content=MARK):
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def arguments(self, args):
        with_rules = () if "--rules" in args else ("--rules", self.rule_file)
        return [PROGRAM, "scan", *with_rules, *args]

    def credentials(self):
        return {} if self.user is None else {"user": self.user, "group": self.user,
                                             "extra_groups": []}

    def text_scan(self, *args, data=None, timeout=80):
        done = subprocess.run(self.arguments(args), input=data, capture_output=True, check=False,
                              timeout=timeout, **self.credentials())
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def scan(self, *args, **more):
        return self.text_scan("--format", "ndjson", *args, **more)

    def start(self, *args, stdout=None):
        """A scan that runs beside the test, its output in files; ended with the test."""
        out, err = (open(os.path.join(self.scratch, name), "w+b") for name in ("out", "err"))
        process = subprocess.Popen(self.arguments(("--format", "ndjson", *args)),
                                   stdout=stdout or out, stderr=err, **self.credentials())
        process.files = out, err
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for f in process.files:
            f.close()

    def first_output(self, process):
        wait_until(lambda: os.fstat(process.files[0].fileno()).st_size, what="output")

    @staticmethod
    def outcome(process, timeout=60):
        process.wait(timeout)
        out, err = process.files
        out.seek(0)
        err.seek(0)
        return Outcome(process.returncode, out.read().decode(), err.read().decode())

    def check_whole(self, done):
        """Coverage and summary agree, and what was not scanned is not called clean."""
        s = done.summary
        named = done.missed()
        unnamed = sum(c["unnamed"] for c in done.of_type("coverage")[-1:])
        self.assertEqual(s["missed"], sum(s["not_scanned"].values()))
        self.assertEqual(s["missed"], sum(len(c["paths"]) for c in done.of_type("coverage"))
                         + unnamed)
        self.assertTrue(set(named.values()) <= set(s["not_scanned"]))
        poisoned = [f for f in done.findings if rule_of(f) == "poisoned"]
        weak = [f for f in done.findings if is_weak(f)]
        self.assertEqual(s["weak"], len(weak))
        self.assertEqual(s["findings"], len(done.findings) - len(poisoned) - len(weak))
        if s["complete"]:
            expected = (FOUND if len(done.findings) > len(weak) else INCOMPLETE if s["missed"] else CLEAN)
            self.assertEqual(done.status, expected, done.err)
        return s


class Busy:
    """Calls step() again and again in a thread while the with block runs."""

    def __init__(self, step, pause=0.0):
        self.step, self.pause = step, pause
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_over.is_set():
            self.step()
            if self.pause:
                self.is_over.wait(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


def main():
    if not BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        raise SystemExit(SKIPPED)
    unittest.main(module="__main__", verbosity=2)
