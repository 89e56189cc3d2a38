#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Refuse absolute paths of a developer's machine in any file of the tree.

Two kinds are found: home folders by their form, and the place where this very
copy of the tree lies, which is known when the check runs.
"""

import re
from pathlib import Path

import lint_tree

HOMES = re.compile(r"(?<![\w.}])(/home/(?!\$|<|\{)[\w.-]+/|/Users/[\w.-]+/|[A-Z]:\\\\?Users\\)")
# Top folders that product text may name on any machine.
COMMON = {
    "bin", "boot", "build", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root",
    "run", "sbin", "source", "src", "srv", "sys", "tmp", "usr", "var",
}


def own_place(root):
    """Patterns for the path of the tree itself, empty when it says nothing of its own."""
    parts = root.parts[1:]
    if not parts:
        return []
    places = [re.escape(str(root)) + r"\b"] if len(parts) > 1 else []
    if parts[0] not in COMMON:
        places.append("/" + re.escape(parts[0]) + "/")
    return places


def check_with(root, place):
    patterns = [HOMES] + [re.compile(r"(?<![\w.}])" + p) for p in own_place(place)]
    problems = []
    for path in lint_tree.files(root, lint_tree.TEXT_SUFFIXES):
        name = path.relative_to(root)
        text = lint_tree.text_of(path)
        if text is None or name.name == Path(__file__).name or name == Path(".git"):
            continue  # .git is a file in a linked work tree and names the main one
        for number, line in enumerate(text.split("\n"), 1):
            for pattern in patterns:
                m = pattern.search(line)
                if m:
                    problems.append(f"{name}:{number}: path of a developer's machine: {m[0]}")
                    break
    return problems


def check(root):
    return check_with(root, root)


def check_as_if_elsewhere(root):
    return check_with(root, Path("/disk7/jo/molehunt"))


CASES = [
    ("system paths", {"a.md": "See /etc/molehunt and /usr/bin, /home/$USER/x, /tmp/x.\n"}, None),
    ("a home folder", {"a.md": "first\n/home/jo/molehunt/x\n"}, "a.md:2: path of a developer"),
    ("a home folder of a Mac", {"a.c": '"/Users/jo/x"\n'}, "a.c:1: path"),
    ("where the tree lies", {"a.py": "x = '/disk7/jo/molehunt/tools'\n"}, "a.py:1: path"),
    ("beside the tree", {"a.sh": "cd /disk7/other\n"}, "a.sh:1: path"),
    ("a relative path", {"a.sh": "cd build/disk7/other ${X}/disk7/\n"}, None),
]

if __name__ == "__main__":
    import sys

    lint_tree.main(__doc__.split("\n")[0],
                   check_as_if_elsewhere if "--self-test" in sys.argv else check, CASES)
