/* SPDX-License-Identifier: BSD-2-Clause */
/* The wording of records/lint.h. */
#include "agent/lint_advice.h"

#include <assert.h>

static const struct lint_advice advice[LINT_MAX_] = {
	[LINT_C01] = { "The file does not compile with libyara, alone or with the "
		       "others.",
	    "It is left out of every scan; the rest of its pack is used.",
	    "The message names the line, and what may stand there. A file that one "
	    "version of "
	    "libyara takes, another may not: see the version in the last line." },
	[LINT_C02] = { "A module is imported that is neither pe nor math.",
	    "elf, magic, dotnet and others parse every file that is scanned, hash reads "
	    "it "
	    "again, cuckoo and vt are built in nowhere; each makes the rule fail "
	    "somewhere.",
	    "Test the type by its bytes: uint32(0) == 0x464c457f is an ELF file." },
	[LINT_C03] = { "The condition names something that is no rule, module or "
		       "external.",
	    "The file is left out. Other scanners define externals of their own.",
	    "Use filename, filepath, extension, filetype, owner or md5; docs/RULES.md "
	    "says "
	    "what they hold." },
	[LINT_C04] = { "libyara compiles the file and warns, of slow strings mostly; or "
		       "a comment is "
		       "never closed.",
	    "One slow string is paid for with every file of every scan. Rules behind a "
	    "comment "
	    "that is not closed are lost, and libyara does not say so.",
	    "Give the string four bytes in a row that are fixed; take out what is not "
	    "used." },
	[LINT_C05] = { "Two rules of one namespace have the same name.",
	    "The second file is left out. A namespace is the pack's folder and the "
	    "file's "
	    "name, so this is one file that has the name twice, or two packs whose "
	    "folders "
	    "have the same name.",
	    "Rename the rule, or one of the folders." },
	[LINT_N01] = { "The name of a rule: CATEGORY_..._Family_MonYY_n.",
	    "Who reads an alarm at night has the name first: it has to say what kind of "
	    "thing "
	    "it is, of which family, and how old the rule is.",
	    "APT_MAL_LNX_BPFDoor_Nov26_1: APT, CRIME, ANOMALY or RANSOM if known; MAL, "
	    "HKTL, "
	    "WEBSHELL, EXPL, VULN, SUSP or PUA; system; family; month; a number." },
	[LINT_N02] = { "The name and the meta id are the rule's alone, and always were.",
	    "Findings, suppressions and statistics go by them.",
	    "Draw a new UUID (uuidgen). Ids of rules that were taken out stand in "
	    "retired.txt "
	    "beside the pack, one a line, and are never used again." },
	[LINT_M01] = { "Every rule has id, description, author, date, version, "
		       "reference, score, "
		       "family, actor, attack, scope, os, container, category, status, "
		       "sharing "
		       "and license; score and version are numbers; modified from "
		       "version 2 on.",
	    "They travel in every finding; of two with one key only the last is seen.",
	    "Add what is missing; actor may be \"unknown\"." },
	[LINT_M02] = { "The description: \"Detects ...\", 60 to 400 characters of ASCII, "
		       "no "
		       "address.",
	    "It is the sentence that an analyst reads.",
	    "Say what is found and by what: Detects the X implant by its lock file, or "
	    "by two "
	    "of its messages." },
	[LINT_M03] = { "date is not after modified, neither is ahead of today, versions "
		       "rise. "
		       "With --previous FOLDER: a rule that looks for something else "
		       "than in "
		       "that release has a higher version.",
	    "A finding names the version: it has to say which text matched.",
	    "Raise version and set modified when strings or condition change." },
	[LINT_M04] = { "attack holds ids of ATT&CK Enterprise, T1205 or T1205.002, one "
		       "or "
		       "several with commas.",
	    "Others join findings by them; a wrong id joins nothing.",
	    "Look the technique up at https://attack.mitre.org." },
	[LINT_M05] = { "The score is in the band of its kind: SUSP at most 79, HKTL and "
		       "PUA 75, "
		       "EXPERIMENTAL 69, actor unknown 80.",
	    "80 and more wakes somebody up.",
	    "Lower the score, or show that it is more: another category, a report that "
	    "was "
	    "read." },
	[LINT_M06] = { "hash is an MD5, SHA-1 or SHA-256; reference an https address, or "
		       "a report "
		       "with publisher, title and year.",
	    "Addresses die: a named report is found again.",
	    "ExaTrack, Tricephalic Hellkeeper, 2022" },
	[LINT_M07] = { "scope is file, memory or both, and the tags FILE and MEMORY say "
		       "the same.",
	    "Scanners read one or the other.",
	    "rule NAME : FILE MEMORY goes with both." },
	[LINT_M08] = { "fingerprint is the SHA-256 of strings and condition, however "
		       "they are laid "
		       "out.",
	    "It shows that a rule looks for the same as before, or that somebody changed "
	    "it.",
	    "molehunt rules fingerprint --write FILE; and raise the version if it "
	    "changed." },
	[LINT_S01] = { "A string has 6 characters or more; 4 or 5 where three strings "
		       "have to be "
		       "there together. Wide ones are counted in characters.",
	    "Short strings are everywhere, and libyara searches for them slowly.",
	    "Take a longer part of what is documented, or ask for more strings." },
	[LINT_S02] = { "A string has more than two different characters.",
	    "Runs of one byte fill memory and files; they match thousands of times.",
	    "Use another string." },
	[LINT_S03] = { "A string that is common in ordinary software is enough by "
		       "itself.",
	    "It was found in a Debian system, or is the name of a common function.",
	    "Ask for it beside others, or not at all." },
	[LINT_S04] = { "A string is there twice, is a part of another, or is in another "
		       "rule.",
	    "Two that are one count as two: 2 of them is then 1. One that two families "
	    "have "
	    "tells neither.",
	    "Keep one. Where families share code, write one rule for it." },
	[LINT_S05] = { "nocase makes eight strings of three letters; with wide and "
		       "fullword even "
		       "more work.",
	    "It costs time with every byte, and loosens the string.",
	    "Take it out, or say why behind the string: // nocase: Windows paths." },
	[LINT_S06] = { "fullword looks at the character beside the string.",
	    "It does nothing where the string itself ends with no letter or digit, and "
	    "is "
	    "wrong inside paths, where anything may follow.",
	    "Take it out." },
	[LINT_S07] = { "A regular expression has an end and four fixed characters in a "
		       "row; a rule "
		       "has three of them at most.",
	    "libyara looks for four fixed bytes first: without them it tries every byte.",
	    "Write .{0,64} instead of .*; put a fixed word into it; use plain strings." },
	[LINT_S08] = { "A hex string is bytes, not text; it jumps over 64 bytes at most; "
		       "it begins "
		       "with a byte.",
	    "Text in hex cannot be read. Long jumps match what does not belong together, "
	    "and "
	    "do not work in memory.",
	    "Write text as text; cut the string in two." },
	[LINT_S09] = { "xor has a range, and what is looked for in base64 has 6 "
		       "characters or "
		       "more.",
	    "xor alone is 256 strings, one of which is the plain one; of short texts too "
	    "little is left in base64.",
	    "xor(0x01-0xff), or the one key that is documented." },
	[LINT_D01] = { "A rule for files bounds their size and tests their first bytes.",
	    "Reports, rule packs and disk images hold the strings, too; and what is "
	    "tested "
	    "first costs least.",
	    "uint32(0) == 0x464c457f and filesize < 4MB and ...; or container = \"raw\", "
	    "\"script\", \"html\" or \"archive\" in the meta, where no type is told by a "
	    "header." },
	[LINT_D02] = { "A rule whose scope is memory or both can match in memory.",
	    "Nothing there has a size, or lies at offset 0: the rule would never fire.",
	    "Give it a way of its own: (filesize < 4MB and ...) or (not defined filesize "
	    "and "
	    "3 of ($s*))." },
	[LINT_D03] = { "Two strings are asked for, or one of 12 characters that is "
		       "called $x...; and "
		       "no more than there are.",
	    "One short string is in some program that is none of it.",
	    "2 of ($s*); call the string $x1 when it is that specific." },
	[LINT_D04] = { "No loop, hash or entropy goes over the whole file.",
	    "Its time grows with the file, and large files are many.",
	    "Look at a bounded part: hash.md5(0, 4096)." },
	[LINT_D05] = { "any of them, where strings are called $s or $a.",
	    "These names say that several belong together.", "1 of ($x*) or 2 of ($s*)" },
	[LINT_D06] = { "The condition cannot be true without any of the strings.",
	    "true, not $a and the like match ordinary files.",
	    "Ask for what is there, not for what is missing." },
	[LINT_P01] = { "The rule works in files only: its condition or strings need a "
		       "file, or its "
		       "author says so.",
	    "It is told so that nobody expects it to look at processes.",
	    "If it is meant for memory: see D02." },
	[LINT_P02] = { "The rule works in memory only: its author says so.",
	    "It is not tried on files.", "scope = \"both\", if it may." },
	[LINT_P03] = { "The rule works nowhere: its author means it for memory, where it "
		       "cannot "
		       "match.",
	    "It costs time and finds nothing.", "See D02, or say scope = \"file\"." },
	[LINT_Q01] = { "A manifest lies beside the rule and documents every string: with "
		       "its "
		       "sources, and whether the report itself was read (V) or a public "
		       "rule "
		       "that cites it (R). A RELEASED rule has V only.",
	    "A string that nobody documented may be anybody's.",
	    "Write NAME.yaml beside NAME.yar; docs/RULES.md, \"Manifests\"." },
	[LINT_Q02] = { "The rule fires on what its manifest says, and on nothing else.",
	    "A condition that was mistyped finds nothing, or everything, and compiles.",
	    "molehunt rules test names the case: mend the condition or the manifest." },
	[LINT_Q03] = { "goodware.json beside the pack says what it did to ordinary "
		       "software: of "
		       "this pack as it is, with no hit of a RELEASED rule.",
	    "False alarms are what a pack is switched off for.",
	    "Scan the software again and write a new record." },
	[LINT_Q04] = { "No rule takes more than three times the median of its pack.",
	    "One slow rule slows down every scan of every machine.",
	    "molehunt rules profile names it; give its strings better fixed bytes." },
	[LINT_Q05] = { "With --compare FOLDER: less than 60 % of a rule's runs of five "
		       "words are in "
		       "one rule of that folder.",
	    "Facts may be used, text is its author's.",
	    "Write the rule from the report." },
};

const struct lint_advice *
lint_advice_get(enum lint lint)
{
	assert((unsigned)lint < LINT_MAX_);
	return &advice[lint];
}
