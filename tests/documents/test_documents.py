"""The documents' commands do what the documents say."""

from pathlib import Path

import pytest

from blocks import Block, blocks_of, matches
from reader import Reader

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md"] + sorted(
    str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")
)

# A block that can't be run here: document, how it begins, why not.
NOT_RUN = [
    (
        "README.md",
        "scripts/run        # installs",
        "installs packages and builds everything: scripts/check-fresh-machine runs both on a new system",
    ),
]

BLOCKS = [
    block
    for document in DOCUMENTS
    for block in blocks_of(document, (ROOT / document).read_text(encoding="utf-8"))
]


def reason_not_to_run(block):
    for document, beginning, reason in NOT_RUN:
        if block.document == document and block.text.startswith(beginning):
            return reason
    return None


RUN = [block for block in BLOCKS if reason_not_to_run(block) is None]


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """A reader for each document, made when it is begun."""
    made = {}

    def reader_of(document):
        if document not in made:
            made[document] = Reader(tmp_path_factory.mktemp("reader"))
        return made[document]

    yield reader_of
    for reader in made.values():
        reader.stop_broker()


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.name)
def test_the_block_does_what_is_shown(readers, block):
    reader = readers(block.document)
    commands = block.commands()
    if commands[0].text.strip() != "scripts/run":
        reader.need_broker()
    for command in commands:
        code, printed = reader.type(command)
        assert code == 0, f"{block.name}: exit code {code} of\n{command.text}\n{printed}"
        if block.kind == "console":
            assert matches(
                command.output, printed.splitlines()
            ), f"{block.name}: {command.text}\nshown:\n" + "\n".join(
                command.output
            ) + f"\nprinted:\n{printed}"


def test_every_reason_has_its_block():
    for document, beginning, reason in NOT_RUN:
        assert any(
            block.document == document and block.text.startswith(beginning) for block in BLOCKS
        ), f"{document} has no block that begins with {beginning!r} ({reason})"


def test_the_documents_for_users_show_commands():
    shown = {block.document for block in RUN}
    assert {"README.md", "docs/command-line.md", "docs/configuration.md"} <= shown


def session(text):
    return Block("d.md", 1, "console", text).commands()


def test_a_session_is_read_as_commands_and_their_output():
    one, two = session("$ cat <<'E'\n> a\n>\n> E\na\n\n> not a command\n$ true")
    assert (one.text, one.output) == ("cat <<'E'\na\n\nE", ["a", "", "> not a command"])
    assert (two.text, two.output) == ("true", [])


def test_what_is_shown_must_be_printed():
    assert matches(["a", "b"], ["a", "b"])
    assert matches(["a  "], ["a"])
    assert not matches(["a"], ["b"])
    assert not matches(["a"], ["a", "b"])
    assert not matches([], ["a"])
    assert not matches(["a"], [])
    assert not matches(["a.c"], ["abc"])


def test_dots_stand_for_anything():
    assert matches(["in ... ms"], ["in 0.4 ms"])
    assert not matches(["in ... ms"], ["in 0.4 s"])
    assert matches(["a", "...", "z"], ["a", "z"])
    assert matches(["a", "...", "z"], ["a", "b", "c", "z"])
    assert not matches(["a", "...", "z"], ["a", "b"])
    assert matches(["..."], [])


def test_blocks_are_found_with_their_lines():
    text = "# x\n```sh\ntrue\n```\n\n```\nno shell\n```\n```console\n$ echo a\na\n```\n"
    found = blocks_of("d.md", text)
    assert [(block.name, block.kind) for block in found] == [("d.md:3", "sh"), ("d.md:10", "console")]
