#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every prefix and every changed byte of a conversation with the collector.

A recorded request is sent again, cut after each of its bytes and with each of its bytes
changed, inside TLS; and the encrypted stream of whole conversations is changed byte by
byte.  Nothing but the whole, unchanged report is ever stored or receipted, the collector
stays up, and an honest agent is served all the time.

MOLEHUNT_STEP (default 3) tries each n-th byte only; 1 is everything.
"""
import hashlib
import os
import re
import socket
import ssl
import unittest

import scans
from fleet import Agent, Collector

STEP = int(os.environ.get("MOLEHUNT_STEP", "3"))
SECONDS = 5  # for an answer that does not come: the collector's deadlines are longer


class Conversation(unittest.TestCase):
    def setUp(self):
        self.c = Collector("deadlines: {headers: 2s, body: 2s, handshake: 2s}\n").start()
        self.addCleanup(self.c.close)
        self.agent = Agent(self.c, "a")
        self.der = self.agent.report()
        self.head = (f"POST /v1/reports HTTP/1.1\r\nHost: localhost:{self.c.port}\r\n"
                     "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
                     f"Content-Length: {len(self.der)}\r\n\r\n").encode()
        self.context = self.c.context(self.agent.tls)

    def stored(self):
        return [r["sha256"] for r in self.c.lines("reports")]

    def check_alive(self):
        """The whole request is receipted, as it was sent here and by another client."""
        answer = self.exchange(self.head + self.der)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        status, body = self.agent.post(self.der)
        self.assertEqual(status, 200)
        self.assertEqual(self.agent.receipt(body)["sha256"],
                         hashlib.sha256(self.der).hexdigest())

    def exchange(self, data, is_cut=False):
        """What comes back for these bytes; of cut ones nothing can, and we hang up."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.c.port), SECONDS) as raw, \
                self.context.wrap_socket(raw, server_hostname="localhost") as link:
            try:
                link.sendall(data)
                while not is_cut and not self.is_whole(answer):
                    piece = link.recv(65536)
                    if not piece:
                        break
                    answer += piece
            except OSError:
                pass
        return answer

    @staticmethod
    def is_whole(answer):
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        return bool(end) and length is not None and len(body) >= int(length.group(1))

    def check_answer(self, data, answer):
        if not answer.startswith(b"HTTP/1.1 200 ") or not self.is_whole(answer):
            return
        # A receipt is for the whole report, or for none.
        self.assertTrue(data.endswith(self.der) or self.der in data, data[:200])
        receipt = self.agent.receipt(answer.split(b"\r\n\r\n", 1)[1])
        self.assertEqual(receipt["sha256"], hashlib.sha256(self.der).hexdigest())

    def test_no_prefix_of_a_request_is_stored(self):
        whole = self.head + self.der
        for n in [*range(0, len(whole), STEP), len(whole) - 1]:
            self.exchange(whole[:n], is_cut=True)
        self.assertEqual(self.stored(), [])
        self.check_alive()

    def test_no_changed_byte_of_a_report_is_stored(self):
        for n in range(0, len(self.der), STEP):
            changed = bytearray(self.der)
            changed[n] ^= 1 << n % 8
            self.check_answer(self.head + changed, self.exchange(self.head + bytes(changed)))
        self.assertEqual(self.stored(), [])
        self.check_alive()

    def test_a_changed_head_stores_the_report_or_nothing(self):
        for n in range(len(self.head)):
            changed = bytearray(self.head)
            changed[n] ^= 1 << n % 8
            data = bytes(changed) + self.der
            self.check_answer(data, self.exchange(data))
        self.assertIn(self.stored(), ([], [hashlib.sha256(self.der).hexdigest()]))
        self.check_alive()

    def converse(self, at):
        """A conversation whose at-th encrypted byte from us is changed; its length."""
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(into, out, server_hostname="localhost")
        sent, written, answer = 0, False, b""
        with socket.create_connection(("127.0.0.1", self.c.port), SECONDS) as raw:
            while True:
                try:
                    if not written:
                        tls.do_handshake()
                        tls.write(self.head + self.der)
                        written = True
                    answer += tls.read(65536)
                    if self.is_whole(answer):
                        return sent, answer
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    return sent, answer
                data = bytearray(out.read())
                if at is not None and sent <= at < sent + len(data):
                    data[at - sent] ^= 1 << at % 8
                try:
                    raw.sendall(data)
                    sent += len(data)
                    piece = raw.recv(65536)
                except OSError:
                    return sent, answer
                if not piece:
                    return sent, answer
                into.write(piece)

    def test_no_changed_byte_on_the_wire_is_stored(self):
        whole, answer = self.converse(None)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        stored = self.stored()
        for at in range(0, whole, STEP):
            _, answer = self.converse(at)
            # Bytes that TLS ignores are there: the record's legacy version.
            self.check_answer(self.head + self.der, answer)
        self.assertEqual(self.stored(), stored)
        self.check_alive()


if __name__ == "__main__":
    scans.main()
