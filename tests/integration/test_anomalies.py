#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Anomalies of real processes, from opener and worker to a finding."""
import os
import select
import shutil
import subprocess
import unittest

import scans
from scans import BIN, CLEAN, FOUND, NEEDS_ROOT, SKIPPED, ScanTest

ODD_PROCESS = os.path.join(BIN, "..", "tests", "odd_process")


class Odd:
    """An odd_process in that mode, ready; ended at the end."""

    def __init__(self, mode, folder, **more):
        self.process = subprocess.Popen([ODD_PROCESS, mode, folder], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, **more)
        line = self.process.stdout.readline() if self._speaks() else ""
        if not line.startswith("ready "):
            why = self.end()
            if self.process.returncode == SKIPPED:
                raise unittest.SkipTest(why)
            raise AssertionError(f"odd_process {mode} said {line!r} and {why!r}")
        self.pid = int(line.split()[1])

    def _speaks(self):
        return bool(select.select([self.process.stdout], [], [], 30)[0])

    def end(self):
        return self.process.communicate(timeout=30)[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Anomalies(ScanTest):
    def anomalies_of(self, pid):
        """The outcome of a scan of that process, and its anomalies by name."""
        outcome = self.scan("--pid", str(pid))
        found = {}
        for f in outcome.findings:
            analytic = f["finding_info"]["analytic"]
            if analytic["uid"].startswith("molehunt/anomaly/"):
                found[analytic["name"]] = f
        return outcome, found

    def expect(self, mode, name, least, **more):
        with Odd(mode, self.tree, **more) as odd:
            outcome, found = self.anomalies_of(odd.pid)
        self.assertIn(name, found, outcome.err)
        finding = found[name]
        self.assertLessEqual(least, finding["unmapped"]["score"])
        evidence = finding["evidences"][0]
        self.assertEqual(evidence["process"]["pid"], odd.pid)
        self.assertTrue(finding["message"])
        return evidence["data"]["anomaly"], finding

    def test_an_ordinary_process_has_none(self):
        with Odd("wait", self.tree) as odd:
            outcome, found = self.anomalies_of(odd.pid)
        self.assertEqual(found, {})
        self.assertEqual(outcome.status, CLEAN)

    def test_a_program_from_a_memfd(self):
        self.expect("memfd", "exe-memfd", 60)

    def test_a_deleted_program(self):
        self.expect("deleted", "exe-deleted", 60)

    def test_a_thread_in_anonymous_memory(self):
        anomaly, finding = self.expect("anonymous", "pc-anonymous", 80)
        self.assertGreater(int(anomaly["address"], 16), 0)
        parents = finding["evidences"][0]["process"]
        while "parent_process" in parents:
            parents = parents["parent_process"]
        self.assertEqual(parents["pid"], 1)

    def test_code_from_a_memfd_and_a_deleted_file(self):
        self.expect("map-memfd", "exec-memfd", 60)
        self.expect("map-deleted", "exec-deleted", 60)

    def test_the_name_of_a_kernel_thread(self):
        self.expect("kernel-name", "kernel-name", 80)

    def test_a_preloaded_library(self):
        environment = dict(os.environ, LD_PRELOAD="/dev/shm/no-such.so")
        anomaly, _ = self.expect("wait", "preload", 60, env=environment)
        self.assertEqual(anomaly["subject"], "LD_PRELOAD=/dev/shm/no-such.so")

    def test_changed_code_is_told_with_bytes_and_symbol(self):
        anomaly, finding = self.expect("changed", "code-changed", 60)
        self.assertIn("lcong48", anomaly["symbol"])
        self.assertTrue(anomaly["seen"].startswith("e911223344"))
        self.assertEqual(len(anomaly["seen"]), len(anomaly["expected"]))
        self.assertEqual(finding["finding_info"]["attacks"][0]["technique"]["uid"], "T1055")

    def test_code_that_was_written_as_it_was_is_none(self):
        with Odd("copied", self.tree) as odd:
            outcome, found = self.anomalies_of(odd.pid)
        self.assertEqual(found, {})
        self.assertEqual(outcome.status, CLEAN)

    @NEEDS_ROOT
    def test_a_packet_socket_with_a_magic_filter(self):
        anomaly, _ = self.expect("packet", "packet-socket", 80)
        self.assertEqual(len(anomaly["filter"]), 15)

    @NEEDS_ROOT
    def test_a_packet_socket_elsewhere(self):
        self.expect("packet-elsewhere", "packet-socket", 80)

    def test_a_finding_keeps_its_name(self):
        with Odd("write-exec", self.tree) as odd:
            first = self.anomalies_of(odd.pid)[1]["write-exec"]
            second = self.anomalies_of(odd.pid)[1]["write-exec"]
        self.assertEqual(first["finding_info"]["uid"], second["finding_info"]["uid"])

    def test_found_makes_status_1(self):
        with Odd("memfd", self.tree) as odd:
            self.assertEqual(self.anomalies_of(odd.pid)[0].status, FOUND)

    def test_an_engine_is_none(self):
        if shutil.which("luajit") is None:
            self.skipTest("no luajit")
        program = ("local s=0 for i=1,2e7 do s=s+i%7 end local f=require('ffi') "
                   "f.cdef'unsigned sleep(unsigned);' print('ready') io.flush() f.C.sleep(60)")
        with subprocess.Popen(["luajit", "-e", program], stdout=subprocess.PIPE) as luajit:
            try:
                luajit.stdout.readline()
                _, found = self.anomalies_of(luajit.pid)
            finally:
                luajit.kill()
        self.assertEqual([f for f in found.values() if f["unmapped"]["score"] > 39], [])


if __name__ == "__main__":
    scans.main()
