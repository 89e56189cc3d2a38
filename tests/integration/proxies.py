# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP proxy on loopback that knows CONNECT and basic authentication, for tests."""
import base64
import socket
import threading


class Proxy:
    """Listens at self.port; lets through what is asked with these credentials, if any."""

    def __init__(self, credentials=None, answer=None):
        self.credentials = credentials
        self.answer = answer  # bytes to answer with instead
        self.asked = []  # (first line, authorization)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.links = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        head = b""
        self.links.append(link)
        try:
            while b"\r\n\r\n" not in head:
                part = link.recv(4096)
                if not part:
                    return
                head += part
            lines = head.decode("latin-1").split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            given = fields.get("Proxy-Authorization", "")
            self.asked.append((lines[0], given))
            if self.answer is not None:
                link.sendall(self.answer)
                return
            if self.credentials is not None and given != "Basic " + base64.b64encode(
                    self.credentials.encode()).decode():
                link.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                             b"Proxy-Authenticate: Basic realm=\"test\"\r\n"
                             b"Content-Length: 0\r\n\r\n")
                return
            host, port = lines[0].split(" ")[1].rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=10) as far:
                far.settimeout(None)
                link.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.links.append(far)
                back = threading.Thread(target=self.pump, args=(far, link), daemon=True)
                back.start()
                self.pump(link, far)
                back.join(5)
        except OSError:
            pass
        finally:
            link.close()

    @staticmethod
    def pump(source, sink):
        try:
            while True:
                part = source.recv(65536)
                if not part:
                    break
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.socket.close()
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            link.close()
