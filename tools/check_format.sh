#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Check that the C sources are formatted as .clang-format says.
#
# Only clang-format 14 binds: other versions format the same style differently.
# Without it the check is skipped (exit status 77) and says so.
#
# usage: check_format.sh [--self-test]
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

find_formatter() {
	for program in clang-format-14 clang-format; do
		if "$program" --version 2>/dev/null | grep -q 'version 14\.'; then
			echo "$program"
			return
		fi
	done
}

# check_format FOLDER: names what is not formatted; status 1 if there is any.
check_format() {
	find "$1" -name build -prune -o -name .git -prune -o \
		\( -name '*.c' -o -name '*.h' \) -type f -print0 |
		xargs -0 -r "$formatter" --dry-run -Werror --style="file:$root/.clang-format"
}

self_test() {
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	printf 'int\nf(void)\n{\n\treturn 1;\n}\n' >"$scratch/good.c"
	check_format "$scratch" || { echo "self-test: refused a good file" >&2; exit 1; }
	printf 'int f(void) {\n  return 1;\n}\n' >"$scratch/bad.c"
	if check_format "$scratch" 2>/dev/null; then
		echo "self-test: took a bad file" >&2
		exit 1
	fi
	echo "self-test: passed"
}

formatter=$(find_formatter)
if [ -z "$formatter" ]; then
	echo "skipped: clang-format 14 is not installed"
	exit 77
fi
case ${1-} in
--self-test) self_test ;;
"") check_format "$root" ;;
*) echo "usage: check_format.sh [--self-test]" >&2; exit 2 ;;
esac
