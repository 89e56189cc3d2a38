# SPDX-License-Identifier: BSD-2-Clause
"""Write a project of C files to be built: headers, a library, programs, a Makefile.

The same every time.  Sizes are those of ordinary projects: some hundred lines a file,
several headers of the system in each, structs and tables shared by project headers.
"""

import random
from pathlib import Path

FILES_OF_PROGRAM = 8
HEADERS = 24
SYSTEM = ("errno.h", "stdio.h", "stdlib.h", "string.h", "stdint.h", "stdbool.h", "unistd.h",
          "sys/stat.h", "time.h", "ctype.h", "fcntl.h", "signal.h", "pthread.h")

MAKEFILE = """CFLAGS = -O2 -g -Iinclude
OUT = out
LIB = {lib}
PROGRAMS = {programs}

all: $(OUT)/libproject.a $(PROGRAMS:%=$(OUT)/%)

$(OUT)/libproject.a: $(LIB:%=$(OUT)/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(OUT)/%.o: src/%.c
	$(CC) $(CFLAGS) -MMD -c -o $@ $<

{rules}"""


def header(rng, i):
    name = f"MODULE_{i}_H"
    lines = [f"#ifndef {name}", f"#define {name}", "#include <stddef.h>", "#include <stdint.h>"]
    if i > 0:
        lines.append(f'#include "module_{rng.randrange(i)}.h"')
    for j in range(rng.randint(4, 10)):
        fields = "".join(f"\t{rng.choice(('int', 'char *', 'uint64_t', 'double', 'size_t'))} "
                         f"field_{k};\n" for k in range(rng.randint(3, 12)))
        lines.append(f"/* What module {i} keeps of its {j}th kind. */\n"
                     f"struct kind_{i}_{j} {{\n{fields}}};")
        lines.append(f"enum state_{i}_{j} {{ " +
                     ", ".join(f"STATE_{i}_{j}_{k}" for k in range(rng.randint(3, 9))) + " };")
    return "\n".join(lines) + "\n#endif\n"


def function(rng, name, calls):
    lines = [f"long {name}(const char *text, long n)", "{", "\tlong table[16] = { 0 }, sum = n;",
             "\tchar line[256];"]
    for _ in range(rng.randint(3, 8)):
        kind = rng.randrange(4)
        k = rng.randint(3, 99)
        if kind == 0:
            lines.append(f"\tfor (size_t i = 0; text[i] != 0 && i < {k}; i++)\n"
                         f"\t\ttable[(i * {k}) % 16] += text[i] ^ (sum >> {k % 7});")
        elif kind == 1:
            cases = "".join(f"\tcase {c}:\n\t\tsum += table[{c % 16}] * {c + 3};\n\t\tbreak;\n"
                            for c in range(rng.randint(3, 10)))
            lines.append(f"\tswitch (sum % {k}) {{\n{cases}\tdefault:\n\t\tsum ^= {k};\n\t}}")
        elif kind == 2:
            lines.append(f'\tsnprintf(line, sizeof(line), "%ld of {name}: %s", sum, text);\n'
                         f"\tsum += (long)strlen(line) * {k};")
        else:
            lines.append(f"\tfor (int i = 0; i < {k}; i++)\n"
                         "\t\tsum = sum * 31 + table[i % 16] / (i + 1);")
    if calls:
        lines.append(f"\tif (n > 0)\n\t\tsum += {rng.choice(calls)}(text + 1, n - 1);")
    return "\n".join(lines) + "\n\treturn sum + table[sum & 15];\n}\n"


def source(rng, name, callable_names):
    lines = [f"#include <{h}>" for h in rng.sample(SYSTEM, rng.randint(4, 8))]
    lines += ["#include <stdio.h>", "#include <string.h>"]
    lines += [f'#include "module_{h}.h"' for h in rng.sample(range(HEADERS), rng.randint(2, 5))]
    calls = rng.sample(callable_names, min(3, len(callable_names)))
    lines += [f"long {c}(const char *text, long n);" for c in calls]
    own = [f"{name}_{i}" for i in range(rng.randint(4, 14))]
    lines += [f"long {each}(const char *text, long n);" for each in own]
    text = "\n".join(lines) + "\n\n"
    return text + "\n".join(function(rng, each, calls + own[i + 1:])
                            for i, each in reversed(list(enumerate(own))))


def write(folder, n_files):
    """n_files sources, two thirds of them in a library; returns the names of programs."""
    folder, rng = Path(folder), random.Random(4)
    for name in ("include", "src", "out"):
        (folder / name).mkdir(parents=True)
    for i in range(HEADERS):
        (folder / "include" / f"module_{i}.h").write_text(header(rng, i))
    names = [f"file{i}" for i in range(n_files)]
    library = names[:max(1, n_files * 2 // 3)]
    others = names[len(library):]
    entries = []
    for name in names:
        (folder / "src" / f"{name}.c").write_text(source(rng, name, list(entries)))
        if name in library:
            entries.append(f"{name}_0")
    programs, rules = [], []
    for i in range(0, max(1, len(others)), FILES_OF_PROGRAM):
        mine, program = others[i:i + FILES_OF_PROGRAM], f"program{i // FILES_OF_PROGRAM}"
        call = f"{(mine or library)[0]}_0"
        (folder / "src" / f"{program}.c").write_text(
            "#include <stdio.h>\n" f"long {call}(const char *text, long n);\n"
            f'int main(int argc, char **argv)\n{{\n\tprintf("%ld\\n", {call}(argv[0], argc));\n'
            "\treturn 0;\n}\n")
        objects = " ".join(f"$(OUT)/{m}.o" for m in [program, *mine])
        rules.append(f"$(OUT)/{program}: {objects} $(OUT)/libproject.a\n\t$(CC) -o $@ $^\n")
        programs.append(program)
    (folder / "Makefile").write_text(MAKEFILE.format(
        lib=" ".join(library), programs=" ".join(programs), rules="\n".join(rules)))
    return programs
