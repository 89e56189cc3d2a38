#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure that the resident agent is not felt: at rest, in builds, in storms of events.

Runs as root, in a mount namespace of its own.  What counts are ratios: with and
without the agent, or its scan, by turns in the order of chance, the median of the
ratios of pairs, with the interval that holds the true one in 95 of 100 cases.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import build_tree
import measure
import service
from bench import PACK, machine

ROOT = Path(__file__).resolve().parents[1]
MARK = b"MOLEHUNT-TEST-MARK"
MARK_RULE = ROOT / "bench" / "mark.yar"
INSIDE = "MOLEHUNT_BENCH_INSIDE"
STORM_WANTED = 300_000  # events a second
POLL_SECONDS = 0.002    # between two looks into the spool
SLICE_SECONDS = 10      # of rest
FOUND_SECONDS = 300     # for all bad files of a storm


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


@dataclass
class Figure:
    part: str
    name: str
    value: float
    unit: str = ""
    low: float = None   # of the interval of the median
    high: float = None
    limit: float = None  # at most
    note: str = ""

    def holds(self):
        if self.limit is None:
            return None
        return self.value <= self.limit

    def interval(self):
        return "" if self.low is None else f" ({number(self.low)}–{number(self.high)})"


def number(value):
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


class Bench:
    def __init__(self, args):
        self.args = args
        self.figures = []
        self.rules = [PACK, *args.rules]

    def put(self, part, name, value, unit="", **more):
        self.figures.append(Figure(part, name, value, unit, **more))

    def put_ratio(self, part, name, values, limit=None, note=""):
        middle, low, high = service.interval(values)
        self.put(part, name, middle, "times", low=low, high=high, limit=limit,
                 note=f"{len(values)} pairs{'; ' if note else ''}{note}")

    def service(self, rules=None, has_collector=False, **settings):
        s = service.Service(rules or self.rules, has_collector)
        s.configure(**settings)
        return s

    # --- parts

    def rest(self):
        """The service after its first scan, with a collector, and nothing to do."""
        s = self.service(has_collector=True, paths=self.args.paths, gives_way=False)
        try:
            s.start()
            say("rest: the first scan")
            s.scan_whole()
            s.settle()
            time.sleep(35)  # the last report has been delivered
            self.rest_of(s)
        finally:
            s.close()

    def rest_of(self, s):
        say(f"rest: {self.args.seconds} s")
        events, before = s.counters(), service.snapshots(s.pids())
        slices, seen = [], before
        began = time.monotonic()
        while time.monotonic() - began < self.args.seconds:
            at = time.monotonic()
            time.sleep(min(SLICE_SECONDS, self.args.seconds))
            now = service.snapshots(s.pids())
            slices.append(service.spent(seen, now).run_ns / 1e7 / (time.monotonic() - at))
            seen = now
        wall = time.monotonic() - began
        total = service.spent(before, seen)
        note = f"least of {SLICE_SECONDS} s {min(slices):.3f} %"
        n = s.counters()["read"] - events["read"]
        if n:
            note += f"; {n} events of files meanwhile: others were at work"
        self.rest_by_process(before, seen, wall)
        self.put("rest", "CPU of one processor", total.run_ns / 1e7 / wall, "%", limit=0.1,
                 note=note)
        self.put("rest", "wake-ups", total.wakeups / wall, "a second")
        self.put("rest", "written to disk", total.written, "bytes", limit=0, note=note)
        together = sum(f.value for f in self.figures if f.part == "rest" and
                       f.name in ("molehunt-agent", "molehunt-courie"))
        self.put("rest", "agent and courier together, Pss", together, "MB", limit=40)
        ended = set(before) - set(seen)
        if ended:
            self.put("rest", "processes that ended meanwhile", len(ended))

    def rest_by_process(self, before, after, wall):
        for pid, now in sorted(after.items(), key=lambda item: (item[1].comm, item[0])):
            own = service.spent({pid: before[pid]} if pid in before else {}, {pid: now})
            memory = measure.rollup(pid) or {}
            self.put("rest", now.comm, memory.get("Pss", 0) / 1e6, "MB",
                     note=f"{own.run_ns / 1e7 / wall:.4f} % CPU, {own.wakeups / wall:.2f} "
                     "wake-ups a second")

    def build(self):
        """A project is built, with the agent and without."""
        tree = self.args.scratch / "project"
        shutil.rmtree(tree, ignore_errors=True)
        build_tree.write(tree, self.args.files)
        s = self.service(paths=self.args.paths)
        taken, later, shares = [], [], []

        def make(_turn):
            shutil.rmtree(tree / "out")
            (tree / "out").mkdir()
            os.sync()
            return service.run(["make", "-s", "-C", tree, f"-j{os.cpu_count()}"])[0]

        def with_agent(turn):
            s.start()
            s.settle()
            before, of = s.cpu(), s.cpu_by_program()
            wall = make(turn)
            taken.append(s.cpu() - before)
            shares.append({k: v - of.get(k, 0) for k, v in s.cpu_by_program().items()})
            s.settle()
            later.append(s.cpu() - before)
            self.note_lost(s)
            s.stop()
            say(f"build, {turn + 1} of {self.args.pairs}: with the agent {wall:.2f} s, "
                f"its CPU {taken[-1]:.2f} s " +
                ", ".join(f"{k} {v:.2f}" for k, v in shares[-1].items()))
            return wall

        try:
            make(0)
            with_agent(-1)  # programs of the compiler are scanned once
            for each in (taken, later, shares):
                each.clear()
            walls = list(service.pairs(self.args.pairs, with_agent, make))
        finally:
            s.close()
        self.put_ratio("build", "wall time, with the agent to without",
                       [a / b for a, b in walls], 1.03, f"{self.args.files} files")
        self.put("build", "wall time without", statistics.median(b for _, b in walls), "s")
        self.put("build", "CPU of the agent meanwhile", statistics.median(taken), "s")
        for name in sorted({k for each in shares for k in each}):
            self.put("build", f"of it {name}",
                     statistics.median(each.get(name, 0) for each in shares), "s")
        self.put("build", "and until it rests", statistics.median(later), "s")

    def note_lost(self, s):
        c = s.counters()
        missing = service.unaccounted(c)
        if missing or c["dropped"] or c["overflows"]:
            say(f"of events, {c['dropped']} were dropped, {missing} are not accounted for")

    def events(self):
        """More events than anybody can follow, and bad files among them."""
        folder = self.args.scratch / "storm"
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "storm", str(folder)], check=True)
        s = self.service([PACK, MARK_RULE], paths=[str(folder)], gives_way=False)
        try:
            s.start()
            s.settle()
            self.events_of(s, folder)
        finally:
            s.close()
            subprocess.run(["umount", str(folder)], check=True)

    def events_of(self, s, folder):
        bad, over = [], threading.Event()

        def plant():
            while not over.wait(0.1):
                bad.append(str(folder / f"bad-{len(bad)}"))
                Path(bad[-1]).write_bytes(MARK)

        before, cpu = s.counters(), s.cpu()
        planter = threading.Thread(target=plant)
        planter.start()
        say(f"events: a storm of {self.args.storm} s")
        try:
            wall, told = service.run([self.args.load, "storm", self.args.storm, os.cpu_count(),
                                      self.args.storm_files, folder])
        finally:
            over.set()
            planter.join()
        began = time.monotonic()
        found = self.wait_for_found(s, bad, FOUND_SECONDS)
        until_found = time.monotonic() - began
        s.settle()
        time.sleep(6)  # counters are told every five seconds
        after = s.counters()
        n = {k: after[k] - before[k] for k in after if k != "pending"}
        rate = told["closes"] / wall
        self.put("events", "files closed after writing", rate, "a second",
                 note="as wanted" if rate >= STORM_WANTED else f"less than {STORM_WANTED:,}")
        self.put("events", "events read", n["read"] / wall, "a second of the storm",
                 note="the kernel merges those of one process and file that wait")
        for name in ("merged", "sent", "clean", "gone", "dropped", "overflows"):
            self.put("events", name, n[name])
        self.put("events", "not accounted for", abs(service.unaccounted(after)), limit=0)
        self.put("events", "bad files written in the storm", len(bad))
        self.put("events", "of them not found", len(bad) - found, limit=0,
                 note=f"all that were are after {until_found:.1f} s")
        self.put("events", "CPU of the agent", s.cpu() - cpu, "s")

    @staticmethod
    def wait_for_found(s, paths, seconds):
        """How many of these paths are findings; waits for all of them."""
        until, wanted = time.monotonic() + seconds, {os.fsencode(p) for p in paths}
        while True:
            found = len(wanted & {bytes(row[0]) if not isinstance(row[0], str) else
                                  os.fsencode(row[0])
                                  for row in s.r.spool("SELECT path FROM history")})
            if found == len(wanted) or time.monotonic() > until:
                return found
            time.sleep(0.2)

    def scanning(self, name, job, limit):
        """job(turn) beside a scan of everything and without; ratios of what it returns."""
        for rules in [[PACK], *([[PACK, *self.args.rules]] if self.args.rules else [])]:
            label = "our pack" if len(rules) == 1 else "and " + ", ".join(
                Path(r).name for r in self.args.rules)
            s = self.service(rules, paths=self.args.paths, cache=False)
            shares = []

            def beside(turn, s=s, shares=shares):
                s.order("resume")
                s.scan_begins()
                before, began, cpu = s.record("scan"), time.monotonic(), s.cpu()
                result = job(turn)
                after = s.record("scan")
                shares.append((s.cpu() - cpu) / (time.monotonic() - began))
                if after.get("scan") != before.get("scan"):
                    say(f"{name}: the scan ended meanwhile")
                return result

            def without(turn, s=s):
                s.order("pause")
                s.settle()
                return job(turn)

            try:
                s.start()
                s.settle()
                results = []
                for one, other in service.pairs(self.args.pairs, beside, without):
                    results.append(one / other)
                    say(f"{name}, {label}, {len(results)} of {self.args.pairs}: "
                        f"{one:.6g} to {other:.6g}")
            finally:
                s.close()
            part, _, what = name.partition(", ")
            self.put_ratio(part, f"{what}, {label}", results, limit,
                           f"the scan had {100 * statistics.median(shares):.1f} % of a processor")

    def rounds(self, *argv):
        """So many rounds that they take --seconds."""
        n = 16
        while True:
            wall, _ = service.run([self.args.load, argv[0], os.cpu_count(), n, *argv[1:]])
            if wall > 0.5:
                return max(1, int(n * self.args.job / wall))
            n *= 4

    def foreground(self):
        """A job that uses all processors, and one that writes and reads, beside a full scan."""
        folder = self.args.scratch / "disk"
        folder.mkdir(exist_ok=True)
        for mode, more in (("burn", []), ("disk", [folder])):
            n = self.rounds(mode, *more)
            self.scanning(f"foreground, {mode}", lambda _turn, n=n, mode=mode, more=more:
                          service.run([self.args.load, mode, os.cpu_count(), n, *more])[0], 1.02)

    def wakeup(self):
        """A loop that wakes up each millisecond, beside a full scan."""
        def job(_turn):
            return service.run([self.args.load, "wakeup", max(1, int(self.args.job))])[1]["p99_ns"]
        self.scanning("wakeup, p99 of lateness", job, 1.5)

    def second(self):
        """A second pass over what is clean, to find(1)."""
        s = self.service(paths=self.args.paths, gives_way=False, watch=False)
        find = ["find", *self.args.paths, "-printf", "%i %C@\n"]
        try:
            s.start()
            say("second: the first pass")
            s.scan_whole()
            s.settle()

            def again(turn):
                before, of = s.cpu(), s.cpu_by_program()
                s.scan_whole()
                cost = s.cpu() - before
                say(f"second, {turn + 1} of {self.args.pairs}: {cost:.2f} s " +
                    ", ".join(f"{k} {v - of.get(k, 0):.2f}"
                              for k, v in s.cpu_by_program().items()))
                return cost

            def by_find(_turn):
                return measure.run(find, self.args.scratch / "find.out").cpu

            costs = list(service.pairs(self.args.pairs, again, by_find))
            lines = [line for line in s.r.log_text().splitlines() if " unchanged" in line]
            self.put_ratio("second", "CPU of a second pass, to find", [a / b for a, b in costs], 2,
                           lines[-1].partition(": full ")[2].partition(": ")[2])
            self.put("second", "CPU of find", statistics.median(b for _, b in costs), "s")
        finally:
            s.close()

    def latency(self):
        """From close to the finding on disk."""
        folder = self.args.scratch / "latency"
        folder.mkdir(exist_ok=True)
        s = self.service([PACK, MARK_RULE], paths=[str(folder)])
        late, lost = [], 0
        try:
            s.start()
            s.settle()
            link = s.open_spool()
            for i in range(self.args.latency):
                path = folder / f"bad-{i}"
                path.write_bytes(MARK)
                closed = time.monotonic()
                while True:
                    time.sleep(POLL_SECONDS)
                    if link.execute("SELECT 1 FROM history WHERE path = ?",
                                    (os.fsencode(path),)).fetchone():
                        late.append(time.monotonic() - closed)
                        break
                    if time.monotonic() - closed > 20:
                        lost += 1
                        break
                time.sleep(0.05 + i % 10 / 50)
            link.close()
        finally:
            s.close()
        if late:
            self.put("latency", "median", statistics.median(late), "s", limit=1,
                     note=f"{len(late)} files; the debounce of 300 ms is part of it")
            self.put("latency", "p99", service.percentile(late, 0.99), "s", limit=1)
            self.put("latency", "most", max(late), "s")
        self.put("latency", "not found within 20 s", lost, limit=0)

    # --- telling

    def tell(self, part):
        figures = [f for f in self.figures if f.part == part]
        if self.args.format == "ndjson":
            for f in figures:
                print(json.dumps({"type": "figure", **asdict(f), "holds": f.holds()}), flush=True)
            return
        print(f"### {part}: {getattr(self, part).__doc__}\n")
        print("| what | measured | at most | holds | note |\n|---|---|---|---|---|")
        for f in figures:
            holds = {True: "yes", False: "**no**", None: ""}[f.holds()]
            limit = "" if f.limit is None else number(f.limit)
            print(f"| {f.name} | {number(f.value)}{f.interval()} {f.unit} | {limit} | {holds} "
                  f"| {f.note} |")
        print(flush=True)


PARTS = ("rest", "build", "events", "foreground", "wakeup", "second", "latency")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="dev bench --resident", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--rules", action="append", default=[], type=Path, metavar="DIR",
                        help="rules besides our pack; may be repeated")
    parser.add_argument("--paths", action="append", metavar="DIR",
                        help="what a full scan looks at (default: /usr)")
    parser.add_argument("--seconds", type=int, default=300, help="of rest")
    parser.add_argument("--pairs", type=int, default=20, help="runs with and without")
    parser.add_argument("--job", type=float, default=6, help="seconds of a foreground job")
    parser.add_argument("--files", type=int, default=300, help="of the project that is built")
    parser.add_argument("--storm", type=int, default=5, help="seconds of the storm of events")
    parser.add_argument("--storm-files", type=int, default=20000, help="of each writer")
    parser.add_argument("--latency", type=int, default=200, help="bad files written one by one")
    parser.add_argument("--format", choices=("text", "ndjson"), default="text")
    parser.add_argument("--bin", type=Path, metavar="DIR", help="the programs",
                        default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "bench" / "resident")
    args = parser.parse_args()
    args.bin, args.scratch = args.bin.resolve(), args.scratch.resolve()
    args.load = args.bin.parent / "tests" / "load"
    args.paths = args.paths or ["/usr"]
    args.rules = [folder.resolve() for folder in args.rules]
    return args


def main():
    args = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("bench: the resident agent is measured as root: it watches the machine")
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              "-B", *sys.argv])
    measure.become_subreaper()
    service.use_programs(args.bin)
    service.scratch_below(args.scratch)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(args)
    about = {"date": time.strftime("%Y-%m-%d"), "machine": machine(),
             "rules": [r.name for r in bench.rules]}
    if args.format == "ndjson":
        print(json.dumps({"type": "about", **about}), flush=True)
    else:
        print(f"Measured {about['date']} on {about['machine']}; rules: "
              f"{', '.join(about['rules'])}; median (95 % interval of the median).\n")
    for part in args.part or PARTS:
        getattr(bench, part)()
        bench.tell(part)
    return 0 if all(f.holds() is not False for f in bench.figures) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError, measure.Failed, AssertionError) as e:
        sys.exit(f"bench: {e}")
