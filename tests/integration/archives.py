# SPDX-License-Identifier: BSD-2-Clause
"""Makes archives of many formats, good and bad, for integration tests.

A list of members is a list of (name, bytes).  What neither Python nor bsdtar can write is
written byte by byte, from the formats' documents (scanners/archive_kind.h names them).
"""
import bz2
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib

BSDTAR = shutil.which("bsdtar")


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


def tar_of(members, form=tarfile.GNU_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as t:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                t.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            t.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def ar_of(members):
    out = b"!<arch>\n"
    for name, data in members:
        out += (f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n").encode()
        out += data + b"\n" * (len(data) % 2)
    return out


def cpio_of(members):
    """The "new" format of cpio(5), as in packages."""
    out = b""
    for number, (name, data) in enumerate([*members, ("TRAILER!!!", b"")], 1):
        raw = name.encode() + b"\0"
        fields = (number, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        out += head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
    return out


def deb_of(members):
    return ar_of([("debian-binary", b"2.0\n"),
                  ("control.tar.gz", gzip.compress(tar_of([("./control", b"Package: x\n")]))),
                  ("data.tar.xz", lzma.compress(tar_of(members)))])


def rpm_of(members):
    lead = b"\xed\xab\xee\xdb\x03\0" + b"\0" * 72 + b"\0\x05" + b"\0" * 16
    empty = b"\x8e\xad\xe8\x01" + b"\0" * 12
    return lead + empty + empty + gzip.compress(cpio_of(members))


def cab_of(members):
    """One folder, not packed."""
    data = b"".join(d for _, d in members)
    files, at = b"", 0
    for name, content in members:
        files += struct.pack("<IIHHHH", len(content), at, 0, 0x21, 0, 0x20)
        files += name.encode() + b"\0"
        at += len(content)
    blocks = [data[i:i + 32768] for i in range(0, len(data), 32768)] or [b""]
    first_file = 36 + 8
    first_data = first_file + len(files)
    body = b"".join(struct.pack("<IHH", 0, len(b), len(b)) + b for b in blocks)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, first_data + len(body), 0, first_file, 0,
                       3, 1, 1, len(members), 0, 0, 0)
    return head + struct.pack("<IHH", first_data, len(blocks), 0) + files + body


def rar4_block(kind, flags, body, data=b""):
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xffff) + head + data


def rar4_of(members, flags=0):
    out = b"Rar!\x1a\x07\x00" + rar4_block(0x73, flags, b"\0" * 6)
    for name, data in members:
        body = struct.pack("<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0x21 << 16,
                           20, 0x30, len(name), 0o100644) + name.encode()
        out += rar4_block(0x74, 0x8000, body, data)
    return out + rar4_block(0x7b, 0x4000, b"")


def vint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def rar5_block(fields, data=b""):
    rest = vint(len(fields)) + fields
    return struct.pack("<I", zlib.crc32(rest)) + rest + data


def rar5_of(members, flags=0):
    out = b"Rar!\x1a\x07\x01\x00" + rar5_block(vint(1) + vint(0) + vint(flags))
    for name, data in members:
        out += rar5_block(
            vint(2) + vint(2) + vint(len(data)) + vint(4) + vint(len(data)) + vint(0o100644)
            + struct.pack("<I", zlib.crc32(data)) + vint(0) + vint(1) + vint(len(name))
            + name.encode(), data)
    return out + rar5_block(vint(5) + vint(0) + vint(0))


def rar5_encrypted():
    """What "rar -hp" writes first: an encryption header, then what nobody can read."""
    return (b"Rar!\x1a\x07\x01\x00"
            + rar5_block(vint(4) + vint(0) + vint(0) + vint(0) + b"\x0f" + b"s" * 16)
            + b"?" * 300)


def rar4_encrypted(volume=False):
    return rar4_of([], 0x0080 | (0x0101 if volume else 0))[:20] + b"?" * 300


def sevenzip_encrypted():
    """A 7z whose header is packed with AES: the start header and the encoded one."""
    header = (b"\x17\x06\x20\x01\x09\x30\x00\x07\x0b\x01\x00\x02\x24\x06\xf1\x07\x01\x12\x53\x0f"
              + b"i" * 16 + b"\x21\x01\x00\x01\x00\x0c\x2f\x2a\x08\x0a\x01" + b"c" * 4 + b"\x00\x00")
    body = b"?" * 80
    start = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    return (b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + body
            + header)


def bsdtar_of(members, *options):
    """Made by libarchive's own program: 7z, ISO 9660, other cpios, filters."""
    folder = tempfile.mkdtemp(prefix="molehunt-bsdtar-")
    try:
        for name, data in members:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
        # On a pipe it would fill up the last block behind the packed data.
        made = folder + ".made"
        subprocess.run([BSDTAR, "-cf", made, *options, "-C", folder,
                        *(name for name, _ in members)], check=True, capture_output=True)
        with open(made, "rb") as f:
            return f.read()
    finally:
        subprocess.run(["rm", "-rf", folder, folder + ".made"], check=True)


def encrypted_zip(members):
    """A ZIP whose members are marked as encrypted, which is what a reader goes by."""
    data = bytearray(zip_of(members, zipfile.ZIP_STORED))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def nested(depth, innermost, name="in.zip"):
    """An archive of that many levels around one file."""
    data = zip_of([("x.so", innermost)])
    for _ in range(depth - 1):
        data = zip_of([(name, data)], zipfile.ZIP_STORED)
    return data


def elf_with(data):
    """An ELF program of nothing but its header and one segment, and data behind it."""
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 64, 0, 0, 64, 56,
                       1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 120, 120, 4096) + data


FORMATS = {
    "zip": zip_of,
    "stored.zip": lambda m: zip_of(m, zipfile.ZIP_STORED),
    "bzip2.zip": lambda m: zip_of(m, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda m: zip_of(m, zipfile.ZIP_LZMA),
    "tar": tar_of,
    "ustar.tar": lambda m: tar_of(m, tarfile.USTAR_FORMAT),
    "pax.tar": lambda m: tar_of(m, tarfile.PAX_FORMAT),
    "tar.gz": lambda m: gzip.compress(tar_of(m)),
    "tar.bz2": lambda m: bz2.compress(tar_of(m)),
    "tar.xz": lambda m: lzma.compress(tar_of(m)),
    "cpio": cpio_of,
    "cpio.gz": lambda m: gzip.compress(cpio_of(m)),
    "ar": ar_of,
    "rpm": rpm_of,
    "cab": cab_of,
    "rar": rar4_of,
    "v5.rar": rar5_of,
}
if BSDTAR:
    for suffix, made_with in {
            "7z": ("--format", "7zip"), "store.7z": ("--format", "7zip", "--options",
                                                     "compression=store"),
            "iso": ("--format", "iso9660"), "odc.cpio": ("--format", "cpio"),
            "tar.zst": ("--zstd",), "tar.lz4": ("--lz4",), "tar.lz": ("--lzip",)}.items():
        FORMATS[suffix] = lambda m, made_with=made_with: bsdtar_of(m, *made_with)

PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
