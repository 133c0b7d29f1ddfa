"""The documents name files that exist."""

import os
import re

QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^\s*```")
WORD = re.compile(r"[\w.*<>{}$/-]+")
PATH = re.compile(r"^\.?\w[\w.-]*(/[\w.-]+)*/?$")
EXTENSIONS = (".h", ".cc", ".md", ".py", ".sh", ".txt", ".cmake", ".json")
TOP = {"src", "docs", "scripts", "tests", "bench", "cmake", ".ci"}
MADE_LATER = ("build/", "data/")  # by the scripts, not in the repository
PLACEHOLDER = re.compile(r"NNNN|NAME|MODULE|\.\.\.")


def documents(tree):
    """The pages for readers: those of the root and of docs/. src/ READMEs list modules instead."""
    return [
        name
        for name in tree.files
        if name.endswith(".md") and (name.startswith("docs/") or "/" not in name) and name != "CHANGELOG.md"
    ]


def looks_like_path(word, tree):
    if not PATH.match(word) or PLACEHOLDER.search(word) or word.startswith(MADE_LATER):
        return False
    if word.endswith(EXTENSIONS):
        return True
    first = word.split("/")[0]
    return "/" in word and (first in TOP or "src/" + first in tree.folders)


def exists(word, document, tree):
    """As written from the root, from src/, or from the document; a bare source file anywhere."""
    word = word.rstrip("/")
    for base in ("", "src", os.path.dirname(document)):
        name = os.path.normpath(os.path.join(base, word))
        if name in tree.known or name in tree.folders:
            return True
    return "/" not in word and any(name.endswith("/" + word) for name in tree.files)


def words_of(lines):
    """(number, word) of everything quoted, and in fenced blocks of what starts like a path."""
    fenced = False
    for number, line in lines:
        if FENCE.match(line):
            fenced = not fenced
        elif fenced:
            for word in WORD.findall(line):
                if word.removeprefix("./").split("/")[0] in TOP:
                    yield number, word.removeprefix("./").rstrip(".,:;")
        else:
            for quoted in QUOTED.findall(line):
                # `scripts/test --only storage` names a path too.
                yield number, quoted.split()[0].removeprefix("./") if quoted.split() else ""


def check_paths(tree):
    """Every path a document names exists."""
    faults, seen = [], 0
    for document in documents(tree):
        for number, word in words_of(tree.lines(document)):
            if looks_like_path(word, tree):
                seen += 1
                if not exists(word, document, tree):
                    faults.append(f"{document}:{number}: there is no {word}")
        for number, line in tree.lines(document):
            for target in LINK.findall(line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                seen += 1
                name = os.path.normpath(os.path.join(os.path.dirname(document), target))
                if name not in tree.known and name not in tree.folders:
                    faults.append(f"{document}:{number}: the link to {target} leads nowhere")
    return faults, f"{seen} paths"


def check_flows(tree):
    """docs/ARCHITECTURE.md tells the flows as lists of files."""
    page = "docs/ARCHITECTURE.md"
    if page not in tree.known:
        return [f"there is no {page}"], ""
    lines = list(tree.lines(page))
    start = next((number for number, line in lines if re.match(r"^#+ .*\bflows\b", line, re.I)), None)
    if start is None:
        return [f"{page} has no heading with the word Flows"], ""
    level = re.match(r"^#+", lines[start - 1][1])[0]
    section = []
    for number, line in lines[start:]:
        if re.match(r"^#{1,%d} " % len(level), line):
            break
        section.append((number, line))
    named = {word for _, word in words_of(section) if word.endswith((".h", ".cc"))}
    if not named:
        return [f"{page}: the Flows name no source file"], ""
    return [], f"{len(named)} source files"
