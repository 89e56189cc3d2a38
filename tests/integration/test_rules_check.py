# SPDX-License-Identifier: BSD-2-Clause
"""`molehunt rules check`: what is left out, what is wrong, and where each rule works."""
import json
import os
import re
import shutil
import subprocess

import scans
from rule_packs import MANIFEST, NAME, RULE, RulesTest, other
from scans import CLEAN, ERROR, PROGRAM

LEFT_OUT = 1
BOTH = "rule both { strings: $a = \"abcdef\" condition: $a }\n"
FILE_ONLY = "rule file_only { condition: filesize < 1MB }\n"
MEMORY_ONLY = "rule memory_only { meta: scope = \"memory\" condition: true }\n"
NOWHERE = "rule nowhere { meta: scope = \"memory\" condition: uint16(0) == 0x5a4d }\n"
CHAINED = "rule chained { strings: $a = { 61 62 63 64 [300] 65 66 67 68 } condition: $a }\n"
ANCHORED = "rule anchored { strings: $a = /^abcdef/ condition: $a }\n"
# As GitHub, GitLab and editors read it.
LINE = re.compile(r"^(.+):(\d+): (error|warning|info): (.+) \[([A-Z]\d\d)\]$")


class CheckTest(RulesTest):
    def check(self, *args, **more):
        return self.rules_verb("check", *args, **more)

    def rules_of(self, outcome):
        return {r["rule"]: r for r in outcome.of_type("rule")}

    def left_out(self, text):
        """What is said of a file that has to be left out while another is used."""
        pack = self.pack(a=BOTH, bad=text)
        outcome = self.check("--format", "ndjson", pack)
        self.assertEqual(outcome.status, LEFT_OUT, outcome.out)
        self.assertEqual(set(self.rules_of(outcome)), {"both"})
        (remark,) = [r for r in outcome.of_type("rule_remark")
                     if r["path"].endswith("bad.yar")]
        return remark


class Places(CheckTest):
    def test_our_own_pack_is_used_as_a_whole(self):
        outcome = self.check("--format", "ndjson")
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""))
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

    def test_a_rule_that_works_nowhere_is_an_error(self):
        outcome = self.check("--format", "ndjson", self.pack(a=NOWHERE))
        self.assertEqual(outcome.status, LEFT_OUT)
        self.assertEqual(self.rules_of(outcome)["nowhere"]["check"], "P03")
        self.assertIn("1 rule works nowhere.", self.check(self.pack(a=NOWHERE)).out)

    def test_infos_are_shown_when_asked_for(self):
        pack = self.pack(a=FILE_ONLY)
        self.assertNotIn("P01", self.check(pack).out)
        shown = self.check("--level", "info", pack)
        self.assertIn("info: file_only: it needs filesize", shown.out)
        self.assertEqual(shown.status, CLEAN)

    def test_ten_thousand_rules_are_all_told(self):
        text = "".join(f"rule r{i} {{ condition: filesize == {i} }}\n" for i in range(10000))
        outcome = self.check("--format", "ndjson", self.pack(a=text))
        lines = [r["line"] for r in outcome.of_type("rule")]
        self.assertEqual(lines, list(range(1, 10001)))


class BadInput(CheckTest):
    def test_syntax_errors_are_told_with_their_line(self):
        bad = self.left_out("rule x {\n condition:\n  true and }")
        self.assertEqual((bad["check"], bad["line"]), ("C01", 3))
        self.assertIn("syntax error", bad["message"])

    def test_unknown_modules_are_told_with_what_to_do(self):
        bad = self.left_out("\nimport \"vt\"\nrule x { condition: true }")
        self.assertEqual((bad["check"], bad["line"]), ("C01", 2))
        self.assertIn("built without it", bad["message"])

    def test_missing_externals_are_told_with_those_that_are_defined(self):
        bad = self.left_out("rule x {\n condition:\n  signature_level > 2 }")
        self.assertEqual((bad["check"], bad["line"]), ("C03", 3))
        self.assertIn("filename, filepath, extension, filetype, owner, md5", bad["message"])

    def test_includes_are_off_and_told(self):
        self.write_rules("pack/part.inc", BOTH)
        bad = self.left_out("include \"part.inc\"\nrule x { condition: true }")
        self.assertEqual((bad["check"], bad["line"]), ("C01", 1))
        self.assertIn("cannot read another", bad["message"])

    def test_too_many_strings_in_one_rule_are_told(self):
        strings = "".join(f"$a{i} = \"string number {i}\"\n" for i in range(100000))
        bad = self.left_out("rule x {\n strings:\n" + strings + " condition: any of them }")
        self.assertEqual(bad["check"], "C01")
        self.assertIn("limit: 10000", bad["message"])
        self.assertIn("make several rules", bad["message"])

    def test_a_hundred_thousand_strings_in_one_file_are_checked(self):
        text = "".join(f"rule r{k} {{ strings:\n" + "".join(
            f"$a{i} = \"string {i} of rule {k}\"\n" for i in range(5000))
            + "condition: any of them }\n" for k in range(20))
        outcome = self.check("--format", "ndjson", self.pack(a=text))
        self.assertEqual(outcome.status, CLEAN, outcome.err)
        self.assertEqual(len(outcome.of_type("rule")), 20)

    def test_names_that_collide_across_packs_are_told(self):
        first = self.write_rules("one/rules/a.yar", BOTH)
        second = self.write_rules("two/rules/a.yar", BOTH)
        outcome = self.check("--format", "ndjson", os.path.dirname(first), os.path.dirname(second))
        self.assertEqual(outcome.status, LEFT_OUT)
        (bad,) = outcome.of_type("rule_remark")
        self.assertEqual((bad["check"], bad["path"]), ("C05", second))
        self.assertIn("rename a folder", bad["message"])
        # Under other folders' names they do not.
        os.rename(os.path.dirname(second), os.path.join(self.scratch, "two/others"))
        self.assertEqual(self.check(os.path.dirname(first),
                                    os.path.join(self.scratch, "two/others")).status, CLEAN)

    def test_a_bad_file_keeps_its_record(self):
        outcome = self.check("--format", "ndjson",
                             self.pack(a=BOTH, b="rule x {\n condition:\n  nonsense }"))
        (bad,) = [f for f in outcome.of_type("rule_file") if not f["used"]]
        self.assertEqual((os.path.basename(bad["path"]), bad["line"], bad["check"]),
                         ("b.yar", 3, "C03"))
        self.assertIn("nonsense", bad["reason"])

    def test_a_file_that_is_too_large_is_left_out(self):
        pack = self.pack(a=BOTH, big="//" + "x" * (64 << 20))
        outcome = self.check("--format", "ndjson", pack)
        self.assertEqual(outcome.status, LEFT_OUT)
        (bad,) = outcome.of_type("rule_remark")
        self.assertEqual((os.path.basename(bad["path"]), bad["check"]), ("big.yar", "C01"))
        self.assertIn("64 MiB", bad["message"])

    def test_a_file_that_cannot_be_opened_is_left_out(self):
        pack = self.pack(a=BOTH)
        os.symlink("nothing", os.path.join(pack, "b.yar"))
        outcome = self.check("--format", "ndjson", pack)
        self.assertEqual(outcome.status, LEFT_OUT)
        self.assertEqual([(r["check"], r["message"]) for r in outcome.of_type("rule_remark")],
                         [("C01", "No such file or directory")])

    def test_a_pack_without_one_good_file_is_answered(self):
        outcome = self.check("--format", "ndjson", self.pack(a="}"))
        self.assertEqual(outcome.status, LEFT_OUT, outcome.err)
        (summary,) = outcome.of_type("rules_summary")
        self.assertEqual((summary["rules"], summary["left_out"]), (0, 1))

    def test_hostile_names_do_not_reach_the_terminal(self):
        path = self.write_rules("pack/\x1b[31mred\n.yar", BOTH + "rule x { condition: \x1b }")
        outcome = self.check(path)
        self.assertEqual(outcome.status, LEFT_OUT)
        self.assertNotIn("\x1b", outcome.out + outcome.err)
        self.assertEqual(len(self.check("--format", "ndjson", path).records), 3)

    def test_a_folder_may_be_named_by_a_dot(self):
        pack = self.pack(a=BOTH)
        for path, cwd in ((".", pack), ("./pack", self.scratch), ("../pack", pack)):
            self.assertEqual(self.check(path, cwd=cwd).status, CLEAN, path)


class Levels(CheckTest):
    SLOW = "rule slow { strings: $a = /x.*y/ $b = { 00 ?? 00 } condition: any of them }"

    def test_warnings_are_told_and_fail_when_asked(self):
        outcome = self.check("--format", "ndjson", self.pack(a=self.SLOW))
        self.assertEqual(outcome.status, CLEAN)
        (told,) = outcome.of_type("rule_file")
        self.assertEqual((told["check"], told["level"]), ("C04", "warning"))
        self.assertGreater(told["warnings"], 0)
        self.assertEqual(self.check("--strict", self.pack(a=self.SLOW)).status, LEFT_OUT)

    def test_a_comment_that_is_never_closed_is_told(self):
        pack = self.pack(a="rule x { condition: true }\n/* y\nrule y { condition: true }\n")
        (told,) = self.check("--format", "ndjson", pack).of_type("rule_remark")
        self.assertEqual((told["check"], told["level"], told["line"]), ("C04", "warning", 2))
        self.assertIn("never closed", told["message"])
        self.assertEqual(self.check("--strict", pack).status, LEFT_OUT)

    def test_the_level_hides_what_is_below(self):
        self.assertIn("[S07]", self.check(self.pack(a=self.SLOW)).out)
        self.assertNotIn("[S07]", self.check("--level", "error", self.pack(a=self.SLOW)).out)

    def test_packs_of_others_get_warnings_of_few_checks(self):
        text = ("import \"elf\"\nrule x { strings: $a = \"aaaaaaaa\" $b = /.+/ condition: "
                "for any i in (0..filesize) : ($a at i) or $b }\n")
        pack = self.pack(a=text)
        self.assertLessEqual(self.remarks(pack) - {("P01", "info")},
                             {("C04", "warning"), ("S02", "warning"), ("S07", "warning"),
                              ("D04", "warning")})
        self.assertIn(("D04", "warning"), self.remarks(pack))
        own = self.remarks("--profile", "own", pack)
        self.assertIn(("S02", "error"), own)
        self.assertIn(("Q01", "error"), own)
        self.assertIn(("C02", "error"), own)
        self.assertEqual(self.check("--profile", "own", pack).status, LEFT_OUT)

    def test_every_line_is_for_programs_too(self):
        outcome = self.check("--profile", "own", "--level", "info",
                             self.pack(a=self.SLOW, b="rule x { condition: nonsense }"))
        body, summary = outcome.out.split("\n\n", 1)
        lines = [LINE.match(line) for line in body.splitlines()]
        self.assertTrue(all(lines), outcome.out)
        self.assertIn(("C03", "2"), [(m[5], "2") for m in lines])
        self.assertRegex(summary, r"(?m)^  S07 +\d+  error +a regular expression")
        self.assertIn("--explain", summary)
        self.assertIn("1 rule of 2 files", summary)
        self.assertIn("1 file is left out.", summary)
        self.assertNotIn("\x1b", outcome.out)

    def test_annotations_of_a_workflow(self):
        outcome = self.check("--format", "github", self.pack(a=self.SLOW))
        for line in outcome.out.splitlines():
            self.assertRegex(line, r"^::warning file=.*/a\.yar,line=\d+,title=[CS]\d\d::")

    def test_nothing_to_mend_is_said(self):
        self.assertIn("Nothing to mend.", self.check(self.pack(a=BOTH)).out)


class Own(CheckTest):
    """A pack with manifests is held to all checks."""

    GOODWARE = "{\"corpus\":\"x\",\"pack_fingerprint\":\"%s\",\"packages\":9,\"hits\":[%s]}"

    def fingerprints(self, pack):
        done = self.rules_verb("fingerprint", "--format", "ndjson", "--write", pack)
        self.assertEqual(done.status, CLEAN, done.err)
        return done.of_type("pack_fingerprint")[0]["fingerprint"]

    def good_pack(self):
        pack = self.own_pack()
        fingerprint = self.fingerprints(pack)
        self.write_rules("own/goodware.json", self.GOODWARE % (fingerprint, ""))
        return pack, fingerprint

    def test_a_pack_as_it_should_be_has_nothing_to_mend(self):
        pack, _ = self.good_pack()
        outcome = self.check("--strict", pack)
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""), outcome.out)
        self.assertIn("Nothing to mend.", outcome.out)

    def test_a_manifest_makes_a_pack_our_own(self):
        self.assertIn(("M08", "warning"), self.remarks(self.own_pack()))
        os.unlink(os.path.join(self.scratch, "own/example.yaml"))
        self.assertEqual(self.remarks(os.path.join(self.scratch, "own")), set())

    def test_a_bad_manifest_is_told_with_its_place(self):
        pack = self.own_pack(manifest=MANIFEST.replace("container: elf", "container: exe"))
        (remark,) = [r for r in self.check("--format", "ndjson", pack).of_type("rule_remark")
                     if r["check"] == "Q01"]
        self.assertIn("example.yaml:4:12: \"container\" is \"exe\"", remark["message"])

    def test_a_manifest_of_more_than_a_mebibyte_is_refused(self):
        for size, is_refused in ((0, False), (1 << 20, True)):
            pack = self.own_pack(manifest=MANIFEST + "#" + "x" * size + "\n")
            self.assertEqual(("Q01", "error") in self.remarks(pack), is_refused)

    def test_a_changed_rule_is_told(self):
        pack, _ = self.good_pack()
        path = os.path.join(pack, "example.yar")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("2 of ($s*)", "3 of ($s*)"))
        self.assertEqual(self.remarks(pack), {("M08", "error"), ("Q03", "warning")})

    def test_goodware_is_looked_at(self):
        pack, fingerprint = self.good_pack()
        hit = f'{{"rule":"{NAME}","package":"p","path":"/usr/bin/x"}}'
        self.write_rules("own/goodware.json", self.GOODWARE % (fingerprint, hit))
        self.assertEqual(self.remarks(pack), {("Q03", "warning")})
        self.assertEqual(self.remarks("--strict", pack), {("Q03", "error")})
        os.unlink(os.path.join(pack, "goodware.json"))
        self.assertEqual(self.remarks(pack), {("Q03", "warning")})

    def test_retired_ids_are_not_used_again(self):
        pack, _ = self.good_pack()
        self.write_rules("own/retired.txt", "30e0eaf2-7180-51c3-a4dd-0b8918c64933\n")
        self.assertEqual(self.remarks(pack), {("N02", "error")})

    def test_ids_and_names_are_unique(self):
        pack, _ = self.good_pack()
        shutil.copy(os.path.join(pack, "example.yar"), os.path.join(pack, "copy.yar"))
        shutil.copy(os.path.join(pack, "example.yaml"), os.path.join(pack, "copy.yaml"))
        self.assertIn(("N02", "error"), self.remarks(pack))

    def test_an_earlier_release_is_compared(self):
        pack, _ = self.good_pack()
        self.write_rules("old/example.yar", RULE.replace("2 of ($s*)", "3 of ($s*)"))
        self.assertEqual(self.remarks("--previous", os.path.join(self.scratch, "old"), pack),
                         {("M03", "error")})
        self.write_rules("old/example.yar", RULE)
        self.assertEqual(self.remarks("--previous", os.path.join(self.scratch, "old"), pack), set())

    def test_rules_of_others_are_compared(self):
        pack, _ = self.good_pack()
        theirs = self.write_rules("theirs/x.yar", RULE.replace(NAME, "Other"))
        self.assertEqual(self.remarks("--compare", os.path.dirname(theirs), pack),
                         {("Q05", "warning")})
        self.write_rules("theirs/x.yar", other(RULE).replace("2 of ($s*)", "any of ($s*, $x*)"))
        self.assertEqual(self.remarks("--compare", os.path.dirname(theirs), pack), set())


class Help(CheckTest):
    def test_each_check_is_listed_and_explained(self):
        listed = self.check("--list-checks", "--format", "ndjson").of_type("rule_check")
        self.assertGreater(len(listed), 35)
        for check in listed:
            told = self.check("--explain", check["check"])
            self.assertEqual(told.status, CLEAN)
            for word in (check["check"], check["title"], "What", "Why", "Mend"):
                self.assertIn(word, told.out)
        self.assertEqual(len(self.check("--list-checks").out.splitlines()), len(listed) + 2)

    def test_each_check_is_documented(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        for name, form in (("docs/RULES.md", "| {} | {} |"), ("packaging/man/molehunt.1", ".It {} Pq {}")):
            with open(os.path.join(root, name)) as f:
                text = f.read()
            for c in self.check("--list-checks", "--format", "ndjson").of_type("rule_check"):
                self.assertIn(form.format(c["check"], c["level"]), text, name)

    def test_a_check_that_is_none_is_an_error(self):
        outcome = self.check("--explain", "X99")
        self.assertEqual(outcome.status, ERROR)
        self.assertIn("--list-checks", outcome.err)

    def test_errors_of_the_caller_are_status_2_and_say_what_to_do(self):
        for args in (["/nonexistent"], ["--format", "xml"], ["--nonsense"], ["--level", "much"],
                     ["--profile", "mine"], ["--compare", "/nonexistent"],
                     [self.write_rules("empty.yar", "// nothing\n")]):
            with self.subTest(args=args):
                outcome = self.check(*args)
                self.assertEqual(outcome.status, ERROR)
                self.assertIn("molehunt rules", outcome.err)
                self.assertEqual(outcome.out, "")
        for args in ([], ["nonsense"]):
            done = subprocess.run([PROGRAM, "rules", *args], capture_output=True, check=False)
            self.assertEqual(done.returncode, ERROR)
            self.assertIn(b"molehunt rules --help", done.stderr)

    def test_help_teaches(self):
        self.assertIn("For a start", self.rules_verb("--help").out)
        for verb in ("check", "list", "explain", "test", "profile", "fingerprint"):
            outcome = self.rules_verb(verb, "--help")
            self.assertEqual(outcome.status, CLEAN)
            self.assertIn(f"usage: molehunt rules {verb}", outcome.out)
            self.assertIn("Exit status", outcome.out)
            self.assertLessEqual(max(map(len, outcome.out.splitlines())), 80)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "rules", "check", self.pack(a=BOTH)], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, ERROR)

    def test_every_line_of_ndjson_is_an_object_with_a_type(self):
        outcome = self.check("--format", "ndjson", self.pack(a=BOTH, b="}"))
        for line in outcome.out.splitlines():
            self.assertIn(json.loads(line)["type"],
                          ("rule_file", "rule", "rule_remark", "rules_summary"))


if __name__ == "__main__":
    scans.main()
