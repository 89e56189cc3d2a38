# SPDX-License-Identifier: BSD-2-Clause
"""What each rule of a pack has to answer to which bytes, by its manifest.

Every function yields (name of a file, bytes, length, names of the rules that must fire); the
file is filled up with zeros to the length.
"""

import itertools
import json
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import make_samples  # noqa: E402

# Up to this many strings every subset is tried; beyond, so many of them, always the same.
MAX_STRINGS_IN_FULL = 12
N_SAMPLED = 1024
SEED = 6
# Bytes that no header test of a rule reads.
HEADER_SIZE = 16


def expected(manifest, present):
    return [manifest["rule"]] if make_samples.must_fire(manifest, present) else []


def subsets(names):
    """All subsets, or as many chosen ones of every size."""
    if len(names) <= MAX_STRINGS_IN_FULL:
        return [s for n in range(len(names) + 1) for s in itertools.combinations(names, n)]
    chance = random.Random(SEED)
    chosen = {tuple(sorted(chance.sample(names, chance.randint(0, len(names)))))
              for _ in range(N_SAMPLED)}
    return sorted(chosen)


def minimal_sets(manifest, place="file"):
    """The sets of strings that suffice, and of which each string is needed."""
    found = set()
    for parts in manifest["terms"][place]:
        for choice in itertools.product(
                *(itertools.combinations(sorted(names), n) for n, names in parts)):
            found.add(frozenset(itertools.chain(*choice)))
    return sorted((s for s in found if not any(other < s for other in found)), key=sorted)


def subset_cases(manifest):
    for i, subset in enumerate(subsets(list(manifest["values"]))):
        data = make_samples.payload(manifest, subset)
        yield f"subset-{i}", data, 0, expected(manifest, subset)


def minimal_cases(manifest):
    """Each minimal set fires; the same with one string less does not."""
    for i, enough in enumerate(minimal_sets(manifest)):
        yield f"enough-{i}", make_samples.payload(manifest, sorted(enough)), 0, [manifest["rule"]]
        for name in sorted(enough):
            data = make_samples.payload(manifest, sorted(enough - {name}))
            yield f"short-{i}-{name[1:]}", data, 0, []


def other_case(value):
    return value.swapcase()


def other_width(value, kind):
    """ASCII as UTF-16 and the reverse; hexadecimal bytes are no text."""
    if kind == "wide":
        return value[::2]
    return value if kind == "hex" else value.decode("ascii").encode("utf-16-le")


def damaged_cases(manifest, what, damage):
    """Every string damaged in turn, among all others; damage(value) yields the results."""
    rest = manifest["values"]
    outcome = manifest["mutations"][what]
    for name in rest:
        for i, broken in enumerate(damage(rest[name])):
            values = [broken if n == name else v for n, v in rest.items()]
            left = expected(manifest, [n for n in rest if n != name])
            rules = {"derive": left, "fire": [manifest["rule"]], "silent": []}[outcome]
            data = make_samples.wrap(manifest["container"], values)
            yield f"{what}-{name[1:]}-{i}", data, 0, rules


def flipped(value):
    for at in sorted({0, len(value) // 2 & ~1, (len(value) - 1) & ~1}):
        broken = bytearray(value)
        broken[at] ^= 0x01
        yield bytes(broken)


def whole_cases(manifest):
    """What is done to the sample with all strings at once."""
    container, values = manifest["container"], manifest["values"]
    kinds = {f["string"]: f["kind"] for f in manifest["facts"]}
    wide = {n: other_width(v, kinds[n]) for n, v in values.items()}
    case = {n: v if kinds[n] == "hex" else other_case(v) for n, v in values.items()}
    full = make_samples.payload(manifest, values)

    def kept(changed, whatever=()):
        return [n for n in values if changed[n] == values[n] or n in whatever]

    both = [n for n in values if kinds[n] == "ascii wide"]
    yield from one(manifest, "wide_swap", make_samples.wrap(container, wide.values()),
                   derived=kept(wide, both))
    yield from one(manifest, "case_swap", make_samples.wrap(container, case.values()),
                   derived=kept(case))
    yield from one(manifest, "header_zero", bytes(HEADER_SIZE) + full[HEADER_SIZE:])
    yield from one(manifest, "oversize", full, manifest["limit"])
    yield from one(manifest, "shift", make_samples.wrap(container, values.values(), shift=1),
                   derived=values)
    yield "below-limit", full, manifest["limit"] - 1, [manifest["rule"]]


def one(manifest, what, data, length=0, derived=()):
    outcome = manifest["mutations"][what]
    rules = {"derive": expected(manifest, derived), "fire": [manifest["rule"]], "silent": []}
    yield what, data, length, rules[outcome]


def mutation_cases(manifest):
    yield from damaged_cases(manifest, "drop_each", lambda v: [b""])
    yield from damaged_cases(manifest, "flip_byte", flipped)
    yield from damaged_cases(manifest, "truncate", lambda v: [v[:len(v) // 2 & ~1]])
    yield from whole_cases(manifest)


def near_miss_cases(manifest):
    """Other people's files that quote every string of a rule."""
    values = list(manifest["values"].values())
    texts = [v.decode("latin-1") for v in values]
    yield "report.txt", wrapped(b"Indicators of compromise\n\n", b"\n", values), 0, []
    yield "report-utf16.txt", b"\xff\xfe" + "\r\n".join(texts).encode("utf-16-le"), 0, []
    yield "page.html", wrapped(b"<!DOCTYPE html>\n<ul>\n", b"</li>\n<li>", values), 0, []
    attributes = [{"type": "pattern-in-file", "to_ids": True, "value": t} for t in texts]
    export = json.dumps({"Event": {"info": manifest["rule"], "Attribute": attributes}}, indent=1)
    yield "export.json", export.encode(), 0, []
    yield "export.xml", wrapped(b'<?xml version="1.0"?>\n<ioc>', b"\n", values), 0, []
    yield "others.yar", wrapped(b'import "pe"\nrule other {\n\tstrings:', b"\n", values), 0, []
    yield "notes.txt", wrapped(b"important strings, from a report", b"\n", values), 0, []
    stamp = b"Nov 26 08:00:00 host scanner[1]: matched "
    yield "syslog", stamp + (b"\n" + stamp).join(values), 0, []
    yield "core", core_dump() + b"\0".join(values), 0, []


def wrapped(head, gap, values):
    return head + gap + gap.join(values) + gap


def core_dump():
    """The header of a core file: the type, 2 in a program, is 4."""
    header = bytearray(make_samples.elf_container())
    header[0x10] = 4
    return bytes(header)
