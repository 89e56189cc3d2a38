# SPDX-License-Identifier: BSD-2-Clause
"""`molehunt rules check`: what is left out, and where each rule works."""
import json
import os
import subprocess

import scans
from scans import CLEAN, ERROR, PROGRAM, ScanTest

LEFT_OUT = 1
BOTH = "rule both { strings: $a = \"abcdef\" condition: $a }\n"
FILE_ONLY = "rule file_only { condition: filesize < 1MB }\n"
MEMORY_ONLY = "rule memory_only { meta: scope = \"memory\" condition: true }\n"
NOWHERE = "rule nowhere { meta: scope = \"memory\" condition: uint16(0) == 0x5a4d }\n"
CHAINED = "rule chained { strings: $a = { 61 62 63 64 [300] 65 66 67 68 } condition: $a }\n"
ANCHORED = "rule anchored { strings: $a = /^abcdef/ condition: $a }\n"


class RulesCheck(ScanTest):
    def check(self, *args):
        done = subprocess.run([PROGRAM, "rules", "check", *args], capture_output=True,
                              check=False, timeout=60)
        return scans.Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def pack(self, **files):
        for name, text in files.items():
            self.write_rules(f"pack/{name}.yar", text)
        return os.path.join(self.scratch, "pack")

    def rules_of(self, outcome):
        return {r["rule"]: r for r in outcome.of_type("rule")}

    def test_our_own_pack_is_used_as_a_whole(self):
        outcome = self.check("--format", "ndjson")
        self.assertEqual(outcome.status, CLEAN, outcome.err)
        (summary,) = outcome.of_type("rules_summary")
        self.assertEqual((summary["left_out"], summary["warnings"], summary["nowhere"]), (0, 0, 0))
        self.assertEqual(summary["rules"], len(outcome.of_type("rule")))
        self.assertGreater(summary["rules"], 20)

    def test_each_rule_is_told_with_its_place_and_reason(self):
        pack = self.pack(a="\n" + BOTH + FILE_ONLY, b=MEMORY_ONLY + CHAINED + ANCHORED)
        outcome = self.check("--format", "ndjson", pack)
        rules = self.rules_of(outcome)
        self.assertEqual(outcome.status, CLEAN, outcome.out)
        self.assertEqual({name: (r["files"], r["memory"]) for name, r in rules.items()},
                         {"both": (True, True), "file_only": (True, False),
                          "memory_only": (False, True), "chained": (True, False),
                          "anchored": (True, False)})
        self.assertNotIn("check", rules["both"])
        self.assertEqual(rules["file_only"]["check"], "P01")
        self.assertIn("filesize", rules["file_only"]["reason"])
        self.assertEqual(rules["file_only"]["line"], 3)
        self.assertEqual(rules["file_only"]["path"], os.path.join(pack, "a.yar"))
        self.assertEqual(rules["memory_only"]["check"], "P02")
        self.assertIn("jump", rules["chained"]["reason"])
        self.assertIn("^", rules["anchored"]["reason"])
        (summary,) = outcome.of_type("rules_summary")
        self.assertEqual([summary[k] for k in ("rules", "in_files", "in_memory", "in_both")],
                         [5, 4, 2, 1])

    def test_a_bad_file_is_left_out_with_line_and_reason(self):
        pack = self.pack(a=BOTH, b="rule x {\n condition:\n  nonsense }", c=FILE_ONLY)
        outcome = self.check("--format", "ndjson", pack)
        self.assertEqual(outcome.status, LEFT_OUT)
        (bad,) = [f for f in outcome.of_type("rule_file") if not f["used"]]
        self.assertEqual((os.path.basename(bad["path"]), bad["line"], bad["check"],
                          bad["level"]), ("b.yar", 3, "C01", "error"))
        self.assertIn("nonsense", bad["reason"])
        self.assertEqual(set(self.rules_of(outcome)), {"both", "file_only"})

    def test_text_names_file_and_line(self):
        pack = self.pack(a=BOTH + FILE_ONLY, b="rule x { condition: nonsense }")
        outcome = self.check(pack)
        self.assertEqual(outcome.status, LEFT_OUT)
        lines = outcome.out.splitlines()
        self.assertRegex(lines[0], r"/a\.yar:1 +both +both$")
        self.assertRegex(lines[1], r"/a\.yar:2 +file_only +files +it needs filesize")
        self.assertRegex(lines[2], r"/b\.yar:1: error C01: .*left out.*nonsense")
        self.assertIn("2 rules of 2 files", outcome.out)
        self.assertIn("1 file is left out.", outcome.out)
        self.assertNotIn("\x1b", outcome.out)

    def test_a_file_that_is_too_large_is_left_out(self):
        pack = self.pack(a=BOTH, big="//" + "x" * (64 << 20))
        outcome = self.check("--format", "ndjson", pack)
        self.assertEqual(outcome.status, LEFT_OUT)
        self.assertEqual([os.path.basename(f["path"]) for f in outcome.of_type("rule_file")
                          if not f["used"]], ["big.yar"])

    def test_a_pack_without_one_good_file_is_answered(self):
        outcome = self.check("--format", "ndjson", self.pack(a="}"))
        self.assertEqual(outcome.status, LEFT_OUT, outcome.err)
        (summary,) = outcome.of_type("rules_summary")
        self.assertEqual((summary["rules"], summary["left_out"]), (0, 1))

    def test_a_rule_that_works_nowhere_is_an_error(self):
        outcome = self.check("--format", "ndjson", self.pack(a=NOWHERE))
        self.assertEqual(outcome.status, LEFT_OUT)
        self.assertEqual(self.rules_of(outcome)["nowhere"]["check"], "P03")

    def test_warnings_are_told_and_are_no_failure(self):
        slow = "rule slow { strings: $a = /x.*y/ $b = { 00 ?? 00 } condition: any of them }"
        outcome = self.check("--format", "ndjson", self.pack(a=slow))
        self.assertEqual(outcome.status, CLEAN)
        (told,) = outcome.of_type("rule_file")
        self.assertEqual((told["check"], told["level"]), ("C04", "warning"))
        self.assertGreater(told["warnings"], 0)

    def test_ten_thousand_rules_are_all_told(self):
        text = "".join(f"rule r{i} {{ condition: filesize == {i} }}\n" for i in range(10000))
        outcome = self.check("--format", "ndjson", self.pack(a=text))
        lines = [r["line"] for r in outcome.of_type("rule")]
        self.assertEqual(lines, list(range(1, 10001)))

    def test_hostile_names_do_not_reach_the_terminal(self):
        path = self.write_rules("pack/\x1b[31mred\n.yar", BOTH + "rule x { condition: \x1b }")
        outcome = self.check(path)
        self.assertEqual(outcome.status, LEFT_OUT)
        self.assertNotIn("\x1b", outcome.out + outcome.err)
        self.assertEqual(len(self.check("--format", "ndjson", path).records), 2)

    def test_errors_of_the_caller_are_status_2_and_say_what_to_do(self):
        for args in (["/nonexistent"], ["--format", "xml"], ["--nonsense"],
                     [self.write_rules("empty.yar", "// nothing\n")]):
            with self.subTest(args=args):
                outcome = self.check(*args)
                self.assertEqual(outcome.status, ERROR)
                self.assertIn("molehunt rules", outcome.err)
                self.assertEqual(outcome.out, "")
        for args in ([], ["list"]):
            done = subprocess.run([PROGRAM, "rules", *args], capture_output=True, check=False)
            self.assertEqual(done.returncode, ERROR)
            self.assertIn(b"molehunt rules --help", done.stderr)

    def test_help_teaches(self):
        outcome = self.check("--help")
        self.assertEqual(outcome.status, CLEAN)
        self.assertIn("usage: molehunt rules check", outcome.out)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "rules", "check", self.pack(a=BOTH)], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, ERROR)

    def test_every_line_of_ndjson_is_an_object_with_a_type(self):
        outcome = self.check("--format", "ndjson", self.pack(a=BOTH, b="}"))
        for line in outcome.out.splitlines():
            self.assertIn(json.loads(line)["type"], ("rule_file", "rule", "rules_summary"))


if __name__ == "__main__":
    scans.main()
