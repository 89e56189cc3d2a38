# SPDX-License-Identifier: BSD-2-Clause
"""A rule of our own with which nothing is wrong, and its manifest, for tests of `molehunt rules`."""
import os
import subprocess

import scans
from scans import PROGRAM, ScanTest

NAME = "APT_MAL_LNX_Example_Nov26_1"
RULE = """rule APT_MAL_LNX_Example_Nov26_1 : FILE MEMORY
{
	meta:
		id = "30e0eaf2-7180-51c3-a4dd-0b8918c64933"
		description = "Detects the Example implant for Linux by its lock file, or by two of its messages"
		author = "Us"
		date = "2026-11-23"
		version = 1
		reference = "Vendor, The Example report, 2023"
		score = 75
		family = "Example"
		actor = "unknown"
		attack = "T1205.002, T1059"
		scope = "both"
		os = "linux"
		container = "elf"
		category = "MAL"
		status = "RELEASED"
		sharing = "TLP:CLEAR"
		license = "BSD-2-Clause"

	strings:
		$x1 = "/var/run/example.lock" ascii
		$s1 = "first message" ascii
		$s2 = "second message" wide
		$s3 = { de ad be ef 12 34 56 }

	condition:
		(uint32(0) == 0x464c457f and uint16(0x10) != 4 and filesize < 1MB and ($x1 or 2 of ($s*)))
		or (not defined filesize and 3 of them)
}
"""
MANIFEST = """schema: 2
rule: APT_MAL_LNX_Example_Nov26_1
scope: both
container: elf
status: RELEASED
sources:
  - {id: r1, title: The Example report, publisher: Vendor, year: 2023, section: strings}
facts:
  - {string: $x1, kind: ascii, value: /var/run/example.lock, sources: [r1], evidence: V}
  - {string: $s1, kind: ascii, value: first message, sources: [r1], evidence: V}
  - {string: $s2, kind: wide, value: second message, sources: [r1], evidence: V}
  - {string: $s3, kind: hex, value: 'de ad be ef 12 34 56', sources: [r1], evidence: V}
require:
  filesize_below: 1MiB
  any_of:
    - 1 of $x1
    - 2 of $s1 $s2 $s3
  memory_any_of:
    - 3 of $x1 $s1 $s2 $s3
positives:
  - {id: p1, strings: [$x1]}
  - {id: p2, strings: [$s1, $s3], layout: spread, pad: 4KiB}
  - {id: p3, strings: [all]}
negatives:
  - {id: n1, strings: [$s1], why: below the threshold}
  - {id: n2, container: pe, strings: [all], why: for another system}
  - {id: n3, strings: [all], oversize: true, why: larger than the limit}
"""


def other(text, name="APT_MAL_LNX_Another_Nov26_1"):
    """The same rule or manifest under another name, of another family, with other strings."""
    for a, b in ((NAME, name), ("30e0eaf2-7180-51c3-a4dd-0b8918c64933",
                                "69173b88-04f9-5de5-8cf4-bd2e4975cea2"),
                 ('"Example"', '"Another"'), ("example.lock", "another.lock"),
                 ("first message", "third message"), ("second message", "fourth message"),
                 ("de ad be ef", "ca fe ba be")):
        text = text.replace(a, b)
    return text


class RulesTest(ScanTest):
    """Runs of `molehunt rules` over packs that the test writes."""

    def rules_verb(self, *args, timeout=120, cwd=None):
        done = subprocess.run([PROGRAM, "rules", *args], capture_output=True, check=False,
                              timeout=timeout, cwd=cwd)
        return scans.Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def pack(self, **files):
        """A folder pack/ of NAME.yar files."""
        for name, text in files.items():
            self.write_rules(f"pack/{name}.yar", text)
        return os.path.join(self.scratch, "pack")

    def own_pack(self, rule=RULE, manifest=MANIFEST, **more):
        """A folder own/ of one rule with its manifest, and other files by name."""
        self.write_rules("own/example.yar", rule)
        self.write_rules("own/example.yaml", manifest)
        for name, text in more.items():
            self.write_rules("own/" + name.replace("__", "."), text)
        return os.path.join(self.scratch, "own")

    def remarks(self, *args):
        """Set of (check, level) of an ndjson check."""
        return {(r["check"], r["level"]) for r in
                self.rules_verb("check", "--format", "ndjson", *args).of_type("rule_remark")}
