#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Scan the software of whole systems for hits that must not be.

usage: goodware.py [options] [PACKAGE...]

Each Debian package is downloaded by apt-get, unpacked into a folder by
`dpkg-deb -x` (no script of it runs, nothing is installed), scanned by
`molehunt scan` with the pack, archives in it included, and thrown away.  What
was scanned and what was found goes to a record that `molehunt rules check`
reads: goodware.json beside the rules.

Packages are named in a list, or on the command line; what they depend on comes
with them, as on an empty system of the suite that apt is set up for.  A run that
was broken off goes on where it was (--work keeps what is done).

Exit status: 0 no hit; 1 a hit of a rule, or a package that could not be scanned;
2 an error.
"""

import argparse
import datetime
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "goodware" / "workstation.debian"
PACK = ROOT / "signatures" / "packs" / "molehunt"
INST = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) .*\[(\w+)\]\)")
AHEAD = 40  # packages of one apt-get, which takes a second to read its lists
TRIES = 3
CHECKS = "molehunt-checks"  # findings without a rule: of places, and these are unpacked elsewhere


class Trouble(Exception):
    """What ends the run; the text says what to do."""


def run(*command, **options):
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


def names_in(path):
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [w for line in lines for w in line.split("#")[0].split()]


def with_dependencies(names):
    """What apt would install on an empty system: sorted (name, version, architecture)."""
    plan = run("apt-get", "-s", "-o", "Dir::State::status=/dev/null", "-o",
               "APT::Get::Show-User-Simulation-Note=no", "--no-install-recommends",
               "install", *names, env=dict(os.environ, LC_ALL="C"))
    if plan.returncode != 0:
        raise Trouble("apt-get cannot resolve the list: " + plan.stderr.strip() +
                      "\nremove what the suite does not have, or run apt-get update")
    return sorted(m.groups() for m in map(INST.match, plan.stdout.splitlines()) if m)


def list_digest(packages):
    text = "".join(f"{n} {v} {a}\n" for n, v, a in packages)
    return hashlib.sha256(text.encode()).hexdigest()


def file_of(folder, package):
    name, version, architecture = package
    return folder / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"


def word_for_apt(package):
    name, version, architecture = package
    return f"{name}={version}" if architecture == "all" else f"{name}:{architecture}={version}"


def download(folder, packages):
    """
    Have apt-get bring the packages' files to folder, one after the other; it checks
    their digests against the signed lists.  Returns why the last one failed, or "".
    """
    why = ""
    for attempt in range(TRIES):
        missing = [p for p in packages if not file_of(folder, p).exists()]
        if not missing:
            return ""
        time.sleep(5 * attempt)
        why = run("apt-get", "download", *map(word_for_apt, missing), cwd=folder).stderr.strip()
    return why or "apt-get wrote no file"


class Ahead:
    """Downloads in a thread, some packages before their turn."""

    def __init__(self, folder, packages):
        self.folder, self.packages = folder, packages
        self.done = queue.Queue(AHEAD)
        self.ended = threading.Event()
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        for at in range(0, len(self.packages), AHEAD):
            some = self.packages[at:at + AHEAD]
            why = download(self.folder, some)
            for package in some:
                path = file_of(self.folder, package)
                self.put((package, path, None) if path.exists() else (package, None, why))
                if self.ended.is_set():
                    return

    def put(self, item):
        while not self.ended.is_set():
            try:
                return self.done.put(item, timeout=1)
            except queue.Full:
                continue

    def __iter__(self):
        for _ in self.packages:
            yield self.done.get()


def hit_of(finding, root):
    yara = finding["evidences"][0]["data"]["yara"]
    path = finding["malware"][0]["path"]
    return {"rule": yara["rule"], "status": yara["meta"].get("status", ""),
            "score": finding["unmapped"]["score"], "namespace": yara["namespace"],
            "path": path.removeprefix(str(root) + "/"),
            "strings": sorted({s["id"] for s in yara["strings"]})}


def scan(molehunt, pack, folder):
    """What a scan of folder says: (hits, summary)."""
    hits, summary = [], None
    got = run(molehunt, "scan", "--rules", str(pack), "--format", "ndjson",
              "--max-file-size", "1G", str(folder))
    for line in got.stdout.splitlines():
        record = json.loads(line)
        if record.get("class_uid") == 2004:
            if "yara" in record["evidences"][0]["data"]:
                hits.append(hit_of(record, folder))
        elif record.get("type") == "summary":
            summary = record
    if summary is None:
        raise Trouble(f"{molehunt}: {got.stderr.strip()}")
    return hits, summary


def look_at(args, package, deb):
    """Unpack, scan, throw away; what to record of the package."""
    name, version, architecture = package
    folder = args.work / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        out = run("dpkg-deb", "-x", str(deb), str(folder))
        if out.returncode != 0:
            raise Trouble(f"{deb.name}: {out.stderr.strip()}")
        hits, summary = scan(args.molehunt, args.pack, folder)
    finally:
        run("chmod", "-R", "u+rwX", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    return {"package": name, "version": version, "architecture": architecture,
            "files": summary["scanned"], "members": summary["members"],
            "bytes": summary["bytes"], "partly": summary["partly"],
            "missed": summary["missed"], "not_scanned": summary["not_scanned"],
            "rule_set": summary["rule_set"], "hits": hits}


def earlier(path, digest):
    """What an earlier run with the same list and pack did already, by package."""
    done = {}
    if not path.exists():
        return done
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # the line that was being written
        if record.get("run") == digest:
            done[record["package"], record["version"], record["architecture"]] = record
    return done


def fingerprint(args):
    """What the rules of the pack look for, as a hash: `molehunt rules check` compares it."""
    got = run(args.molehunt, "rules", "fingerprint", "--format", "ndjson",
              str(args.pack))
    for line in got.stdout.splitlines():
        record = json.loads(line)
        if record.get("type") == "pack_fingerprint":
            return record["fingerprint"]
    raise Trouble(f"{args.pack}: no fingerprint: {got.stderr.strip()}")


def suite():
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return "unknown"


def record_of(args, packages, done, failed):
    total = {k: sum(r[k] for r in done.values())
             for k in ("files", "members", "bytes", "partly", "missed")}
    not_scanned = {}
    for r in done.values():
        for why, n in r["not_scanned"].items():
            not_scanned[why] = not_scanned.get(why, 0) + n
    hits = [dict(h, package=r["package"], version=r["version"])
            for _, r in sorted(done.items()) for h in r["hits"]]
    one = next(iter(done.values()), {"rule_set": {"engine": "", "rules": 0}})["rule_set"]
    return {"schema": 1, "corpus": f"{suite()}, {args.list.name if not args.package else 'by name'}",
            "suite": suite(), "date": datetime.date.today().isoformat(),
            "package_list_sha256": list_digest(packages), "packages": len(done),
            "failed": failed, **total, "not_scanned": not_scanned,
            "pack_fingerprint": fingerprint(args), "rules": one["rules"],
            "engine": one["engine"], "hits": hits}


class Progress:
    """One line that is rewritten on a terminal; every hundredth package elsewhere."""

    def __init__(self, n):
        self.n, self.at, self.bytes, self.hits = n, 0, 0, 0
        self.tty, self.began = sys.stderr.isatty(), time.monotonic()

    def step(self, record, name):
        self.at += 1
        self.bytes += record["bytes"] if record else 0
        self.hits += len(record["hits"]) if record else 0
        if not self.tty and self.at % 100 and self.at != self.n:
            return
        seconds = time.monotonic() - self.began
        left = seconds / self.at * (self.n - self.at)
        line = (f"{self.at}/{self.n} packages  {self.bytes / 2**30:.1f} GiB  "
                f"{self.hits} hits  {int(left) // 60} min left")
        if self.tty:
            line = "\r\x1b[K" + (line + "  " + name)[:79]
        print(line, end="" if self.tty else "\n", file=sys.stderr, flush=True)

    def note(self, text):
        print(("\r\x1b[K" if self.tty else "") + text, file=sys.stderr, flush=True)

    def end(self):
        if self.tty:
            print(file=sys.stderr)


def go(args, packages):
    """Scan what is not done yet: what was done by package, and what failed."""
    log = args.work / "done.ndjson"
    digest = hashlib.sha256((list_digest(packages) + fingerprint(args)).encode()).hexdigest()
    done = earlier(log, digest)
    rest = [p for p in packages if p not in done]
    progress, failed = Progress(len(rest)), []
    debs = args.work / "debs"
    debs.mkdir(exist_ok=True)
    ahead = Ahead(debs, rest)
    try:
        with open(log, "a", encoding="utf-8") as out:
            for package, deb, why in ahead:
                record = None
                if deb is not None:
                    try:
                        record = look_at(args, package, deb)
                    except Trouble as e:
                        why = str(e)
                    if not args.keep:
                        deb.unlink(missing_ok=True)
                if record is None:
                    failed.append({"package": package[0], "why": why})
                    progress.note(f"not scanned: {package[0]}: {why}")
                else:
                    done[package] = record
                    out.write(json.dumps(dict(record, run=digest)) + "\n")
                    out.flush()
                    for h in record["hits"]:
                        progress.note(f"{h['rule']} {' '.join(h['strings'])}: {package[0]}: {h['path']}")
                progress.step(record, package[0])
    finally:
        ahead.ended.set()
        progress.end()
    return done, failed


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("package", metavar="PACKAGE", nargs="*",
                        help="packages instead of the list")
    parser.add_argument("--list", type=Path, default=LIST, help="file of package names")
    parser.add_argument("--pack", type=Path, default=PACK, help="folder of rules")
    parser.add_argument("--molehunt", default=str(ROOT / "build/release/bin/molehunt"),
                        help="the program")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "goodware",
                        help="scratch folder; what is done is kept there")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded packages")
    parser.add_argument("--deb", type=Path, action="append", metavar="FILE",
                        help="scan this package file; nothing is downloaded")
    parser.add_argument("--download-only", action="store_true",
                        help="download and keep, scan nothing")
    parser.add_argument("--record", type=Path, help="write the record there (JSON)")
    return parser.parse_args()


def fields_of(deb):
    got = run("dpkg-deb", "-f", str(deb), "Package", "Version", "Architecture")
    if got.returncode != 0:
        raise Trouble(f"{deb}: {got.stderr.strip()}")
    fields = dict(line.split(": ", 1) for line in got.stdout.splitlines())
    return fields["Package"], fields["Version"], fields["Architecture"]


def scan_files(args):
    """The packages named with --deb: as go()."""
    done, failed = {}, []
    for deb in args.deb:
        package = fields_of(deb)
        done[package] = look_at(args, package, deb)
        for h in done[package]["hits"]:
            print(f"{h['rule']} {' '.join(h['strings'])}: {package[0]}: {h['path']}",
                  file=sys.stderr)
    return sorted(done), done, failed


def fetch_all(args, packages):
    """Download all to the work folder, where a later run with --keep finds them."""
    debs = args.work / "debs"
    debs.mkdir(exist_ok=True)
    progress, failed = Progress(len(packages)), 0
    for at in range(0, len(packages), AHEAD):
        some = packages[at:at + AHEAD]
        why = download(debs, some)
        for package in some:
            if not file_of(debs, package).exists():
                failed += 1
                progress.note(f"not downloaded: {package[0]}: {why}")
            progress.step(None, package[0])
    progress.end()
    return 1 if failed else 0


def main():
    args = options()
    args.work.mkdir(parents=True, exist_ok=True)
    args.pack, args.work = args.pack.resolve(), args.work.resolve()
    if args.deb:
        packages, done, failed = scan_files(args)
    else:
        packages = with_dependencies(args.package or names_in(args.list))
        if args.download_only:
            return fetch_all(args, packages)
        done, failed = go(args, packages)
    record = record_of(args, packages, done, failed)
    if args.record:
        args.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    released = [h for h in record["hits"] if h["status"] != "EXPERIMENTAL"]
    print(f"{record['packages']} packages, {record['files']:,} files and "
          f"{record['members']:,} members of archives, {record['bytes'] / 2**30:.1f} GiB: "
          f"{len(record['hits'])} hits, {len(released)} of rules that are not experimental; "
          f"{len(failed)} packages not scanned")
    return 1 if record["hits"] or failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Trouble, OSError) as e:
        print(f"goodware: {e}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
