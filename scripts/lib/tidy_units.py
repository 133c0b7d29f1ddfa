"""Names the translation units through which clang-tidy sees the given files, one a line.

    tidy_units.py COMPILE_COMMANDS.json FILE...

A source file is its own unit. A header that none of the chosen units includes is seen through one
that does: its own source or test, else one of its folder, else any.
"""

import functools
import json
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


@functools.lru_cache(maxsize=None)
def includes_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return ["src/" + name for name in INCLUDE.findall(file.read())]
    except OSError:
        return []


@functools.lru_cache(maxsize=None)
def included(path):
    """All project files that `path` includes, directly or not, as paths below src/."""
    seen, waiting = set(), [path]
    while waiting:
        found = [name for name in includes_of(waiting.pop()) if name not in seen]
        seen.update(found)
        waiting += found
    return seen


def main(database, files):
    root = os.getcwd()
    with open(database, encoding="utf-8") as file:
        units = sorted({os.path.relpath(entry["file"], root) for entry in json.load(file)})
    chosen = {name for name in files if name in units}
    headers = {name for name in files if name.endswith(".h")}
    headers -= {header for unit in chosen for header in included(unit)}
    for header in sorted(headers):
        stem = header[: -len(".h")]
        near = [unit for unit in (stem + ".cc", stem + "_test.cc") if unit in units]
        same_folder = [unit for unit in units if os.path.dirname(unit) == os.path.dirname(header)]
        for unit in near + same_folder + units:
            if header in included(unit):
                chosen.add(unit)
                break
        else:
            print(f"no translation unit includes {header}: not looked at", file=sys.stderr)
    print(*sorted(chosen), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
