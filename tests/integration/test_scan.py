#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""molehunt scan as its users meet it: what it finds, what it says, how it ends."""
import hashlib
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import sys
import unittest
from collections import defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import scans  # noqa: E402
from scans import (CLEAN, ERROR, FOUND, INCOMPLETE, MARK, MARK_RULE,  # noqa: E402
                   NEEDS_NOBODY, NEEDS_ROOT, NOBODY, Busy, ScanTest, rule_of, strings_of)

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
TIB = 1 << 40
YARA = shutil.which("yara")
OWN_MOUNTS = ["unshare", "--mount", "--propagation", "private"]


class Ends:
    """Exit statuses; once as whoever runs the tests, once as root's opposite."""

    def test_nothing_found_and_all_scanned_is_0(self):
        self.plant("a", b"nothing")
        done = self.scan(self.tree)
        self.assertEqual((done.status, done.summary["scanned"]), (CLEAN, 1), done.err)
        self.check_whole(done)
        text = self.text_scan(self.tree)
        self.assertEqual(text.status, CLEAN)
        self.assertIn("Nothing found\n", text.out)

    def test_something_found_is_1_even_when_something_was_missed(self):
        path = self.plant("a")
        done = self.scan(self.tree, "/nonexistent/file")
        self.assertEqual((done.status, done.found()), (FOUND, [path]))
        self.assertEqual(done.missed(), {"/nonexistent/file": "open-failed"})
        self.check_whole(done)

    def test_an_error_is_2_and_says_what_to_do(self):
        empty = os.path.join(self.scratch, "empty")
        os.mkdir(empty)
        for args, words in ((("--jobs", "0", self.tree), "1 to 64"),
                            (("--matched", "all", self.tree), "bytes, hash or none"),
                            (("--no-such", self.tree), "--help"),
                            ((), "which PATH"),
                            (("--files-from", "/nonexistent"), "/nonexistent: not found"),
                            (("--rules", "/nonexistent", self.tree), "No such file"),
                            (("--rules", empty, self.tree), "no .yar or .yara file in it")):
            done = self.text_scan(*args)
            self.assertEqual(done.status, ERROR, args)
            self.assertIn(words, done.err)
            self.assertEqual(done.out, "")

    def test_nothing_found_but_something_missed_is_3(self):
        self.plant("a", b"nothing")
        done = self.scan(self.tree, "/nonexistent/file")
        self.assertEqual(done.status, INCOMPLETE)
        self.check_whole(done)
        text = self.text_scan(self.tree, "/nonexistent/file")
        self.assertEqual(text.status, INCOMPLETE)
        self.assertIn("Nothing found in what was scanned", text.out)
        self.assertIn("/nonexistent/file: No such file", text.out)


class EndsForTheCaller(Ends, ScanTest):
    pass


@NEEDS_NOBODY
class EndsForAnOrdinaryUser(Ends, ScanTest):
    user = NOBODY

    def test_what_may_not_be_read_is_told(self):
        self.plant("open")
        closed = self.plant("closed")
        os.chmod(closed, 0o600)
        folder = os.path.dirname(self.plant("folder/inside"))
        os.chmod(folder, 0o700)
        done = self.scan(self.tree)
        self.assertEqual((done.status, len(done.found())), (FOUND, 1))
        self.assertEqual(done.missed(), {closed: "permission", folder: "permission"})
        self.check_whole(done)
        self.assertIn("permission denied", self.text_scan(self.tree).out)

    def test_root_reads_what_is_closed_and_leaves_its_access_time(self):
        self.user = None
        path = self.plant("closed")
        os.chmod(path, 0)
        os.utime(path, (1, 1))
        self.assertEqual(self.scan(self.tree).found(), [path])
        self.assertEqual(os.stat(path).st_atime, 1)


class Output(ScanTest):
    def test_a_finding_is_an_ocsf_detection_finding(self):
        path = self.plant("sub/x.BIN", b"12345" + MARK)
        os.chmod(path, 0o755)
        done = self.scan(self.tree)
        self.assertEqual(done.status, FOUND)
        (f,) = done.findings
        self.assertEqual((f["category_uid"], f["class_uid"], f["activity_id"], f["type_uid"]),
                         (2, 2004, 1, 200401))
        for key in ("time", "severity_id", "metadata", "finding_info", "evidences", "device"):
            self.assertIn(key, f)
        self.assertEqual((f["severity_id"], f["metadata"]["version"]), (4, "1.8.0"))
        self.assertEqual(f["metadata"]["product"]["name"], "molehunt")
        self.assertRegex(f["finding_info"]["uid"], "^[0-9a-f]{64}$")
        self.assertTrue(f["finding_info"]["title"])
        evidence = f["evidences"][0]["file"]
        self.assertEqual((evidence["name"], evidence["path"], evidence["size"]),
                         ("x.BIN", path, 5 + len(MARK)))
        self.assertEqual([h["value"] for h in evidence["hashes"]],
                         [hashlib.md5(b"12345" + MARK).hexdigest(),
                          hashlib.sha256(b"12345" + MARK).hexdigest()])
        (string,) = strings_of(f)
        self.assertEqual((string["id"], string["offset"], string["length"], string["hex"]),
                         ("$m", 5, len(MARK), MARK.hex()))
        # The same fact has the same name in every scan.
        (again,) = self.scan(self.tree).findings
        self.assertEqual(again["finding_info"]["uid"], f["finding_info"]["uid"])

    def test_the_summary_counts_all_and_comes_last(self):
        self.plant("a")
        self.plant("b", b"nothing")
        done = self.scan(self.tree, "/nonexistent/1", "/nonexistent/2")
        self.assertEqual(done.records[-1]["type"], "summary")
        s = self.check_whole(done)
        self.assertEqual((s["scanned"], s["found"], s["findings"], s["missed"], s["complete"]),
                         (2, 1, 1, 2, True))
        self.assertEqual(s["not_scanned"], {"open-failed": 2})
        self.assertTrue(s["sandbox"]["seccomp"])

    def test_text_names_rule_file_string_and_hash(self):
        path = self.plant("a", b"0123" + MARK)
        text = self.text_scan(self.tree)
        self.assertIn(f"FOUND {path}\n      mark, score 80, ", text.out)
        self.assertIn(f'$m at 0x4, {len(MARK)} bytes: "{MARK.decode()}"', text.out)
        self.assertIn(hashlib.sha256(b"0123" + MARK).hexdigest(), text.out)
        self.assertIn("1 finding in 1 file", text.out)
        self.assertNotIn("\033", text.out + text.err)

    def test_what_is_kept_of_matched_strings_is_a_choice(self):
        self.plant("a")
        kept = {mode: strings_of(self.scan("--matched", mode, self.tree).findings[0])[0]
                for mode in ("bytes", "hash", "none")}
        self.assertEqual(kept["bytes"]["hex"], MARK.hex())
        self.assertEqual(kept["hash"]["sha256"], hashlib.sha256(MARK).hexdigest())
        for mode in ("hash", "none"):
            self.assertNotIn("hex", kept[mode])
            self.assertNotIn(MARK.decode(),
                             self.text_scan("--matched", mode, self.tree).out)
        self.assertNotIn("sha256", kept["none"])

    def test_a_finding_tells_where_the_file_was_loaded_from(self):
        path = self.plant("loaded")
        os.chmod(path, 0o644)
        try:
            os.setxattr(path, "user.xdg.origin.url", b"https://example.org/\xff")
            os.setxattr(path, "user.xdg.referrer.url", b"https://example.org/page")
        except OSError as e:
            self.skipTest(f"no extended attributes: {e}")
        (f,) = self.scan(self.tree).findings
        evidence = f["evidences"][0]
        self.assertEqual(evidence["url"]["url_string"], "https://example.org/\\xff")
        self.assertEqual(evidence["data"]["file"]["origin"],
                         {"url": "https://example.org/\\xff",
                          "referrer": "https://example.org/page"})

    def test_hashes_adds_md5_and_sha1(self):
        self.plant("a")
        clean = self.plant("clean", b"nothing here")
        done = self.scan("--hashes", self.tree)
        (f,) = done.findings
        told = {r["file"]["path"]: r["file"]["hashes"][2]["value"] for r in done.of_type("file")}
        self.assertEqual(told[clean], hashlib.sha256(b"nothing here").hexdigest())
        self.assertEqual(len(told), 2)
        hashes = {h["algorithm"]: h["value"] for h in f["evidences"][0]["file"]["hashes"]}
        self.assertEqual(hashes, {"MD5": hashlib.md5(MARK).hexdigest(),
                                  "SHA-1": hashlib.sha1(MARK).hexdigest(),
                                  "SHA-256": hashlib.sha256(MARK).hexdigest()})

    def test_at_most_64_bytes_of_a_string_are_kept(self):
        rules = self.write_rules("long.yar", "rule long { strings: $a = /A{500}/ condition: $a }")
        self.plant("a", b"A" * 500)
        (f,) = self.scan("--rules", rules, self.tree).findings
        self.assertEqual((strings_of(f)[0]["length"], strings_of(f)[0]["hex"]), (500, "41" * 64))

    def test_output_that_does_not_arrive_is_an_error(self):
        self.plant("a")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(self.arguments((self.tree,)), stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, ERROR)
        self.assertIn(b"standard output: No space left", done.stderr)

    def test_a_reader_that_goes_away_ends_the_scan_and_its_helpers(self):
        for i in range(500):
            self.plant(str(i))
        process = self.start(self.tree, stdout=subprocess.PIPE)
        helpers = scans.wait_until(lambda: scans.children(process.pid), what="a helper")
        process.stdout.readline()
        process.stdout.close()
        self.assertNotIn(process.wait(20), (CLEAN, FOUND, INCOMPLETE))
        scans.wait_until(lambda: not any(scans.program(p).startswith("molehunt") for p in helpers),
                         what="the end of the helpers")


class Targets(ScanTest):
    """Files of every kind."""

    def test_an_empty_file_is_scanned(self):
        rules = self.write_rules("e.yar", MARK_RULE + "rule empty { condition: filesize == 0 }")
        path = self.plant("empty", b"")
        done = self.scan("--rules", rules, self.tree)
        self.assertEqual((done.status, done.found("empty")), (FOUND, [path]))

    def test_fifo_socket_and_links_are_passed_over_and_counted(self):
        path = self.plant("file")
        os.mkfifo(os.path.join(self.tree, "fifo"))
        os.symlink("file", os.path.join(self.tree, "link"))
        os.symlink("/", os.path.join(self.tree, "root"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(self.tree, "socket"))
            done = self.scan(self.tree)
        self.assertEqual((done.status, done.found(), done.summary["scanned"]), (FOUND, [path], 1))
        self.assertEqual(done.summary["passed_over"],
                         {"fifo": 1, "socket": 1, "symbolic-link": 2})
        self.assertEqual(done.summary["missed"], 0)

    @NEEDS_ROOT
    def test_a_device_is_never_opened(self):
        os.mknod(os.path.join(self.tree, "zero"), 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        os.mknod(os.path.join(self.tree, "block"), 0o666 | stat.S_IFBLK, os.makedev(7, 200))
        done = self.scan(self.tree, "/dev/null")
        self.assertEqual((done.status, done.summary["passed_over"]), (CLEAN, {"device": 3}))

    def test_a_link_that_somebody_names_is_followed(self):
        path = self.plant("file")
        link = os.path.join(self.scratch, "named")
        os.symlink(path, link)
        self.assertEqual(self.scan(link).found(), [link])

    def test_a_file_with_several_names_is_scanned_once(self):
        first = self.plant("a")
        os.link(first, os.path.join(self.tree, "b"))
        os.mkdir(os.path.join(self.tree, "c"))
        os.link(first, os.path.join(self.tree, "c", "d"))
        done = self.scan(self.tree)
        self.assertEqual((done.found(), done.summary["passed_over"]), ([first], {"hard-link": 2}))

    def test_names_of_any_bytes_come_through(self):
        for name in (b"new\nline", b"not-utf8-\xff\xfe", b"quote\"back\\slash", b"\x1b[31mred"):
            with open(os.path.join(os.fsencode(self.tree), name), "wb") as f:
                f.write(MARK)
        done = self.scan(self.tree)
        self.assertEqual((done.status, len(done.findings)), (FOUND, 4))
        names = {f["evidences"][0]["file"]["name"]: f for f in done.findings}
        self.assertIn("new\nline", names)
        self.assertIn('quote"back\\slash', names)
        (odd,) = [f for n, f in names.items() if n.startswith("not-utf8")]
        self.assertEqual(bytes.fromhex(odd["evidences"][0]["data"]["file"]["path_hex"]),
                         os.fsencode(self.tree) + b"/not-utf8-\xff\xfe")
        text = self.text_scan(self.tree)
        self.assertNotIn("\033", text.out)
        self.assertIn("new\\x0aline", text.out)

    def test_a_sparse_terabyte_is_scanned_where_it_has_data(self):
        path = self.plant("sparse", b"")
        try:
            with open(path, "r+b") as f:
                f.truncate(TIB)
                f.seek(TIB // 2 + 123)
                f.write(MARK)
        except OSError as e:
            self.skipTest(f"no sparse file of 1 TiB here: {e}")
        done = self.scan(self.tree)
        self.assertEqual((done.status, done.found()), (FOUND, [path]))
        self.assertEqual(strings_of(done.findings[0])[0]["offset"], TIB // 2 + 123)
        # Rules were not shown the zeros between: that is a scan in part.
        self.assertEqual(list(done.missed().values()), ["too-large"])
        self.assertLess(done.summary["bytes"], MIB)

    def large(self, *places):
        path = self.plant("large", bytes(4 * MIB))
        with open(path, "r+b") as f:
            for place in places:
                f.seek(place)
                f.write(MARK)
        return path

    def test_of_a_larger_file_the_end_is_scanned_and_the_rest_is_told(self):
        path = self.large(4 * MIB - 1000)
        done = self.scan("--max-file-size", "1MiB", self.tree)
        self.assertEqual((done.status, done.found()), (FOUND, [path]))
        self.assertEqual(strings_of(done.findings[0])[0]["offset"], 4 * MIB - 1000)
        self.assertEqual(done.missed(), {path: "too-large"})
        self.assertEqual((done.summary["scanned"], done.summary["partly"]), (1, 1))
        self.check_whole(done)
        # What was not read in whole has no hash.
        self.assertNotIn("hashes", done.findings[0]["evidences"][0]["file"])

    def test_what_lies_in_the_part_left_out_is_no_clean_scan(self):
        self.large(2 * MIB)
        done = self.scan("--max-file-size", "1MiB", self.tree)
        self.assertEqual((done.status, done.found()), (INCOMPLETE, []))
        self.assertEqual(self.scan("--max-file-size", "4MiB", self.tree).status, FOUND)

    def test_a_deep_tree_is_walked_to_its_end(self):
        where = os.open(self.tree, os.O_RDONLY)
        for _ in range(10000):
            os.mkdir("d", dir_fd=where)
            below = os.open("d", os.O_RDONLY, dir_fd=where)
            os.close(where)
            where = below
        fd = os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=where)
        os.write(fd, MARK)
        os.close(fd)
        os.close(where)
        last = self.plant("e")
        done = self.scan(self.tree)
        self.assertEqual(done.status, FOUND)
        self.assertEqual(done.found(), sorted([self.tree + "/d" * 10000 + "/end", last]))
        self.assertEqual(done.missed(), {})

    def test_a_path_too_long_for_a_record_is_scanned_and_cut(self):
        where = os.open(self.tree, os.O_RDONLY)
        name = "n" * 200
        for _ in range(200):
            os.mkdir(name, dir_fd=where)
            below = os.open(name, os.O_RDONLY, dir_fd=where)
            os.close(where)
            where = below
        fd = os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=where)
        os.write(fd, MARK)
        os.close(fd)
        os.close(where)
        (path,) = self.scan(self.tree).found()
        self.assertTrue(path.startswith(self.tree) and path.endswith("/end"))
        self.assertIn("/[...]/", path)

    def test_a_hundred_thousand_names_in_one_folder(self):
        folder = os.open(self.tree, os.O_RDONLY)
        for i in range(100000):
            os.close(os.open(str(i), os.O_WRONLY | os.O_CREAT, dir_fd=folder))
        os.close(folder)
        path = self.plant("55555")
        done = self.scan(self.tree)
        self.assertEqual((done.summary["scanned"], done.found()), (100000, [path]))
        self.check_whole(done)


class Choice(ScanTest):
    """What of a tree is scanned."""

    def test_what_is_excluded_is_left_out_with_all_below(self):
        kept = self.plant("kept/a")
        self.plant("left/a")
        self.plant("left/deep/er/b")
        self.plant("kept/c.iso")
        done = self.scan("--exclude", "*/left", "--exclude", "*.iso", self.tree)
        self.assertEqual((done.found(), done.summary["passed_over"]), ([kept], {"excluded": 2}))
        self.assertEqual(self.scan("--exclude", "*", self.tree).status, CLEAN)

    def test_files_are_named_by_a_file_or_by_standard_input(self):
        paths = [self.plant(name) for name in ("a", "b", "c d")]
        listing = os.path.join(self.scratch, "list")
        with open(listing, "w") as f:
            f.write("\n".join(paths[:2]) + "\n\n" + paths[2])
        self.assertEqual(self.scan("--files-from", listing).found(), paths)
        with open(listing, "rb") as f:
            text = f.read()
        self.assertEqual(self.scan("--files-from", "-", data=text).found(), paths)
        self.assertEqual(self.scan("--files-from", "-", paths[0], data=b"").found(), paths[:1])

    def test_a_list_of_very_many_files(self):
        paths = [self.plant(f"{'x' * 40}/{i:05}") for i in range(5000)]
        done = self.scan("--files-from", "-", data="\n".join(paths).encode())
        self.assertEqual(done.found(), paths)

    def in_namespace(self, script, *args):
        """The scan behind a shell script with mounts of its own."""
        if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode:
            self.skipTest("no mounts of our own here: the root is not a mount point (chroot)")
        command = [*OWN_MOUNTS, "sh", "-ec", script + '\nexec "$@"', "sh",
                   *self.arguments(("--format", "ndjson", *args))]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        return scans.Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    @NEEDS_ROOT
    def test_other_file_systems_are_entered_when_asked(self):
        here = self.plant("here")
        inside = os.path.join(self.tree, "mount")
        os.mkdir(inside)
        script = f"mount -t tmpfs none {inside}; printf {MARK.decode()} > {inside}/there"
        done = self.in_namespace(script, self.tree)
        self.assertEqual((done.found(), done.summary["not_scanned"]),
                         ([here], {"other-file-system": 1}))
        done = self.in_namespace(script, "--exclude", inside, self.tree)
        self.assertEqual((done.found(), done.summary["missed"]), ([here], 0))
        done = self.in_namespace(script, "--cross", self.tree)
        self.assertEqual(done.found(), [here, inside + "/there"])
        self.assertEqual(self.in_namespace(script, inside).found(), [inside + "/there"])

    @NEEDS_ROOT
    def test_pseudo_file_systems_are_never_scanned(self):
        inside = os.path.join(self.tree, "proc")
        os.mkdir(inside)
        for options in ((), ("--cross",)):
            done = self.in_namespace(f"mount -t proc none {inside}", *options, self.tree)
            self.assertEqual((done.status, done.summary["passed_over"]),
                             (CLEAN, {"pseudo-file-system": 1}))


class Moving(ScanTest):
    """Files that do not hold still."""

    def test_a_file_truncated_while_it_is_mapped(self):
        size = 64 * MIB
        path = self.plant("a-moving", b"")
        still = self.plant("still")

        def pull():
            os.truncate(path, size)
            os.truncate(path, 0)
        seen = set()
        with Busy(pull):
            for _ in range(8):
                done = self.scan(self.tree)
                self.assertEqual((done.status, done.found()), (FOUND, [still]), done.err)
                self.check_whole(done)
                seen |= set(done.missed().values())
        self.assertTrue(seen and seen <= {"truncated", "changed"}, seen)

    def test_a_file_that_grows_is_not_called_clean(self):
        path = self.plant("log", b"line\n" * 2000000)
        with open(path, "ab", buffering=0) as f, Busy(lambda: f.write(b"line\n" * 100)):
            done = self.scan(self.tree)
        self.assertEqual((done.status, done.missed()), (INCOMPLETE, {path: "changed"}))

    def test_what_is_found_in_a_file_that_grows_stays_found(self):
        path = self.plant("log", MARK + b"line\n" * 2000000)
        with open(path, "ab", buffering=0) as f, Busy(lambda: f.write(b"line\n" * 100)):
            done = self.scan(self.tree)
        self.assertEqual((done.status, done.found()), (FOUND, [path]))

    def test_files_that_come_and_go_do_no_harm(self):
        still = [self.plant(f"still/{i}") for i in range(200)]
        names = [os.path.join(self.tree, "still", f"{i}-moving") for i in range(500)]

        def churn():
            for name in names:
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT))
            for name in names:
                os.unlink(name)
        with Busy(churn):
            for _ in range(5):
                done = self.scan(self.tree)
                self.assertEqual((done.status, done.found()), (FOUND, sorted(still)))
                self.assertEqual(done.missed(), {})

    def test_a_folder_that_is_moved_away_is_told_or_walked(self):
        for i in range(200):
            self.plant(f"f/{'d/' * 100}{i}")
        inside, outside = os.path.join(self.tree, "f/d/d"), os.path.join(self.scratch, "away")
        last = self.plant("last")

        def move():
            os.rename(inside, outside)
            os.rename(outside, inside)
        with Busy(move, 0.001):
            for _ in range(5):
                done = self.scan(self.tree)
                self.assertEqual(done.status, FOUND)
                self.assertIn(last, done.found())
                self.assertTrue(set(done.missed().values()) <= {"moved", "vanished"})


class Rules(ScanTest):
    def test_a_bad_file_is_named_with_its_line_and_the_rest_is_used(self):
        folder = os.path.join(self.scratch, "pack")
        self.write_rules("pack/good.yar", MARK_RULE)
        bad = self.write_rules("pack/bad.yar", "rule one { condition: true }\n\nrule two {\n"
                               "condition: nonsense }\n")
        path = self.plant("a")
        done = self.scan("--rules", folder, self.tree)
        self.assertEqual((done.status, done.found(), done.found("one")), (FOUND, [path], []))
        self.assertIn(f"{bad}:4: ", done.err)
        (problem,) = done.of_type("rule_problem")
        self.assertEqual((problem["path"], problem["line"]), (bad, 4))
        self.assertEqual((done.summary["rule_set"]["files"],
                          done.summary["rule_set"]["files_left_out"]), (2, 1))
        self.assertIn("1 rule file left out",
                      self.text_scan("--rules", folder, self.tree).out)

    def test_rules_of_which_none_is_good_are_an_error(self):
        rules = self.write_rules("bad.yar", "rule {")
        done = self.text_scan("--rules", rules, self.tree)
        self.assertEqual(done.status, ERROR)
        self.assertIn("no rule is left to scan with", done.err)

    def test_include_is_refused(self):
        self.write_rules("pack/other.txt", "rule other { condition: true }")
        rules = self.write_rules("pack/a.yar", 'include "other.txt"\n' + MARK_RULE)
        self.write_rules("pack/b.yar", MARK_RULE)
        path = self.plant("a")
        done = self.scan("--rules", os.path.dirname(rules), self.tree)
        self.assertEqual((done.found(), done.found("other")), ([path], []))
        self.assertIn(f"{rules}:1: ", done.err)
        self.assertIn("include", done.err)

    def test_rules_of_equal_name_in_two_files_are_two_rules(self):
        self.write_rules("pack/a.yar", MARK_RULE)
        self.write_rules("pack/sub/b.yara", MARK_RULE)
        self.write_rules("pack/c.txt", MARK_RULE)
        self.plant("a")
        done = self.scan("--rules", os.path.join(self.scratch, "pack"), self.tree)
        spaces = sorted(f["evidences"][0]["data"]["yara"]["namespace"] for f in done.findings)
        self.assertEqual(spaces, ["pack/a.yar", "pack/sub/b.yara"])
        self.assertEqual(len({f["finding_info"]["uid"] for f in done.findings}), 2)

    def test_externals_carry_real_values(self):
        content = b"\x7fELF" + MARK
        path = self.plant("sub/Name.TxT", content)
        owner = self.owner(path)
        values = {"filename": "Name.TxT", "filepath": os.path.dirname(path),
                  "extension": ".txt", "filetype": "ELF", "owner": owner,
                  "md5": hashlib.md5(content).hexdigest()}
        rules = self.write_rules("ext.yar", "".join(
            f'rule is_{name} {{ condition: {name} == "{value}" }}\n'
            f'rule not_{name} {{ condition: {name} != "{value}" }}\n'
            for name, value in values.items()))
        found = {rule_of(f) for f in self.scan("--rules", rules, self.tree).findings}
        self.assertEqual(found, {"is_" + name for name in values})

    @staticmethod
    def owner(path):
        uid = os.stat(path).st_uid
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    def test_a_rule_that_loops_for_minutes_costs_itself_alone(self):
        rules = self.write_rules("loop.yar", MARK_RULE + "rule loop { condition: filename == \"b\""
                                 " and for all i in (0..4000000000) : (uint8(i % 16) < 256) }\n")
        paths = [self.plant(name) for name in "abc"]
        done = self.scan("--rules", rules, "--timeout", "2s", self.tree)
        self.assertEqual((done.status, done.found()), (FOUND, paths))
        missed = done.missed()
        self.assertEqual(missed.get(paths[1]), "rule-left-out")
        self.assertEqual(set(missed.values()), {"rule-left-out"})
        self.check_whole(done)
        self.assertIn("loop", self.text_scan("--rules", rules, "--timeout", "2s", self.tree).out)


def distinct_files(*folders):
    """Regular files, each inode once, in the order of their names."""
    seen = {}
    for folder in folders:
        for path, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                st = os.lstat(os.path.join(path, name))
                if stat.S_ISREG(st.st_mode):
                    seen.setdefault((st.st_dev, st.st_ino), os.path.join(path, name))
    return sorted(seen.values())


@unittest.skipUnless(YARA, "the program yara is not installed (package yara)")
class Agreement(ScanTest):
    """Findings are those of the yara program, rule by rule, offset by offset."""

    rule_source = ROOT / "bench" / "rules" / "agreement.yar"
    shown = re.compile(rb"^0x([0-9a-f]+):([0-9]+):(\$\w*): ")

    def setUp(self):
        super().setUp()
        self.rule_file = self.write_rules("agreement.yar", self.rule_source.read_text())

    def yara(self, listing):
        run = subprocess.run([YARA, "-s", "-L", "-N", "-p", "2", "--scan-list", self.rule_file,
                              listing], capture_output=True, check=False, timeout=80)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        found = defaultdict(list)
        key = None
        for line in run.stdout.splitlines():
            string = self.shown.match(line)
            if string:
                found[key].append((string[3].decode(), int(string[1], 16), int(string[2])))
            else:
                rule, path = line.decode().split(" ", 1)
                key = (rule, path)
                found[key] += []
        return found

    def test_findings_on_usr_bin_are_identical(self):
        listing = os.path.join(self.scratch, "list")
        paths = distinct_files("/usr/bin")
        Path(listing).write_text("".join(p + "\n" for p in paths))
        theirs = self.yara(listing)
        done = self.scan("--files-from", listing)
        ours, counts = {}, {}
        for f in done.findings:
            yara = f["evidences"][0]["data"]["yara"]
            key = (yara["rule"], scans.path_of(f))
            ours[key] = sorted((s["id"], s["offset"], s["length"]) for s in yara["strings"])
            counts[key] = yara["n_strings"]
        self.assertEqual(set(ours), set(theirs))
        self.assertGreater(len(ours), 20)
        for key, strings in theirs.items():
            self.assertEqual(counts[key], len(strings), key)
            if counts[key] <= len(ours[key]):
                self.assertEqual(ours[key], sorted(strings), key)
            else:
                self.assertTrue(set(ours[key]) <= set(strings), key)
        self.assertEqual(done.summary["scanned"], len(paths))


if __name__ == "__main__":
    scans.main()
