# SPDX-License-Identifier: BSD-2-Clause
"""`molehunt rules test|list|explain|profile|fingerprint`, and the process that does the work."""
import os
import re
import signal
import subprocess
import unittest

import scans
from rule_packs import MANIFEST, NAME, RULE, RulesTest, other
from scans import CLEAN, ERROR, PROGRAM, wait_until

FAILED = 1
ELF = "uint32(0) == 0x464c457f and uint16(0x10) != 4 and "
SLOW = "rule slow { strings: $a = /[a-z]{1,9}[0-9]/ condition: #a > 100000000 }\n"


class Proofs(RulesTest):
    def prove(self, *args):
        return self.rules_verb("test", *args)

    def failures(self, *args):
        """Map of case to message."""
        return {f["case"]: f["message"] for f in
                self.prove("--format", "ndjson", *args).of_type("rule_failure")}

    def test_a_rule_that_does_what_it_says(self):
        outcome = self.prove("--format", "ndjson", self.own_pack())
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""))
        (rule,) = outcome.of_type("rule_test")
        self.assertEqual((rule["rule"], rule["failed"]), (NAME, 0))
        self.assertEqual(rule["kinds"]["subsets"], 16)
        self.assertEqual(rule["kinds"]["subsets in memory"], 16)
        self.assertEqual(rule["kinds"]["near misses"], 7)
        (summary,) = outcome.of_type("rules_test_summary")
        self.assertEqual((summary["rules"], summary["failed"], summary["untested_files"]), (1, 0, 0))

    def test_text_counts_and_says_so(self):
        outcome = self.prove("--verbose", self.own_pack())
        self.assertEqual(outcome.status, CLEAN)
        self.assertRegex(outcome.out, rf"(?m)^ok     {NAME}  \d+ cases$")
        self.assertRegex(outcome.out, r"(?m)^    subsets in memory +16$")
        self.assertIn("all as their manifests say.", outcome.out)
        self.assertNotIn("\x1b", outcome.out)

    def test_a_condition_that_asks_for_more_is_named_with_the_subset(self):
        pack = self.own_pack(RULE.replace("2 of ($s*)", "3 of ($s*)"))
        failures = self.failures(pack)
        self.assertEqual(failures["subsets: $s1 $s2"],
                         "as a file: expected to fire, but it is silent")
        self.assertIn("minimal sets: $s2 $s3", failures)
        self.assertEqual(failures["positives: p2"], "expected to fire, but it is silent")
        self.assertEqual(self.prove(pack).status, FAILED)
        self.assertIn("failed " + NAME, self.prove(pack).out)

    def test_a_condition_that_asks_for_less_in_memory(self):
        failures = self.failures(self.own_pack(RULE.replace("3 of them", "2 of them")))
        self.assertEqual(failures["subsets in memory: $x1 $s1"],
                         "as memory: expected silence, but it fires")

    def test_a_rule_without_a_test_of_the_type_fires_on_reports(self):
        failures = self.failures(self.own_pack(RULE.replace(ELF.strip(), "")))
        for near in ("report", "page", "list", "log", "core"):
            self.assertIn(f"near misses: {near}", failures)
        self.assertIn("negatives: n2", failures)

    def test_families_are_kept_apart(self):
        theirs = ("rule theirs { meta: family = \"Theirs\" strings: $a = \"example.lock\" "
                  "condition: uint32(0) == 0x464c457f and $a }\n")
        failures = self.failures(self.own_pack(theirs__yar=theirs))
        self.assertIn("theirs of the family Theirs", failures["positives: p1"])
        same = theirs.replace("\"Theirs\"", "\"Example\"")
        self.assertNotIn("positives: p1", self.failures(self.own_pack(theirs__yar=same)))

    def test_rules_side_by_side(self):
        pack = self.own_pack(another__yar=other(RULE), another__yaml=other(MANIFEST))
        outcome = self.prove(pack)
        self.assertEqual(outcome.status, CLEAN, outcome.out)
        self.assertIn("2 rules,", outcome.out)
        named = self.prove("--name", "ANOTHER", pack)
        self.assertIn("1 rule,", named.out)
        self.assertEqual(self.prove("--name", "nothing", pack).status, ERROR)

    def test_files_without_a_manifest_are_told(self):
        outcome = self.prove(self.own_pack(more__yar="rule more { condition: filesize == 7 }"))
        self.assertEqual(outcome.status, CLEAN, outcome.out)
        self.assertIn("1 file is without a manifest: not tested.", outcome.out)

    def test_a_bad_manifest_is_a_failure_with_its_place(self):
        pack = self.own_pack(manifest=MANIFEST.replace("- 1 of $x1", "- 1 of $x9"))
        self.assertEqual(self.prove(pack).status, FAILED)
        self.assertIn("example.yaml:16:5:", self.failures(pack)["manifest: reading it"])
        pack = self.own_pack(manifest=MANIFEST.replace(NAME, "APT_MAL_Other_Nov26_1"))
        self.assertIn("no rule of that name", self.failures(pack)["manifest: reading it"])

    def test_files_that_are_left_out_are_told_and_fail(self):
        outcome = self.prove(self.own_pack(bad__yar="rule x {\n condition: nonsense }"))
        self.assertEqual(outcome.status, FAILED)
        self.assertIn("bad.yar:2: left out:", outcome.err)

    def test_a_sample_of_subsets_is_the_same_for_a_seed(self):
        names = [f"$s{i:02}" for i in range(16)]
        rule = RULE.split("\tstrings:")[0].replace("\"both\"", "\"file\"").replace(
            " MEMORY", "") + "\tstrings:\n" + "".join(
            f"\t\t{n} = \"documented string {n[2:]}\"\n" for n in names) + (
            "\tcondition:\n\t\t" + ELF + "filesize < 1MB and 9 of them\n}\n")
        manifest = MANIFEST.split("facts:")[0].replace("both", "file") + "facts:\n" + "".join(
            f"  - {{string: {n}, kind: ascii, value: documented string {n[2:]}, sources: [r1], "
            "evidence: V}\n" for n in names) + (
            "require: {filesize_below: 1MiB, any_of: [8 of " + " ".join(names) + "]}\n"
            "positives: [{id: p1, strings: [all]}]\n")
        pack = self.own_pack(rule, manifest)
        first = self.failures(pack)
        self.assertEqual(first, self.failures(pack))
        self.assertNotEqual(first, self.failures("--seed", "5", pack))
        for case in first:
            if case.startswith("subsets: "):
                self.assertEqual(len(case.split()) - 1, 8)

    def test_no_manifest_is_an_error(self):
        outcome = self.prove(self.pack(a="rule a { condition: filesize == 7 }"))
        self.assertEqual(outcome.status, ERROR)
        self.assertIn("NAME.yaml", outcome.err)


class OurPack(RulesTest):
    def test_our_own_pack_does_what_it_says(self):
        outcome = self.rules_verb("test", "--format", "ndjson", timeout=280)
        if outcome.status == ERROR and "NAME.yaml" in outcome.err:
            self.skipTest("our own pack has no manifests of schema 2")
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""))
        (summary,) = outcome.of_type("rules_test_summary")
        self.assertEqual((summary["failed"], summary["untested_files"]), (0, 0))


class Showing(RulesTest):
    def test_list_is_a_table(self):
        pack = self.own_pack(more__yar="rule more { condition: filesize == 7 }")
        outcome = self.rules_verb("list", pack)
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""))
        lines = outcome.out.splitlines()
        self.assertRegex(lines[0], r"^RULE +FAMILY +SCORE IN +STATUS$")
        self.assertRegex(lines[1], rf"^{NAME} Example +75 both +RELEASED$")
        self.assertRegex(lines[2], r"^more +- +- files +-$")
        self.assertEqual(lines[4], "2 rules.")
        (rule,) = self.rules_verb("list", "--format", "ndjson", "--name", "example",
                                  pack).of_type("rule_listed")
        self.assertEqual((rule["rule"], rule["score"], rule["works_in"], rule["family"],
                          rule["attack"]), (NAME, 75, "both", "Example", "T1205.002, T1059"))

    def test_left_out_files_are_told_by_list(self):
        outcome = self.rules_verb("list", self.own_pack(bad__yar="}"))
        self.assertEqual(outcome.status, CLEAN)
        self.assertIn("bad.yar:1: left out: syntax error", outcome.err)

    def test_explain_says_what_is_looked_for_and_where_it_is_documented(self):
        outcome = self.rules_verb("explain", "example", self.own_pack())
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""))
        for text in ("Detects the Example implant", "$x1         \"/var/run/example.lock\" ascii",
                     "V  Vendor 2023 [r1]", "$s3         { de ad be ef 12 34 56 }",
                     "an ELF program of less than 1.0 MiB that holds $x1; or 2 of $s1, $s2 and $s3",
                     "the memory of a process that holds 3 of $x1, $s1, $s2 and $s3",
                     "or (not defined filesize and 3 of them)",
                     "Vendor, The Example report, 2023, strings",
                     "files, and the memory of processes"):
            self.assertIn(text, outcome.out)

    def test_explain_shows_strings_as_they_stand_in_the_rule(self):
        pack = self.pack(a="rule a { strings: $a = \"\\\\pipe\\\\x \\\"\\x01\" $r = /a\\.b/ condition: all of them }")
        outcome = self.rules_verb("explain", "a", pack)
        self.assertIn('"\\\\pipe\\\\x \\"\\x01"', outcome.out)
        self.assertIn("/a\\.b/", outcome.out)

    def test_explain_says_why_not_elsewhere(self):
        pack = self.pack(a="rule only_files { condition: filesize < 10 }")
        outcome = self.rules_verb("explain", "only", pack)
        self.assertIn("it needs filesize, which memory does not have", outcome.out)

    def test_explain_in_json(self):
        (told,) = self.rules_verb("explain", "--format", "ndjson", NAME,
                                  self.own_pack()).of_type("rule_explained")
        self.assertEqual(told["meta"]["family"], "Example")
        parts = [line["part"] for line in told["lines"]]
        self.assertEqual(parts.count("string"), 4)
        self.assertEqual(parts.count("fact"), 4)
        self.assertEqual(parts.count("source"), 1)

    def test_explain_of_nothing(self):
        pack = self.own_pack()
        outcome = self.rules_verb("explain", "nothing", pack)
        self.assertEqual(outcome.status, 1)
        self.assertIn("molehunt rules list", outcome.err)
        self.assertEqual(self.rules_verb("explain").status, ERROR)

    def test_hostile_texts_do_not_reach_the_terminal(self):
        rule = ("rule red { meta: family = \"\x1b[31m\" description = \"\x9b\" strings: $a = "
                "\"\x1b]0;x\x07\" condition: $a }\n")
        pack = self.pack(a=rule)
        for args in (("list", pack), ("explain", "red", pack), ("check", pack),
                     ("check", "--profile", "own", pack)):
            outcome = self.rules_verb(*args)
            self.assertNotRegex(outcome.out + outcome.err, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Measuring(RulesTest):
    def setUp(self):
        super().setUp()
        for i in range(8):
            self.plant(f"f{i}", b"some words 12345 abcdefgh9 \n" * 4000)

    def test_a_slow_rule_is_marked(self):
        text = SLOW + "".join(f"rule r{i} {{ strings: $a = \"some string {i}\" condition: $a }}\n"
                              for i in range(5))
        outcome = self.rules_verb("profile", "--format", "ndjson", "--on", self.tree,
                                  self.pack(a=text))
        self.assertEqual(outcome.status, 1, outcome.err)
        times = outcome.of_type("rule_time")
        self.assertEqual(len(times), 6)
        self.assertEqual((times[0]["rule"], times[0]["check"]), ("slow", "Q04"))
        self.assertGreater(times[0]["ratio"], 3)
        self.assertGreater(times[0]["ns"], times[1]["ns"])
        (summary,) = outcome.of_type("rules_profile_summary")
        self.assertGreaterEqual(summary["slow"], 1)
        self.assertEqual(summary["sample_bytes"], 8 * 28 * 4000)

    def test_text_and_sample(self):
        pack = self.pack(a="rule a { strings: $a = \"some string\" condition: $a }\n"
                           "rule b { condition: a }\n")
        outcome = self.rules_verb("profile", "--on", self.tree, "--sample", "256K", pack)
        self.assertEqual(outcome.status, CLEAN, outcome.err)
        self.assertRegex(outcome.out, r"(?m)^ +ms +ratio +atoms +RULE$")
        self.assertIn("(with the other rules of its file, which it needs)", outcome.out)
        self.assertRegex(outcome.out, r"2 rules over 2\d\d KiB: median \d+\.\d ms")

    def test_without_files_there_is_nothing_to_measure(self):
        for args in (("--on", "/nonexistent"), (), ("--on", self.tree, "--sample", "1K"),
                     ("--on", "/dev/null")):
            outcome = self.rules_verb("profile", *args)
            self.assertEqual(outcome.status, ERROR)
            self.assertIn("molehunt rules profile", outcome.err)


class Fingerprints(RulesTest):
    def test_fingerprints_are_written_once_and_hold(self):
        pack = self.own_pack(more__yar="rule more {\n  meta:\n    fingerprint = \"old\"\n    x = 1\n"
                                       "  condition:\n    filesize == 7\n}\nrule two { meta: y = 2 "
                                       "condition: filesize == 8 }\n")
        path = os.path.join(pack, "more.yar")
        os.chmod(path, 0o640)
        first = self.rules_verb("fingerprint", "--write", pack)
        self.assertEqual((first.status, first.err), (CLEAN, ""))
        self.assertEqual(len(first.out.splitlines()), 4)
        self.assertIn("the pack", first.out)
        with open(path) as f:
            text = f.read()
        self.assertEqual(len(re.findall(r'fingerprint = "[0-9a-f]{64}"', text)), 2)
        self.assertNotIn("old", text)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        with open(os.path.join(pack, "example.yar")) as f:
            self.assertRegex(f.read(), r'license = "BSD-2-Clause"\n\t\tfingerprint = "[0-9a-f]{64}"\n')
        again = self.rules_verb("fingerprint", "--format", "ndjson", "--write", pack)
        self.assertTrue(all(r["stored"] for r in again.of_type("rule_fingerprint")))
        with open(path) as f:
            self.assertEqual(f.read(), text)
        self.assertEqual(self.rules_verb("fingerprint", pack).out, first.out)

    def test_layout_does_not_count(self):
        plain = self.rules_verb("fingerprint", self.pack(a="rule a { strings: $a = \"x\" condition: $a }"))
        other_one = self.rules_verb("fingerprint", self.pack(
            a="// c\nrule a : T\n{\n meta: m = 1\n strings:\n $a = \"x\" // d\n condition:\n $a\n}"))
        self.assertEqual(plain.out, other_one.out)

    def test_a_rule_without_meta_has_no_place_for_it(self):
        path = self.write_rules("pack/a.yar", "rule a { condition: filesize == 7 }\n")
        outcome = self.rules_verb("fingerprint", "--write", path)
        self.assertEqual(outcome.status, 1)
        self.assertIn("no meta", outcome.err)
        with open(path) as f:
            self.assertEqual(f.read(), "rule a { condition: filesize == 7 }\n")


class Checker(RulesTest):
    """The process that reads rules can do nothing, and its death costs one file at most."""

    def started(self):
        """A check that takes a second, and the pid of its checker."""
        text = "".join(f"rule r{k} {{ strings:\n" + "".join(
            f"$a{i} = \"string {i} of rule {k}\"\n" for i in range(5000))
            + "condition: any of them }\n" for k in range(20))
        process = subprocess.Popen([PROGRAM, "rules", "check", "--format", "ndjson",
                                    self.pack(a=text)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        (pid,) = wait_until(lambda: scans.helpers(process.pid, "molehunt-check"), what="a checker")
        wait_until(lambda: scans.status_of(pid).get("Seccomp") == "2" or scans.is_sanitized(),
                   what="its sandbox")
        return process, pid

    @staticmethod
    def cpu_seconds(pid):
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")

    def end(self, process):
        out, err = process.communicate(timeout=100)
        return scans.Outcome(process.returncode, out.decode(), err.decode())

    @unittest.skipIf(scans.is_sanitized(), "a sanitizer's build has no sandbox")
    def test_the_checker_has_no_rights(self):
        process, pid = self.started()
        status = scans.status_of(pid)
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertEqual(status["NoNewPrivs"], "1")
        if scans.IS_ROOT:
            self.assertNotIn("0", status["Uid"].split())
        self.assertEqual(self.end(process).status, CLEAN)

    def test_a_checker_that_is_killed_costs_nothing(self):
        process, pid = self.started()
        os.kill(pid, signal.SIGKILL)
        outcome = self.end(process)
        self.assertEqual((outcome.status, outcome.err), (CLEAN, ""))
        self.assertEqual(len(outcome.of_type("rule")), 20)

    def test_a_file_at_which_it_crashes_is_left_out(self):
        process, pid = self.started()
        wait_until(lambda: self.cpu_seconds(pid) > 0.5, what="work on the file")
        os.kill(pid, signal.SIGSEGV)
        outcome = self.end(process)
        self.assertEqual(outcome.status, 1)
        (remark,) = outcome.of_type("rule_remark")
        self.assertEqual((remark["check"], remark["message"]),
                         ("C01", "the rule compiler crashed on it"))


if __name__ == "__main__":
    scans.main()
