#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""molehunt scan --processes: what is in memory is found, and what cannot be read is told."""
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import hangfs  # noqa: E402
import scans  # noqa: E402
from processes import Held, mark  # noqa: E402
from scans import (CLEAN, ERROR, FOUND, INCOMPLETE, MARK, NEEDS_NOBODY,  # noqa: E402
                   NEEDS_ROOT, NOBODY, ScanTest, helpers, is_sanitized, kill, rule_of, wait_until, workers)

SECONDS = 60 if is_sanitized() else 20  # for what has to end soon


def numbers(value):
    """All numbers in a record, also those that are written as text."""
    if isinstance(value, dict):
        return set().union(*map(numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(numbers, value)) if value else set()
    try:
        return {int(value, 0) if isinstance(value, str) else int(value)}
    except (TypeError, ValueError):
        return set()


class ProcessTest(ScanTest):
    def held(self, *modes, **more):
        held = Held(mark(MARK), *modes, **more)
        self.addCleanup(held.end)
        return held

    def plain(self, *modes):
        """One that knows no marker."""
        held = Held(*modes)
        self.addCleanup(held.end)
        return held

    def scan_held(self, held, *args):
        return self.scan("--pid", str(held.pid), *args, timeout=SECONDS)

    def rules_found(self, done):
        """Names of YARA rules; signs without a rule have a test of their own."""
        return {rule_of(f) for f in done.findings if "yara" in f["evidences"][0]["data"]}

    def check_found(self, *modes):
        """The marker is found where the last mode planted it."""
        held = self.held(*modes)
        name = modes[-1].split("=")[0]
        if name in held.unsupported:
            self.skipTest(f"{name}: not on this kernel")
        done = self.scan_held(held)
        self.assertEqual(done.status, FOUND, done.out + done.err)
        self.check_whole(done)
        return held, done

    def check_address(self, *modes):
        held, done = self.check_found(*modes)
        told = set().union(*map(numbers, done.findings))
        for address in held.all_of(modes[-1].split("=")[0]):
            self.assertIn(address, told)
        return done


class Places(ProcessTest):
    """Memory of every kind."""

    def test_without_a_marker_there_is_nothing(self):
        done = self.scan_held(self.plain("fill=random,1M"))
        self.assertEqual((done.status, done.findings), (CLEAN, []))
        self.check_whole(done)

    def test_private_memory(self):
        for mode in ("heap", "heap=300000", "stack", "data", "page-border", "prot-none",
                     "executable=rx", "executable=rwx", "guard", "missing=anon"):
            with self.subTest(mode):
                self.check_address(mode)

    def test_borders_of_pages_units_and_pieces(self):
        places = ",".join(str(border - 9) for border in (262144, 524288, 1048576, 4 << 20))
        for kind in ("none", "zeros", "random", "repeat"):
            with self.subTest(kind):
                self.check_address(f"fill={kind},6M,0,{places},{(6 << 20) - len(MARK)}")

    def test_every_place_around_a_border(self):
        places = [f"fill=zeros,1M,{262144 - shift}" for shift in range(0, len(MARK) + 2)]
        self.check_address(*places)

    def test_a_copied_page_of_a_file(self):
        path = self.plant("file", b"." * 100_000)
        for offset in (0, 4090, 50_000):
            with self.subTest(offset):
                self.check_address(f"file-cow={path},{offset}")

    def test_shared_memory(self):
        for mode in ("shared", "shared=100000", "sysv", "memfd=shared", "memfd=shared,rx",
                     "memfd=private", "missing=memfd"):
            with self.subTest(mode):
                self.check_found(mode)

    def test_files_without_a_name(self):
        for kind in ("shared", "private"):
            with self.subTest(kind):
                self.check_found(f"deleted={self.scratch}/{kind},{kind}")

    def test_what_forked_processes_share(self):
        held = self.held("fill=random,8M,5000000", "fork=5")
        pids = [held.pid, *held.children]
        done = self.scan(*(f"--pid={pid}" for pid in pids))
        self.assertEqual(len(done.findings), len(pids))
        self.check_whole(done)


HEADER_RULE = f'''rule image {{ strings: $m = "{MARK.decode()}"
condition: uint32(0) == 0x464c457f and $m at 0x1100 and filesize == 0x1200 }}'''


class Images(ProcessTest):
    """A program without a file is scanned as one, too."""

    rules = HEADER_RULE

    def program(self):
        head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
            "<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
        for offset, address, size in ((0, 0, 0x200), (0x1000, 0x3000, 0x200)):
            head += struct.pack("<IIQQQQQQ", 1, 5, offset, address, address, size, size, 4096)
        body = bytearray(0x1200)
        body[:len(head)] = head
        body[0x1100:0x1100 + len(MARK)] = MARK
        return self.plant("program", bytes(body))

    def test_both_layouts(self):
        path = self.program()
        for layout in ("memory", "raw", "memory,rx", "raw,rx"):
            with self.subTest(layout):
                done = self.scan_held(self.plain(f"image={path},{layout}"))
                self.assertEqual(self.rules_found(done), {"image"}, done.out)

    def test_without_a_program_the_rule_finds_none(self):
        self.assertEqual(self.scan_held(self.plain("fill=random,1M")).findings, [])


class Changing(ProcessTest):
    """Processes that do not wait until they are read."""

    def check_race(self, *modes, times=8):
        for i in range(times):
            held = self.held(*modes)
            time.sleep(0.01 * i)
            done = self.scan_held(held)
            self.assertIn(done.status, (CLEAN, FOUND, INCOMPLETE), done.err)
            self.check_whole(done)
            held.end()

    def test_exit(self):
        self.check_race("fill=random,64M", "exit=40")

    def test_exec(self):
        self.check_race("fill=random,16M", "exec=100,5")

    def test_unmapping(self):
        self.check_race("fill=repeat,16M,100", "loop=map")

    def test_giving_back(self):
        self.check_race("fill=repeat,16M,100", "loop=fault")

    def test_forking_meanwhile(self):
        held = self.held("heap", "fork=40", "exec=50,10")
        done = self.scan("--program", "hold_memory", timeout=SECONDS)
        self.check_whole(done)
        self.assertIsNotNone(held)


class Hostile(ProcessTest):
    """Memory that costs time, or that nobody can read."""

    def check_fast(self, *modes, seconds=SECONDS / 4):
        held = self.held(*modes)
        begin = time.monotonic()
        done = self.scan_held(held)
        self.assertLess(time.monotonic() - begin, seconds)
        self.check_whole(done)
        return held, done

    def test_holes(self):
        for mode in ("hole=10G", "hole=1T"):
            with self.subTest(mode):
                held, done = self.check_fast("heap", mode)
                self.assertEqual(done.status, FOUND)
                self.assertLess(held.status("VmRSS"), 20_000)

    def test_sparse_memory(self):
        for mode in ("sparse=10G", "sparse=1T,4000"):
            with self.subTest(mode):
                held = self.held(mode)
                resident, shared = held.status("VmRSS"), held.rollup("Pss")
                done = self.scan_held(held)
                self.assertEqual(done.status, FOUND)
                self.assertLessEqual(held.status("VmRSS"), resident * 1.01 + 8)
                # Who shares a library changes meanwhile.
                self.assertLessEqual(held.rollup("Pss"), shared * 1.01 + 128)

    def test_as_many_mappings_as_there_can_be(self):
        _, done = self.check_fast("tiny=65530", seconds=SECONDS)
        self.assertEqual(done.status, FOUND)

    def test_two_gigabytes_of_zeros(self):
        if is_sanitized():
            self.skipTest("takes too long with sanitizers")
        _, done = self.check_fast("heap", "fill=zeros,2G", seconds=SECONDS)
        self.assertEqual(done.status, FOUND)

    def test_pages_that_nobody_answers_for(self):
        for mode in ("missing=anon", "missing=memfd"):
            with self.subTest(mode):
                held, done = self.check_fast("heap", mode)
                if "missing" in held.unsupported:
                    self.skipTest("no userfaultfd")
                self.assertEqual(done.status, FOUND)

    def test_secret_memory_is_told(self):
        held = self.held("secret")
        if held.unsupported:
            self.skipTest("no secret memory")
        done = self.scan_held(held)
        # That there is some is a finding, too.
        self.assertIn("secret-memory", {rule_of(f) for f in done.findings})
        self.assertIn(done.status, (FOUND, INCOMPLETE))
        self.assertEqual(set(done.missed().values()), {"secret-memory"})
        self.check_whole(done)

    @NEEDS_ROOT
    def test_a_mapped_file_of_a_file_system_that_hangs(self):
        folder = Path(self.scratch) / "hang"
        folder.mkdir()
        with hangfs.HangFS(folder) as fs:
            held, done = self.check_fast("heap", f"map={folder}/before")
            self.assertNotIn("map", held.unsupported)
            self.assertEqual(done.status, FOUND)
            self.assertIn("network-file-system", done.missed().values())
            self.assertFalse(fs.reached.is_set())
            held.end()

    def test_no_control_characters_reach_the_terminal(self):
        name = "\x1b[2J) R 1\n".encode().hex()
        held = self.held("heap", f"comm={name}", f"cmdline={name * 3}", "secret")
        done = self.text_scan("--pid", str(held.pid))
        self.assertEqual(done.status, FOUND)
        for line in done.out.split("\n") + done.err.split("\n"):
            self.assertTrue(line.isprintable(), repr(line))
        self.check_whole(self.scan_held(held))

    def test_a_name_like_another_line_of_stat(self):
        name = ") Z 1 (".encode().hex()
        self.assertEqual(self.scan_held(self.held("heap", f"comm={name}")).status, FOUND)


class Choice(ProcessTest):
    """Which processes are scanned."""

    def test_a_pid_that_does_not_exist_is_told(self):
        held = self.held("heap")
        done = self.scan("--pid", str(held.pid), "--pid", "4194303")
        self.assertEqual(done.status, FOUND)
        self.assertEqual(list(done.missed().values()), ["open-failed"])
        done = self.scan("--pid", "4194303")
        self.assertEqual(done.status, INCOMPLETE)
        self.check_whole(done)

    def test_a_zombie_has_nothing_to_be_scanned(self):
        child = subprocess.Popen(["true"])
        wait_until(lambda: scans.status_of(child.pid)["State"].startswith("Z"))
        done = self.scan("--pid", str(child.pid))
        self.assertEqual((done.status, done.findings), (CLEAN, []))
        child.wait()

    def test_by_program(self):
        held = self.held("heap", argv0="another")
        done = self.scan("--program", "hold_memory")
        self.assertEqual(done.status, FOUND)
        done = self.scan("--program", "no-such-program")
        self.assertEqual((done.status, list(done.missed())), (INCOMPLETE, ["processes"]))
        done = self.scan("--pid", str(held.pid), "--program", "no-such-program")
        self.assertEqual((done.status, list(done.missed())), (INCOMPLETE, ["processes"]))
        self.assertIsNotNone(held)

    @NEEDS_NOBODY
    def test_by_user(self):
        self.held("heap", user=NOBODY, group=NOBODY, extra_groups=[])
        done = self.scan("--user", str(NOBODY))
        self.assertEqual(done.status, FOUND)
        done = self.scan("--user", "54321")
        self.assertEqual((done.status, done.findings), (INCOMPLETE, []))
        self.assertEqual(self.scan("--user", "no such user").status, ERROR)

    def test_files_and_processes_in_one_run(self):
        held = self.held("heap")
        self.plant("file")
        done = self.scan("--pid", str(held.pid), self.tree)
        self.assertEqual(len(done.findings), 2)
        self.check_whole(done)

    def test_numbers_that_are_none(self):
        for args in (("--pid", "x"), ("--pid", "0"), ("--pid", "-1"), ("--pid", "99999999999")):
            with self.subTest(args):
                self.assertEqual(self.scan(*args).status, ERROR)


class Own(ProcessTest):
    """Our own processes hold the rules: they are not scanned."""

    def test_nothing_is_found_in_this_scan_or_in_another(self):
        busy = self.held("fill=random,1G")
        other = self.start("--pid", str(busy.pid))
        wait_until(lambda: workers(other.pid), what="workers")
        # By pid: a build of another place may run beside, which is not ours.
        pids = [other.pid, *helpers(other.pid, "molehunt-open"),
                *helpers(other.pid, "molehunt-scan"), *workers(other.pid)]
        done = self.scan(*(f"--pid={pid}" for pid in pids))
        self.assertEqual((done.status, done.findings), (CLEAN, []))
        self.assertGreater(done.summary["passed_over"].get("own-process", 0), 3)


@NEEDS_NOBODY
class WithoutRoot(ProcessTest):
    user = NOBODY

    def test_own_processes_are_scanned_and_others_are_told(self):
        own = self.held("heap", **self.credentials())
        root = self.held("heap")
        done = self.scan("--processes", timeout=SECONDS)
        self.assertEqual(done.status, FOUND)
        self.assertIn("permission", done.summary["not_scanned"])
        told = set().union(*map(numbers, done.findings))
        self.assertIn(own.pid, told)
        self.assertNotIn(root.pid, told)
        done = self.scan("--pid", str(root.pid))
        self.assertEqual((done.status, done.findings), (INCOMPLETE, []))
        self.assertEqual(done.summary["not_scanned"], {"permission": 1})
        self.check_whole(done)

    def test_shared_memory_is_read_through_the_process(self):
        for mode in ("shared", "memfd=shared", "sysv", f"deleted=/tmp/molehunt-{os.getpid()},shared"):
            with self.subTest(mode):
                held = self.held(mode, **self.credentials())
                self.assertEqual(self.scan_held(held).status, FOUND)
                held.end()


class Helpers(ProcessTest):
    """Who dies, or stops, on the way loses nothing."""

    def check_signal(self, find, sig, delays):
        held = self.held("fill=random,64M,60000000", "fork=6")
        pids = [held.pid, *held.children]
        for delay in delays:
            with self.subTest(delay=delay):
                process = self.start(*(f"--pid={pid}" for pid in pids))
                victims = wait_until(lambda: find(process.pid) or process.poll() is not None)
                time.sleep(delay)
                if victims is not True:
                    kill(victims[0], sig)
                done = self.outcome(process, timeout=SECONDS * 2)
                self.assertEqual(done.status, FOUND, done.err)
                told = len(self.missed_memory(done))
                self.assertGreaterEqual(len(done.findings) + told, len(pids))
                self.check_whole(done)

    @staticmethod
    def missed_memory(done):
        return [path for path in done.missed() if path.startswith("process ")]

    @staticmethod
    def openers(pid):
        return helpers(pid, "molehunt-open")

    def test_an_opener_that_is_killed(self):
        self.check_signal(self.openers, signal.SIGKILL, (0, 0.002, 0.005, 0.01, 0.02, 0.05))

    def test_an_opener_that_stops(self):
        self.check_signal(self.openers, signal.SIGSTOP, (0, 0.005, 0.02))

    def test_a_worker_that_is_killed(self):
        self.check_signal(workers, signal.SIGKILL, (0, 0.01, 0.05, 0.1))


if __name__ == "__main__":
    scans.main()
