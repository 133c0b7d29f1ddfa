"""Shell blocks of a document: what a reader would type, and what the document shows that it prints."""

import re
from dataclasses import dataclass, field

FENCE = re.compile(r"^```(\w*)\s*$")
ANYTHING = "..."


@dataclass
class Command:
    text: str
    output: list = field(default_factory=list)  # the lines shown; empty: none are


@dataclass
class Block:
    document: str
    line: int  # of its first line in the document
    kind: str  # "sh" or "console"
    text: str

    @property
    def name(self):
        return f"{self.document}:{self.line}"

    def commands(self):
        """An sh block is one command; of a session, each with what it printed."""
        if self.kind == "sh":
            return [Command(self.text)]
        commands = []
        in_command = False
        for line in self.text.splitlines():
            if line.startswith("$ "):
                commands.append(Command(line[2:]))
                in_command = True
            elif in_command and (line == ">" or line.startswith("> ")):
                commands[-1].text += "\n" + line[2:]
            else:
                assert commands, f"{self.name}: a session begins with '$ '"
                in_command = False
                commands[-1].output.append(line)
        return commands


def blocks_of(document, text):
    blocks, kind, first, lines = [], None, 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if kind is None and fence:
            kind, first, lines = fence[1] or "text", number + 1, []
        elif kind is not None and line.startswith("```"):
            if kind in ("sh", "console"):
                blocks.append(Block(document, first, kind, "\n".join(lines)))
            kind = None
        elif kind is not None:
            lines.append(line)
    assert kind is None, f"{document}: the block at line {first} has no end"
    return blocks


def line_matches(shown, printed):
    pattern = ".*".join(re.escape(part) for part in shown.rstrip().split(ANYTHING))
    return re.fullmatch(pattern, printed.rstrip()) is not None


def matches(shown, printed):
    """Whether the printed lines are those shown; a line '...' stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0].strip() == ANYTHING:
        return any(matches(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return bool(printed) and line_matches(shown[0], printed[0]) and matches(shown[1:], printed[1:])
