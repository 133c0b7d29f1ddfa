"""No coroutine lambda captures: the captures live in the lambda, which is gone at the first
suspension while the coroutine's frame lives on. A heuristic reader of C++: comments and literals
are blanked, brackets are matched."""

import re

NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|"  # comments
    r'R"([^(\s]{0,16})\(.*?\)\1"|'  # raw strings
    r'"(?:\\.|[^"\\\n])*"|'  # strings
    r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",  # characters, but not 1'000
    re.DOTALL,
)
BEFORE_LAMBDA = re.compile(r"(?:[=(,{;:&|!?<>}+]|\b(?:return|co_return|co_await|co_yield))\s*$|^\s*$")
COROUTINE = re.compile(r"\bco_(?:await|return|yield)\b")
CLOSING = {"[": "]", "(": ")", "{": "}"}


def blank(text):
    """The same text, lines kept, without comments and literals."""
    return NOISE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def closing(text, start):
    """Where the bracket that opens at `start` closes, or None."""
    depth = 0
    opens, closes = text[start], CLOSING[text[start]]
    for at in range(start, len(text)):
        if text[at] == opens:
            depth += 1
        elif text[at] == closes:
            depth -= 1
            if depth == 0:
                return at
    return None


def lambda_body(text, at):
    """(start, end) of the body of the lambda whose capture list ended just before `at`."""
    while at < len(text):
        match = re.compile(r"\s*").match(text, at)
        at = match.end()
        if at >= len(text):
            return None
        if text[at] == "{":
            end = closing(text, at)
            return (at, end) if end else None
        if text[at] == "(":
            end = closing(text, at)
            if end is None:
                return None
            at = end + 1
            continue
        # mutable, noexcept, -> Task<Result<int>>, <class T>, requires ...
        match = re.compile(r"->|[\w:<>,&*\s.]").match(text, at)
        if not match:
            return None
        at = match.end()
    return None


def lambdas(text):
    """(line, capture, body start, body end) of every lambda in blanked text."""
    found = []
    for match in re.finditer(r"\[(?!\[)", text):
        start = match.start()
        if not BEFORE_LAMBDA.search(text[max(0, start - 40) : start]) or text[start - 1 : start] == "[":
            continue
        end = closing(text, start)
        body = lambda_body(text, end + 1) if end else None
        if body:
            found.append((text.count("\n", 0, start) + 1, text[start + 1 : end].strip(), *body))
    return found


def check_coroutines(tree):
    """No lambda with captures is a coroutine."""
    faults, seen = [], 0
    for name in tree.sources():
        text = blank(tree.text(name))
        all_of_file = lambdas(text)
        for line, capture, start, end in all_of_file:
            seen += 1
            body = text[start:end]
            for _, _, inner_start, inner_end in all_of_file:  # what a lambda within does is its own
                if start < inner_start and inner_end < end:
                    inner = slice(inner_start - start, inner_end - start)
                    body = body[: inner.start] + " " * (inner.stop - inner.start) + body[inner.stop :]
            if capture and COROUTINE.search(body):
                faults.append(f"{name}:{line}: a coroutine lambda captures [{capture}]: pass parameters by value")
    return faults, f"{seen} lambdas"
