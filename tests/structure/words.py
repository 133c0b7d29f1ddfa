"""What no file may contain: paths of one machine, and hosts of package registries (every machine
reaches them in its own way)."""

import re

# Written so that this file does not contain what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home/[a-z]\w*|Users/\w+)/")
REGISTRY = re.compile(
    r"\b(?:"
    r"(?:pypi|pythonhosted|crates|npmjs|golang)\.(?:org|io|com)|"
    r"(?:deb|ftp|security|snapshot)\.debian\.org|"
    r"(?:repo|repo1|central)\.(?:maven|sonatype)\.(?:apache\.)?(?:org|com)"
    r")\b"
)


def check_words(tree):
    """No path of one machine, no registry host."""
    faults = []
    for name in tree.files:
        for number, line in tree.lines(name):
            if match := MACHINE_PATH.search(line):
                faults.append(f"{name}:{number}: {match[0]} is a path of one machine")
            if match := REGISTRY.search(line):
                faults.append(f"{name}:{number}: {match[0]} is a package registry's host")
    return faults, f"{len(tree.files)} files"
