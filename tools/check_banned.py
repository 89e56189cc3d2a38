#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Refuse functions and forms that the house style bans in C, and untidy text anywhere.

Variable-length arrays are left to the compiler (-Wvla with -Werror).
"""

import re

import lint_tree

BANNED = {
    "strcpy": "use buf or snprintf", "strcat": "use buf", "sprintf": "use snprintf or buf",
    "vsprintf": "use vsnprintf or buf", "strtok": "use a reader",
    "atoi": "use parse_u64", "atol": "use parse_u64", "atoll": "use parse_u64",
    "atof": "use parse_u64", "strtol": "use parse_u64", "strtoll": "use parse_u64",
    "strtoul": "use parse_u64", "strtoull": "use parse_u64",
    "gets": "use getline", "scanf": "use a reader", "sscanf": "use a reader",
    "fscanf": "use a reader", "vsscanf": "use a reader",
    "system": "use child_start", "popen": "use child_start", "alloca": "use buf",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */"
TOKEN = re.compile(
    r"""(?P<block>/\*.*?\*/)|(?P<line>//[^\n]*)"""
    r"""|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.S,
)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def without_comments_and_strings(text):
    """The code with comments and literals blanked, newlines kept; and where // begins."""
    slashes = []

    def blank(m):
        if m.lastgroup == "line":
            slashes.append(m.start())
        return re.sub(r"[^\n]", " ", m[0])

    return TOKEN.sub(blank, text), slashes


def check_c(name, text):
    problems = []
    if text.split("\n", 1)[0] != SPDX:
        problems.append(f"{name}:1: the first line must be: {SPDX}")
    code, slashes = without_comments_and_strings(text)
    for at in slashes:
        problems.append(f"{name}:{line_at(text, at)}: // comment: write /* ... */")
    for m in CALL.finditer(code):
        problems.append(f"{name}:{line_at(code, m.start())}: {m[1]}() is banned: {BANNED[m[1]]}")
    return problems


def check_blanks(name, text):
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            problems.append(f"{name}:{number}: trailing white space")
    if text and not text.endswith("\n"):
        problems.append(f"{name}:{text.count(chr(10)) + 1}: no newline at the end")
    return problems


def check(root):
    problems = []
    for path in lint_tree.files(root, lint_tree.TEXT_SUFFIXES):
        name = path.relative_to(root)
        if name.parts[:2] == ("tests", "data") or "corpus" in name.parts:
            continue
        text = lint_tree.text_of(path)
        if text is None:
            continue
        problems += check_blanks(name, text)
        if path.suffix in (".c", ".h"):
            problems += check_c(name, text)
    return problems


def c(body):
    return {"a/x.c": SPDX + "\n" + body}


CASES = [
    ("clean file", c('/* strcpy(a, b) // */\nint x = f("sprintf(\\"//");\n'), None),
    ("member called system", c("int x = ops->system(1) + ops.gets(2);\n"), None),
    ("longer name", c("int x = my_strcpy(a) + strtok_r(b);\n"), None),
    ("quote as character", c("int q = '\"'; int r = f('\\\\');\n"), None),
    *[(f"call of {f}", c(f"int x = {f} (a);\n"), f"a/x.c:2: {f}() is banned") for f in BANNED],
    ("comment of two slashes", c("int x; // no\n"), "a/x.c:2: // comment"),
    ("blank at the end of a line", c("int x; \n"), "a/x.c:2: trailing white space"),
    ("tab at the end of a script line", {"t.py": "x = 1\t\n"}, "t.py:1: trailing white space"),
    ("no newline at the end", {"t.py": "x = 1"}, "t.py:1: no newline"),
    ("no licence line", {"a/x.h": "int x;\n"}, "a/x.h:1: the first line"),
    ("test data may be anything", {"tests/data/x.h": "gets(a) "}, None),
    ("build output is not ours", {"build/x.h": "gets(a) "}, None),
]

if __name__ == "__main__":
    lint_tree.main(__doc__.split("\n")[0], check, CASES)
