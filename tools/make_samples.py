#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write inert sample files from the manifests of a rule pack.

usage: make_samples.py [--negatives] [--json] PACKDIR OUTDIR

No sample is, or contains, a program: each is a container of the right type
(ELF with no program headers, PE with no sections: no system can run either)
that carries the documented strings of a manifest and the words
INERT-TEST-SAMPLE.  They show that the rules fire on the published facts; they
say nothing about how many real implants the rules catch.
"""

import argparse
import json
import struct
import sys
import tomllib
from pathlib import Path

BANNER = b"INERT-TEST-SAMPLE: made from published facts to test a rule; not a program.\n"
PE_HEADER_AT = 0x80


def elf_container():
    """An x86-64 executable header without program headers: execve says ENOEXEC."""
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0)
    return ident + header + BANNER


def pe_container():
    """DOS stub, PE signature and a COFF header that announces no section."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", PE_HEADER_AT)
    stub = dos.ljust(PE_HEADER_AT, b"\0")
    coff = struct.pack("<HHIIIHH", 0x14C, 0, 0, 0, 0, 0, 0x0102)
    return stub + b"PE\0\0" + coff + BANNER


def html_container():
    return b"<!DOCTYPE html>\n<title>" + BANNER.strip() + b"</title>\n"


CONTAINERS = {
    "elf": elf_container,
    "pe": pe_container,
    "html": html_container,
    "raw": lambda: BANNER,
}


class ManifestError(Exception):
    """A manifest that cannot be used; the text says what to correct."""


def load_manifests(packdir):
    """The manifests of a pack, sorted by file name; each knows its path."""
    manifests = []
    for path in sorted(Path(packdir).glob("**/*.toml")):
        try:
            with open(path, "rb") as f:
                manifest = tomllib.load(f)
        except tomllib.TOMLDecodeError as e:
            raise ManifestError(f"{path}: {e}") from e
        if manifest.get("schema") != 1:
            raise ManifestError(f"{path}: schema must be 1")
        manifest["path"] = path
        manifest["facts"] = {f["string"]: fact_bytes(path, f) for f in manifest["fact"]}
        manifests.append(manifest)
    return manifests


def fact_bytes(path, fact):
    kind, value = fact["kind"], fact["value"]
    if kind in ("ascii", "ascii wide"):
        return value.encode("ascii")
    if kind == "wide":
        return value.encode("utf-16-le")
    if kind == "hex":
        return bytes.fromhex(value)
    raise ManifestError(f"{path}: {fact['string']}: unknown kind {kind!r}")


def term_holds(term, present):
    """Does one term of [require] hold when the strings in present are there?"""
    enough = len(present.intersection(term["of"])) >= term["n"]
    return enough and ("and" not in term or term_holds(term["and"], present))


def must_fire(manifest, present):
    """What the condition should answer, by the manifest's [require]."""
    return any(term_holds(t, set(present)) for t in manifest["require"]["any_of"])


def payload(manifest, names, container, layout="packed", pad=0):
    """The bytes of a sample that carries the named facts."""
    facts = manifest["facts"]
    if names == "all":
        names = list(facts)
    gap = b"\0" * (pad if layout == "spread" else 4)
    if container in ("raw", "html"):
        gap = b"\n"
    return CONTAINERS[container]() + gap + gap.join(facts[n] for n in names) + gap


def sample_bytes(manifest, case):
    data = payload(
        manifest,
        case["strings"],
        case.get("container", manifest["container"]),
        case.get("layout", "packed"),
        case.get("pad", 0),
    )
    if case.get("oversize"):
        data = data.ljust(manifest["require"]["filesize_below"], b"\0")
    return data


def write_sample(path, data):
    path.write_bytes(data)
    path.chmod(0o644)


def write_samples(packdir, outdir, negatives=False):
    """Write the samples; returns the list that --json prints."""
    outdir = Path(outdir)
    outdir.mkdir(parents=True, exist_ok=True)
    written = []
    for manifest in load_manifests(packdir):
        cases = [("fire", c) for c in manifest["positive"]]
        if negatives:
            cases += [("silent", c) for c in manifest.get("negative", [])]
        for expect, case in cases:
            path = outdir / f"{manifest['path'].stem}-{case['id']}.inert"
            try:
                write_sample(path, sample_bytes(manifest, case))
            except KeyError as e:
                raise ManifestError(
                    f"{manifest['path']}: {case['id']}: nothing is known of {e}"
                ) from e
            written.append({"path": str(path), "rule": manifest["rule"], "expect": expect})
    if not written:
        raise ManifestError(f"{packdir}: no manifest (*.toml) in this folder")
    return written


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packdir", metavar="PACKDIR", help="folder of rules and manifests")
    parser.add_argument("outdir", metavar="OUTDIR", help="where to write; made if missing")
    parser.add_argument("--negatives", action="store_true", help="write the near misses too")
    parser.add_argument("--json", action="store_true", help="print what was written, as JSON")
    args = parser.parse_args()
    try:
        written = write_samples(args.packdir, args.outdir, args.negatives)
    except (ManifestError, OSError) as e:
        print(f"make_samples: {e}", file=sys.stderr)
        return 2
    if args.json:
        json.dump(written, sys.stdout, indent=1)
        print()
    else:
        print(f"{len(written)} inert samples in {args.outdir}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
