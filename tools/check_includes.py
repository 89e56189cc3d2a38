#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check that each file includes only folders that its target's DEPS allow.

The lists are read from mh_module, mh_program, mh_test, mh_helper, mh_tool and mh_fuzz
in the CMakeLists.txt files.  A file may include its own folder, the modules in the
DEPS of its targets, and the modules in the DEPS of those.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import lint_tree

CALL = re.compile(r"^[ \t]*(mh_module|mh_program|mh_test|mh_helper|mh_tool|mh_fuzz|unit)\s*\(([^)]*)\)", re.M)
KEYWORDS = {"SOURCES", "DEPS", "LIBS", "LABEL", "TIMEOUT", "DESTINATION", "COMPONENT", "CORPUS"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
GENERATED = {"build_info.h"}
VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass
class Target:
    kind: str
    name: str
    folder: Path
    sources: list = field(default_factory=list)
    deps: list = field(default_factory=list)

    def has_source(self, path):
        """Is path (relative to the root) one of the sources?  ${...} matches anything."""
        for source in self.sources:
            parts = [re.escape(p) for p in VARIABLE.split(str(self.folder / source))]
            if re.fullmatch("[^/]*".join(parts), str(path)):
                return True
        return False


def parse_call(kind, arguments, folder):
    words = re.sub(r"#[^\n]*", "", arguments).split()
    target = Target(kind, words[0], folder)
    lists = {"SOURCES": target.sources, "DEPS": target.deps}
    current = None
    for word in words[1:]:
        if word in KEYWORDS:
            current = lists.get(word)
        elif kind == "unit" and current is None:
            target.deps.append(word)
        elif current is not None:
            current.append(word)
    if kind == "mh_fuzz":
        target.sources += [f"{target.name}.c", "fuzz_driver.c"]
    if kind == "unit":
        target.sources.append(f"test_{target.name}.c")
        target.deps.append("testing")
    return target


def parse_targets(root):
    """All targets, and the module that stands for tests/unit's own library."""
    targets = []
    for path in lint_tree.files(root, {".txt"}):
        if path.name != "CMakeLists.txt":
            continue
        text = re.sub(r"^[ \t]*function\s*\(.*?^[ \t]*endfunction", "", path.read_text(),
                      flags=re.M | re.S)
        folder = path.parent.relative_to(root)
        for m in CALL.finditer(text):
            targets.append(parse_call(m[1], m[2], folder))
        for m in re.finditer(r"add_library\s*\(mh_(\w+) STATIC([^)]*)\)", text):
            targets.append(Target("mh_module", m[1], folder, sources=m[2].split()))
        for m in re.finditer(r"target_link_libraries\s*\(mh_(\w+) ([^)]*)\)", text):
            for target in targets:
                if target.name == m[1] and target.kind == "mh_module":
                    target.deps += re.findall(r"\bmh_(?!flags)(\w+)", m[2])
    return targets


def owners(path, targets):
    """The targets a file belongs to: by SOURCES; a header goes with the .c of its name."""
    names = [path] if path.suffix == ".c" else [path.with_suffix(".c")]
    if path.stem.endswith(("_impl", "_internal")):
        names.append(path.with_name(re.sub(r"_(impl|internal)\.h$", ".c", path.name)))
    found = [t for t in targets if any(t.has_source(n) for n in names)]
    if not found and path.suffix == ".h":
        found = [t for t in targets if t.kind == "mh_module" and path.is_relative_to(t.folder)]
    return found


def allowed_modules(target, modules):
    near = [d for d in target.deps if d in modules]
    far = [d for n in near for d in modules[n].deps if d in modules]
    return {target.name, *near, *far}


def check_file(root, path, targets, modules):
    name = path.relative_to(root)
    mine = owners(name, targets)
    if not mine:
        if name.suffix == ".c":
            return [f"{name}:1: in no SOURCES list of a CMakeLists.txt"]
        return []
    allowed = set().union(*(allowed_modules(t, modules) for t in mine))
    problems = []
    text = path.read_text()
    for m in INCLUDE.finditer(text):
        included = Path(m[1])
        where = f"{name}:{text.count(chr(10), 0, m.start()) + 1}"
        if m[1] in GENERATED or included.parent == name.parent:
            continue
        if len(included.parts) == 1:
            if name.parts[0] != "tests":
                problems.append(f'{where}: write the folder too: "{name.parent}/{included}"')
            continue
        providers = [t for t in owners(included, targets) if t.kind == "mh_module"]
        if not (root / included).is_file():
            problems.append(f"{where}: there is no {included} under the root of the tree")
        elif not any(t.name in allowed for t in providers):
            needs = " or ".join(sorted({t.name for t in providers})) or "a module"
            problems.append(
                f"{where}: {included} is not for {', '.join(sorted({t.name for t in mine}))}:"
                f" {needs} is not in its DEPS")
    return problems


def check(root):
    targets = parse_targets(root)
    modules = {t.name: t for t in targets if t.kind == "mh_module"}
    problems = []
    for path in lint_tree.files(root, {".c", ".h"}):
        problems += check_file(root, path, targets, modules)
    return problems


def tree(**changes):
    """A small sound tree; changes replace or add files, with __ for / and _dot_ for the dot."""
    contents = {
        "base/CMakeLists.txt": "mh_module(base\n\tSOURCES\n\t\tbuf.c)\n",
        "base/buf.c": '#include "base/buf.h"\n',
        "base/buf.h": "",
        "mid/CMakeLists.txt": "mh_module(mid SOURCES m.c DEPS base)\n"
                              "mh_module(other SOURCES o.c DEPS base LIBS yara)\n",
        "mid/m.c": '#include "mid/m.h"\n#include "base/buf.h"\n',
        "mid/m.h": "",
        "mid/o.c": "",
        "mid/o.h": "",
        "top/CMakeLists.txt": "mh_module(top SOURCES t.c DEPS mid) # comment\n"
                              "mh_program(prog SOURCES main.c DEPS top DESTINATION bin)\n",
        "top/t.c": '#include "base/buf.h"\n#include "mid/m.h"\n',
        "top/t.h": "",
        "top/main.c": '#include "top/t.h"\n#include "mid/m.h"\n#include "build_info.h"\n',
        "tests/CMakeLists.txt": "foreach(n buf)\nmh_test(test_${n} LABEL unit\n"
                                "\tSOURCES test_${n}.c DEPS base)\nendforeach()\n",
        "tests/test_buf.c": '#include "base/buf.h"\n#include "mh_test.h"\n',
    }
    for key, text in changes.items():
        contents[key.replace("__", "/").replace("_dot_", ".")] = text
    return contents


CASES = [
    ("sound tree", tree(), None),
    ("a lower folder includes a higher one", tree(base__buf_dot_c='#include "mid/m.h"\n'),
     "base/buf.c:1: mid/m.h is not for base"),
    ("a header does so", tree(base__buf_dot_h='\n#include "top/t.h"\n'), "base/buf.h:2: top/t.h"),
    ("a module beside the one in DEPS", tree(top__t_dot_c='#include "mid/o.h"\n'),
     "top/t.c:1: mid/o.h is not for top: other is not"),
    ("three steps away", tree(top__main_dot_c='#include "base/buf.h"\n'),
     "top/main.c:1: base/buf.h"),
    ("a test without the dependency", tree(tests__test_buf_dot_c='#include "mid/m.h"\n'),
     "tests/test_buf.c:1: mid/m.h"),
    ("no folder in the name", tree(mid__m_dot_c='#include "m.h"\n'), "mid/m.c:1: write the folder"),
    ("a header that is not there", tree(mid__m_dot_c='#include "base/bux.h"\n'),
     "mid/m.c:1: there is no base/bux.h"),
    ("a source in no list", tree(mid__n_dot_c=""), "mid/n.c:1: in no SOURCES list"),
]

if __name__ == "__main__":
    lint_tree.main(__doc__.split("\n")[0], check, CASES)
