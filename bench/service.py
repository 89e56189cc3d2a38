# SPDX-License-Identifier: BSD-2-Clause
"""The resident agent under measurement: started, asked, and all of its processes counted."""

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[1]
TICK = os.sysconf("SC_CLK_TCK")
# What a service that has nothing to do uses of a processor at most, while we wait for that.
QUIET_SHARE = 0.02


def use_programs(folder):
    """Use the programs there; before the helpers of the integration tests are imported."""
    os.environ["MOLEHUNT_BIN"] = str(folder)
    sys.path.insert(0, str(ROOT / "tests" / "integration"))


# --- figures

def interval(values, share=0.95):
    """Median and the order statistics that hold the true one in that share of cases."""
    values, n = sorted(values), len(values)
    below = 0
    chance = term = 0.5 ** n
    while below < n // 2 and chance <= (1 - share) / 2:
        below += 1
        term = term * (n - below + 1) / below
        chance += term
    low = max(below - 1, 0)
    return statistics.median(values), values[low], values[n - 1 - low]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def pairs(n, one, other):
    """n times both, in an order that chance decides: what is slow for a while hits either."""
    order = random.Random(1)
    for turn in range(n):
        results = {}
        for each in order.sample([one, other], 2):
            results[each] = each(turn)
        yield results[one], results[other]


# --- processes

def cpu_of_tree(pids):
    """CPU seconds of these processes and of their children that ended, to the tick."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        ticks += sum(int(f) for f in fields[11:15])
    return ticks / TICK


class Snapshot:
    """What one process used until now."""

    def __init__(self, pid):
        self.comm = Path(f"/proc/{pid}/comm").read_text().strip()
        self.run_ns = self.wakeups = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            base = Path(f"/proc/{pid}/task/{task}")
            self.run_ns += int((base / "schedstat").read_text().split()[0])
            for line in (base / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt"):
                    self.wakeups += int(line.split()[1])
        io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        self.written = int(io["write_bytes"])


def snapshots(pids):
    taken = {}
    for pid in pids:
        try:
            taken[pid] = Snapshot(pid)
        except (OSError, ProcessLookupError):
            continue
    return taken


def spent(before, after):
    """What the processes of after used since before, together."""
    total = argparse.Namespace(run_ns=0, wakeups=0, written=0)
    for pid, now in after.items():
        for name in vars(total):
            was = getattr(before[pid], name) if pid in before else 0
            setattr(total, name, getattr(total, name) + getattr(now, name) - was)
    return total


# --- the service

class Service:
    """molehuntd of this tree, with a state of its own, and maybe a collector."""

    def __init__(self, rules, has_collector=False):
        import resident  # needs use_programs()
        self.r = resident.Resident()
        self.rules = [str(r) for r in rules]
        self.collector = None
        if has_collector:
            import fleet
            self.collector = fleet.Collector().start()
            done = self.r.enroll(self.collector)
            if done.returncode != 0:
                raise measure.Failed(f"cannot enroll: {done.stderr}")
        self.watch = True
        self.configure()

    def configure(self, paths=("/usr",), cache=True, watch=True, gives_way=True):
        """As it is installed, but for what is named; it scans a profile when told to."""
        never = "{cpu: 100, cpu_wait: 100, io: 100, memory: 100, on_battery: no}"
        self.watch = watch
        with open(self.r.config, "w") as f:
            f.write(f"packs: {json.dumps(self.rules)}\n"
                    f"profiles: [{{name: full, paths: {json.dumps(list(paths))}}}]\n"
                    "schedule: []\n"
                    f"watch: {{enabled: {json.dumps(watch)}}}\n"
                    f"cache: {{enabled: {json.dumps(cache)}}}\n"
                    + ("" if gives_way else f"pause: {never}\n") +
                    f"control: {{socket: {json.dumps(self.r.socket)}}}\n")

    def start(self):
        # The log of a life before this one says the same.
        log = os.path.join(self.r.scratch, "log")
        if os.path.exists(log):
            os.unlink(log)
        self.r.start()
        self.r.wait_for_log("rules of .* are ready", 60)
        if self.watch:
            self.r.wait_for_log("file systems are watched", 60)
        return self

    def stop(self):
        if self.r.process is not None and self.r.stop() != 0:
            raise measure.Failed("molehuntd did not end well:\n" + self.r.log_text()[-2000:])

    def close(self):
        try:
            self.r.close()
        finally:
            if self.collector is not None:
                self.collector.close()

    def pids(self):
        return measure.tree_of(self.r.process.pid)

    def cpu(self):
        return cpu_of_tree(self.pids())

    def ask(self, *args):
        done = self.r.run("molehunt", *args, "--socket", self.r.socket, "--format", "ndjson")
        if done.returncode not in (0, 1):
            raise measure.Failed(f"molehunt {' '.join(args)}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def record(self, kind):
        """Of the status; empty when there is none."""
        return next((r for r in self.ask("status") if r["type"] == kind), {})

    def order(self, *args):
        """One that is not answered in NDJSON."""
        done = self.r.run("molehunt", "schedule", *args, "--socket", self.r.socket)
        if done.returncode != 0:
            raise measure.Failed(f"molehunt schedule {' '.join(args)}: {done.stderr}")

    def open_spool(self):
        """Its database, to be read over and over."""
        return sqlite3.connect(f"file:{self.r.state}/agent/spool.db?mode=ro", uri=True,
                               timeout=10, isolation_level=None)

    def cpu_by_program(self):
        """CPU seconds so far by name; one opener watches, and scans are the zygote's."""
        by_name = {}
        for pid in self.pids():
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
            by_name[name] = by_name.get(name, 0) + cpu_of_tree([pid])
        return by_name

    def settle(self, seconds=60):
        """Wait until it has nothing to do; false where others give it work without end."""
        until = time.monotonic() + seconds
        quiet = 0
        while quiet < 3:
            before = self.cpu()
            time.sleep(0.5)
            quiet = quiet + 1 if self.cpu() - before <= 0.5 * QUIET_SHARE else 0
            if time.monotonic() > until:
                print(f"bench: the agent has not come to rest in {seconds} s: do others work?",
                      file=sys.stderr, flush=True)
                return False
        return True

    def scan_begins(self, seconds=60):
        """Have the profile scanned, unless it is, and wait until something was."""
        until = time.monotonic() + seconds
        if not self.record("scan"):
            self.order("run", "full")
        while self.record("scan").get("scanned", 0) == 0:
            if time.monotonic() > until:
                raise measure.Failed("no scan began:\n" + self.r.log_text()[-2000:])
            time.sleep(0.1)

    def scan_whole(self, seconds=1800):
        """Scan the profile from beginning to end."""
        def ended():
            return self.r.log_text().count("full ") - self.r.log_text().count(" begins")
        before, until = ended(), time.monotonic() + seconds
        self.order("run", "full")
        while ended() <= before:
            if time.monotonic() > until:
                raise measure.Failed(f"the scan has not ended in {seconds} s")
            time.sleep(0.05)

    def counters(self):
        return {k: v for k, v in self.record("watch").items() if isinstance(v, int)}


def unaccounted(counters):
    """Events that were read and of which nothing is said: 0, or something is lost silently."""
    return counters["read"] - sum(counters[k] for k in (
        "merged", "sent", "clean", "excluded", "own", "gone", "not_regular", "dropped", "pending"))


def scratch_below(folder):
    """Have all temporary folders made there; it is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    tempfile.tempdir = str(folder)


def run(argv, **more):
    """Run a helper; its wall seconds, and the words 'name=value' of its output."""
    began = time.monotonic()
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False,
                          **more)
    wall = time.monotonic() - began
    if done.returncode != 0:
        raise measure.Failed(f"{argv[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    words = (w.split("=") for w in done.stdout.split())
    return wall, {w[0]: int(w[1]) for w in words if len(w) == 2 and w[1].isdigit()}
