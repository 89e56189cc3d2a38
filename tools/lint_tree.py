# SPDX-License-Identifier: BSD-2-Clause
"""What the lint scripts share: the files of the tree, and a run with --self-test."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED_FOLDERS = {"build", ".git", "__pycache__", "node_modules"}
TEXT_SUFFIXES = {
    ".c", ".h", ".py", ".sh", ".cmake", ".txt", ".toml", ".yar", ".json", ".yaml", ".yml",
    ".md", ".in", ".service", ".conf", ".debian", "",
}


def files(root, suffixes):
    """Regular files under root with one of the suffixes, sorted, build output left out."""
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(s for s in subfolders if s not in SKIPPED_FOLDERS)
        for name in names:
            path = Path(folder, name)
            if path.suffix in suffixes and path.is_file() and not path.is_symlink():
                found.append(path)
    return sorted(found)


def text_of(path):
    """The file as text, or None when it is not text (test data may be anything)."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def write_tree(folder, contents):
    """Make the files {relative path: text} under folder."""
    for name, text in contents.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def self_test(check, cases):
    """Run check(root) on small trees: cases are (what, files, words of the complaint or None)."""
    failures = 0
    for what, contents, expected in cases:
        with tempfile.TemporaryDirectory(prefix="molehunt-lint-") as folder:
            write_tree(folder, contents)
            problems = check(Path(folder))
        if expected is None:
            good = not problems
        else:
            good = len(problems) == 1 and expected in problems[0]
        if not good:
            failures += 1
            print(f"self-test: {what}: expected {expected!r}, got {problems}", file=sys.stderr)
    print(f"self-test: {len(cases)} cases, {failures} failed")
    return 1 if failures else 0


def main(description, check, cases, warn_only=False):
    """Command line of a lint script.  check(root) returns a list of 'file:line: text'."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="tree to check")
    parser.add_argument("--self-test", action="store_true",
                        help="show that the check complains about bad examples")
    args = parser.parse_args()
    if args.self_test:
        sys.exit(self_test(check, cases))
    problems = check(args.root.resolve())
    for problem in problems:
        print(problem)
    if warn_only:
        sys.exit(0)
    sys.exit(1 if problems else 0)
