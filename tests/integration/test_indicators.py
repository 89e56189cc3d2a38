#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Indicators as their users meet them: every format, every type, bad lines, large lists."""
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from processes import Held, mark  # noqa: E402
from resident import Resident  # noqa: E402
from scans import (CLEAN, ERROR, FOUND, INCOMPLETE, NEEDS_NOBODY, NEEDS_ROOT, NOBODY,  # noqa: E402
                   PROGRAM, ScanTest, helpers, is_sanitized, path_of, wait_until)

MIB = 1 << 20
CONTENT = b"the content of an implant, which is none"


def md5(data):
    return hashlib.md5(data).hexdigest()


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def indicator_of(finding):
    return finding["evidences"][0]["data"].get("indicator")


class IndicatorTest(ScanTest):
    rules = "rule nothing { condition: false }\n"

    def write(self, name, text):
        path = os.path.join(self.scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def compare(self, *files, more=()):
        """A scan of the tree with these files of indicators."""
        options = [word for file in files for word in ("--ioc", file)]
        return self.scan(*options, *more, self.tree)

    def values(self, done):
        """(type, value, path) of all that was found."""
        return sorted((indicator_of(f)["type"], indicator_of(f)["value"], path_of(f))
                      for f in done.findings if indicator_of(f))

    def check(self, *files):
        done = subprocess.run([PROGRAM, "ioc", "check", "--format", "ndjson", *files],
                              capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


class Hashes(IndicatorTest):
    def test_each_kind_is_found_and_nothing_else(self):
        one = self.plant("one", CONTENT)
        two = self.plant("two", CONTENT + b"2")
        three = self.plant("three", CONTENT + b"3")
        self.plant("four", CONTENT + b"4")
        list_ = self.write("hash-iocs.txt", f"# a list\n{md5(CONTENT)};Family A; seen\n"
                                            f"{sha1(CONTENT + b'2')};70;Family B\n"
                                            f"{sha256(CONTENT + b'3').upper()};Family C\n")
        done = self.compare(list_)
        self.assertEqual(done.status, FOUND)
        self.assertEqual(self.values(done), sorted([("md5", md5(CONTENT), one),
                                                    ("sha1", sha1(CONTENT + b"2"), two),
                                                    ("sha256", sha256(CONTENT + b"3"), three)]))
        by_type = {indicator_of(f)["type"]: f for f in done.findings}
        self.assertEqual(by_type["md5"]["unmapped"]["score"], 100)
        self.assertEqual(by_type["sha1"]["unmapped"]["score"], 70)
        facts = indicator_of(by_type["md5"])
        self.assertEqual((facts["line"], facts["list"], facts["comment"]),
                         (2, "indicators/hash-iocs.txt", "Family A; seen"))
        self.assertIn("MD5 alone", facts["note"])
        self.assertNotIn("note", indicator_of(by_type["sha256"]))
        finding = by_type["sha256"]
        self.assertEqual(finding["finding_info"]["types"], ["indicator", "file"])
        self.assertEqual(finding["finding_info"]["analytic"]["type_id"], 5)
        self.assertNotIn("malware", finding)
        self.assertEqual(done.summary["indicators"]["md5"], 1)

    def test_a_finding_keeps_its_name_when_the_list_grows(self):
        self.plant("one", CONTENT)
        line = f"{md5(CONTENT)};A\n"
        first = self.compare(self.write("hash.txt", line)).findings[0]
        again = self.compare(self.write("hash.txt", f"{md5(b'other')};B\n" * 5 + line)).findings[0]
        self.assertEqual(first["finding_info"]["uid"], again["finding_info"]["uid"])
        self.assertEqual((indicator_of(first)["line"], indicator_of(again)["line"]), (1, 6))

    def test_members_of_archives_are_compared(self):
        path = os.path.join(self.tree, "a.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("inner/x.bin", CONTENT)
        done = self.compare(self.write("hash.txt", f"{sha1(CONTENT)};A\n"),
                            self.write("filename.txt", "inner/x\\.bin$;70\n"))
        self.assertEqual(self.values(done), [("file-name", "inner/x\\.bin$", path),
                                             ("sha1", sha1(CONTENT), path)])
        member = done.findings[0]["evidences"][0]["data"]["member"]
        self.assertEqual(member["path"], path + "!/inner/x.bin")

    def test_hashes_of_nothing_are_refused_with_line_and_reason(self):
        self.plant("empty", b"")
        self.plant("byte", b"\n")
        list_ = self.write("hash.txt", f"{md5(b'')};empty\n{sha256(b'')};empty\n"
                                       f"{sha1(chr(10).encode())};one byte\n{md5(CONTENT)};good\n")
        done = self.compare(list_)
        self.assertEqual((done.status, done.findings), (CLEAN, []))
        told = [(p["line"], p["reason"]) for p in done.of_type("indicator_problem")]
        self.assertEqual([line for line, _ in told], [1, 2, 3])
        self.assertIn("empty file", told[0][1])
        self.assertIn("one byte", told[2][1])
        self.assertIn(f"{list_}:1: ", done.err)
        self.assertEqual(done.summary["indicators"]["md5"], 1)

    def test_a_file_over_the_limit_is_told_as_not_compared(self):
        content = CONTENT + bytes(2 * MIB)
        path = self.plant("large", content)
        list_ = self.write("hash.txt", f"{sha256(content)};large\n")
        done = self.compare(list_, more=("--max-file-size", "1MiB"))
        self.assertEqual((done.status, done.findings), (INCOMPLETE, []))
        (coverage,) = done.of_type("coverage")
        self.assertEqual([(p["path"], p["reason"]) for p in coverage["paths"]],
                         [(path, "too-large")])
        self.assertIn("not compared", coverage["paths"][0]["detail"])
        self.assertEqual(self.values(self.compare(list_)), [("sha256", sha256(content), path)])

    def test_exceptions_are_not_told(self):
        one = self.plant("one", CONTENT)
        self.plant("two", CONTENT + b"2")
        self.plant("away/three", CONTENT)
        done = self.compare(
            self.write("hash.txt", f"{md5(CONTENT)};A\n{md5(CONTENT + b'2')};B\n"),
            self.write("falsepositive-hashes.txt", f"{sha256(CONTENT + b'2')};known good\n"),
            self.write("excludes.cfg", "/away/\n"))
        self.assertEqual(self.values(done), [("md5", md5(CONTENT), one)])
        self.assertEqual(done.summary["indicators"]["exceptions"], 2)

    def test_a_million_hashes(self):
        rare = self.plant("rare", CONTENT)
        last = self.plant("last", CONTENT + b"last")
        with open(os.path.join(self.scratch, "hash-feed.txt"), "w") as f:
            f.write(f"{sha256(CONTENT)};first\n")
            for i in range(1000000):
                f.write(f"{md5(str(i).encode())}\n")
            f.write(f"{md5(CONTENT + b'last')};last\n")
        began = time.monotonic()
        done = self.compare(os.path.join(self.scratch, "hash-feed.txt"))
        self.assertEqual(self.values(done), [("md5", md5(CONTENT + b"last"), last),
                                             ("sha256", sha256(CONTENT), rare)])
        self.assertEqual([indicator_of(f)["line"] for f in done.findings
                          if path_of(f) == last], [1000002])
        # The numbers of one digit are files of one byte.
        self.assertEqual(done.summary["indicators"]["md5"], 1000001 - 10)
        self.assertEqual(len(done.of_type("indicator_problem")), 10)
        if not is_sanitized():
            self.assertLess(time.monotonic() - began, 60)

    @NEEDS_ROOT
    def test_a_file_at_which_the_reader_dies_twice_is_left_out(self):
        good = self.plant("good", CONTENT)
        list_ = os.path.join(self.scratch, "hash-feed.txt")
        with open(list_, "w") as f:
            f.write(f"{md5(CONTENT)};good\n" * 3000000)
        second = self.write("hash-second.txt", f"{sha1(CONTENT)};good\n")

        def reading():
            for zygote in helpers(process.pid, "molehunt-scan"):
                try:
                    with open(f"/proc/{zygote}/maps") as f:
                        # The table, which is mapped before the first line is read.
                        if zygote not in killed and "(deleted)" in f.read():
                            return zygote
                except OSError:
                    pass
            return 0
        killed = []
        process = self.start("--ioc", list_, "--ioc", second, self.tree)
        for _ in range(2):
            killed.append(wait_until(reading, what="a reader"))
            os.kill(killed[-1], signal.SIGKILL)
        done = self.outcome(process)
        (left_out,) = done.of_type("indicator_file")
        self.assertEqual(left_out["path"], list_)
        self.assertIn("did not end on it", left_out["reason"])
        self.assertEqual(self.values(done), [("sha1", sha1(CONTENT), good)])

    def test_a_new_list_is_another_rule_set(self):
        self.plant("one", CONTENT)
        ids = {self.compare(self.write("hash.txt", f"{md5(bytes([i]) * 2)};A\n"))
               .summary["rule_set"]["id"] for i in range(2)}
        self.assertEqual(len(ids), 2)


class Names(IndicatorTest):
    def test_files_folders_links_and_sockets_are_compared_by_their_names(self):
        file = self.plant("x/po1kitd", b"")
        folder = os.path.join(self.tree, "seahorses_dir")
        os.mkdir(folder)
        link = os.path.join(self.tree, "evil_link")
        os.symlink("nowhere", link)
        fifo = os.path.join(self.tree, "evil_fifo")
        os.mkfifo(fifo)
        twin = os.path.join(self.tree, "y_evil_twin")
        os.link(file, twin)
        list_ = self.write("filename-iocs.txt",
                           "# RedXOR\n/\\.?po1kitd$;90\n# Lightning\n/seahorses_dir$;95\n"
                           "# links\n/evil_(link|fifo)$;70\n_evil_twin$\n")
        done = self.compare(list_)
        self.assertEqual({(path_of(f), f["unmapped"]["score"], indicator_of(f)["comment"],
                           f["evidences"][0]["file"]["type_id"]) for f in done.findings},
                         {(file, 90, "RedXOR", 1), (folder, 95, "Lightning", 2),
                          (link, 70, "links", 7), (fifo, 70, "links", 6),
                          (twin, 60, "links", 1)})
        self.assertEqual(done.summary["scanned"], 1)
        self.assertEqual(done.summary["found"], 5)

    def test_a_pattern_of_what_is_in_a_folder_finds_the_folder(self):
        folder = os.path.join(self.tree, "intel_audio")
        os.mkdir(folder)
        done = self.compare(self.write("filename.txt", "/intel_audio/;90\n/intel_audio;50\n"))
        self.assertEqual(sorted((path_of(f), f["unmapped"]["score"]) for f in done.findings),
                         [(folder, 50), (folder, 90)])

    def test_what_is_scanned_itself_is_compared(self):
        root = os.path.join(self.tree, "evil_root")
        os.mkdir(root)
        list_ = self.write("filename.txt", "/evil_root$;70\n")
        done = self.scan("--ioc", list_, root)
        self.assertEqual([path_of(f) for f in done.findings], [root])

    @NEEDS_NOBODY
    def test_a_name_needs_no_permission_for_the_content(self):
        file = self.plant("evil_secret", b"x")
        folder = os.path.join(self.tree, "evil_folder")
        os.mkdir(folder, 0o000)
        os.chmod(file, 0o000)
        list_ = self.write("filename.txt", "/evil_[a-z]+$;70\n")
        self.user = NOBODY
        done = self.compare(list_)
        self.assertEqual(sorted(path_of(f) for f in done.findings), [folder, file])
        self.assertEqual(set(done.missed()), {folder, file})

    def test_expressions_are_those_of_python(self):
        for name in ("Temp/evil.exe", "RIODRV32.SYS", "plain", "Tools/psexec"):
            self.plant(name, b"x")
        list_ = self.write("filename.txt",
                           "\\\\Temp\\\\evil\\.exe$;70\n"
                           "(?i)[\\\\/]riodrv(16|32|64)?\\.sys$;85\n"
                           "/PLAIN$;50\n"
                           "/psexec;60;/Tools/\n"
                           "/broken(;50\n"
                           "/no_number;high\n")
        done = self.compare(list_)
        self.assertEqual([os.path.basename(path_of(f)) for f in
                          sorted(done.findings, key=path_of)], ["RIODRV32.SYS", "evil.exe"])
        self.assertEqual([p["line"] for p in done.of_type("indicator_problem")], [5, 6])

    def test_of_very_many_that_match_one_target_64_are_told_and_the_rest_is_said(self):
        path = self.plant("evil", b"x")
        for n, missed in ((64, {}), (65, {path: "rule-left-out"})):
            done = self.compare(self.write("filename.txt", "".join(
                f"/evil{'x?' * i}$;70\n" for i in range(n))))
            self.assertEqual((len(done.findings), done.missed()), (64, missed))

    def test_an_expression_that_explodes_is_told_and_the_others_work(self):
        path = self.plant("a" * 60 + "b", b"x")
        list_ = self.write("filename.txt", "/(a|aa|aaa)+$;70\n/a+b$;60\n")
        done = self.compare(list_)
        self.assertEqual([path_of(f) for f in done.findings], [path])
        self.assertEqual(done.missed(), {path: "rule-left-out"})


class Formats(IndicatorTest):
    """One content, named by each format."""

    def found_by(self, name, text):
        path = self.plant("target.bin", CONTENT)
        done = self.compare(self.write(name, text))
        self.assertEqual({path_of(f) for f in done.findings}, {path}, done.err)
        return [indicator_of(f) for f in done.findings]

    def test_plain_list_and_csv(self):
        self.found_by("feed", f"{sha256(CONTENT)}\n192.0.2.1\nevil.example.info\n")
        (facts,) = self.found_by("feed.csv", "when,sha1,family,score\n"
                                 f"2024,{sha1(CONTENT)},\"X, Y\",50\n")
        self.assertEqual((facts["comment"], facts["score"], facts["line"]), ("X, Y", 50, 2))

    def test_a_format_can_be_told(self):
        self.plant("target.bin", CONTENT)
        list_ = self.write("feed", f"{md5(CONTENT)};x\n")
        done = self.scan("--ioc", "loki-hash:" + list_, self.tree)
        self.assertEqual(done.status, FOUND)
        done = self.scan("--ioc", "stix:" + list_, self.tree)
        self.assertEqual(done.status, CLEAN)
        (file,) = done.of_type("indicator_file")
        self.assertIn("no JSON", file["reason"])

    def test_misp(self):
        (facts,) = self.found_by(
            "export.csv", "uuid,event_id,category,type,value,comment,to_ids,date\n"
            f"\"u-1\",12,\"x\",\"filename|md5\",\"a.exe|{md5(CONTENT)}\",\"seen\",1,1\n"
            f"\"u-2\",12,\"x\",\"sha1\",\"{sha1(CONTENT)}\",\"\",0,1\n")
        self.assertEqual((facts["indicator_id"], facts["event"], facts["type"]),
                         ("u-1", "12", "md5"))
        (facts,) = self.found_by("event.json", json.dumps({"Event": {
            "uuid": "e-1", "info": "Campaign", "Attribute": [
                {"type": "sha256", "value": sha256(CONTENT), "to_ids": True, "uuid": "a-1"},
                {"type": "md5", "value": md5(CONTENT), "to_ids": False, "uuid": "a-2"}]}}))
        self.assertEqual((facts["indicator_id"], facts["event"], facts["reference"]),
                         ("a-1", "e-1", "Campaign"))

    def test_stix_with_what_is_over(self):
        def indicator(number, pattern, **more):
            return {"type": "indicator", "id": f"indicator--{number}", "pattern": pattern,
                    "pattern_type": "stix", **more}
        bundle = {"type": "bundle", "id": "bundle--1", "objects": [
            indicator(1, f"[file:hashes.'SHA-256' = '{sha256(CONTENT)}']", name="N"),
            indicator(2, f"[file:hashes.MD5 = '{md5(CONTENT)}']",
                      valid_until="2001-01-01T00:00:00Z"),
            indicator(3, f"[file:hashes.'SHA-1' = '{sha1(CONTENT)}']", revoked=True),
            indicator(4, "[file:name = 'target.bin' AND file:size = %d]" % (len(CONTENT) + 1)),
            indicator(5, "[file:name = 'target.bin' AND file:size = %d]" % len(CONTENT)),
            indicator(6, "[windows-registry-key:key = 'x']")]}
        found = self.found_by("bundle.json", json.dumps(bundle))
        self.assertEqual(sorted(f["indicator_id"] for f in found),
                         ["indicator--1", "indicator--5"])
        status, records = self.check(os.path.join(self.scratch, "bundle.json"))
        self.assertEqual(status, 1)
        (file,) = [r for r in records if r["type"] == "indicator_file"]
        self.assertEqual((file["format"], file["expired"], file["revoked"], file["left_out"],
                          file["combined"]), ("stix", 1, 1, 1, 2))

    def test_openioc(self):
        def item(search, content, condition="is"):
            return (f'<IndicatorItem condition="{condition}"><Context search="{search}"/>'
                    f"<Content>{content}</Content></IndicatorItem>\n")
        found = self.found_by(
            "x.ioc", '<ioc xmlns="http://schemas.mandiant.com/2010/ioc" id="ioc-1">'
            "<short_description>GREENCAT</short_description><definition>"
            '<Indicator operator="OR">\n' + item("FileItem/Md5sum", md5(CONTENT)) +
            item("RegistryItem/Path", "x") + '<Indicator operator="AND">' +
            item("FileItem/FileName", "TARGET.BIN") +
            item("FileItem/SizeInBytes", f"[1 TO {len(CONTENT)}]") +
            "</Indicator></Indicator></definition></ioc>")
        self.assertEqual(sorted(f["type"] for f in found), ["file-name", "md5"])
        self.assertEqual({f["comment"] for f in found}, {"GREENCAT"})

    def test_what_is_no_list_is_left_out_and_the_rest_is_used(self):
        self.plant("target.bin", CONTENT)
        folder = os.path.join(self.scratch, "iocs")
        for name, text in (("a.json", "{"), ("b.xml", "<!DOCTYPE a [<!ENTITY x 'y'>]><ioc>&x;"),
                           ("c.txt", "no\nindicator\nat all\n"), ("keywords.txt", "mimikatz\n"),
                           ("d.txt", ""), ("hash.txt", f"{md5(CONTENT)};x\n"),
                           ("README.txt", "not read\n"), (".hidden.txt", "not read\n")):
            self.write(f"iocs/{name}", text)
        os.mkfifo(os.path.join(folder, "e.txt"))
        done = self.compare(folder)
        self.assertEqual(done.status, FOUND)
        reasons = {os.path.basename(r["path"]): r["reason"]
                   for r in done.of_type("indicator_file")}
        self.assertEqual(set(reasons), {"a.json", "b.xml", "c.txt", "d.txt", "e.txt",
                                        "keywords.txt"})
        self.assertIn("document type", reasons["b.xml"])
        self.assertIn("not recognised", reasons["c.txt"])
        self.assertIn("regular file", reasons["e.txt"])
        done = self.text_scan("--ioc", "/nonexistent", self.tree)
        self.assertEqual(done.status, ERROR)

    @unittest.skipIf(is_sanitized(), "no limit of memory")
    def test_a_tree_that_needs_too_much_memory_is_left_out(self):
        self.plant("target.bin", CONTENT)
        with open(os.path.join(self.scratch, "bomb.json"), "wb") as f:
            f.write(b'{"objects":[' + b"{}," * (20 * MIB) + b"{}]}")
        with open(os.path.join(self.scratch, "fits.json"), "wb") as f:
            f.write(b'{"objects":[' + b"{}," * MIB + b"{}]}")
        done = self.compare(os.path.join(self.scratch, "bomb.json"),
                            os.path.join(self.scratch, "fits.json"),
                            self.write("hash.txt", f"{md5(CONTENT)};x\n"))
        self.assertEqual(len(done.findings), 1, done.err)
        (left_out,) = done.of_type("indicator_file")
        self.assertIn("bomb.json", left_out["path"])

    def test_a_pack_brings_its_indicators(self):
        path = self.plant("target.bin", CONTENT)
        self.write("pack/a.yar", self.rules)
        self.write("pack/indicators/hash.txt", f"{md5(CONTENT)};x\n")
        done = subprocess.run([PROGRAM, "scan", "--format", "ndjson", "--rules",
                               os.path.join(self.scratch, "pack"), self.tree],
                              capture_output=True, text=True, check=False, timeout=120)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        findings = [f for f in findings if "class_uid" in f]
        self.assertEqual([path_of(f) for f in findings], [path])
        self.assertEqual(indicator_of(findings[0])["list"], "pack/indicators/hash.txt")

    def test_check_says_what_is_read(self):
        list_ = self.write("hash.txt", f"{md5(CONTENT)};x\nbad;y\n")
        good = self.write("c2.txt", "192.0.2.1\nevil.example.info\n")
        status, records = self.check(list_, good)
        self.assertEqual(status, 1)
        self.assertEqual([(r["type"], r.get("line"), r.get("left_out")) for r in records],
                         [("indicator_problem", 2, None), ("indicator_file", None, 1),
                          ("indicator_file", None, 0), ("indicator_summary", None, 1)])
        self.assertEqual((records[2]["format"], records[2]["address"], records[2]["domain"]),
                         ("loki-c2", 1, 1))
        self.assertEqual(self.check(good)[0], 0)
        done = subprocess.run([PROGRAM, "ioc", "check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2)


class Processes(IndicatorTest):
    def connect(self, address="127.0.0.1"):
        """A connection over loopback, both ends in this process."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 0), family=family)
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
        for s in (listener, client, server):
            self.addCleanup(s.close)
        return listener.getsockname()[1]

    def test_a_connection_to_an_address_of_a_list_is_found(self):
        port = self.connect()
        list_ = self.write("c2-iocs.txt", f"# Loopback\n192.0.2.7\n127.0.0.1:{port};80\n"
                                          "127.0.0.1:1\n10.0.0.0/8\n")
        done = self.scan("--ioc", list_, "--pid", str(os.getpid()))
        (finding,) = [f for f in done.findings if indicator_of(f)]
        facts = indicator_of(finding)
        self.assertEqual((facts["type"], facts["value"], facts["line"], facts["remote"],
                          facts["protocol"]),
                         ("address", f"127.0.0.1:{port}", 3, f"127.0.0.1:{port}", "tcp"))
        self.assertEqual(finding["unmapped"]["score"], 80)
        self.assertEqual(finding["finding_info"]["types"], ["indicator", "process"])
        self.assertEqual(finding["evidences"][0]["process"]["pid"], os.getpid())
        self.assertIn(f"is connected to 127.0.0.1:{port}", finding["message"])

    def test_networks_and_ipv6(self):
        self.connect()
        list_ = self.write("c2.txt", "127.0.0.0/8\n::1\n")
        done = self.scan("--ioc", list_, "--pid", str(os.getpid()))
        self.assertEqual({indicator_of(f)["value"] for f in done.findings if indicator_of(f)},
                         {"127.0.0.0/8"})
        self.connect("::1")
        done = self.scan("--ioc", list_, "--pid", str(os.getpid()))
        self.assertEqual({indicator_of(f)["value"] for f in done.findings if indicator_of(f)},
                         {"127.0.0.0/8", "::1"})

    def test_the_program_of_a_process_is_compared_by_its_path(self):
        with Held("heap") as held:
            program = os.readlink(f"/proc/{held.pid}/exe")
            list_ = self.write("filename.txt", "/hold_memory$;70\n")
            done = self.scan("--ioc", list_, "--pid", str(held.pid))
        found = [f for f in done.findings if indicator_of(f) and
                 f["finding_info"]["types"] == ["indicator", "process"]]
        self.assertEqual([f["evidences"][0]["process"]["path"] for f in found], [program])

    def test_a_name_of_a_host_in_memory_is_a_finding_of_at_most_60(self):
        list_ = self.write("c2.txt", "# Family Z\nevil-host.example.info;95\n"
                                     "http://bad.example.info/gate.php\nexample.invalid\n")
        with Held(mark(b" evil-host.example.info "), "heap",
                  mark(b" bad.example.info/gate.php "), "heap") as held:
            done = self.scan("--ioc", list_, "--pid", str(held.pid))
        found = {f["evidences"][0]["data"]["yara"]["meta"]["value"]: f for f in done.findings
                 if "yara" in f["evidences"][0]["data"]}
        self.assertEqual(set(found), {"evil-host.example.info", "bad.example.info/gate.php"})
        meta = found["evil-host.example.info"]["evidences"][0]["data"]["yara"]["meta"]
        self.assertEqual((meta["line"], meta["score"]), (2, 60))
        with Held(mark(b"notevil-host.example.info"), "heap",
                  mark(b"evil-host.example.information"), "heap") as held:
            done = self.scan("--ioc", list_, "--pid", str(held.pid))
        self.assertEqual([f for f in done.findings if "yara" in f["evidences"][0]["data"]], [])

    def test_sockets_beyond_those_that_are_kept_are_told(self):
        for _ in range(40):
            self.connect()
        list_ = self.write("c2.txt", "192.0.2.7\n")
        done = self.scan("--ioc", list_, "--pid", str(os.getpid()))
        self.assertEqual(done.summary["passed_over"].get("facts-not-seen"), 1)


class ResidentAgent(unittest.TestCase):
    def test_the_agent_compares_with_indicators_of_its_configuration(self):
        resident = Resident()
        self.addCleanup(resident.close)
        path = resident.plant("implant", CONTENT)
        folder = os.path.join(resident.scratch, "iocs")
        os.mkdir(folder)
        with open(os.path.join(folder, "hash.txt"), "w") as f:
            f.write(f"{sha256(CONTENT)};Family\nbad line\n")
        with open(os.path.join(resident.scratch, "names.txt"), "w") as f:
            f.write("/evil_folder$;70\n")
        os.mkdir(os.path.join(resident.tree, "evil_folder"))
        resident.configure(more=f"indicators: [{json.dumps(folder)}, "
                                f"{json.dumps('loki-filename:' + resident.scratch + '/names.txt')}]\n")
        resident.start_asking()

        def found():
            _, records = resident.history()
            return {path_of(f) for f in records if indicator_of(f)}
        evil = os.path.join(resident.tree, "evil_folder")
        wait_until(lambda: found() == {path, evil}, 40, "both findings")
        self.assertIn("1 sha256, 1 file-name of 2 files", resident.log_text())
        self.assertIn("hash.txt:2: ", resident.log_text())


if __name__ == "__main__":
    unittest.main()
