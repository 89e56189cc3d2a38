#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A file system that hangs: opening the file "hang" never returns; when dead, nothing does.

A program that it was given can be executed; when frozen, asking for its attributes never
returns, while it goes on running.

Speaks the kernel's FUSE protocol (linux/fuse.h) on /dev/fuse itself, so that a test
needs no further package.  Mounting needs CAP_SYS_ADMIN.

Once the kernel has handed the request to us, not even SIGKILL ends a process that waits
for the answer: it stays until the mount is aborted.  That is what a dead network file
system does, too.

In a test:          with hangfs.HangFS(folder): ...
From a command line: hangfs.py FOLDER            serves until it gets SIGTERM or SIGINT
"""

import ctypes
import errno
import os
import signal
import stat
import struct
import subprocess
import sys
import threading

FILES = {b"before": b"read before the hang\n", b"hang": b"never read\n", b"later": b"read after\n"}
HANGS = b"hang"
PROGRAM = b"program"  # not listed; there when one is given

MS_NOSUID, MS_NODEV = 2, 4
CLONE_NEWNS = 0x20000
MNT_FORCE, MNT_DETACH = 1, 2
# Opcodes
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 25, 26, 27, 28, 29, 36, 42
NEVER_ANSWERED = (FORGET, BATCH_FORGET, INTERRUPT)
HEADER = struct.Struct("<IIQQIIIHH")
ROOT = 1
FIRST_FILE = 2
PROGRAM_NODE = FIRST_FILE + len(FILES)
PROTOCOL_MINOR = 31
REQUEST_BYTES = 1 << 18


class Unavailable(Exception):
    """No /dev/fuse here, or no right to mount."""


def libc_call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def attributes(node, program=b""):
    """struct fuse_attr of the root folder or of a file."""
    mode, size, links = stat.S_IFDIR | 0o755, 0, 2
    if node == PROGRAM_NODE:
        mode, size, links = stat.S_IFREG | 0o755, len(program), 1
    elif node != ROOT:
        mode, size, links = stat.S_IFREG | 0o644, len(contents(node)), 1
    return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def node_of(name):
    return FIRST_FILE + list(FILES).index(name)


def contents(node):
    return list(FILES.values())[node - FIRST_FILE]


def entries():
    """The folder as struct fuse_dirent, in the order of FILES."""
    packed = b""
    for position, name in enumerate(FILES, 1):
        kind = stat.S_IFREG >> 12
        entry = struct.pack("<QQII", node_of(name), position, len(name), kind) + name
        packed += entry + b"\0" * (-len(entry) % 8)
    return packed


def answer_init(_node, body):
    readahead = struct.unpack_from("<4I", body)[2]
    return struct.pack("<4I2H2I2H8I", 7, PROTOCOL_MINOR, readahead, 0, 12, 9, 4096, 1, 0, 0,
                       *[0] * 8)


def answer_lookup(_node, body):
    name = body.split(b"\0")[0]
    if name not in FILES:
        raise OSError(errno.ENOENT, "")
    return struct.pack("<4Q2I", node_of(name), 0, 60, 60, 0, 0) + attributes(node_of(name))


def answer_getattr(node, _body):
    return struct.pack("<QII", 60, 0, 0) + attributes(node)


def answer_open(_node, _body):
    return struct.pack("<QII", 0, 0, 0)


def answer_read(node, body):
    _, offset, size = struct.unpack_from("<QQI", body)
    return contents(node)[offset:offset + size]


def answer_readdir(_node, body):
    _, offset, _ = struct.unpack_from("<QQI", body)
    return entries() if offset == 0 else b""


ANSWERS = {
    INIT: answer_init, LOOKUP: answer_lookup, GETATTR: answer_getattr, OPEN: answer_open,
    OPENDIR: answer_open, READ: answer_read, READDIR: answer_readdir,
    STATFS: lambda _node, _body: bytes(80),
    RELEASE: lambda _node, _body: b"", RELEASEDIR: lambda _node, _body: b"",
    FLUSH: lambda _node, _body: b"",
}


def answer(opcode, node, body):
    """The error and the bytes to answer with; OSError says which error."""
    if opcode not in ANSWERS:
        return -errno.ENOSYS, b""
    try:
        return 0, ANSWERS[opcode](node, body)
    except OSError as e:
        return -e.errno, b""


class HangFS:
    """The mount, served by a thread from __enter__ to __exit__."""

    def __init__(self, folder, is_dead=False, program=b""):
        self.folder = os.fsencode(folder)
        self.is_dead = is_dead
        self.program = program
        self.is_frozen = False  # then nobody is told the attributes of the program
        self.reached = threading.Event()  # somebody hangs now
        self._fd = -1
        self._thread = None

    def __enter__(self):
        try:
            self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as e:
            raise Unavailable(f"/dev/fuse: {e.strerror}") from e
        options = f"fd={self._fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        try:
            libc_call("mount", b"hangfs", self.folder, b"fuse", MS_NOSUID | MS_NODEV,
                      options.encode())
        except OSError as e:
            os.close(self._fd)
            raise Unavailable(str(e)) from e
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        """Abort: whoever hangs gets ENOTCONN or, when killed, may die at last."""
        libc_call("umount2", self.folder, MNT_FORCE | MNT_DETACH)
        self._thread.join(timeout=10)
        os.close(self._fd)

    def _serve(self):
        while True:
            try:
                request = os.read(self._fd, REQUEST_BYTES)
            except OSError as e:
                if e.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue  # the request was withdrawn before we read it
                return  # ENODEV: unmounted
            self._handle(request)

    def _answer_program(self, opcode, node, body):
        """Its attributes are asked for again each time."""
        looks = attributes(PROGRAM_NODE, self.program)
        if opcode == LOOKUP:
            return 0, struct.pack("<4Q2I", PROGRAM_NODE, 0, 60, 0, 0, 0) + looks
        if opcode == GETATTR:
            return 0, struct.pack("<QII", 0, 0, 0) + looks
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return 0, self.program[offset:offset + size]
        return answer(opcode, node, body)

    def _handle(self, request):
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        if (opcode == OPEN and node == node_of(HANGS)) or (
                self.is_dead and opcode not in (INIT, *NEVER_ANSWERED)):
            self.reached.set()
            return
        if opcode in NEVER_ANSWERED:
            return
        body = request[HEADER.size:]
        if self.program and (node == PROGRAM_NODE or body == PROGRAM + b"\0"):
            if opcode == GETATTR and self.is_frozen:
                self.reached.set()
                return
            error, body = self._answer_program(opcode, node, body)
        else:
            error, body = answer(opcode, node, body)
        try:
            os.write(self._fd, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
        except OSError:
            pass  # the asker was interrupted, or the mount is going away


def own_mounts():
    """What is mounted here and in the agents that are tried is seen nowhere else."""
    if os.geteuid() != 0:
        return
    try:
        libc_call("unshare", CLONE_NEWNS)
    except OSError:
        return
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: hangfs.py FOLDER")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        with HangFS(sys.argv[1]):
            print("mounted", flush=True)
            signal.sigwait({signal.SIGTERM, signal.SIGINT})
    except Unavailable as e:
        print(f"hangfs: {e}", file=sys.stderr)
        sys.exit(77)


if __name__ == "__main__":
    main()
