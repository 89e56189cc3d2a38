/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_rule.h"

#include "base/memory.h"

const struct rule_parts good_rule = {
	.imports = "",
	.name = "APT_MAL_LNX_Example_Nov26_1",
	.tags = "FILE MEMORY",
	.id = "id = \"30e0eaf2-7180-51c3-a4dd-0b8918c64933\"",
	.description =
	    "description = \"Detects the Example implant for Linux by its lock file, "
	    "or by two of its messages\"",
	.dates = "date = \"2026-11-23\"",
	.version = "version = 1",
	.reference = "reference = \"Vendor, The Example report, 2023\"",
	.score = "score = 75",
	.actor = "actor = \"unknown\"",
	.attack = "attack = \"T1205.002, T1059\"",
	.scope = "scope = \"both\"",
	.container = "container = \"elf\"",
	.category = "category = \"MAL\"",
	.status = "status = \"RELEASED\"",
	.more = "",
	.strings = "$x1 = \"/var/run/example.lock\" ascii\n"
		   "\t\t$s1 = \"first message\" ascii\n"
		   "\t\t$s2 = \"second message\" wide\n"
		   "\t\t$s3 = { de ad be ef 12 34 56 }",
	.condition = "(uint32(0) == 0x464c457f and uint16(0x10) != 4 and filesize < 1MB "
		     "and ($x1 or 2 of ($s*)))\n"
		     "\t\tor (not defined filesize and 3 of them)",
};

char *
rule_text_of(const struct rule_parts *p)
{
	return xasprintf(
	    "%s\nrule %s : %s\n{\n\tmeta:\n\t\t%s\n\t\t%s\n\t\tauthor = \"Us\"\n"
	    "\t\t%s\n\t\t%s\n\t\t%s\n\t\t%s\n\t\tfamily = \"Example\"\n\t\t%s\n\t\t%s\n"
	    "\t\t%s\n\t\tos = \"linux\"\n\t\t%s\n\t\t%s\n\t\t%s\n\t\tsharing = "
	    "\"TLP:CLEAR\"\n\t\tlicense = \"BSD-2-Clause\"\n\t\t%s\n\tstrings:\n\t\t%s\n"
	    "\tcondition:\n\t\t%s\n}\n",
	    p->imports, p->name, p->tags, p->id, p->description, p->dates, p->version,
	    p->reference, p->score, p->actor, p->attack, p->scope, p->container,
	    p->category, p->status, p->more, p->strings, p->condition);
}

const char good_manifest[] =
    "schema: 2\n"
    "rule: APT_MAL_LNX_Example_Nov26_1\n"
    "scope: both\n"
    "container: elf\n"
    "status: RELEASED\n"
    "sources:\n"
    "  - {id: r1, title: The Example report, publisher: Vendor, year: 2023}\n"
    "facts:\n"
    "  - {string: $x1, kind: ascii, value: /var/run/example.lock, sources: [r1], "
    "evidence: V}\n"
    "  - {string: $s1, kind: ascii, value: first message, sources: [r1], evidence: V}\n"
    "  - {string: $s2, kind: wide, value: second message, sources: [r1], evidence: V}\n"
    "  - {string: $s3, kind: hex, value: 'de ad be ef 12 34 56', sources: [r1], "
    "evidence: V}\n"
    "require:\n"
    "  filesize_below: 1MiB\n"
    "  any_of:\n"
    "    - 1 of $x1\n"
    "    - 2 of $s1 $s2 $s3\n"
    "  memory_any_of:\n"
    "    - 3 of $x1 $s1 $s2 $s3\n"
    "positives:\n"
    "  - {id: p1, strings: [$x1]}\n"
    "  - {id: p2, strings: [$s1, $s3], layout: spread, pad: 4KiB}\n"
    "  - {id: p3, strings: [all]}\n"
    "negatives:\n"
    "  - {id: n1, strings: [$s1], why: below the threshold}\n"
    "  - {id: n2, container: pe, strings: [all], why: for another system}\n"
    "  - {id: n3, strings: [all], oversize: true, why: larger than the limit}\n";
