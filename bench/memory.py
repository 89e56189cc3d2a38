#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure what scanning process memory costs, and what it does to the processes.

Prints Markdown.  What counts are the ratios: programs run in turn, several times over.
CPU time is user and system time of all processes; molehunt's has loading the rules in
it, yara gets them compiled.  The processes that are scanned are made here.
"""

import argparse
import ctypes
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import measure
from bench import machine

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "signatures" / "packs" / "molehunt"
RULES = ROOT / "bench" / "rules"
EXTERNALS = ("filename", "filepath", "extension", "filetype", "owner", "md5")
IDLE = {"node": ["node", "-e", "setInterval(() => {}, 1e6)"],
        "python": [sys.executable, "-c", "import time; time.sleep(1e6)"]}
DENSE = ("import time; d = {str(i) * 3: [i, str(i), {'k': i}] for i in range(%d)}; "
         "print('ready', flush=True); time.sleep(1e6)")
PARTS = ("idle", "holes", "dense", "harmless", "swap")
YARA_SECONDS = 200  # for one process
MADV_PAGEOUT, SYS_PIDFD_OPEN, SYS_PROCESS_MADVISE = 21, 434, 440


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


class Workers(measure.Sampler):
    """Memory of scan workers alone: those whose parent is the zygote."""

    def _sample(self, pid):
        for each in measure.tree_of(pid):
            if not measure.is_worker(each):
                continue
            for child in measure.children_of(each):
                fields = measure.rollup(child)
                if fields is not None:
                    self.memory.workers += 1
                    self.memory.worker_dirty = max(self.memory.worker_dirty,
                                                   fields.get("Private_Dirty", 0))


class Bench:
    def __init__(self, args):
        self.args = args
        self.children = []
        self.out = args.scratch / "memory.out"
        self.compiled = args.scratch / "rules.yac"

    def start(self, argv, **more):
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **more)
        self.children.append(child)
        return child

    def end_all(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.children.clear()

    def compile(self):
        """For yara; it has no folder of rules.  Returns how many files it takes."""
        files = sorted(p for f in self.args.rules for p in Path(f).rglob("*")
                       if p.suffix in (".yar", ".yara"))
        words = [f"f{i}:{f}" for i, f in enumerate(files)]
        externals = [w for e in EXTERNALS for w in ("-d", f"{e}=dummy")]
        subprocess.run(["yarac", "-w", *externals, *words, str(self.compiled)], check=True)
        return len(files)

    def molehunt(self, pids, sampler=None):
        rules = [w for folder in self.args.rules for w in ("--rules", str(folder))]
        argv = [str(self.args.molehunt), "scan", *rules, "--format", "ndjson", "--quiet",
                *(f"--pid={pid}" for pid in pids)]
        return measure.run(argv, self.out, (0, 1, 3), sampler=sampler)

    def yara(self, pid, seconds=YARA_SECONDS):
        return measure.run(["timeout", str(seconds), "yara", "-C", str(self.compiled),
                            str(pid)], self.out, (0, 124))

    def hold(self, *modes):
        child = subprocess.Popen([str(self.args.hold_memory), *modes], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.children.append(child)
        if not child.stdout.readline().startswith("ready"):
            raise measure.Failed("hold_memory is not ready")
        return child

    # --- the parts

    def idle(self):
        n = self.args.idle
        print(f"### {n} idle node and {n} idle python processes\n")
        pids = {name: [self.start(argv).pid for _ in range(n)] for name, argv in IDLE.items()}
        time.sleep(5)
        ours = {name: [] for name in (*pids, "all")}
        yara = {name: [] for name in pids}
        for turn in range(self.args.repeat):
            say(f"idle processes, {turn + 1} of {self.args.repeat}")
            for name in list(ours):
                chosen = pids.get(name) or sum(pids.values(), [])
                ours[name].append(self.molehunt(chosen).cpu)
            for name, each in yara.items():
                each.append(sum(self.yara(p).cpu for p in pids[name][:10]) * n / min(n, 10))
        print("| processes | molehunt CPU s | yara CPU s, from ten | ratio |\n|---|---|---|---|")
        for name, each in ours.items():
            other = median(yara[name]) if name in yara else \
                sum(median(values) for values in yara.values())
            print(f"| {name} | {median(each):.2f} | {other:.1f} | {other / median(each):.0f} |")
        print(flush=True)

    def holes(self):
        print("### Mappings of 10 GB without content\n")
        kinds = {"nothing": (), "PROT_NONE": ("hole=10G",), "sparse, 4 pages": ("sparse=10G,4",)}
        held = {name: self.hold("heap", *modes) for name, modes in kinds.items()}
        wall = {name: [] for name in kinds}
        for _ in range(self.args.repeat * 5):
            for name, child in held.items():
                wall[name].append(self.molehunt([child.pid]).wall)
        base = median(wall["nothing"])
        print("| mapping | molehunt wall ms | beside the same process without it | yara wall s |"
              "\n|---|---|---|---|")
        for name, child in held.items():
            say(f"yara on {name}")
            cost = self.yara(child.pid)
            print(f"| {name} | {median(wall[name]) * 1000:.0f} | "
                  f"{(median(wall[name]) - base) * 1000:+.0f} | {cost.wall:.2f} |", flush=True)
        print()

    def dense(self):
        child = self.start([sys.executable, "-c", DENSE % self.args.dense], text=True,
                           stdout=subprocess.PIPE)
        child.stdout.readline()
        size = measure.rollup(child.pid)["Anonymous"] / 1e6
        print(f"### A dense process: python, {size:.0f} MB\n")
        ours, yara = [], []
        for turn in range(self.args.repeat):
            say(f"dense process, {turn + 1} of {self.args.repeat}")
            ours.append(self.molehunt([child.pid]).cpu)
            yara.append(self.yara(child.pid).cpu)
        sampler = Workers()
        self.molehunt([child.pid], sampler)
        print(f"| molehunt CPU s | yara CPU s | ratio | private memory of a worker MB |\n"
              f"|---|---|---|---|\n| {median(ours):.2f} | {median(yara):.2f} | "
              f"{median(ours) / median(yara):.2f} | {sampler.memory.worker_dirty / 1e6:.1f} |\n",
              flush=True)

    def harmless(self):
        print("### What the target notices\n")
        print("| target | Rss growth % | Pss growth % | p99 us without | with | ratio |\n"
              "|---|---|---|---|---|---|")
        for loop in ("fault", "map"):
            child = self.hold("fill=random,400M", f"loop={loop}")
            growth, p99 = [[], []], [[], []]
            for turn in range(self.args.repeat * 2):
                say(f"loop={loop}, {turn + 1} of {self.args.repeat * 2}")
                before = measure.rollup(child.pid)
                self.latencies(child)
                time.sleep(1)
                p99[0].append(self.latencies(child))
                until = time.monotonic() + 1
                while time.monotonic() < until:
                    self.molehunt([child.pid])
                p99[1].append(self.latencies(child))
                after = measure.rollup(child.pid)
                for values, name in zip(growth, ("Rss", "Pss")):
                    values.append(100 * (after[name] - before[name]) / before[name])
            ratios = [b / a for a, b in zip(*p99)]
            print(f"| 400 MB, loop={loop} | {median(growth[0]):+.2f} | {median(growth[1]):+.2f} | "
                  f"{median(p99[0]) / 1000:.1f} | {median(p99[1]) / 1000:.1f} | "
                  f"{median(ratios):.1f} |", flush=True)
        child = self.hold("sparse=10G,1000")
        before = measure.rollup(child.pid)
        self.molehunt([child.pid])
        after = measure.rollup(child.pid)
        grown = [100 * (after[name] - before[name]) / before[name] for name in ("Rss", "Pss")]
        print(f"| 10 GB with 1,000 pages | {grown[0]:+.2f} | {grown[1]:+.2f} | | | |\n", flush=True)

    @staticmethod
    def latencies(child):
        child.stdin.write("\n")
        child.stdin.flush()
        words = dict(w.split("=") for w in child.stdout.readline().split()[1:])
        return int(words["p99_ns"])

    def swap(self):
        print("### Swapped memory\n")
        area = self.args.scratch / "swap"
        try:
            subprocess.run(["fallocate", "-l", "512M", str(area)], check=True)
            area.chmod(0o600)
            for argv in (["mkswap", str(area)], ["swapon", str(area)]):
                subprocess.run(argv, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as e:
            print(f"Not measured: no swap file can be made here ({e}).\n", flush=True)
            area.unlink(missing_ok=True)
            return
        try:
            self.swap_with(self.hold("fill=random,200M"))
        finally:
            self.end_all()
            subprocess.run(["swapoff", str(area)], check=False)
            area.unlink()

    def swap_with(self, child):
        page_out(child.pid)
        before = swapped(child.pid)
        self.molehunt([child.pid])
        after = swapped(child.pid)
        print(f"Swapped pages of the target, MB: {before / 1e6:.1f} before the scan, "
              f"{after / 1e6:.1f} after it.\n", flush=True)


def swapped(pid):
    return measure.rollup(pid).get("Swap", 0)


def page_out(pid):
    """Have the kernel swap out the largest anonymous mapping of a process."""
    best = (0, 0)
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        if line.split()[4] == "0" and end - start > best[1]:
            best = (start, end - start)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
    iovec = (ctypes.c_uint64 * 2)(*best)
    for _ in range(3):
        libc.syscall(SYS_PROCESS_MADVISE, fd, ctypes.byref(iovec), ctypes.c_size_t(1),
                     MADV_PAGEOUT, 0)
        time.sleep(0.5)
    os.close(fd)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="dev bench --memory", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", action="append", metavar="DIR",
                        help="rules (default: our pack and bench/rules); may be repeated")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--molehunt", type=Path, metavar="PROGRAM",
                        default=ROOT / "build" / "release" / "bin" / "molehunt")
    parser.add_argument("--idle", type=int, default=100, help="processes of each kind")
    parser.add_argument("--dense", type=int, default=1_000_000, help="entries of the dense process")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "bench")
    args = parser.parse_args()
    args.rules = args.rules or [PACK, RULES]
    args.hold_memory = args.molehunt.resolve().parents[1] / "tests" / "hold_memory"
    return args


def main():
    args = parse_arguments()
    if not shutil.which("yara") or not shutil.which("yarac"):
        sys.exit("bench: yara is not installed (package yara)")
    if not shutil.which("node"):
        IDLE.pop("node")
    measure.become_subreaper()
    args.scratch.mkdir(parents=True, exist_ok=True)
    bench = Bench(args)
    names = ", ".join(Path(folder).name for folder in args.rules)
    print(f"Measured {time.strftime('%Y-%m-%d')} on {machine()}; rules: {names} "
          f"({bench.compile()} files); median of {args.repeat} interleaved runs.\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for part in args.part or PARTS:
        try:
            getattr(bench, part)()
        finally:
            bench.end_all()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError, measure.Failed) as e:
        sys.exit(f"bench: {e}")
