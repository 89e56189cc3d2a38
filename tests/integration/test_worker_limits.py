#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a scan worker may do and how much memory it takes, seen from outside."""
import os
import re
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from scans import (FOUND, IS_ROOT, MARK_RULE, NEEDS_NOBODY, NEEDS_ROOT,  # noqa: E402
                   NOBODY, ScanTest, strings_of, wait_until)

MIB = 1 << 20
KIB = 1 << 10
ROOM = 64 * MIB  # of a worker beside the rule set
HOLD = 'rule hold { condition: for any i in (0..4000000000) : (uint8(i % 16) == 256) }\n'


def memory(pid):
    """/proc/PID/smaps_rollup in bytes."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return {m[1]: int(m[2]) * KIB for m in re.finditer(r"(\w+): +(\d+) kB", f.read())}
    except OSError:
        return {}


def network(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


@unittest.skipIf(scans.is_sanitized(), "a sanitizer build has neither seccomp nor memory limits")
class LimitsTest(ScanTest):
    def busy(self, *args, n=1):
        """A scan and n of its workers that have begun with something of the tree."""
        process = self.start(*args, self.tree)

        def look():
            holding = [w for w in scans.workers(process.pid)
                       if any(p.startswith(self.tree) for p in scans.opened(w).values())]
            return holding if len(holding) >= n else None
        return process, wait_until(look, what="busy workers")


class Confinement(LimitsTest):
    rules = MARK_RULE + HOLD

    def check_worker(self, process, worker):
        status = scans.status_of(worker)
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        for word in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            self.assertEqual(int(status[word], 16), 0, word)
        links = scans.opened(worker)
        kinds = sorted(re.sub(r":?\[.*", "", p) for p in links.values()
                       if not p.startswith((self.tree, self.scratch)))
        # Standard input and output lead nowhere, standard error is the log.
        self.assertEqual(kinds, ["/dev/null", "/dev/null", "socket"], links)
        self.assertTrue(links[2].endswith("/err"), links)
        self.assertTrue(all(p.startswith(self.tree) for fd, p in links.items()
                            if fd > 2 and not p.startswith("socket")), links)
        with open(f"/proc/{worker}/limits") as f:
            limits = f.read()
        self.assertRegex(limits, r"Max core file size +0 +0")
        self.assertRegex(limits, r"Max file size +0 +0")

    def test_a_worker_has_no_rights_and_no_descriptors_but_its_targets(self):
        self.plant("a")
        process, (worker,) = self.busy("--jobs", "1")
        self.check_worker(process, worker)

    @NEEDS_ROOT
    def test_of_root_it_is_another_user_without_a_network(self):
        self.plant("a")
        process, (worker,) = self.busy("--jobs", "1")
        status = scans.status_of(worker)
        for ids in (status["Uid"], status["Gid"]):
            self.assertEqual(len(set(ids.split())), 1)
            self.assertNotEqual(ids.split()[0], "0")
        self.assertEqual(status["Groups"].strip(), "")
        self.assertNotEqual(network(worker), network(process.pid))
        (zygote,) = scans.helpers(process.pid, "molehunt-scan")
        self.assertEqual(scans.status_of(zygote)["Seccomp"], "2")
        # The opener reads what only root may read, looks into processes and at their sockets.
        (opener,) = scans.helpers(process.pid, "molehunt-open")
        status = scans.status_of(opener)
        self.assertEqual((int(status["CapEff"], 16), status["NoNewPrivs"]),
                         (1 << 2 | 1 << 3 | 1 << 12 | 1 << 19 | 1 << 21, "1"))

    @NEEDS_NOBODY
    def test_of_an_ordinary_user_it_is_confined_as_well(self):
        self.user = NOBODY
        self.plant("a")
        process, (worker,) = self.busy("--jobs", "1")
        self.check_worker(process, worker)

    def test_a_forbidden_call_is_death(self):
        """The filter is live: a worker that is made to call out dies of SIGSYS."""
        if not IS_ROOT or not os.path.exists("/usr/bin/gdb"):
            self.skipTest("needs root and gdb")
        self.plant("a")
        _, (worker,) = self.busy("--jobs", "1")
        done = subprocess.run(["gdb", "-p", str(worker), "-batch", "-ex",
                               "call (int)socket(2, 1, 0)"], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertIn("SIGSYS", done.stdout)


class Memory(LimitsTest):
    rules = MARK_RULE + 'rule million { strings: $x = "XYXY" condition: #x > 10 }\n'

    def peak(self, process):
        """The largest anonymous memory of an ordinary worker while the scan runs."""
        peak = 0
        while process.poll() is None:
            for worker in scans.workers(process.pid):
                peak = max(peak, memory(worker).get("Anonymous", 0))
            time.sleep(0.005)
        return peak

    def base(self):
        """Anonymous memory of the zygote: the rule set and what libraries need."""
        self.plant("zero", b"")
        process = self.start(self.tree)
        zygote = wait_until(lambda: scans.workers(process.pid) and
                            scans.helpers(process.pid, "molehunt-scan"), what="a zygote")[0]
        anonymous = memory(zygote).get("Anonymous", 16 * MIB)
        process.wait(20)
        return anonymous

    def test_a_large_file_takes_no_memory_of_its_own(self):
        path = self.plant("large", b"")
        with open(path, "r+b") as f:
            chunk = os.urandom(MIB)
            for _ in range(400):
                f.write(chunk)
            f.write(scans.MARK)
        base = self.base()
        process = self.start(self.tree)
        peak = self.peak(process)
        done = self.outcome(process)
        self.assertEqual((done.status, done.found(), done.missed()), (FOUND, [path], {}))
        self.assertGreater(peak, 0)
        self.assertLessEqual(peak, base + ROOM)

    def test_a_million_matches_are_counted_whatever_they_take(self):
        paths = [self.plant(f"{i}", b"XYXY" * 1000000) for i in range(2)]
        done = self.scan("--jobs", "2", self.tree)
        self.assertEqual((done.status, done.found("million")), (FOUND, paths))
        for f in done.findings:
            yara = f["evidences"][0]["data"]["yara"]
            self.assertGreaterEqual(yara["n_strings"], 1000000)
            self.assertEqual(len(strings_of(f)), 1024)
        self.assertEqual(done.missed(), {})

    def test_what_is_too_much_for_a_worker_goes_to_the_single_heavy_one(self):
        """Millions of matches of several strings: more than 64 MB of bookkeeping."""
        rules = self.write_rules("heavy.yar", "rule heavy { strings:\n" + "".join(
            f'$y{i} = "XY{"XY" * (i + 2)}"\n' for i in range(6))
            + "condition: any of them }\n" + MARK_RULE)
        heavy = self.plant("heavy", b"XY" * 4000000)
        others = [self.plant(f"{i}") for i in range(20)]
        process = self.start("--rules", rules, "--jobs", "2", self.tree)
        most, peak = 0, 0
        while process.poll() is None:
            workers = scans.workers(process.pid)
            most = max(most, len(workers))
            for worker in workers:
                peak = max(peak, memory(worker).get("Anonymous", 0))
            time.sleep(0.005)
        done = self.outcome(process)
        self.assertEqual((done.found("heavy"), done.found()), ([heavy], sorted(others)), done.err)
        self.assertEqual(done.missed(), {})
        self.assertGreater(peak, ROOM)
        self.assertEqual(most, 3)

    def test_workers_share_one_rule_set(self):
        words = "".join(f'rule r{i} {{ strings: $a = "{i:x}-{i * 7919:08x}-{i * 104729:08x}"'
                        f' $b = /{i:04x}[a-f]{{3,9}}z/ condition: all of them }}\n'
                        for i in range(8000))
        rules = self.write_rules("many.yar", words + HOLD)
        for i in range(8):
            self.plant(str(i), bytes(1000))  # a mapped file would count as private
        process, workers = self.busy("--rules", rules, "--jobs", "4", n=4)
        time.sleep(0.5)
        (zygote,) = scans.helpers(process.pid, "molehunt-scan")
        whole = memory(zygote)["Anonymous"]
        self.assertGreater(whole, 8 * MIB)
        for worker in workers:
            m = memory(worker)
            self.assertLess(m["Private_Dirty"], whole / 2)
        total = sum(memory(p)["Pss_Anon"] for p in (zygote, *workers))
        self.assertLess(total, whole + 4 * whole / 2)
        process.send_signal(signal.SIGINT)
        process.wait(20)


if __name__ == "__main__":
    scans.main()
