#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print the table of a pack's rules for its README, or put it there.

usage: pack_table.py [--write README] PACKDIR

`facts` counts the documented strings of a rule, `changes` how many of them an
author has to change before the rule is silent in files.  1 is marked: such a
rule has one line of defence.
"""

import argparse
import itertools
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import make_samples  # noqa: E402

BEGIN = "<!-- table: made by tools/pack_table.py -->"
END = "<!-- end of table -->"
HEAD = ["| family | rule file | status | evidence | where | facts | changes |",
        "|---|---|---|---|---|---|---|"]
WHERE = {"file": "files", "memory": "memory", "both": "files, memory"}
META = re.compile(r'^\t\t(\w+) = "((?:[^"\\]|\\.)*)"$', re.M)


def changes_needed(manifest):
    """The fewest strings without which the rule does not fire in files."""
    names = list(manifest["values"])
    for n in range(1, len(names) + 1):
        for gone in itertools.combinations(names, n):
            if not make_samples.must_fire(manifest, set(names) - set(gone)):
                return n
    return 0


def marked(n):
    return f"**{n}**" if n == 1 else str(n)


def family(manifest):
    text = manifest["path"].with_suffix(".yar").read_text(encoding="utf-8")
    return dict(META.findall(text))["family"]


def row(manifest):
    evidence = "/".join(sorted({f["evidence"] for f in manifest["facts"]}, reverse=True))
    cells = [family(manifest), manifest["path"].stem, manifest["status"].lower(), evidence,
             WHERE[manifest["scope"]], marked(len(manifest["values"])),
             marked(changes_needed(manifest))]
    return f"| {' | '.join(cells)} |"


def summary(manifests):
    families = {family(m) for m in manifests}
    released = sum(m["status"] == "RELEASED" for m in manifests)
    memory = sum(m["scope"] != "file" for m in manifests)
    return (f"{len(manifests)} rules for {len(families)} families: {released} released, "
            f"{len(manifests) - released} experimental; {memory} also look into memory.")


def table(packdir):
    """The lines of the table, a summary first."""
    manifests = make_samples.load_manifests(packdir)
    return [summary(manifests), ""] + HEAD + [row(m) for m in manifests]


def with_table(text, lines):
    """The text of a README with the lines between its two marks."""
    before, rest = text.split(BEGIN + "\n")
    _, after = rest.split(END + "\n")
    return before + BEGIN + "\n" + "".join(f"{line}\n" for line in lines) + END + "\n" + after


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packdir", metavar="PACKDIR", help="folder of rules and manifests")
    parser.add_argument("--write", metavar="README", type=Path,
                        help="put the table between the marks of this file")
    args = parser.parse_args()
    try:
        lines = table(args.packdir)
    except (make_samples.ManifestError, OSError) as e:
        print(f"pack_table: {e}", file=sys.stderr)
        return 2
    if args.write:
        args.write.write_text(with_table(args.write.read_text(encoding="utf-8"), lines),
                              encoding="utf-8")
    else:
        print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
