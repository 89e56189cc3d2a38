#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""molehunt scan looks into archives: every format, every nesting, and what is wrong with them."""
import gzip
import hashlib
import lzma
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import archives  # noqa: E402
import scans  # noqa: E402
from scans import CLEAN, FOUND, INCOMPLETE, MARK, ScanTest, path_of, rule_of  # noqa: E402

MEMBERS = [("readme.txt", b"nothing here\n" * 50), ("dir/x.so", b"\x7fELF" + b"." * 90 + MARK)]


def member_of(finding):
    return finding["evidences"][0]["data"].get("member")


# Their list of members stands at the end, or one piece of what is packed is all of it.
NO_PARTS = {"iso", "7z", "store.7z", "lzma.zip", "rpm", "tar.bz2", "tar.lz4"}


class ArchiveTest(ScanTest):
    def members_found(self, done, path):
        """Names in path in which the mark was found."""
        return sorted(member_of(f)["name"] for f in done.findings
                      if path_of(f) == path and rule_of(f) == "mark" and member_of(f))

    def check(self, name, content, found=(), missed=None, status=None):
        """Scan one file: names of members with the mark, and {name: reason} behind its path."""
        path = self.plant(name, content)
        done = self.scan(path)
        self.check_whole(done)
        self.assertEqual(self.members_found(done, path), sorted(found))
        told = {p[len(path):]: reason for p, reason in done.missed().items()}
        self.assertEqual(told, missed or {})
        if status is not None:
            self.assertEqual(done.status, status)
        os.unlink(path)
        return done


class Formats(ArchiveTest):
    def test_every_format(self):
        paths = {name: self.plant("a." + name, make(MEMBERS))
                 for name, make in archives.FORMATS.items() if name not in ("ar",)}
        paths["ar"] = self.plant("a.ar", archives.ar_of([("readme", b"-"), ("x.so", MARK)]))
        done = self.scan(self.tree)
        self.check_whole(done)
        self.assertEqual(done.missed(), {})
        for name, path in paths.items():
            with self.subTest(name):
                expected = "!/x.so" if name == "ar" else "!/dir/x.so"
                self.assertEqual(self.members_found(done, path), [expected])
        self.assertEqual(done.summary["members"], 2 * len(paths))
        self.assertEqual(done.summary["scanned"], len(paths))

    def test_every_format_in_every_format(self):
        for outer, make in archives.FORMATS.items():
            if outer == "ar":
                continue
            inner = [("in/a." + name, make_inner(MEMBERS))
                     for name, make_inner in archives.FORMATS.items() if name != "ar"]
            with self.subTest(outer):
                self.check("b." + outer, make(inner),
                           [f"!/{name}!/dir/x.so" for name, _ in inner]
                           # What is not packed shows the mark from outside, too.
                           + [f"!/{name}" for name, data in inner if MARK in data])

    def test_packed_files(self):
        for name, pack in archives.PACKED.items():
            with self.subTest(name):
                self.check(f"core.{name}", pack(b"-" * 2000 + MARK), ["!/core"])
                self.check(f"twice.{name}.{name}", pack(pack(b"-" * 2000 + MARK)),
                           [f"!/twice.{name}!/twice"])
                self.check(f"empty.{name}", pack(b""), [])
        named = gzip.compress(MARK)
        named = named[:3] + b"\x08" + named[4:10] + b"real name\0" + named[10:]
        self.check("other.gz", named, ["!/real name"])

    def test_a_package(self):
        self.check("x_1.deb", archives.deb_of([("./usr/lib/x.so", MARK)]),
                   ["!/data.tar.xz!/usr/lib/x.so"])
        self.check("x.jar", archives.zip_of([("META-INF/MANIFEST.MF", b"-"), ("A.class", MARK)]),
                   ["!/A.class"])

    def test_a_member_is_a_file_of_its_own(self):
        rules = self.write_rules("own.yar", """
            rule own { condition:
              filename == "X.So" and extension == ".so" and filetype == "ELF" and
              filepath endswith "/o.zip!/dir/in.tgz!/sub" and filesize == 7 and
              uint32(0) == 0x464c457f and md5 == "%s" }
            """ % hashlib.md5(b"\x7fELFabc").hexdigest())
        inner = gzip.compress(archives.tar_of([("sub/X.So", b"\x7fELFabc")]))
        path = self.plant("o.zip", archives.zip_of([("dir/in.tgz", inner)]))
        done = self.scan("--rules", rules, path)
        (finding,) = done.findings
        whole = path + "!/dir/in.tgz!/sub/X.So"
        self.assertEqual(member_of(finding), {
            "path": whole, "name": "!/dir/in.tgz!/sub/X.So", "size": 7,
            "sha256": hashlib.sha256(b"\x7fELFabc").hexdigest()})
        self.assertEqual(path_of(finding), path)
        self.assertIn(whole, finding["message"])
        self.assertEqual(finding["malware"][0]["path"], whole)
        self.assertIn(hashlib.sha256(b"\x7fELFabc").hexdigest(),
                      [o["value"] for o in finding["observables"]])

    def test_members_are_findings_apart(self):
        done = self.check("a.zip", archives.zip_of([("a", MARK), ("b", MARK)]), ["!/a", "!/b"])
        self.assertEqual(len({f["finding_info"]["uid"] for f in done.findings}), 2)
        self.assertEqual((done.summary["found"], done.summary["findings"]), (1, 2))

    def test_the_text_output_names_members(self):
        path = self.plant("a.zip", archives.zip_of([("a\x1b[2J", MARK)]))
        done = self.text_scan(path)
        self.assertIn(f"FOUND {path}!/a\\x1b[2J", done.out)
        self.assertIn("1 file with 1 member in archives", done.out)

    def test_archives_can_be_left_alone(self):
        self.plant("a.zip", archives.zip_of([("a", MARK)]))
        self.plant("b.7z", archives.sevenzip_encrypted())
        done = self.scan("--no-archives", self.tree)
        self.assertEqual((done.status, done.summary["members"]), (CLEAN, 0))

    def test_the_outer_file_is_scanned_as_ever(self):
        path = self.plant("a.zip", archives.zip_of([("a", b"-" + MARK)], zipfile.ZIP_STORED))
        done = self.scan(path)
        whole = [f for f in done.findings if member_of(f) is None]
        self.assertEqual([f["evidences"][0]["data"]["yara"]["strings"][0]["offset"]
                          for f in whole], [32])


class Places(ArchiveTest):
    """What counts as an archive."""

    def test_a_zip_behind_something_else(self):
        inner = archives.zip_of([("x.so", MARK)])
        for name, before in (("app.py", b"#!/usr/bin/env python3\n"), ("a.jpg", b"\xff\xd8\xff" * 99),
                             ("a.exe", b"MZ" + b"-" * 5000), ("a.gz", gzip.compress(b"-"))):
            with self.subTest(name):
                self.check(name, before + inner, ["!/x.so"])
        with_comment = inner[:-2] + struct.pack("<H", 9000) + b"c" * 9000
        self.check("a.bin", b"-" * 300 + with_comment, ["!/x.so"])

    def test_an_archive_behind_a_program(self):
        for name in ("rar", "v5.rar", "cab"):
            with self.subTest(name):
                self.check("setup", archives.elf_with(b"settings" + archives.FORMATS[name](MEMBERS)),
                           ["!/dir/x.so"])

    def test_two_archives_at_once(self):
        both = (gzip.compress(archives.tar_of([("one", MARK)]))
                + archives.zip_of([("two", MARK)]))
        done = self.scan(self.plant("both.gz", both))
        self.assertTrue({"!/one", "!/two"} <= {member_of(f)["name"] for f in done.findings})

    def test_a_tar_goes_on_behind_its_end(self):
        two = archives.tar_of([("one", b"-")]) + archives.tar_of([("two", MARK)])
        self.check("two.tar", two, ["!/two"])
        self.check("two.tar.gz", gzip.compress(two), ["!/two"])
        done = self.scan(self.plant("tail.tgz", gzip.compress(two[:10240] + os.urandom(5120))))
        self.assertEqual(list(done.missed().values()), ["archive-damaged"])

    def test_files_that_only_look_like_it_are_clean(self):
        for name, content in (("a", b"PK\x05"), ("b", b"\x1f\x8b"), ("c", b"BZh91"), ("d", b"Rar!"),
                              ("e", b"7z"), ("f", b"MZPK\x05\x06" + b"\0" * 15), ("g", b"0707"),
                              ("h", b"\x7fELF\x02\x01" + b"\xff" * 300), ("i", b""),
                              ("k", b"MZ" + b"\xff" * 500)):
            self.plant(name, content)
        done = self.scan(self.tree)
        self.assertEqual((done.status, done.missed()), (CLEAN, {}))

    def test_names_are_only_names(self):
        names = ["/etc/passwd", "../../../etc/cron.d/x", "a\nb", "..", "C:\\x", "x" * 4000]
        self.check("a.tar", archives.tar_of([(n, MARK) for n in names]), ["!/" + n for n in names])
        raw = archives.tar_of([("n\xff", MARK)], tarfile.USTAR_FORMAT).replace(
            "n\xff".encode(), b"n\xff\0")
        head = bytearray(raw[:512])
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        done = self.scan(self.plant("raw.tar", bytes(head) + raw[512:]))
        (member,) = [m for m in map(member_of, done.findings) if m]
        self.assertEqual((member["name"], member["name_hex"]), ("!/n\\xff", "212f6eff"))

    def test_names_of_other_alphabets(self):
        done = self.check("u.zip", archives.zip_of([("каталог/文件", MARK)]), ["!/каталог/文件"])
        self.assertEqual(done.missed(), {})


class Trouble(ArchiveTest):
    """What cannot be read is told, and what can be is scanned all the same."""

    def test_passwords(self):
        self.check("a.zip", archives.encrypted_zip([("a", MARK[:5]), ("b", b"")]), [],
                   {"!/a": "encrypted", "!/b": "encrypted"}, INCOMPLETE)
        for name, content in (("h.rar", archives.rar4_encrypted()),
                              ("h5.rar", archives.rar5_encrypted()),
                              ("h.7z", archives.sevenzip_encrypted())):
            with self.subTest(name):
                done = self.scan(self.plant("enc/" + name, content))
                self.assertEqual(list(done.missed().values()), ["encrypted"])

    def test_an_encrypted_member_hides_no_other(self):
        plain, secret = archives.zip_of([("p", MARK)]), archives.encrypted_zip([("s", b"1")])
        self.check("a.zip", archives.zip_of([("plain.zip", plain), ("secret.zip", secret)]),
                   ["!/plain.zip!/p"], {"!/secret.zip!/s": "encrypted"})

    def test_truncated(self):
        # libarchive hands out packed data in pieces of 64 KiB; the damaged one is lost.
        members = [("first", MARK + os.urandom(200_000)), ("second", os.urandom(200_000))]
        for name in sorted(set(archives.FORMATS) - NO_PARTS):
            whole = archives.FORMATS[name](members)
            with self.subTest(name):
                path = self.plant("t." + name, whole[:len(whole) - 90_000])
                done = self.scan(path)
                self.check_whole(done)
                self.assertIn("!/first", self.members_found(done, path))
                self.assertIn("archive-damaged", done.missed().values())

    def test_every_prefix_ends(self):
        for name, make in archives.FORMATS.items():
            whole = make([("a", b"abc" * 20), ("b", b"x" * 400)])
            for cut in range(1, len(whole), max(1, len(whole) // 12)):
                self.plant(f"{name}/{cut}", whole[:cut])
        done = self.scan(self.tree)
        self.check_whole(done)
        self.assertNotIn("poisoned", done.summary["not_scanned"])

    def test_a_directory_that_lies(self):
        whole = bytearray(archives.zip_of([("x.so", MARK)], zipfile.ZIP_STORED))
        end = whole.rfind(b"PK\x05\x06")
        whole[end + 16:end + 20] = struct.pack("<I", 0x7fffffff)
        path = self.plant("a.zip", bytes(whole))
        self.assertEqual(self.members_found(self.scan(path), path), ["!/x.so"])

    def test_bytes_behind_a_magic(self):
        for name, magic in (("gz", b"\x1f\x8b\x08\0"), ("named.gz", b"\x1f\x8b\x08\x04"), ("xz", b"\xfd7zXZ\0"), ("7z", b"7z\xbc\xaf'\x1c"),
                            ("zip", b"PK\x03\x04"), ("rar", b"Rar!\x1a\x07\x01\0"), ("cab", b"MSCF\0\0\0\0"),
                            ("rpm", b"\xed\xab\xee\xdb"), ("ar", b"!<arch>\n")):
            with self.subTest(name):
                done = self.scan(self.plant("x." + name, magic + os.urandom(5000)))
                self.check_whole(done)
                self.assertEqual(done.summary["missed"], 1, done.missed())

    def test_sizes_that_lie(self):
        whole = bytearray(archives.zip_of([("x.so", MARK)]))
        for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            start = whole.find(mark)
            whole[start + at:start + at + 4] = struct.pack("<I", 0xfffffff0)
        self.check("large.zip", bytes(whole), ["!/x.so"], {"!/x.so": "archive-damaged"})
        tar = bytearray(archives.tar_of([("x.so", MARK)]))
        tar[124:136] = b"77777777777\0"
        tar[148:156] = b" " * 8
        tar[148:156] = b"%06o\0 " % sum(tar[:512])
        self.check("large.tar", bytes(tar), ["!/x.so"], {"!/x.so": "archive-damaged"})

    def test_methods_nobody_knows(self):
        whole = bytearray(archives.zip_of([("x", b"x" * 40), ("y", MARK)]))
        for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            start = whole.find(mark)
            whole[start + at:start + at + 2] = struct.pack("<H", 97)
        self.check("a.zip", bytes(whole), ["!/y"], {"!/x": "archive-unsupported"})

    def test_one_file_of_a_set(self):
        for make, flags in ((archives.rar4_of, 0x0101), (archives.rar5_of, 1)):
            whole = make([("first", MARK), ("second", os.urandom(4000))], flags)
            path = self.plant("v.part1.rar", whole[:-3000])
            done = self.scan(path)
            self.assertEqual(self.members_found(done, path), ["!/first"])
            self.assertIn("archive-volumes", done.missed().values())
        if archives.BSDTAR:
            whole = archives.FORMATS["7z"]([("x", os.urandom(9000))])
            done = self.scan(self.plant("v.7z.001", whole[:5000]))
            self.assertEqual(set(done.missed().values()), {"archive-volumes"})

    def test_links_and_devices_are_not_missed(self):
        made = []
        for name, kind, target in (("loop", tarfile.LNKTYPE, "loop"), ("a", tarfile.SYMTYPE, "b"),
                                   ("b", tarfile.SYMTYPE, "a"), ("d", tarfile.DIRTYPE, ""),
                                   ("mem", tarfile.CHRTYPE, ""), ("f", tarfile.FIFOTYPE, ""),
                                   ("hard", tarfile.LNKTYPE, "/etc/passwd")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            made.append(info)
        done = self.check("a.tar", archives.tar_of([*made, ("x", MARK)], tarfile.USTAR_FORMAT),
                          ["!/x"] , None)
        self.assertEqual(done.summary["members"], 1)


class Checks(ArchiveTest):
    """Signs of a theft that is being prepared: names and headers alone."""

    LARGE = [("a", os.urandom(1100 * 1024))]
    DESIGN = [(f"p/{i}.SLDPRT", b"x") for i in range(9)]

    def setUp(self):
        super().setUp()
        # The scratch folder itself lies where data is staged.
        self.home = "/var/opt" if os.access("/var/opt", os.W_OK) else None

    def checks(self, name, content):
        """{check: score} of a file of that name below the tree."""
        path = self.plant(name, content)
        done = self.scan(path)
        self.check_whole(done)
        os.unlink(path)
        for f in done.findings:
            self.assertEqual(f["finding_info"]["types"], ["check", "file"])
            self.assertEqual(f["evidences"][0]["data"]["check"]["facts"]["score"],
                             f["unmapped"]["score"])
            self.assertIn(path, f["message"])
        return {rule_of(f): f["unmapped"]["score"] for f in done.findings}

    def test_an_archive_under_a_foreign_extension(self):
        large = archives.zip_of(self.LARGE)
        for name, score in (("a.jpg", 60), ("a.PNG", 60), ("a.ttf", 60), ("a.dat", 50),
                            ("a.tmp", 50), ("a.log", 50), ("a", 50)):
            with self.subTest(name):
                self.assertEqual(self.checks(name, large),
                                 {"archive-under-foreign-extension": score})
        for make in (archives.rar4_of, archives.rar5_of):
            self.assertEqual(self.checks("a.jpg", make(self.LARGE)),
                             {"archive-under-foreign-extension": 60})

    def test_archives_that_have_their_name_for_a_reason(self):
        large = archives.zip_of(self.LARGE)
        jar = archives.zip_of([("META-INF/MANIFEST.MF", b"-"), *self.LARGE])
        word = archives.zip_of([("[Content_Types].xml", b"-"), *self.LARGE])
        for name, content in (
                ("a.zip", large), ("a.docx", large), ("a.jar", large), ("a.whl", large),
                ("a.xpi", large), ("a.epub", large), ("a.apk", large), ("a.pak", large),
                ("small.jpg", archives.zip_of([("a", b"-" * 5000)])), ("Cache/a.dat", large),
                (".cache/x/a", large), (".mozilla/a.tmp", large), ("Steam/a.dat", large),
                ("jar", jar), ("word.tmp", word), ("a.log", gzip.compress(os.urandom(1 << 21)))):
            with self.subTest(name):
                self.assertEqual(self.checks(name, content), {})

    def test_encrypted_names(self):
        name = "archive-with-encrypted-names"
        for made in (archives.rar4_encrypted(), archives.rar5_encrypted(),
                     archives.sevenzip_encrypted()):
            self.assertEqual(self.checks("a.rar", made), {name: 40})
            self.assertEqual(self.checks("a.jpg", made), {name: 60})
        self.assertEqual(self.checks("a.dat", archives.rar4_encrypted(volume=True)),
                         {name: 70, "archive-volumes-in-staging-folder": 55})
        self.assertEqual(self.checks("a.zip", archives.encrypted_zip([("a", b"-")])), {})

    def test_volumes(self):
        name = "archive-volumes-in-staging-folder"
        for path in ("a.part1.rar", "a.part02.rar", "a.r00"):
            self.assertEqual(self.checks(path, archives.rar5_of([("a", b"-")])), {name: 55})
        self.assertEqual(self.checks("a.7z.001", archives.sevenzip_encrypted()[:60]), {name: 55})
        for path in ("a.rar", "part1.zip", "a.zip", "7z.001", "r00"):
            self.assertEqual(self.checks(path, archives.zip_of([("a", b"-")])), {})

    def test_design_files(self):
        name = "design-files-in-staging-folder"
        nine = self.DESIGN
        for make in (archives.zip_of, archives.tar_of, archives.rar5_of, archives.FORMATS["tar.gz"]):
            self.assertEqual(self.checks("a", make(nine)), {})
            self.assertEqual(self.checks("a", make([*nine, ("x.dwg", b"-")])), {name: 60})
            self.assertEqual(self.checks("a", make([*nine, ("x.lib", b"-")])), {name: 60})
        self.assertEqual(self.checks("a", archives.zip_of(
            [(f"{i}.v", b"-") for i in range(30)])), {})

    def test_elsewhere_such_archives_are_nobodys_business(self):
        if self.home is None:
            self.skipTest("no folder outside of temporary ones can be written")
        folder = tempfile.mkdtemp(prefix="molehunt-home-", dir=self.home)
        self.addCleanup(subprocess.run, ["rm", "-rf", folder], check=True)
        ten = archives.zip_of([*self.DESIGN, ("x.dwg", b"-")])
        files = {"a.rar": archives.rar5_encrypted(), "a.part1.rar": archives.rar5_of([("a", b"")]),
                 "a.zip": ten}
        for sub, expected in (("plain", 0), (".x", 3), (".local/share/Trash/files", 3),
                              (".config", 0)):
            os.makedirs(f"{folder}/{sub}")
            for name, content in files.items():
                Path(f"{folder}/{sub}/{name}").write_bytes(content)
            with self.subTest(sub):
                self.assertEqual(len(self.scan(f"{folder}/{sub}").findings), expected)


class Limits(ArchiveTest):
    """Each scan ends within its limits and says where."""

    def test_depth_to_its_limit_and_one_more(self):
        inside = "!/in.zip" * 7
        self.check("a.zip", archives.nested(8, MARK), [inside + "!/x.so"])
        self.check("a.zip", archives.nested(9, MARK), [], {inside + "!/in.zip": "archive-depth"})

    def test_a_nesting_without_end(self):
        self.check("a.zip", archives.nested(60, b"-"), [],
                   {"!/in.zip" * 8: "archive-depth"}, INCOMPLETE)

    def test_flat_bombs(self):
        zeros = b"\0" * (10 << 20)
        bombs = {"a.zip": archives.zip_of([("z", zeros * 10), ("x", MARK)]),
                 "a.bz2": archives.bz2.compress(zeros) * 10,
                 "a.xz": lzma.compress(zeros) * 10,
                 "a.gz": gzip.compress(zeros) * 10}
        if archives.BSDTAR:
            bombs["a.tar.zst"] = archives.bsdtar_of([("z", zeros * 10)], "--zstd")
        for name, content in bombs.items():
            with self.subTest(name):
                done = self.scan(self.plant("bomb/" + name, content))
                self.assertEqual(list(done.missed().values()), ["archive-ratio"])

    def test_a_nested_bomb(self):
        data = archives.zip_of([(f"{i}.dll", b"\0" * (4 << 20)) for i in range(16)])
        for _ in range(3):
            data = archives.zip_of([(f"{i}.zip", data) for i in range(16)])
        self.check("42.zip", data, [], {"": "archive-ratio"}, INCOMPLETE)

    def test_a_large_member_in_the_worker_with_more_memory(self):
        # Beyond what an ordinary worker holds; ends of what it unpacks are seen.
        large = os.urandom(1 << 20) * 40 + MARK
        done = self.check("a.tar.gz", gzip.compress(archives.tar_of([("l", large)]), 1), ["!/l"])
        self.assertEqual(done.summary["members"], 1)

    @unittest.skipIf(scans.is_sanitized(), "without limits of memory")
    def test_dictionaries_larger_than_a_workers_memory(self):
        def packed(dictionary):
            filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": dictionary << 20}]
            return lzma.compress(archives.tar_of([("x", MARK)]), filters=filters)
        # An ordinary worker has 64 MiB, the one with more memory 1 GiB, beside the rules.
        self.check("small.txz", packed(16), ["!/x"])
        self.check("large.txz", packed(256), ["!/x"])
        done = self.scan(self.plant("huge.txz", packed(1400)))
        self.assertEqual((list(done.missed().values()), done.summary["missed"]), (["memory"], 1))

    def test_a_file_that_is_scanned_in_part(self):
        members = [("first", MARK + os.urandom(400_000)), *((str(i), os.urandom(400_000)) for i in range(9))]
        path = self.plant("a.tar", archives.tar_of(members))
        done = self.scan("--max-file-size", "1MiB", path)
        self.check_whole(done)
        self.assertEqual(self.members_found(done, path), ["!/first"])
        self.assertEqual(set(done.missed().values()), {"too-large"})
        self.assertTrue(any(p.startswith(path + "!/") for p in done.missed()))

    def test_ten_million_empty_members(self):
        block = tarfile.TarInfo("e").tobuf()
        piece = gzip.compress(block * 10_000, 9)
        done = self.scan(self.plant("many.tar.gz", piece * 1000))
        self.check_whole(done)
        self.assertIn(list(done.missed().values()), (["archive-members"], ["archive-ratio"]))
        self.assertLessEqual(done.summary["members"], 500_000)

    def test_more_findings_than_are_kept(self):
        path = self.plant("a.zip", archives.zip_of([(str(i), MARK) for i in range(2100)]))
        done = self.scan(path)
        self.check_whole(done)
        self.assertEqual((len(done.findings), done.missed()), (2001, {path: "archive-findings"}))

    def test_more_notes_than_have_names(self):
        path = self.plant("a.zip", archives.encrypted_zip([(str(i), b"x") for i in range(1500)]))
        done = self.scan(path)
        self.check_whole(done)
        self.assertEqual(done.summary["not_scanned"], {"encrypted": 1500})


if __name__ == "__main__":
    scans.main()
