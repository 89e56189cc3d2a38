#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Packs that are ZIPs, as their publishers ship them, and ZIPs that mean no good."""
import io
import json
import os
import stat
import struct
import subprocess
import zipfile

import scans
from resident import ResidentTest
from scans import ERROR, FOUND, MARK, MARK_RULE, PROGRAM, ScanTest, rule_of

MIB = 1 << 20


def rule(name):
    return MARK_RULE.replace("rule mark", "rule " + name)


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """A ZIP of (name or ZipInfo, content)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in members:
            z.writestr(name, content)
    return out.getvalue()


class ZipPacks(ScanTest):
    def setUp(self):
        super().setUp()
        self.plant("a", MARK)

    def pack(self, members, name="forge.zip"):
        path = os.path.join(self.scratch, name)
        with open(path, "wb") as f:
            f.write(members if isinstance(members, bytes) else zipped(members))
        return path

    def found(self, *packs, status=FOUND):
        done = self.scan(*(w for p in packs for w in ("--rules", p)), self.tree)
        self.assertEqual(done.status, status, done.err)
        return done, sorted(f["evidences"][0]["data"]["yara"]["namespace"]
                            for f in done.findings)

    def test_rules_in_a_zip_are_used_under_the_names_of_their_files(self):
        pack = self.pack([("packages/core/a.yar", rule("a")), ("b.YARA", rule("b")),
                          ("README.md", "no rule"), (".git/c.yar", rule("c"))])
        done, found = self.found(pack)
        self.assertEqual(found, ["forge/b.YARA", "forge/packages/core/a.yar"])
        self.assertEqual(done.summary["rule_set"]["files"], 2)
        self.assertEqual(done.err, "")

    def test_a_zip_stands_beside_folders_and_files(self):
        pack = self.pack([("a.yar", rule("a"))])
        other = self.pack([("a.yar", rule("a"))], "other.zip")
        _, found = self.found(pack, self.rule_file, other)
        self.assertEqual(len(found), 3)
        self.assertEqual({n for n in found if n.endswith("a.yar")},
                         {"forge/a.yar", "other/a.yar"})

    def test_one_bad_file_is_named_with_its_line_and_the_rest_is_used(self):
        pack = self.pack([("good.yar", rule("good")), ("bad.yar", "rule bad {\n  nonsense\n}")])
        done, found = self.found(pack)
        self.assertEqual(found, ["forge/good.yar"])
        self.assertIn(f"{pack}!/bad.yar:2:", done.err)

    def test_names_that_climb_out_are_left_out_and_told(self):
        pack = self.pack([("../out.yar", rule("out")), ("a/../../out.yar", rule("out2")),
                          ("/etc/out.yar", rule("out3")),
                          ("/".join(["d"] * 17) + "/deep.yar", rule("deep")),
                          ("n" * 600 + ".yar", rule("long")), ("good.yar", rule("good"))])
        done, found = self.found(pack)
        self.assertEqual(found, ["forge/good.yar"])
        self.assertEqual(done.err.count("climbs out of the pack"), 2)
        self.assertEqual(done.err.count("is not one below the pack"), 1)
        self.assertIn("16 folders deep", done.err)
        self.assertIn("longer than 512 bytes", done.err)
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "out.yar")))

    def test_a_licence_travels_with_every_finding(self):
        text = "# Detection Rule License (DRL) 1.1\n\nPermission is\n"
        zipped_pack = self.pack([("p-main/LICENSE", text), ("p-main/a.yar", rule("a"))])
        folder = os.path.dirname(self.write_rules("folder/b.yar", rule("b")))
        self.write_rules("folder/LICENSE.txt", "\x1b[31mMIT \n")
        done, _ = self.found(zipped_pack, folder, self.rule_file)
        licences = {rule_of(f): f["evidences"][0]["data"]["yara"].get("pack_license")
                    for f in done.findings}
        self.assertEqual(licences, {"a": "Detection Rule License (DRL) 1.1",
                                    "b": "\x1b[31mMIT ", "mark": None})
        text = self.text_scan("--rules", zipped_pack, self.tree)
        self.assertIn("license of its pack: Detection Rule License (DRL) 1.1", text.out)

    def test_a_dot_for_the_folder_itself_is_no_hidden_name(self):
        # bsdtar writes names so.
        _, found = self.found(self.pack([("./a.yar", rule("a")), ("./b/./c.yar", rule("c")),
                                         ("./.git/d.yar", rule("d")), (".e.yar", rule("e"))]))
        self.assertEqual(found, ["forge/a.yar", "forge/b/./c.yar"])

    def test_a_rule_file_that_is_called_like_a_licence_is_whole(self):
        _, found = self.found(self.pack([("license_stealer.yar", "// " + "x" * 600 + "\n" +
                                          rule("a"))]))
        self.assertEqual(found, ["forge/license_stealer.yar"])

    def test_a_licence_is_called_as_one(self):
        pack = self.pack([("p/licenses.py", "import os"), ("p/a.yar", rule("a")),
                          ("p/LICENSE", "MIT")])
        done, _ = self.found(pack)
        yara = done.findings[0]["evidences"][0]["data"]["yara"]
        self.assertEqual(yara.get("pack_license"), "MIT")

    def test_an_empty_file_is_empty_wherever_it_stands(self):
        _, found = self.found(self.pack([("0.yar", ""), ("a.yar", rule("a")), ("z.yar", "")]))
        self.assertEqual(found, ["forge/a.yar"])

    def test_names_that_would_drive_a_terminal_are_escaped(self):
        done, found = self.found(self.pack([("a\n\x1b[31m.yar", rule("a")),
                                            ("\x1b]0;x\x07\nb.yar", "rule b {")]))
        self.assertEqual(found, ["forge/a\\x0a\\x1b[31m.yar"])
        self.assertNotIn("\x1b", done.err)
        self.assertEqual(len(done.err.splitlines()), 1)

    def test_what_is_left_out_of_a_zip_is_counted(self):
        pack = self.pack([("../out.yar", rule("out")), ("good.yar", rule("good"))])
        done, _ = self.found(pack, self.pack(b"no zip", "bad.zip"))
        rules = done.summary["rule_set"]
        self.assertEqual((rules["files"], rules["files_left_out"]), (3, 2))

    def test_what_is_no_file_is_not_read(self):
        fifo = os.path.join(self.scratch, "fifo.zip")
        os.mkfifo(fifo)
        os.symlink("/dev/zero", os.path.join(self.scratch, "device.zip"))
        done, _ = self.found(fifo, os.path.join(self.scratch, "device.zip"), self.rule_file)
        self.assertEqual(done.err.count("it is no file"), 2)

    def test_all_zips_together_have_one_limit_of_bytes(self):
        # A NUL byte: what is handed out is left out before it is compiled, which would take long.
        packs = [self.pack([(f"{i}.yar", b"\0" * 64 * MIB) for i in range(n)], f"{n}x.zip")
                 for n in (3, 1, 2)]
        done, _ = self.found(*packs[:2], self.rule_file)
        self.assertNotIn("all packs together", done.err)
        done, _ = self.found(*packs, self.rule_file)
        self.assertIn("2x.zip: all packs together have more than 20,000 files or 256 MiB", done.err)
        self.assertEqual(done.err.count("all packs together"), 1)
        self.assertNotIn("2x.zip!/", done.err)

    def test_files_that_are_left_out_count_to_the_limit_of_files(self):
        # What is told is bounded, too.
        limit = 20000
        for n, is_over in ((limit, False), (limit + 1, True)):
            members = [("good.yar", rule("good"))]
            members += [(f"../{i}.yar", "") for i in range(n - 1)]
            done, _ = self.found(self.pack(members))
            self.assertEqual("more than 20,000 rule files" in done.err, is_over)

    def test_links_are_not_followed(self):
        link = zipfile.ZipInfo("link.yar")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        _, found = self.found(self.pack([(link, "/etc/passwd"), ("good.yar", rule("good"))]))
        self.assertEqual(found, ["forge/good.yar"])

    def test_a_member_just_within_its_limit_is_used_and_one_beyond_is_not(self):
        text = rule("large").encode()
        members = [("fits.yar", text + b" " * (64 * MIB - len(text))),
                   ("over.yar", text + b" " * (64 * MIB - len(text) + 1))]
        done, found = self.found(self.pack(members))
        self.assertEqual(found, ["forge/fits.yar"])
        self.assertIn("over.yar: it is larger than 64 MiB", done.err)

    def test_a_bomb_is_not_unpacked(self):
        members = [("first.yar", rule("first"))]
        members += [(f"bomb{i}.yar", b"nonsense" + b" " * (63 * MIB)) for i in range(6)]
        members += [("last.yar", rule("last"))]
        done, found = self.found(self.pack(members))
        self.assertEqual(found, ["forge/first.yar"])
        self.assertIn("256 MiB", done.err)

    def test_what_is_no_zip_is_told(self):
        whole = zipped([("a.yar", rule("a"))])
        for content in (b"", b"PK", b"no zip at all" * 100, whole[:20]):
            done, _ = self.found(self.pack(content), status=ERROR)
            self.assertIn("forge.zip: it is no ZIP, or a damaged one", done.err)
        done, _ = self.found(self.pack([("README", "x")]), status=ERROR)
        self.assertIn("no .yar or .yara file in it can be used", done.err)
        done = self.scan("--rules", os.path.join(self.scratch, "none.zip"), self.tree)
        self.assertEqual(done.status, ERROR)
        # What is there beside it is used all the same.
        done, found = self.found(self.pack(b"x"), self.rule_file)
        self.assertEqual(len(found), 1)

    def test_damaged_and_encrypted_members_are_left_out(self):
        whole = bytearray(zipped([("a.yar", rule("a")), ("b.yar", rule("b") * 3)],
                                 zipfile.ZIP_STORED))
        whole[whole.index(b"rule a") + 5] ^= 1  # its checksum is wrong now
        at = 0
        for _ in range(2):  # encrypted, say the headers of b
            at = whole.index(b"b.yar", at + 1)
            flags = at - 30 + 6 if at < whole.index(b"PK\x01\x02") else at - 46 + 8
            struct.pack_into("<H", whole, flags, struct.unpack_from("<H", whole, flags)[0] | 1)
        done, found = self.found(self.pack(bytes(whole)), self.rule_file)
        self.assertEqual(len(found), 1)
        self.assertIn("a.yar: it is damaged", done.err)
        self.assertIn("b.yar: it is encrypted", done.err)

    def test_every_prefix_ends_well(self):
        whole = zipped([("a.yar", rule("a")), ("b.yar", rule("b"))])
        for n in range(0, len(whole), 41):
            done = self.scan("--rules", self.pack(whole[:n]), "--rules", self.rule_file, self.tree)
            self.assertEqual(done.status, FOUND, done.err)
            self.assertTrue(all(rule_of(f) in ("mark", "a", "b") for f in done.findings))

    def test_rules_check_looks_into_a_zip(self):
        pack = self.pack([("good.yar", rule("good")), ("bad.yar", "rule bad {\n  nonsense\n}")])
        done = subprocess.run([PROGRAM, "rules", "check", "--format", "ndjson", pack],
                              capture_output=True, text=True, check=False, timeout=60)
        paths = {r.get("path", "") for r in map(json.loads, done.stdout.splitlines())}
        self.assertEqual(done.returncode, 1)
        self.assertTrue({f"{pack}!/good.yar", f"{pack}!/bad.yar"} <= paths, paths)


class Agent(ResidentTest):
    def test_the_agent_uses_a_pack_that_is_a_zip(self):
        self.enrolled()
        self.r.rules = os.path.join(self.r.scratch, "forge.zip")
        with open(self.r.rules, "wb") as f:
            f.write(zipped([("a/mark.yar", MARK_RULE)]))
        self.r.configure()
        path = self.r.plant("a", MARK)
        self.r.start()
        self.wait_for_paths([path])
        self.assertEqual(self.arrived()[0]["evidences"][0]["data"]["yara"]["namespace"],
                         "forge/a/mark.yar")


if __name__ == "__main__":
    scans.main()
