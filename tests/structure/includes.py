"""Arrows point down only: a file includes from the folders that its own folder's README lists."""

import os
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEST_FILE = re.compile(r"_(test|test_support|fuzz|bench)\.(cc|h)$")

# Headers that a module generates stand in a folder gen/ of the build and are the module's own.
GENERATED = "/gen"

# What a test may include whatever its folder's README says.
TESTS_MAY_INCLUDE = {"runtime/sim"}

# Libraries that only some folders may know: include prefix -> folders.
CONFINED = {
    "boost/asio": {"runtime/asio"},
    "boost/beast": {"admin", "client", "runtime/asio"},
    "sys/epoll.h": {"runtime/asio"},
    "liburing": {"runtime/asio"},
}


def declared(tree):
    """folder (below src/) -> the folders its README lets it include, for every module."""
    modules = {}
    for name in tree.files:
        if name.startswith("src/") and name.endswith("/README.md"):
            lines = [line for _, line in tree.lines(name) if line.startswith("May include:")]
            if lines:
                folder = os.path.dirname(name)[len("src/") :]
                modules[folder] = {word for line in lines for word in re.findall(r"`([^`]+)`", line)}
    return modules


def find_cycle(graph):
    """A list of folders that ends where it began, or None."""
    done, path = set(), []

    def visit(folder):
        if folder in path:
            return path[path.index(folder) :] + [folder]
        if folder in done:
            return None
        path.append(folder)
        for below in sorted(graph.get(folder, ())):
            if cycle := visit(below):
                return cycle
        path.pop()
        done.add(folder)
        return None

    for folder in sorted(graph):
        if cycle := visit(folder):
            return cycle
    return None


def check_graph(tree):
    """The READMEs list modules that exist, and no module includes itself by a detour."""
    modules = declared(tree)
    faults = []
    for folder, allowed in sorted(modules.items()):
        for below in sorted(allowed - modules.keys()):
            faults.append(f"src/{folder}/README.md: may include `{below}`, which is no module")
    if cycle := find_cycle(modules):
        faults.append("cycle: " + " -> ".join(cycle))
    return faults, f"{len(modules)} modules"


def check_includes(tree):
    """Every #include "..." is one that the folder's README lists."""
    modules = declared(tree)
    faults, seen = [], 0
    for name in tree.sources():
        folder = os.path.dirname(name)[len("src/") :]
        if folder not in modules:
            faults.append(f'{name}: src/{folder} has no README.md with a "May include:" line')
            continue
        allowed = modules[folder] | {folder}
        if TEST_FILE.search(name):
            allowed |= TESTS_MAY_INCLUDE
        for number, line in tree.lines(name):
            match = INCLUDE.match(line)
            if not match or match[1] == "<":
                continue
            seen += 1
            target = os.path.dirname(match[2]).removesuffix(GENERATED)
            if match[2].startswith(".") or "/.." in match[2] or not target:
                faults.append(f'{name}:{number}: write "{match[2]}" relative to src/')
            elif target not in modules:
                faults.append(f'{name}:{number}: "{match[2]}": src/{target} is no module')
            elif target not in allowed:
                faults.append(f'{name}:{number}: "{match[2]}": src/{folder}/README.md does not list `{target}`')
    return faults, f"{seen} includes"


def check_confined(tree):
    """The event loop and what belongs to it are seen in their own folder only."""
    faults, seen = [], 0
    for name in tree.sources():
        folder = os.path.dirname(name)[len("src/") :]
        for number, line in tree.lines(name):
            match = INCLUDE.match(line)
            for prefix, folders in CONFINED.items():
                if match and match[2].startswith(prefix):
                    seen += 1
                    if folder not in folders:
                        where = " and ".join("src/" + allowed for allowed in sorted(folders))
                        faults.append(f"{name}:{number}: <{match[2]}> belongs in {where} only")
    return faults, f"{seen} includes"
