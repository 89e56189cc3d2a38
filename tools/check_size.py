#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Name functions over 60 lines and files over 700.  Prints only: a table may be long."""

import re

import lint_tree

FUNCTION_LINES = 60
FILE_LINES = 700
NAME = re.compile(r"^(\w+)\(")


def check_text(name, text):
    problems = []
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        problems.append(f"{name}:1: {len(lines)} lines in one file")
    start = title = None
    for number, line in enumerate(lines, 1):
        m = NAME.match(line)
        if m:
            title = m[1]
        if line == "{" and title:
            start = number
        elif line == "}" and start:
            length = number - start - 1
            if length > FUNCTION_LINES:
                problems.append(f"{name}:{start}: {title}() has {length} lines")
            start = title = None
    return problems


def check(root):
    problems = []
    for path in lint_tree.files(root, {".c", ".h"}):
        problems += check_text(path.relative_to(root), path.read_text())
    return problems


CASES = [
    ("60 lines", {"a.c": "int\nf(void)\n{\n" + "\tx();\n" * 60 + "}\n"}, None),
    ("61 lines", {"a.c": "int\nf(void)\n{\n" + "\tx();\n" * 61 + "}\n"}, "a.c:3: f() has 61"),
    ("a long table", {"a.c": "int t[] = {\n" + "\t1,\n" * 99 + "};\n"}, None),
    ("a long file", {"a.c": "int x;\n" * 701}, "a.c:1: 701 lines"),
]

if __name__ == "__main__":
    lint_tree.main(__doc__, check, CASES, warn_only=True)
