#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure what indicators cost: a lookup of a hash, patterns of names, hashing in a scan.

Prints Markdown.  What counts are the ratios: peers run in the same run.
"""

import argparse
import hashlib
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
from bench import machine

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "signatures" / "packs" / "molehunt"
LOOKUPS = 200_000  # of peers in Python
PATHS_MAX = 450_000
MIB = 1 << 20


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def digests(n, seed):
    source = random.Random(seed)
    return [source.randbytes(32) for _ in range(n)]


def time_each(find, keys):
    began = time.process_time()
    for key in keys:
        find(key)
    return (time.process_time() - began) / len(keys) * 1e9


def python_set(n):
    """Nanoseconds of a lookup in a set of bytes, the loop that calls it included."""
    stored = digests(n, 1)
    keys = random.Random(3).choices(stored, k=LOOKUPS)
    return time_each(set(stored).__contains__, keys)


def sqlite(n, scratch):
    path = scratch / "peer.db"
    link = sqlite3.connect(path)
    link.execute("create table hashes (hash blob primary key) without rowid")
    stored = digests(n, 1)
    link.executemany("insert into hashes values (?)", ((d,) for d in sorted(stored)))
    link.commit()
    keys = random.Random(3).choices(stored, k=LOOKUPS)
    cost = time_each(lambda key: link.execute("select 1 from hashes where hash = ?",
                                              (key,)).fetchone(), keys)
    link.close()
    path.unlink()
    return cost


def lookups(tool, counts, peers_max, scratch):
    print("\n## A lookup of a hash\n")
    print("Nanoseconds of processor time for a SHA-256 that is there, and for one that is not; 2,000,000 lookups at places that "
          "no cache has. Memory: of the table, of which all can be evicted.\n")
    print("| hashes | there | not there | bsearch(3): there | not there | Python's set | SQLite | made in | table |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in counts:
        say(f"{n} hashes")
        out = subprocess.run([tool, "hashes", str(n), scratch], capture_output=True, text=True, check=True)
        r = json.loads(out.stdout)
        assert r["agree"], "the table and bsearch disagree"
        peer = [f"{python_set(n):.0f} ns", f"{sqlite(n, scratch):.0f} ns"] if n <= peers_max else ["-", "-"]
        print(f"| {n:,} | {r['hit_ns']:.0f} ns | {r['miss_ns']:.0f} ns | {r['bsearch_hit_ns']:.0f} ns | "
              f"{r['bsearch_miss_ns']:.0f} ns | {peer[0]} | {peer[1]} | {r['build_s']:.1f} s | "
              f"{r['table_bytes'] / MIB:.0f} MiB |")


def pattern_lines(n):
    """Patterns of the kinds that public lists have; none matches here."""
    source = random.Random(7)
    word = lambda k: "".join(source.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=k))
    forms = ("/{0}\\.(exe|dll|so)$;70", "(?i)\\\\{0}\\\\{1}\\.sys$;80", "^/tmp/\\.{0};60",
             "/(usr|opt)/[a-z]+/{0}_{1}$;75", "(?i)[\\\\/]{0}{1}?\\.(ps1|bat|vbs)$;65;/Tools/")
    return [source.choice(forms).format(word(9), word(6)) for _ in range(n)]


def paths_of(trees):
    paths = []
    for tree in trees:
        for folder, _, names in os.walk(tree):
            paths += [os.path.join(folder, name) for name in names]
            if len(paths) >= PATHS_MAX:
                return paths[:PATHS_MAX]
    return paths


def python_names(lines, paths):
    """Seconds for re.search() of each pattern on each path, as Loki does it."""
    import re
    compiled = []
    for line in lines:
        pattern = line.split(";")[0]
        flags = re.IGNORECASE if "(?i)" in pattern else 0
        compiled.append(re.compile(pattern.replace("(?i)", "").replace("\\\\", "/"), flags).search)
    began = time.process_time()
    for path in paths:
        for search in compiled:
            search(path)
    return (time.process_time() - began) / len(paths) * 1e9


def names(tool, trees, scratch):
    print("\n## Patterns of names\n")
    say("patterns of names")
    paths = paths_of(trees)
    (scratch / "paths").write_bytes(b"\n".join(os.fsencode(p) for p in paths) + b"\n")
    print("| patterns | paths | in all | for a path | re.search() in a loop, for a path |")
    print("|---|---|---|---|---|")
    for n in (400, 4000):
        lines = pattern_lines(n)
        (scratch / "names").write_text("\n".join(lines) + "\n")
        out = subprocess.run([tool, "names", scratch / "names", scratch / "paths"], capture_output=True,
                             text=True, check=True)
        r = json.loads(out.stdout)
        peer = python_names(lines, random.Random(5).sample(paths, min(200, len(paths))))
        print(f"| {r['patterns']:,} | {r['paths']:,} | {r['seconds']:.2f} s | {r['path_ns'] / 1000:.2f} µs | "
              f"{peer / 1000:.0f} µs |")


def write_hashes(path, kinds, n):
    with open(path, "w") as f:
        for kind in kinds:
            for i in range(n):
                f.write(hashlib.new(kind, str(i + 1000).encode()).hexdigest() + "\n")
    return path


def scans(program, trees, repeat, scratch):
    """CPU of scans with and without lists, in turn; medians."""
    print("\n## What it costs a scan\n")
    rules = scratch / "rules.yar"
    rules.write_text("rule nothing { condition: false }\n")
    (scratch / "names").write_text("\n".join(pattern_lines(4000)) + "\n")
    lists = {
        "none": [],
        "1,000 MD5": ["--ioc", write_hashes(scratch / "hash-md5.txt", ["md5"], 1000)],
        "1,000 SHA-256": ["--ioc", write_hashes(scratch / "hash-sha256.txt", ["sha256"], 1000)],
        "1,000 of each kind": ["--ioc", write_hashes(scratch / "hash-all.txt", ["md5", "sha1", "sha256"], 1000)],
        "4,000 patterns of names": ["--ioc", f"loki-filename:{scratch / 'names'}"],
    }
    print("| rules | indicators | CPU | times without |")
    print("|---|---|---|---|")
    for rule_name, options in (("one that never matches", ["--rules", rules]), ("our pack", ["--rules", PACK])):
        costs = {name: [] for name in lists}
        for _ in range(repeat):
            for name, more in lists.items():
                say(f"{rule_name}: {name}")
                argv = [program, "scan", "--quiet", "--no-archives", "--format", "ndjson", *options, *more, *trees]
                costs[name].append(measure.run([str(a) for a in argv], scratch / "out", good=(0, 1, 3)).cpu)
        base = statistics.median(costs["none"])
        for name, values in costs.items():
            cpu = statistics.median(values)
            print(f"| {rule_name} | {name} | {cpu:.2f} s | {cpu / base:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--counts", default="100000,1000000,10000000", help="hashes, with commas")
    parser.add_argument("--peers-max", type=int, default=1_000_000, help="hashes up to which Python's set and "
                        "SQLite run, too")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--part", action="append", choices=("lookups", "names", "scans"))
    parser.add_argument("--tree", action="append", help="what is scanned (default /usr/bin, /usr/include)")
    args = parser.parse_args()
    trees = args.tree or ["/usr/bin", "/usr/include"]
    parts = args.part or ("lookups", "names", "scans")
    tool = args.build / "tests" / "indicator_lookup"
    measure.become_subreaper()
    print("# Indicators\n")
    print(machine())
    with tempfile.TemporaryDirectory(prefix="molehunt-bench-", dir="/var/tmp") as scratch:
        scratch = Path(scratch)
        if "lookups" in parts:
            lookups(tool, [int(n) for n in args.counts.split(",")], args.peers_max, scratch)
        if "names" in parts:
            names(tool, args.tree or ["/usr"], scratch)
        if "scans" in parts:
            scans(args.build / "bin" / "molehunt", trees, args.repeat, scratch)


if __name__ == "__main__":
    main()
