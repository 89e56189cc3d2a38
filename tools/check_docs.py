#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check that the documentation says what the source has: keys, options, reasons, links."""

import re
import sys

import lint_tree

README_LINES = 150
FOLDER_README_LINES = 25
MAN = "packaging/man"
# Which table of configuration keys belongs to which page.
SCHEMAS = {"agent/agent_config.c": "molehunt.yaml.5", "collector/config.c": "collector.yaml.5"}
# Tables in lists of these, written elsewhere because others use them too.
MORE_ROWS = {"agent/agent_config.c": ["agent/overrides.c"]}
# Folders whose content explains itself, or is explained one level up.
NO_README = {"docs", "doc", ".ci", ".git", "build"}

KEY = re.compile(r'^\t\{ "([a-z_.]+)",\s*SETTING_', re.M)
LONG_OPTION = re.compile(r'\{ "([a-z][a-z-]*)", (?:no|required|optional)_argument,')
PAGE_KEY = re.compile(r"^\.It Ic ([a-z_.]+)$", re.M)
PAGE_OPTION = re.compile(r"(?:^\.(?:It |Op )?|[ |])Fl -([a-z][a-z-]*)", re.M)
REASON = re.compile(r'\bREASON\([A-Z_]+, "([a-z-]+)"')
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def text_at(root, name):
    path = root / name
    return path.read_text() if path.is_file() else ""


def check_keys(root):
    for source, page in SCHEMAS.items():
        name = f"{MAN}/{page}"
        texts = [text_at(root, s) for s in [source] + MORE_ROWS.get(source, [])]
        keys = set(KEY.findall("".join(texts)))
        told = set(PAGE_KEY.findall(text_at(root, name)))
        for key in sorted(keys - told):
            yield f"{name}:1: the key {key} of {source} is missing"
        for key in sorted(told - keys):
            yield f"{name}:1: there is no key {key} in {source}"


def check_options(root):
    pages = root / MAN
    told = set()
    for page in pages.iterdir() if pages.is_dir() else []:
        told.update(PAGE_OPTION.findall(page.read_text()))
    for path in lint_tree.files(root, {".c"}):
        name = path.relative_to(root)
        if name.parts[0] == "tests":
            continue
        for option in sorted(set(LONG_OPTION.findall(path.read_text())) - told):
            yield f"{name}:1: no page in {MAN} has the option --{option}"


def check_reasons(root):
    docs = "".join(p.read_text() for p in lint_tree.files(root, {".md"})
                   if p.relative_to(root).parts[0] == "docs")
    for reason in REASON.findall(text_at(root, "records/reason.h")):
        if not re.search(rf"`{re.escape(reason)}`", docs):
            yield f"records/reason.h:1: docs/ does not explain the reason {reason}"


def check_readmes(root):
    limits = [(root / "README.md", README_LINES)]
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        if folder.name in NO_README or folder.name.startswith("."):
            continue
        readme = folder / "README.md"
        if not readme.is_file():
            yield f"{folder.name}:1: there is no README.md in this folder"
        limits.append((readme, FOLDER_README_LINES))
    for readme, limit in limits:
        lines = readme.read_text().count("\n") if readme.is_file() else 0
        if lines > limit:
            yield f"{readme.relative_to(root)}:1: {lines} lines, {limit} are allowed"


def check_links(root):
    for path in lint_tree.files(root, {".md"}):
        for link in LINK.findall(FENCE.sub("", path.read_text())):
            target = link.split("#")[0]
            if target and ":" not in target and not (path.parent / target).exists():
                yield f"{path.relative_to(root)}:1: the link {link} leads nowhere"


def check(root):
    problems = []
    for part in (check_keys, check_options, check_reasons, check_readmes, check_links):
        problems += part(root)
    return problems


ROW = '\t{ "a.b", SETTING_BOOL, 0, "no" },\n'
WRAPPED = '\t{ "a.b",\n\t    SETTING_BOOL, 0, "no" },\n'
PAGE = ".It Ic a.b\n"
OPTION = '\t{ "with-it", no_argument, NULL, 1 },\n'
REASONS = '\tREASON(GONE, "gone-away", true, "x") \\\n'
CASES = [
    ("a key in its page", {"agent/agent_config.c": ROW, "agent/README.md": "x",
                           "packaging/README.md": "x", f"{MAN}/molehunt.yaml.5": PAGE}, None),
    ("a key without a page", {"agent/agent_config.c": ROW, "agent/README.md": "x"}, "a.b of"),
    ("a key on two lines", {"agent/agent_config.c": WRAPPED, "agent/README.md": "x"}, "a.b of"),
    ("a page without a key", {f"{MAN}/collector.yaml.5": PAGE, "packaging/README.md": "x"},
     "no key a.b"),
    ("an option in a page", {"a/a.c": OPTION, "a/README.md": "x", "packaging/README.md": "x",
                             f"{MAN}/a.1": ".It Fl -with-it Ar x\n"}, None),
    ("an option in a synopsis", {"a/a.c": OPTION, "a/README.md": "x", "packaging/README.md": "x",
                                 f"{MAN}/a.1": ".Op Ar dir | Fl -with-it\n"}, None),
    ("an option without a page", {"a/a.c": OPTION, "a/README.md": "x"}, "--with-it"),
    ("a longer option in a page", {"a/a.c": OPTION, "a/README.md": "x", "packaging/README.md": "x",
                                   f"{MAN}/a.1": ".It Fl -with-it-all\n"}, "--with-it"),
    ("a test's option", {"tests/a.c": OPTION, "tests/README.md": "x"}, None),
    ("a reason that is explained", {"records/reason.h": REASONS, "records/README.md": "x",
                                    "docs/A.md": "`gone-away`"}, None),
    ("a reason that is not", {"records/reason.h": REASONS, "records/README.md": "x"}, "gone-away"),
    ("a folder without README.md", {"a/a.c": ""}, "a:1: there is no README.md"),
    ("a long README.md", {"README.md": "x\n" * 151}, "151 lines"),
    ("a long README.md of a folder", {"a/README.md": "x\n" * 26}, "26 lines"),
    ("a dead link", {"README.md": "[a](b/c.md)"}, "b/c.md leads nowhere"),
    ("links that are good", {"README.md": "[a](docs/A.md#x) [b](https://x.org/) [c](#d)",
                             "docs/A.md": "[up](../README.md)"}, None),
    ("a link in an example", {"README.md": "```\n[a](b.md)\n```\n"}, None),
]

if __name__ == "__main__":
    sys.exit(lint_tree.main(__doc__, check, CASES))
