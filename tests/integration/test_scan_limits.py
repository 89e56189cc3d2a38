#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""molehunt scan at its limits: nothing that does not fit, or does not start, looks clean."""
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from scans import (ERROR, FOUND, INCOMPLETE, MARK, NEEDS_NOBODY, NOBODY, ScanTest,  # noqa: E402
                   rule_of, wait_until)


class Requests(ScanTest):
    """What is asked for does not fit."""

    def test_exclusions_to_their_limit_and_one_more(self):
        self.plant("a")
        fits = [f"--exclude=/nowhere/{i}" for i in range(258)]
        self.assertEqual(self.scan(*fits, self.tree).status, FOUND)
        for too_many in (fits + ["--exclude=/x"], [f"--exclude=/{'x' * 400}"] * 200):
            done = self.scan(*too_many, self.tree)
            self.assertEqual(done.status, ERROR)
            self.assertIn("at most 258 patterns", done.err)

    def test_a_listed_path_that_is_too_long_is_told_and_the_rest_is_scanned(self):
        here = self.plant("a")
        for length in (24 * 1024, 24 * 1024 + 1, 30_000, 70_000):
            lines = "/" + "x" * (length - 1) + "\n" + here
            done = self.scan("--files-from", "-", data=lines.encode())
            self.assertEqual((done.status, done.found()), (FOUND, [here]))
            self.assertEqual(list(done.missed().values()), ["open-failed"])

    def test_an_empty_path_is_an_error(self):
        done = self.scan("")
        self.assertEqual(done.status, ERROR)
        self.assertIn("empty", done.err)

    def test_dots_in_a_path_give_a_file_no_second_name(self):
        path = self.plant("sub/a")
        done = self.scan(self.tree + "/sub/../sub")
        self.assertEqual(done.found(), [path])
        done = self.scan("--exclude", self.tree + "/sub", self.tree + "/sub/../sub")
        self.assertEqual(done.found(), [])


class Identity(ScanTest):
    """Findings keep apart what is apart."""

    def test_rules_that_share_an_id_are_two_findings(self):
        rules = self.write_rules("two.yar", "\n".join(
            f'rule {name} {{ meta: id = "same" strings: $m = "{MARK.decode()}" condition: $m }}'
            for name in ("one", "two")))
        self.plant("a")
        done = self.scan("--rules", rules, self.tree)
        self.assertEqual(sorted(rule_of(f) for f in done.findings), ["one", "two"])
        self.assertEqual(len({f["finding_info"]["uid"] for f in done.findings}), 2)

    def test_a_file_of_nothing_but_a_hole_has_its_size(self):
        rules = self.write_rules("size.yar", """
            rule empty { condition: filesize == 0 }
            rule large { condition: filesize > 3000000 and uint32(0) == 0 }""")
        with open(self.plant("hole", b""), "r+b") as f:
            f.truncate(4 << 20)
        done = self.scan("--rules", rules, "--max-file-size", "1MiB", self.tree)
        self.assertEqual([rule_of(f) for f in done.findings], ["large"])
        self.assertEqual(list(done.missed().values()), ["too-large"])

    def test_rules_of_libmagic_are_evaluated(self):
        rules = self.write_rules("magic.yar", 'import "magic" rule text '
                                 '{ condition: magic.mime_type() contains "text" }')
        self.plant("a", b"plain words\n")
        done = self.scan("--rules", rules, self.tree)
        if "unknown module" in done.err:
            self.skipTest("this libyara has no magic module")
        self.assertEqual((done.status, [rule_of(f) for f in done.findings]), (FOUND, ["text"]))


class Starts(ScanTest):
    """Helpers cannot be started, or die at a bad moment."""

    def with_programs(self):
        """Our programs in a folder of the test's own."""
        folder = os.path.join(self.scratch, "libexec")
        shutil.copytree(os.path.dirname(scans.PROGRAM), folder)
        return folder

    def test_an_opener_that_cannot_start_is_told(self):
        self.plant("a")
        folder = self.with_programs()
        os.chmod(folder + "/molehunt-open", 0o644)
        done = subprocess.run(self.arguments(("--format", "ndjson", self.tree)), timeout=60,
                              env={**os.environ, "MOLEHUNT_LIBEXEC": folder},
                              capture_output=True, check=False)
        outcome = scans.Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
        self.assertEqual((outcome.status, outcome.missed()), (INCOMPLETE, {self.tree: "internal"}))

    def test_openers_that_die_at_once_end_every_root(self):
        roots = [os.path.dirname(self.plant(f"{name}/a")) for name in ("one", "two")]
        folder = self.with_programs()
        os.unlink(folder + "/molehunt-open")
        with open(folder + "/molehunt-open", "w") as f:
            f.write("#!/bin/sh\nexit 1\n")
        os.chmod(folder + "/molehunt-open", 0o755)
        done = subprocess.run(self.arguments(("--format", "ndjson", *roots)), timeout=90,
                              env={**os.environ, "MOLEHUNT_LIBEXEC": folder},
                              capture_output=True, check=False)
        outcome = scans.Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
        self.assertEqual((outcome.status, outcome.missed()),
                         (INCOMPLETE, dict.fromkeys(roots, "open-hung")))

    @NEEDS_NOBODY
    def test_a_worker_that_cannot_be_forked_poisons_nothing(self):
        self.plant("a")
        done = subprocess.run(["prlimit", "--nproc=3", *self.arguments(
            ("--format", "ndjson", "--jobs", "1", self.tree))], timeout=80, user=NOBODY,
            group=NOBODY, extra_groups=[], capture_output=True, check=False)
        outcome = scans.Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
        if done.returncode not in (FOUND, INCOMPLETE):
            self.skipTest("processes of this user leave no room for the limit")
        self.assertNotIn("poisoned", outcome.out)

    def test_an_opener_killed_below_a_cut_path_loses_nothing(self):
        slow = self.write_rules("slow.yar", scans.MARK_RULE + """
            rule slow { condition: for all i in (0..400000) : (i >= 0) }""")
        fd = os.open(self.tree, os.O_RDONLY)
        for _ in range(13000):
            os.mkdir("A", dir_fd=fd)
            below = os.open("A", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = below
        for i in range(300):
            os.close(os.open(f"f{i:03}", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        last = os.open("zz", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
        os.write(last, MARK)
        os.close(last)
        os.close(fd)
        process = self.start("--jobs", "1", "--rules", slow, self.tree)

        def opener():
            tasks = f"/proc/{process.pid}/task/{process.pid}/children"
            for pid in Path(tasks).read_text().split():
                name = Path(f"/proc/{pid}/comm")
                if name.exists() and name.read_text().strip() == "molehunt-open":
                    return int(pid)
            return None

        pid = wait_until(opener, what="an opener")
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) > 30, what="a deep walk")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(process.wait(80), FOUND)
        with open(process.files[0].name) as out:
            self.assertIn('"mark"', out.read())


if __name__ == "__main__":
    scans.main()
