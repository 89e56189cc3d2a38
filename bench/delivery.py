#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure the collector under load, beside rsyslog and nginx, in one run.

Everything is on loopback, and load and server share the machine: so wall time says
little, and what counts is the CPU time of the server's processes for work that was
acknowledged.  Runs are interleaved; ratios are those of one round each, and the median
and the range of them are shown.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
GIVE_BACK_SECONDS = 12  # the collector gives memory back every 10 s
NO_LIMITS = "limits: { agent_reports: 0, agent_bytes: 0, connections: 15000 }\n"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(*pids):
    """Seconds of CPU of processes, to the nanosecond: clock_getcpuclockid(3)."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(x) for x in f.read().split()]


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
    return 0


def wait_port(port, process):
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{process.args[0]} does not listen")


class Ours:
    """One collector for all rounds, with a store that grows as it would."""

    def __init__(self, settings=""):
        from fleet import Collector
        self.c = Collector(NO_LIMITS + settings).start()

    def load(self, mode, *options, port=None):
        done = subprocess.run(
            [LOAD, mode, "--collector", self.c.dir, "--port", str(port or self.c.port),
             *(str(x) for x in options)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True, check=True)
        return json.loads(done.stdout)

    def send(self, connections, reports, findings):
        """CPU seconds, and what the load says."""
        before = cpu(self.c.process.pid)
        result = self.load("send", "--connections", connections, "--reports", reports,
                           "--findings", findings)
        used = cpu(self.c.process.pid) - before
        if result["receipted"] != connections * reports:
            raise RuntimeError(f"not all were receipted: {result}")
        return used, result

    def close(self):
        self.c.close()


class Nginx:
    """Answers 200 over mutual TLS and looks at nothing: the upper bound."""

    def __init__(self, c, scratch):
        self.port, self.folder = free_port(), scratch / "nginx"
        self.folder.mkdir()
        conf = self.folder / "nginx.conf"
        conf.write_text(f"""daemon off; worker_processes 1; pid {self.folder}/pid;
error_log {self.folder}/error.log; events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {self.folder}/body; keepalive_requests 10000000;
 client_max_body_size 2m; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
 uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
 server {{ listen 127.0.0.1:{self.port} ssl; ssl_protocols TLSv1.3;
  ssl_certificate {c.dir}/tls.pem; ssl_certificate_key {c.dir}/tls.key;
  ssl_client_certificate {c.dir}/ca.pem; ssl_verify_client on;
  location / {{ return 200 "ok"; }} }} }}
""")
        self.process = subprocess.Popen(["nginx", "-p", str(self.folder), "-c", str(conf)],
                                        stderr=subprocess.DEVNULL)
        wait_port(self.port, self.process)

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def close(self):
        self.process.terminate()
        self.process.wait()


def pem_pair(c, scratch, name):
    """A pair for rsyslog's ends, of the collector's CA."""
    base = str(scratch / name)

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", base + ".key")
    openssl("req", "-new", "-key", base + ".key", "-subj", "/CN=localhost", "-out", base + ".csr")
    openssl("x509", "-req", "-in", base + ".csr", "-CA", c.ca, "-CAkey",
            c.dir + "/authority/ca.key", "-set_serial", str(time.time_ns()), "-days", "2",
            "-out", base + ".pem")
    return base


class Rsyslog:
    """imrelp over mutual TLS into a file that is synced after each batch."""

    def __init__(self, c, scratch):
        self.folder, self.port = scratch / "rsyslog", free_port()
        self.folder.mkdir()
        self.out = self.folder / "out"
        self.pair = pem_pair(c, self.folder, "end")
        self.ca = c.ca
        self.process = self.start("server", f"""
module(load="imrelp" tls.tlslib="openssl")
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="keep") {{ action(type="omfile" file="{self.out}" template="raw" sync="on") }}
input(type="imrelp" port="{self.port}" address="127.0.0.1" maxDataSize="16k" ruleset="keep"
 tls="on" tls.cacert="{c.ca}" tls.mycert="{self.pair}.pem" tls.myprivkey="{self.pair}.key"
 tls.authmode="certvalid")
""")
        wait_port(self.port, self.process)

    def start(self, name, text):
        work = self.folder / (name + "-work")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        conf = self.folder / (name + ".conf")
        conf.write_text(f'global(workDirectory="{work}" maxMessageSize="16k")\n' + text)
        return subprocess.Popen(["rsyslogd", "-n", "-f", str(conf), "-i",
                                 str(self.folder / (name + ".pid"))],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send(self, messages, n):
        """messages: a file of n lines.  CPU seconds until all are in the output."""
        size = (self.out.stat().st_size if self.out.exists() else 0) + messages.stat().st_size
        before = cpu(self.process.pid)
        client = self.start("client", f"""
module(load="imfile" mode="inotify")
module(load="omrelp" tls.tlslib="openssl")
template(name="raw" type="string" string="%msg%")
input(type="imfile" file="{messages}" tag="x" ruleset="send")
ruleset(name="send" queue.type="linkedList" queue.size="100000") {{
 action(type="omrelp" target="localhost" port="{self.port}" template="raw" windowSize="1024"
  tls="on" tls.cacert="{self.ca}" tls.mycert="{self.pair}.pem"
  tls.myprivkey="{self.pair}.key" tls.authmode="certvalid") }}
""")
        end = time.monotonic() + 60
        while not self.out.exists() or self.out.stat().st_size < size:
            if time.monotonic() > end or client.poll() is not None:
                client.kill()
                got = self.out.stat().st_size if self.out.exists() else 0
                raise RuntimeError(f"rsyslog: {got} of {size} bytes arrived")
            time.sleep(0.02)
        used = cpu(self.process.pid) - before
        client.terminate()
        client.wait()
        return used

    def close(self):
        self.process.terminate()
        self.process.wait()


def middle(values, form="{:.2f}"):
    return (form.format(statistics.median(values)) + " (" + form.format(min(values)) + " to "
            + form.format(max(values)) + ")")


def bench_batches(ours, scratch, args):
    """(a) reports of 100 findings, and rsyslog."""
    connections, reports = 16, args.reports
    n = connections * reports * 100
    sample = subprocess.run([LOAD, "sample", "--collector", ours.c.dir, "--port", "1", "--reports",
                             str(n)], stdout=subprocess.PIPE, check=True)
    messages = scratch / "messages"
    messages.write_bytes(sample.stdout)
    rsyslog = Rsyslog(ours.c, scratch) if shutil.which("rsyslogd") else None
    rates, peer, ratios = [], [], []
    for turn in range(args.repeat):
        say(f"reports of 100 findings, {turn + 1} of {args.repeat}")
        rates.append(n / ours.send(connections, reports, 100)[0])
        if rsyslog:
            peer.append(n / rsyslog.send(messages, n))
            ratios.append(rates[-1] / peer[-1])
    if rsyslog:
        rsyslog.close()
    print(f"\n## Reports of 100 findings, {n:,} findings of "
          f"{messages.stat().st_size // n:,} bytes a round, {args.repeat} rounds\n")
    print("| server | acknowledged findings or messages per CPU-second |\n|---|---|")
    print(f"| molehunt-collector: receipted and durable, each signature verified | "
          f"{middle(rates, '{:,.0f}')} |")
    print(f"| rsyslog, RELP over mutual TLS, synced file, no signature | "
          f"{middle(peer, '{:,.0f}') if peer else 'not installed'} |")
    if ratios:
        print(f"\nRatio: {middle(ratios)}.")


def bench_single(ours, scratch, args):
    """(b) reports of one finding, nginx, and where the time goes."""
    connections, reports = 64, args.reports * 5
    n = connections * reports
    nginx = Nginx(ours.c, scratch) if shutil.which("nginx") else None
    costs, bound, bare = [], [], []
    for turn in range(args.repeat):
        say(f"reports of one finding, {turn + 1} of {args.repeat}")
        costs.append(ours.send(connections, reports, 1)[0] / n * 1e6)
        before = cpu(ours.c.process.pid)
        ours.load("send", "--connections", connections, "--reports", reports, "--findings", 1,
                  "--path", "/v1/nothing", "--any-answer")
        bare.append((cpu(ours.c.process.pid) - before) / n * 1e6)
        if nginx:
            before = cpu(*nginx.pids())
            ours.load("send", "--connections", connections, "--reports", reports, "--findings",
                      1, "--any-answer", port=nginx.port)
            bound.append((cpu(*nginx.pids()) - before) / n * 1e6)
    if nginx:
        nginx.close()
    parts = {}
    for findings, rounds in ((1, 2000), (100, 200)):
        out = subprocess.run([PARTS, ours.c.dir, str(findings), str(rounds),
                              tempfile.mkdtemp(dir=scratch)], stdout=subprocess.PIPE, check=True)
        part = json.loads(out.stdout)
        part["header"] = part["open_known"] - part["signature"] - part["unpack"] - part["json"]
        parts[findings] = part
    print(f"\n## Reports of one finding, {n:,} a round\n")
    print("| server | microseconds of CPU a report |\n|---|---|")
    print(f"| molehunt-collector | {middle(costs, '{:.1f}')} |")
    print(f"| molehunt-collector, a path that is not there: TLS and HTTP | "
          f"{middle(bare, '{:.1f}')} |")
    print(f"| nginx, answers 200 | {middle(bound, '{:.1f}') if bound else 'not installed'} |")
    print("\nWhere they go, each part measured alone in one thread (signature to receipt are the "
          "verifier's, store the writer's):\n")
    print("| part | 1 finding | 100 findings |\n|---|---|---|")
    rows = (("signature", "signature of a known signer, digest"), ("unpack", "gunzip"),
            ("json", "reading the lines"), ("header", "reading the header, SHA-256, the rest"),
            ("index", "what findings are searched for"), ("receipt", "signing the receipt"),
            ("store", "SQLite, 64 reports a commit"))
    for key, text in rows:
        print(f"| {text} | {parts[1][key]:.1f} | {parts[100][key]:.1f} |")
    total = {k: sum(p[key] for key, _ in rows) for k, p in parts.items()}
    print(f"| sum | {total[1]:.1f} | {total[100]:.1f} |")
    print(f"| (opening a report of a signer not met before) | {parts[1]['open_unknown']:.1f} | "
          f"{parts[100]['open_unknown']:.1f} |")
    whole = statistics.median(costs)
    bare_us = statistics.median(bare)
    print(f"\nParts with TLS and HTTP: {total[1] + bare_us:.1f}; the whole is "
          f"{whole:.1f}, {whole / (total[1] + bare_us):.2f} times as much: the rest is passing work between "
          f"threads, caches that other threads have used, and commits of fewer reports.")


def bench_crowd(args):
    """(c) idle connections, and many that come at once."""
    ours = Ours("deadlines: { idle: 10m }\n")
    pid = ours.c.process.pid
    # What the collector keeps however many are connected: the database's cache above all.
    ours.send(64, 160, 1)
    time.sleep(GIVE_BACK_SECONDS)
    fixed = memory(pid)
    say(f"{args.connections} idle connections")
    idle = subprocess.Popen([LOAD, "idle", "--collector", ours.c.dir, "--port", str(ours.c.port),
                             "--connections", str(args.connections), "--reports", "1",
                             "--findings", "1"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    opened = json.loads(idle.stdout.readline())
    time.sleep(GIVE_BACK_SECONDS)
    each = (memory(pid) - fixed) / args.connections
    rest = cpu(pid)
    time.sleep(5)
    rest = (cpu(pid) - rest) / 5
    idle.stdin.close()
    idle.wait()
    time.sleep(1)
    print("\n## Connections\n")
    print(f"{opened['open']:,} idle connections that have sent a report: {each / 1024:.1f} KiB each (private memory), "
          f"{rest * 100:.1f} % of a processor. Without connections the collector has "
          f"{fixed / 1024 / 1024:.1f} MiB after 10,000 reports.\n")
    print("| 1,000 at once, each a report of one finding | served | last after | median | "
          "CPU of the server each |\n|---|---|---|---|---|")
    for title, options in (("full handshakes", ()), ("resumed sessions", ("--resume",))):
        say(f"1,000 at once, {title}")
        used = cpu(pid)
        result = ours.load("storm", "--connections", 1000, "--findings", 1, *options)
        used = cpu(pid) - used
        cost = "" if options else f"{used:.2f} ms"
        print(f"| {title} | {result['receipted']:,} | {result['max_ms']:,.0f} ms | "
              f"{result['p50_ms']:,.0f} ms | {cost or '-'} |")
    ours.close()


def parse_args():
    parser = argparse.ArgumentParser(prog="dev bench --delivery", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--reports", type=int, default=20,
                        help="reports of 100 findings for each of 16 agents (default 20)")
    parser.add_argument("--connections", type=int, default=10000, help="idle ones")
    parser.add_argument("--only", choices=("batches", "single", "crowd"))
    return parser.parse_args()


def main():
    global LOAD, PARTS
    args = parse_args()
    LOAD = str(args.build / "tests" / "delivery_load")
    PARTS = str(args.build / "tests" / "delivery_parts")
    os.environ["MOLEHUNT_BIN"] = str(args.build / "bin")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="molehunt-bench-") as folder:
        scratch = Path(folder)
        if args.only != "crowd":
            ours = Ours()
            try:
                if args.only != "single":
                    bench_batches(ours, scratch, args)
                if args.only != "batches":
                    bench_single(ours, scratch, args)
            finally:
                ours.close()
        if args.only in (None, "crowd"):
            bench_crowd(args)


if __name__ == "__main__":
    main()
