#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare molehunt with other programs: same rules, same files, one run.

Prints Markdown.  What counts are the ratios: every program is run in turn, several
times over, so that a slow moment of the machine falls on all of them.  CPU time is
user and system time of all processes.  Memory is sampled in a run of its own that is
not timed.  "Start" is the CPU time of a run over one empty file: loading the rules.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import measure
import programs

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "signatures" / "packs" / "molehunt"
AGREEMENT = ROOT / "bench" / "rules"
SHOWN_DIFFERENCES = 20


@dataclass
class Result:
    rules: str
    tree: str
    program: str
    cpu: list = field(default_factory=list)
    wall: list = field(default_factory=list)
    start_cpu: float = 0.0
    memory: measure.Memory = None
    found: int = 0
    note: str = ""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- what is scanned

def list_tree(tree, scratch):
    """Write the sorted list of regular, readable files under tree; returns (list, files, bytes)."""
    found, size = [], 0
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path) or "\n" in path:
                continue
            if os.access(path, os.R_OK):
                found.append(path)
                size += os.path.getsize(path)
    found.sort()
    listing = scratch / f"{str(tree).strip('/').replace('/', '-')}.list"
    listing.write_bytes(b"".join(os.fsencode(p) + b"\n" for p in found))
    return listing, found, size


def warm(paths):
    """Read everything once, so that no program pays for the disk."""
    for path in paths:
        with open(path, "rb") as f:
            while f.read(1 << 20):
                pass


def rule_files(folder):
    files = (p for p in Path(folder).rglob("*") if p.suffix in (".yar", ".yara"))
    return sorted(p for p in files if p.is_file())


# --- measuring

def install_yara_x(scratch):
    prefix = scratch / "yara-x"
    prefix.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix",
                    str(prefix), "@litko/yara-x"], check=True, stdout=sys.stderr)


def make_programs(args, folder, files, scratch):
    """The programs that are installed and can load something of the rule set."""
    makers = {
        "molehunt": lambda: programs.Molehunt(files, args.jobs, scratch, folder, args.molehunt),
        "yara": lambda: programs.Yara(files, args.jobs, scratch),
        "yara-x": lambda: programs.YaraX(files, args.jobs, scratch,
                                         args.scratch / "yara-x" / "node_modules"),
        "clamscan": lambda: programs.Clamscan(files, args.jobs, scratch),
    }
    ready, missing = [], {}
    for name in args.programs:
        program = makers[name]()
        try:
            program.version()
            program.prepare()
            ready.append(program)
        except programs.NotInstalled as e:
            missing[name] = f"not installed ({e})"
        except measure.Failed as e:
            missing[name] = f"cannot load these rules ({e})"
    return ready, missing


def measure_tree(ready, listing, empty, args, name, tree):
    results = {p.name: Result(name, str(tree), p.name, note=p.note) for p in ready}
    for program in list(ready):
        try:
            results[program.name].start_cpu = program.run(empty).cpu
        except measure.Failed as e:
            results[program.name].note = str(e)
            ready.remove(program)
    for turn in range(args.repeat):
        for program in list(ready):
            say(f"{name}, {tree}: {program.name}, {turn + 1} of {args.repeat}")
            try:
                cost = program.run(listing)
            except measure.Failed as e:
                results[program.name].note = str(e)
                ready.remove(program)
                continue
            notes = [program.note, program.unscanned(cost)]
            results[program.name].note = "; ".join(n for n in notes if n)
            results[program.name].cpu.append(cost.cpu)
            results[program.name].wall.append(cost.wall)
    for program in ready:
        sampler = measure.Sampler()
        program.run(listing, sampler)
        results[program.name].memory = sampler.memory
    return list(results.values())


# --- agreement

def compare_findings(ready, listing, results):
    """Lines that say whether all found what yara found; sets result.found."""
    found = {p.name: p.findings(listing) for p in ready}
    for result in results:
        if result.program in found:
            result.found = len(found[result.program].rules)
    if "yara" not in found:
        return ["No yara here: findings were not compared."], False
    lines, differs = [], False
    base = found["yara"]
    strings_read = {p.name for p in ready if p.reads_strings}
    for name, other in found.items():
        if name == "yara":
            continue
        sets = [("rule", base.rules, other.rules)]
        if name in strings_read:
            sets.append(("string", base.strings, other.strings))
        for what, mine, theirs in sets:
            only_yara, only_other = sorted(mine - theirs), sorted(theirs - mine)
            same = not only_yara and not only_other
            differs |= not same and name == "molehunt"
            lines.append(f"{what} matches of yara and {name}: "
                         + (f"identical, {len(mine)}" if same else
                            f"{len(mine & theirs)} in both, {len(only_yara)} only yara, "
                            f"{len(only_other)} only {name}"))
            if name == "molehunt":
                lines += [f"  only yara: {d}" for d in only_yara[:SHOWN_DIFFERENCES]]
                lines += [f"  only molehunt: {d}" for d in only_other[:SHOWN_DIFFERENCES]]
    return lines, differs


def agreement_on(args, listing, tree):
    """Compare molehunt with yara under rules that match ordinary files."""
    scratch = args.scratch / "agreement"
    scratch.mkdir(exist_ok=True)
    narrow = argparse.Namespace(**{**vars(args), "programs": ["molehunt", "yara"]})
    ready, missing = make_programs(narrow, AGREEMENT, rule_files(AGREEMENT), scratch)
    if missing:
        return [f"{name}: {why}" for name, why in missing.items()], False
    for program in ready:
        say(f"agreement, {tree}: {program.name}")
        program.run(listing)
    return compare_findings(ready, listing, [])


# --- telling

def machine():
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"{model}, {os.cpu_count()} processors, {system}, Linux {platform.release()}"


def mb(n):
    return f"{n / 1e6:.1f}"


def spread(values, digits=2):
    if not values:
        return "-"
    middle = f"{statistics.median(values):.{digits}f}"
    return f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def print_table(results, missing):
    yara = next((r for r in results if r.program == "yara" and r.cpu), None)
    print("| program | CPU s | to yara | wall s | start CPU s | anonymous MB | matches | note |")
    print("|---|---|---|---|---|---|---|---|")
    for r in results:
        ratio = "-"
        if yara and r.cpu:
            ratio = f"{statistics.median(r.cpu) / statistics.median(yara.cpu):.2f}"
        anon = mb(r.memory.total_anon) if r.memory else "-"
        print(f"| {r.program} | {spread(r.cpu)} | {ratio} | {spread(r.wall)} | {r.start_cpu:.2f} "
              f"| {anon} | {r.found} | {r.note} |")
    for name, why in missing.items():
        print(f"| {name} | - | - | - | - | - | - | {why} |")
    print()
    for r in results:
        if r.memory and r.memory.workers:
            print(f"Peak of one {r.program} worker (of {r.memory.workers}): "
                  f"{mb(r.memory.worker_anon)} MB anonymous, "
                  f"{mb(r.memory.worker_dirty)} MB private dirty.\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", action="append", default=[], metavar="NAME=DIR",
                        help="another rule set besides our pack; may be repeated")
    parser.add_argument("--no-pack", action="store_true", help="leave our own pack out")
    parser.add_argument("--tree", action="append", metavar="DIR",
                        help="what to scan (default: /usr/bin and /usr/include)")
    parser.add_argument("--programs", default="molehunt,yara,yara-x,clamscan",
                        type=lambda s: s.split(","), help="which to run, and in which order")
    parser.add_argument("--molehunt", type=Path, metavar="PROGRAM",
                        default=ROOT / "build" / "release" / "bin" / "molehunt")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="threads or workers of each program that has them")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program")
    parser.add_argument("--with-yara-x", action="store_true",
                        help="install YARA-X's Node binding into build/bench with npm")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures here")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "bench")
    args = parser.parse_args()
    sets = [] if args.no_pack else [("molehunt pack", PACK)]
    for word in args.rules:
        name, equals, folder = word.partition("=")
        if not equals or not Path(folder).is_dir():
            parser.error(f"--rules {word}: must be NAME=DIR, and DIR a folder")
        sets.append((name, Path(folder).resolve()))
    args.sets = sets
    args.tree = args.tree or ["/usr/bin", "/usr/include"]
    return args


def print_agreement(args):
    """The last part: findings under rules that match; true when some differ."""
    differs = False
    print("### Findings under rules that match ordinary files (bench/rules)\n")
    for tree in args.tree:
        listing, _, _ = list_tree(tree, args.scratch)
        try:
            lines, differ = agreement_on(args, listing, tree)
        except measure.Failed as e:
            lines, differ = [str(e)], True
        differs |= differ
        print(f"{tree}: " + "\n".join(lines) + "\n", flush=True)
    return differs


def main():
    args = parse_arguments()
    measure.become_subreaper()
    args.scratch.mkdir(parents=True, exist_ok=True)
    if args.with_yara_x:
        install_yara_x(args.scratch)
    empty = args.scratch / "empty.list"
    (args.scratch / "empty.file").write_bytes(b"")
    empty.write_text(f"{args.scratch / 'empty.file'}\n")
    print(f"Measured {time.strftime('%Y-%m-%d')} on {machine()}; {args.jobs} threads or workers; "
          f"median (least–most) of {args.repeat} interleaved runs.\n")
    everything, all_differs, versions = [], False, {}
    for name, folder in args.sets:
        files = rule_files(folder)
        scratch = args.scratch / name.replace(" ", "-")
        scratch.mkdir(exist_ok=True)
        ready, missing = make_programs(args, folder, files, scratch)
        versions.update({p.name: p.version() for p in ready})
        for tree in args.tree:
            listing, paths, size = list_tree(tree, scratch)
            warm(paths)
            here = list(ready)
            results = measure_tree(here, listing, empty, args, name, tree)
            lines, differs = compare_findings(here, listing, results)
            all_differs |= differs
            print(f"### {name} ({len(files)} files) on {tree} "
                  f"({len(paths)} files, {size / 1e6:.0f} MB)\n")
            print_table(results, missing)
            print("\n".join(lines) + "\n", flush=True)
            everything += [{**asdict(r), "agreement": lines} for r in results]
    all_differs |= print_agreement(args)
    print("Versions: " + "; ".join(versions.values()) + ".")
    print("yara reads every rule file as NAMESPACE:FILE from text; clamscan also unpacks and "
          "parses what it scans.")
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "versions": versions,
                                         "results": everything}, indent=1) + "\n")
    return 1 if all_differs else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError) as e:
        sys.exit(f"bench: {e}")
