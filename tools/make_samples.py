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
import re
import struct
import sys
from pathlib import Path

import yaml

SCHEMA = 2
BANNER = b"INERT-TEST-SAMPLE: made from published facts to test a rule; not a program.\n"
PE_HEADER_AT = 0x80
# libyaml where it is there: ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNITS = {"": 1, "KiB": 1024, "MiB": 1024 * 1024}


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


def macho_container():
    """A 64-bit little-endian header that announces no load command."""
    return struct.pack("<IIIIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 0, 0, 0, 0) + BANNER


def html_container():
    return b"<!DOCTYPE html>\n<title>" + BANNER.strip() + b"</title>\n"


CONTAINERS = {
    "elf": elf_container,
    "pe": pe_container,
    "macho": macho_container,
    # Who executes it runs a program that ends at once.
    "script": lambda: b"#!/bin/false\n# " + BANNER,
    "html": html_container,
    "raw": lambda: BANNER,
}
# What stands between strings where bytes of zero would be no text.
TEXT_CONTAINERS = ("raw", "html", "script")


class ManifestError(Exception):
    """A manifest that cannot be used; the text says what to correct."""


def load_manifests(packdir):
    """The manifests of a pack, sorted by file name; each knows its path and its strings."""
    return [load_manifest(path) for path in sorted(Path(packdir).glob("**/*.yaml"))]


def load_manifest(path):
    try:
        manifest = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except yaml.YAMLError as e:
        raise ManifestError(f"{path}: {e}") from e
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise ManifestError(f"{path}: schema must be {SCHEMA}")
    try:
        require = manifest["require"]
        manifest["path"] = path
        manifest["values"] = {f["string"]: fact_bytes(path, f) for f in manifest["facts"]}
        manifest["limit"] = size(path, require["filesize_below"])
        manifest["terms"] = {
            "file": [term(path, t) for t in require.get("any_of", [])],
            "memory": [term(path, t) for t in require.get("memory_any_of", [])],
        }
    except KeyError as e:
        raise ManifestError(f"{path}: the key {e} is missing") from e
    return manifest


def size(path, text):
    """Bytes of a size such as 512, 64KiB or 4MiB."""
    found = re.fullmatch(r"([0-9]+)(KiB|MiB)?", str(text))
    if not found:
        raise ManifestError(f"{path}: {text!r} is no size (512, 64KiB, 4MiB)")
    return int(found[1]) * UNITS[found[2] or ""]


def fact_bytes(path, fact):
    kind, value = fact["kind"], fact["value"]
    if kind in ("ascii", "ascii wide"):
        return value.encode("ascii")
    if kind == "wide":
        return value.encode("utf-16-le")
    if kind == "hex":
        return bytes.fromhex(value)
    raise ManifestError(f"{path}: {fact['string']}: unknown kind {kind!r}")


def term(path, text):
    """[(n, names)] of '2 of $a $b and 1 of $c': all parts have to hold."""
    parts = []
    for part in text.split(" and "):
        found = re.fullmatch(r"([0-9]+) of ((?:\$\w+ ?)+)", part)
        if not found:
            raise ManifestError(f"{path}: {text!r} is no term (2 of $a $b and 1 of $c)")
        parts.append((int(found[1]), found[2].split()))
    return parts


def must_fire(manifest, present, place="file"):
    """What the condition should answer, in the place file or memory, by `require`."""
    present = set(present)
    return any(all(len(present.intersection(names)) >= n for n, names in parts)
               for parts in manifest["terms"][place])


def wrap(container, values, gap=None, shift=0):
    """The bytes of a container that carries the values, shift bytes late."""
    if gap is None:
        gap = b"\n" if container in TEXT_CONTAINERS else b"\0" * 4
    return CONTAINERS[container]() + b"\n" * shift + gap + gap.join(values) + gap


def payload(manifest, names, container=None):
    """The bytes of a sample that carries the named strings close together."""
    return wrap(container or manifest["container"], [manifest["values"][n] for n in names])


def sample_bytes(manifest, case):
    values = manifest["values"]
    names = list(values) if case["strings"] == ["all"] else case["strings"]
    gap = None
    if case.get("layout", "packed") == "spread":
        gap = b"\0" * size(manifest["path"], case["pad"])
    container = case.get("container", manifest["container"])
    return wrap(container, [values[n] for n in names], gap)


def write_sample(path, data, length=0):
    """A file that nobody may execute, at least length bytes long."""
    with open(path, "wb") as f:
        f.write(data)
        f.truncate(max(length, len(data)))
    path.chmod(0o644)


def write_samples(packdir, outdir, negatives=False):
    """Write the samples; returns the list that --json prints."""
    outdir = Path(outdir)
    outdir.mkdir(parents=True, exist_ok=True)
    written = []
    for manifest in load_manifests(packdir):
        cases = [("fire", c) for c in manifest["positives"]]
        if negatives:
            cases += [("silent", c) for c in manifest.get("negatives", [])]
        for expect, case in cases:
            path = outdir / f"{manifest['path'].stem}-{case['id']}.inert"
            length = manifest["limit"] if case.get("oversize") else 0
            try:
                write_sample(path, sample_bytes(manifest, case), length)
            except KeyError as e:
                raise ManifestError(
                    f"{manifest['path']}: {case['id']}: nothing is known of {e}"
                ) from e
            written.append({"path": str(path), "rule": manifest["rule"], "expect": expect})
    if not written:
        raise ManifestError(f"{packdir}: no manifest (*.yaml) in this folder")
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
