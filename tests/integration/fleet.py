# SPDX-License-Identifier: BSD-2-Clause
"""A real collector on loopback and stand-ins for agents, for integration tests.

Only Python's standard library and the openssl program.  The programs under
test are in $MOLEHUNT_BIN.
"""
import atexit
import base64
import gzip
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time
import uuid

BIN = os.environ.get("MOLEHUNT_BIN", "")
PROGRAM = os.path.join(BIN, "molehunt-collector")
ZEROS = "0" * 64
# n of P-256 (FIPS 186-4, D.1.2.3).
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


class Collector:
    """molehunt-collector in a folder of its own; `settings` are lines of YAML."""

    def __init__(self, settings=""):
        self.scratch = tempfile.TemporaryDirectory(prefix="molehunt-collector-")
        self.dir = os.path.join(self.scratch.name, "c")
        self.process = None
        self.port = 0
        self.env = dict(os.environ, MOLEHUNT_LIBEXEC=BIN)
        self.run("init", self.dir, "--name", "localhost,127.0.0.1")
        self.ca = os.path.join(self.dir, "ca.pem")
        self.configure(settings)

    def configure(self, settings):
        with open(os.path.join(self.dir, "collector.yaml"), "w") as f:
            f.write('listen: ["127.0.0.1:0"]\n' + settings)

    def run(self, *args, check=True):
        done = subprocess.run([PROGRAM, *args], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"{args}: {done.returncode}: {done.stderr}")
        return done

    def verb(self, name, *args, check=True):
        return self.run(name, self.dir, *args, check=check)

    def lines(self, name, *args):
        return [json.loads(line) for line in
                self.verb(name, *args, "--format", "ndjson").stdout.splitlines()]

    def start(self, prefix=()):
        self.log = open(os.path.join(self.scratch.name, "log"), "a+")
        self.process = subprocess.Popen([*prefix, PROGRAM, "serve", self.dir], env=self.env,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        atexit.register(self.process.kill)  # a test that failed leaves it running
        line = self.process.stdout.readline()
        while line.startswith("metrics on "):
            self.metrics = line.split()[-1]
            line = self.process.stdout.readline()
        found = re.match(r"listening on .*:(\d+)$", line)
        if not found:
            raise AssertionError("serve does not listen: " + self.log_text())
        self.port = int(found.group(1))
        return self

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return status

    def close(self):
        status = self.end() if self.process is not None else 0
        self.scratch.cleanup()
        if status != 0:
            raise AssertionError(f"serve ended with {status}")

    def token(self, *args):
        return self.verb("token", *args).stdout.strip().split(".")[0]

    def context(self, pair=None):
        ctx = ssl.create_default_context(cafile=self.ca)
        if pair:
            ctx.load_cert_chain(pair + ".pem", pair + ".key")
        return ctx

    def connect(self, pair=None):
        return http.client.HTTPSConnection("localhost", self.port, timeout=20,
                                           context=self.context(pair))

    def request(self, method, path, body=None, headers=None, pair=None):
        link = self.connect(pair)
        try:
            link.request(method, path, body=body, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            link.close()


class Agent:
    """An enrolled agent: two key pairs, an epoch, and reports sealed by openssl."""

    def __init__(self, collector, name, secret=None, enrol=True):
        self.c = collector
        self.base = os.path.join(collector.scratch.name, name)
        self.epoch = str(uuid.uuid4())
        self.signing, self.tls = self.base + "-signing", self.base + "-tls"
        for pair in (self.signing, self.tls):
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", pair + ".key")
        if enrol:
            secret = secret or collector.token()
            for label in ("signing", "tls"):
                status, body, _ = self.enrol(label, secret)
                if status != 200:
                    raise AssertionError((status, body))
            self.id = self.subject(self.signing)

    @staticmethod
    def subject(pair):
        text = openssl("x509", "-in", pair + ".pem", "-noout", "-subject").decode()
        return text.strip().split(" = ")[-1].split("=")[-1]

    def csr(self, pair):
        der = openssl("req", "-new", "-key", pair + ".key", "-subj", "/CN=liar",
                      "-outform", "DER")
        return base64.encodebytes(der)

    def enrol(self, label, secret, verb="simpleenroll", body=None, pair=None):
        own = getattr(self, label)
        headers = {"Content-Type": "application/pkcs10"}
        if secret is not None:
            auth = base64.b64encode(b"molehunt:" + secret.encode()).decode()
            headers["Authorization"] = "Basic " + auth
        status, answer, _ = self.c.request("POST", f"/.well-known/est/{label}/{verb}",
                                           body or self.csr(own), headers, pair)
        if status == 200:
            pem = openssl("pkcs7", "-inform", "DER", "-print_certs",
                          data=base64.b64decode(answer))
            with open(own + ".pem", "wb") as f:
                f.write(pem)
        return status, answer, own

    def finding(self, path="/usr/bin/.x", rule="Linux_Test", severity=4):
        return {"category_uid": 2, "class_uid": 2004, "activity_id": 1, "type_uid": 200401,
                "time": int(time.time() * 1000), "severity_id": severity,
                "metadata": {"version": "1.8.0", "product": {"name": "molehunt"}},
                "finding_info": {"uid": str(uuid.uuid4()),
                                 "analytic": {"type_id": 1, "name": rule}},
                "evidences": [{"file": {"name": os.path.basename(path), "path": path,
                                        "type_id": 1}}]}

    def content(self, sequence=1, previous=ZEROS, findings=1, sealed=None, **other):
        lines = [self.finding() for _ in range(findings)]
        header = {"type": "report", "version": 1, "agent": self.id, "epoch": self.epoch,
                  "sequence": sequence, "previous": previous,
                  "sealed": rfc3339(sealed or time.time()), "findings": findings,
                  "coverage": 1, "rule_set": ZEROS,
                  "host": {"hostname": "ws-12", "machine_id": "0" * 32,
                           "boot_id": str(uuid.uuid4()), "os": "Debian", "kernel": "6.1"},
                  "product": {"name": "molehunt", "version": "0.1.0"}}
        header.update(other)
        lines = [header, *lines, {"type": "coverage", "scanned": 1}]
        text = "".join(json.dumps(x, separators=(",", ":")) + "\n" for x in lines)
        return gzip.compress(text.encode())

    def seal(self, content, *options, pair=None):
        """Sealed by openssl, which has to try again until s is the lower of the two."""
        pair = pair or self.signing
        for _ in range(100):
            der = openssl("cms", "-sign", "-binary", "-nosmimecap", "-nodetach", "-md", "sha256",
                          "-outform", "DER", "-signer", pair + ".pem", "-inkey", pair + ".key",
                          *options, data=content)
            if has_low_s(der):
                return der
        raise AssertionError("openssl made no signature with the lower s")

    def report(self, *args, **kwargs):
        return self.seal(self.content(*args, **kwargs))

    def post(self, der, pair=None):
        status, body, headers = self.c.request(
            "POST", "/v1/reports", der,
            {"Content-Type": "application/pkcs7-mime; smime-type=signed-data"},
            pair or self.tls)
        if headers.get("Content-Type") == "application/json":
            body = json.loads(body)
        return status, body

    def receipt(self, der):
        """The JSON of a receipt, checked by openssl alone."""
        out = openssl("cms", "-verify", "-inform", "DER", "-CAfile", self.c.ca, data=der)
        return json.loads(out)


def has_low_s(der):
    """Whether s, the last number of an envelope that an ECDSA key signed, is at most n/2."""
    for length in range(8, 73):
        signature = der[-length:]
        if der[-length - 2:-length] == bytes([4, length]) and \
                signature[:3] == bytes([0x30, length - 2, 2]):
            s = signature[4 + signature[3] + 2:]
            return int.from_bytes(s, "big") <= P256_ORDER // 2
    return True


def sha256(data):
    return hashlib.sha256(data).hexdigest()
