#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The resident agent on machines that withhold something: they are played by folders that are
mounted over /proc, /sys and /dev in a mount namespace of the agent's own."""
import json
import os
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from hangfs import own_mounts  # noqa: E402
from scans import NEEDS_ROOT, wait_until  # noqa: E402
from test_agent_bad_input import BadInputTest  # noqa: E402

DEVICES = ("null", "zero", "full", "random", "urandom")


class WeakerTest(BadInputTest):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounts need root")
        super().setUp()
        self.script = "set -e\n"

    def configure(self, pause="on_battery: no", **more):
        self.r.configure(schedule="[]", **more)
        text = Path(self.r.config).read_text()
        Path(self.r.config).write_text(text.replace("on_battery: no", pause))

    def folder(self, name):
        path = os.path.join(self.r.scratch, name)
        os.makedirs(path, exist_ok=True)
        return path

    def cover(self, place, folder):
        """In the agent's own mount namespace only, which ends with it."""
        if not os.path.isdir(place):
            self.skipTest(f"there is no {place} here that could be covered")
        self.script += f"mount --bind {folder} {place}\n"

    def start(self):
        done = subprocess.run(["unshare", "-m", "sh", "-c", self.script], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"nothing can be mounted here: {done.stderr}")
        self.r.start_asking(["unshare", "-m", "sh", "-c", self.script + 'exec "$@"', "sh"])

    def check(self, name):
        return next(c for c in self.ask("doctor") if c["name"] == name)

    def check_scan(self):
        """All is scanned; what the summary calls weaker."""
        paths = [self.r.plant(name) for name in "ab"]
        self.r.ask_scan()
        self.assertEqual(self.wait_for_end(), (2, 2, 0))
        self.wait_for_found(paths)
        return "\n".join(self.summary()["weaker"])

    def summary(self):
        return wait_until(lambda: self.lines("summary"), what="its summary")[-1]


class Machines(WeakerTest):
    def test_without_psi_it_scans_and_says_that_it_does_not_see_who_waits(self):
        self.configure()
        self.cover("/proc/pressure", self.folder("pressure"))
        self.start()
        weaker = self.check_scan()
        self.assertIn("resources: no PSI", weaker)
        self.assertEqual(self.check("resources")["level"], "weaker")
        self.assertIn("no PSI", self.check("resources")["text"])
        self.assertIn("no PSI", "\n".join(self.record("resources")["not_seen"]))
        self.assertEqual(self.record("status")["health"], "weaker")

    def test_without_control_groups_it_scans_and_says_that_no_ceiling_is_seen(self):
        self.configure()
        self.cover("/sys/fs/cgroup", self.folder("cgroup"))
        self.start()
        self.assertIn("ceiling: no control groups of version 2", self.check_scan())
        self.assertEqual(self.check("ceiling")["level"], "weaker")
        self.assertIn("no control groups",
                      json.dumps(self.record("status")["reasons"]))

    def test_a_control_group_with_a_ceiling_is_good_and_one_without_is_weaker(self):
        if "\n0::/" not in "\n" + Path("/proc/self/cgroup").read_text():
            self.skipTest("no control groups of version 2 here")
        self.configure()
        group = self.folder("cgroup")
        Path(group, "cgroup.controllers").write_text("cpu memory\n")
        Path(group, "memory.max").write_text("max\n")
        self.cover("/sys/fs/cgroup", group)
        self.start()
        self.assertEqual(self.check("ceiling")["level"], "weaker")
        self.assertIn("molehuntd", self.check("ceiling")["advice"])
        Path(group, "memory.max").write_text("1610612736\n")
        self.assertEqual(self.check("ceiling")["level"], "good")
        self.assertNotIn("ceiling", self.check_scan())

    def test_without_terminals_it_scans_and_says_that_no_user_is_seen(self):
        self.configure(pause="on_battery: no, user_active: yes")
        dev = self.folder("dev")
        self.script += f"mount -t tmpfs -o mode=755 molehunt-test {dev}\n"
        for name in DEVICES:
            self.script += f"touch {dev}/{name} && mount --bind /dev/{name} {dev}/{name}\n"
        self.script += f"mkdir {dev}/shm\nmount --rbind {dev} /dev\n"
        self.start()
        self.assertIn("resources: no terminals in /dev", self.check_scan())
        self.assertIn("no user is seen", self.check("resources")["text"])
        self.assertEqual(self.record("status")["health"], "weaker")


class Battery(WeakerTest):
    def play(self, supply, **files):
        folder = self.folder(f"supplies/{supply}")
        for name, word in files.items():
            Path(folder, name).write_text(word + "\n")

    def given_up(self):
        """In ms, to the battery."""
        given = self.record("resources")["given_up"]
        return next((g["ms"] for g in given if g["to"] == "the battery"), 0)

    def test_a_scan_asked_for_waits_on_battery_and_goes_on_when_fed(self):
        self.configure(pause="on_battery: yes")
        self.play("BAT0", type="Battery", status="Discharging")
        self.play("AC", type="Mains", online="0")
        self.cover("/sys/class/power_supply", self.folder("supplies"))
        self.start()
        paths = [self.r.plant(name) for name in "ab"]
        self.r.ask_scan()
        wait_until(lambda: self.record("scan").get("state") == "the battery", 20, "its pause")
        first = wait_until(self.given_up, 20, "time that was given up")
        wait_until(lambda: self.given_up() > first, 20, "more of it")
        text = self.r.run("molehunt", "status", "--socket", self.r.socket).stdout
        self.assertIn("the battery", text)
        self.assertEqual((self.ends(), self.found()), ([], {}))
        self.play("AC", online="1")
        self.assertEqual(self.wait_for_end(), (2, 2, 0))
        self.wait_for_found(paths)
        self.assertTrue(self.summary()["complete"])
        self.assertEqual(self.record("scan"), {})


@NEEDS_ROOT
class BlockedSpool(WeakerTest):
    """The state folder on a small file system: see own_mounts()."""

    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.r.scratch, "disk")
        self.mount(self.disk, "-t", "tmpfs", "-o", "size=24m", "molehunt-test")
        self.r.state = self.disk + "/state"
        self.configure(watch="enabled: yes")
        self.filler = self.disk + "/filler"

    def fill(self, leave):
        """Until so many bytes are left."""
        with open(self.filler, "wb", buffering=0) as f:
            try:
                while shutil.disk_usage(self.disk).free > leave:
                    f.write(bytes(4096))
            except OSError:
                pass

    def check_stop(self, leave):
        self.start()
        wait_until(lambda: self.record("watch").get("is_on"), 20, "watching")
        before = self.r.plant("before")
        self.wait_for_found([before])
        self.fill(leave)
        paths = [before] + [self.r.plant(f"{i:03}") for i in range(100)]
        wait_until(lambda: self.check("spool")["level"] == "error", 20, "a spool that is blocked")
        paths += [self.r.plant(f"later-{i:03}") for i in range(100)]
        time.sleep(1)
        began = time.monotonic()
        self.assertEqual(self.r.stop(), 0)
        self.assertLess(time.monotonic() - began, 6)
        os.unlink(self.filler)
        self.start()
        self.wait_for_found(paths)
        self.r.stop()

    def test_what_was_written_while_its_disk_was_full_is_found_after_a_stop(self):
        self.check_stop(0)

    def test_what_was_written_while_too_little_was_free_is_found_after_a_stop(self):
        self.check_stop(800 * 1024)


if __name__ == "__main__":
    if not scans.BIN:
        print("skipped: MOLEHUNT_BIN is not set")
        sys.exit(scans.SKIPPED)
    own_mounts()
    unittest.main(verbosity=2)
