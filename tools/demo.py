#!/usr/bin/env python3
"""Shows the whole of Molehunt at work on this machine, on loopback.

A collector and an agent run in a scratch folder; inert samples are planted,
scanned, reported over mutual TLS, and read back from the collector; one stored
report is checked with openssl alone.  Started by `./dev run [PATH...]`.
"""

import argparse
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
PACK = ROOT / "signatures" / "packs" / "molehunt"
START_SECONDS = 30
SCAN_SECONDS = 900  # slow machines, large paths


class Failed(Exception):
    """Something did not go as it has to; the text says what."""


def say(text=""):
    print(text, flush=True)


def step(number, text):
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    say(f"\n{bold}{number}. {text}{plain}")


def run(*command, ok=(0,), quiet=False):
    """Show a command, run it, and return what it printed."""
    if not quiet:
        say("   $ " + " ".join(shlex.quote(str(part)) for part in command))
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode not in ok:
        raise Failed(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Daemon:
    """A program that runs in the background, its output in a file."""

    def __init__(self, name, log, *command):
        self.name = name
        self.log = log
        say("   $ " + " ".join(shlex.quote(str(part)) for part in command) + " &")
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(part) for part in command], stdout=out,
                                            stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL)

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, pattern, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text())
            if found:
                return found
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with {self.process.returncode}:\n{self.text()}")
            time.sleep(0.05)
        raise Failed(f"{self.name} did not say '{pattern}' in {seconds} s:\n{self.text()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def plant(folder):
    """Make the inert samples; the paths and the rule that each has to trigger."""
    listing = run(sys.executable, ROOT / "tools" / "make_samples.py", PACK, folder, "--json",
                  quiet=True)
    samples = json.loads(listing)
    by_rule = {}
    for sample in samples:
        if sample["expect"] == "fire":
            by_rule.setdefault(sample["rule"], sample["path"])
    for sample in samples:
        if sample["path"] not in by_rule.values():
            os.unlink(sample["path"])
    return by_rule


def write_agent_config(path, pack, paths):
    lines = ["packs:", f"  - {json.dumps(str(pack))}", "profiles:", "  - name: demo", "    paths:"]
    lines += [f"    - {json.dumps(str(p))}" for p in paths]
    # It was never scanned, so it counts as missed: it begins at once.
    lines += ["schedule:", "  - {profile: demo, at: 'monthly 1 00:00', spread: 0s}",
              "scan:", f"  jobs: {os.cpu_count() or 1}",
              # A show is not to wait for whoever else works here.
              "pause: {cpu: 100, cpu_wait: 100, io: 100, memory: 100, on_battery: no}",
              "watch: {enabled: no}", "report:", "  max_age: 2s",
              "control:", f"  socket: {json.dumps(str(path.parent / 'control.sock'))}",
              "spool:", "  min_free: 16MiB", "log:", "  level: info", ""]
    path.write_text("\n".join(lines))


def findings_at(collector):
    out = run(BIN / "molehunt-collector", "findings", collector, "--format", "ndjson",
              "--limit", "10000", ok=(0, 1), quiet=True)
    return [json.loads(line) for line in out.splitlines() if line]


def wait_for_findings(collector, agent, planted):
    """Until every planted sample has arrived at the collector."""
    deadline = time.monotonic() + SCAN_SECONDS
    missing = planted
    while time.monotonic() < deadline:
        found = {(f["finding_info"]["analytic"]["name"], f["evidences"][0]["file"]["path"])
                 for f in findings_at(collector)}
        missing = {rule: path for rule, path in planted.items() if (rule, path) not in found}
        if not missing and re.search(r"scan: demo \S+: \d+ scanned", agent.text()):
            return
        if agent.process.poll() is not None:
            raise Failed(f"the agent ended:\n{agent.text()}")
        select.select([], [], [], 0.2)
    raise Failed(f"not at the collector: {missing}\n{agent.text()}")


def show_report(collector, scratch):
    """Write the stored reports as files and check one with openssl alone."""
    out = scratch / "reports"
    out.mkdir()
    run(BIN / "molehunt-collector", "reports", collector, "--save", out)
    reports = sorted(out.rglob("*.p7m"))
    if not reports:
        raise Failed("the collector wrote no report")
    line = (f"openssl cms -verify -inform DER -CAfile {shlex.quote(str(collector / 'ca.pem'))} "
            f"-in {shlex.quote(str(reports[0]))}")
    reader = "jq -c 'del(.evidences)'" if shutil.which("jq") else "cut -c1-300"
    say(f"   $ {line} | gunzip | {reader} | head -3")
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{line} 2>&3 | gunzip"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          text=True, preexec_fn=lambda: os.dup2(2, 3), pass_fds=(3,))
    if done.returncode != 0:
        raise Failed(f"openssl does not accept the report:\n{done.stderr}")
    for record in done.stdout.splitlines()[:3]:
        say("   " + record[:220] + (" ..." if len(record) > 220 else ""))
    say("   " + (done.stderr.strip().splitlines() or ["CMS Verification successful"])[-1])


def demo(paths, scratch, daemons):
    collector, state = scratch / "collector", scratch / "state"
    planted_folder = scratch / "planted"
    planted_folder.mkdir()

    step(1, "A collector, with a certificate authority of its own")
    run(BIN / "molehunt-collector", "init", collector, "--name", "localhost,127.0.0.1")
    config = collector / "collector.yaml"
    config.write_text(re.sub(r"(?m)^#?\s*listen:.*\n", "", config.read_text()) +
                      '\nlisten: ["127.0.0.1:0"]\n')
    server = Daemon("the collector", scratch / "collector.log", BIN / "molehunt-collector",
                    "serve", collector)
    daemons.append(server)
    port = server.wait_for(r"listening on \S*?:(\d+)", START_SECONDS).group(1)
    say(f"   it listens on 127.0.0.1:{port}")

    step(2, "An agent joins it with a one-time token")
    token = run(BIN / "molehunt-collector", "token", collector).split()[-1]
    say(run(BIN / "molehunt", "enroll", f"https://localhost:{port}", token, "--state", state)
        .rstrip())

    step(3, "Inert samples are planted, made now from the facts behind the rules")
    planted = plant(planted_folder)
    say(f"   {len(planted)} files in {planted_folder}: none can run, each carries the strings")
    say("   that reports document for one family")

    step(4, "The agent scans " + ", ".join(str(p) for p in paths + [planted_folder]))
    # Where Molehunt is installed, root's agent becomes a user who may not look in here.
    pack = shutil.copytree(PACK, scratch / "packs" / PACK.name)
    write_agent_config(scratch / "molehunt.yaml", pack, paths + [planted_folder])
    started = time.monotonic()
    agent = Daemon("the agent", scratch / "agent.log", BIN / "molehuntd", "--config",
                   scratch / "molehunt.yaml", "--state", state)
    daemons.append(agent)
    wait_for_findings(collector, agent, planted)
    line = re.search(r"scan: demo \S+: (\d+ scanned.*)", agent.text()).group(1)
    say(f"   {line}")
    say(f"   all {len(planted)} samples were found, signed, sent and receipted "
        f"{time.monotonic() - started:.1f} s after the start")

    step(5, "What the collector knows")
    say(run(BIN / "molehunt-collector", "findings", collector, "--limit", "8", ok=(0, 1))
        .rstrip())
    others = [f for f in findings_at(collector)
              if f["evidences"][0]["file"]["path"] not in planted.values()]
    if others:
        say(f"   {len(others)} findings are not of the planted files: look at them")

    step(6, "One stored report, checked with openssl alone")
    show_report(collector, scratch)

    step(7, "Everything the collector holds, checked again")
    say(run(BIN / "molehunt-collector", "verify", collector).rstrip())


def closing_words():
    say(f"""
That was the whole way: source, target, verdict, finding, report, receipt.
Try next:
   {BIN.relative_to(ROOT)}/molehunt scan ~
   {BIN.relative_to(ROOT)}/molehunt scan --rules FOLDER-OF-YARA-RULES --format ndjson /usr/bin
   less README.md docs/ARCHITECTURE.md""")


def main():
    parser = argparse.ArgumentParser(description="Show Molehunt at work on loopback.")
    parser.add_argument("paths", nargs="*", type=Path,
                        help="what to scan beside the planted samples")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder")
    args = parser.parse_args()
    paths = [p.resolve() for p in args.paths] or [p for p in (Path("/usr/bin"), Path("/usr/sbin"))
                                                  if not p.is_symlink()]
    for path in paths:
        if not path.exists():
            parser.error(f"{path}: there is no such file or folder")
    scratch = Path(tempfile.mkdtemp(prefix="molehunt-demo-"))
    scratch.chmod(0o755)
    daemons = []
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        demo(paths, scratch, daemons)
        closing_words()
        return 0
    except Failed as failure:
        print(f"\nFAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        for daemon in reversed(daemons):
            daemon.stop()
        if args.keep:
            say(f"\nkept: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
