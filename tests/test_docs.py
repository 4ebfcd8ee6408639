"""The documentation is true: complete, its links resolve, and its examples are what the program takes.

The blocks marked `<!-- run -->` run in tests/e2e/test_docs.py.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from signal_bus.kinds import ERROR_CODES, KINDS
from tests.support.docs import DOCS, PAGES, ROOT, Block, Link, anchors, blocks, links, name_of, prose
from viscript.config.keys import keys_of
from viscript.config.loader import check_text
from viscript.config.schema import sections
from viscript.diagnose.causes import Cause
from viscript.errors import ExitCode, VerbError
from viscript.eventtypes import EVENT_TYPES
from viscript.pluginhost import hookspecs
from viscript.states import State
from viscript.verbs.core import builtin
from viscript.verbs.parse import parse

REFERENCE = DOCS / "reference"
TABLE = builtin()
BLOCKS = [block for page in PAGES for block in blocks(page)]
LINKS = [link for page in PAGES for link in links(page)]
CHANGE = re.compile(r"\d+\.(added|changed|fixed|removed|security)\.md")
NO_COMMANDS = {"viscript curve 1": "a label of key derivation"}
# Comparisons and rates; what was measured stands in docs/decisions, with how it was measured.
FIGURE = re.compile(
    r"\d[\d.,]*\s*(x|times|%)\s+(as|faster|slower|less|more|smaller)|\d\s*(MB|MiB|ops|pings)?/s\b"
)


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def place(block: Block) -> str:
    return block.place


def lines_of(name: str) -> list[str]:
    return (REFERENCE / name).read_text(encoding="utf-8").splitlines()


# Complete.


def hooks() -> Iterator[str]:
    return (name for name in vars(hookspecs) if name.startswith(hookspecs.PREFIX))


ENTRIES: dict[str, tuple[str, str, Iterable[str]]] = {
    "verb": ("verbs.md", "### {}", [verb.name for verb in TABLE]),
    "hook": ("hooks.md", "## {}", hooks()),
    "message of the bus": ("bus-messages.md", "## {}", KINDS),
    "error code of the bus": ("bus-messages.md", "| `{}` |", ERROR_CODES),
    "event": ("events.md", "## `{}`", EVENT_TYPES),
    "cause": ("causes.md", "| `{}` |", Cause),
    "exit code": ("exit-codes.md", "| {} |", [str(int(code)) for code in ExitCode]),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_each_has_its_entry(what: str) -> None:
    page, form, names = ENTRIES[what]
    written = lines_of(page)
    missing = [name for name in names if not any(line.startswith(form.format(str(name))) for line in written)]
    assert not missing, f"{page} lacks the {what} {missing}"


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.__name__)
def test_each_config_key_has_its_entry(section: type) -> None:
    written = lines_of("config.md")
    start = written.index(f"## {section.__name__}") + 1
    rows = list(takewhile(lambda line: not line.startswith("## "), written[start:]))
    missing = [
        key.name for key in keys_of(section) if not any(row.startswith(f"| `{key.name}` |") for row in rows)
    ]
    assert not missing


def test_each_state_is_explained_where_people_look_first() -> None:
    guide = (DOCS / "guide" / "troubleshooting.md").read_text(encoding="utf-8")
    assert not [state.value for state in State if f"| `{state.value}` |" not in guide]


def test_each_page_is_reached_from_the_readme() -> None:
    reached, news = set[Path](), [ROOT / "README.md"]
    while news:
        page = news.pop()
        reached.add(page)
        targets = {(page.parent / link.path).resolve() for link in links(page) if link.path}
        news += [target for target in targets & set(PAGES) - reached if target not in news]
    notes = {page for page in PAGES if CHANGE.fullmatch(page.name)}
    assert not [name_of(page) for page in set(PAGES) - reached - notes]


# Links.


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{name_of(link.page)}:{link.line}")
def test_a_link_leads_somewhere(link: Link) -> None:
    target = (link.page.parent / link.path).resolve() if link.path else link.page
    assert target.exists(), link.path
    assert target.is_relative_to(ROOT)
    assert not link.anchor or link.anchor in anchors(target), f"no heading for #{link.anchor}"


# Examples.


@pytest.mark.parametrize("block", of("yaml"), ids=place)
def test_a_configuration_has_no_faults(block: Block, tmp_path: Path) -> None:
    faults = check_text(block.text, str(tmp_path / "config.yaml"))
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize("block", of("python"), ids=place)
def test_a_piece_of_python_compiles(block: Block) -> None:
    compile(block.text, block.place, "exec")


@pytest.mark.parametrize("block", of("json"), ids=place)
def test_each_line_of_json_is_json(block: Block) -> None:
    for line in block.text.splitlines():
        json.loads(line)


def commands(text: str) -> Iterator[list[str]]:
    """The words after `viscript` in each command of a shell text; what is quoted is not looked into."""
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
        lexer.whitespace_split = True
        words = [*lexer, ";"]
        while "viscript" in words:
            start = words.index("viscript")
            end = next(at for at in range(start, len(words)) if set(words[at]) <= set("|&;()<>"))
            if start == 0 or words[start - 1] not in ("word", "install"):
                yield words[start + 1 : end]
            words = words[end:]


def spoken(page: Path) -> Iterator[tuple[int, str]]:
    """Commands in running text; placeholders for optional words are taken as given."""
    for number, line in prose(page):
        for code in re.findall(r"`(viscript [^`]+)`", line):
            if "..." not in code and code not in NO_COMMANDS:
                yield number, re.sub(r"[\[\]]", "", code).replace("\\|", "|")


def faults_of(argv: list[str]) -> str:
    """What the program would say to these words as a usage error; empty when it takes them."""
    while argv[:1] and argv[0] in ("--keep-going", "--color"):
        argv = argv[2:] if argv[0] == "--color" else argv[1:]
    if argv[:1] == ["-c"]:
        return next(filter(None, (faults_of(shlex.split(part)) for part in argv[1].split(";"))), "")
    try:
        parse(TABLE, argv or ["help"])
    except VerbError as exc:
        return exc.text
    return ""


@pytest.mark.parametrize("block", of("sh"), ids=place)
def test_a_command_in_a_block_is_one(block: Block) -> None:
    wrong = [(argv, fault) for argv in commands(block.text) if (fault := faults_of(argv))]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_in_a_sentence_is_one(page: Path) -> None:
    wrong = [
        (number, argv, fault)
        for number, text in spoken(page)
        for argv in commands(text)
        if (fault := faults_of(argv)) and ": missing " not in fault  # the verb alone is its name
    ]
    assert not wrong


# Words.


@pytest.mark.parametrize(
    "page", [page for page in PAGES if DOCS / "decisions" not in page.parents], ids=name_of
)
def test_no_figure_stands_without_its_source(page: Path) -> None:
    assert not [(number, line) for number, line in prose(page) if FIGURE.search(line)]


def test_a_note_of_a_change_is_a_sentence_in_a_file_named_by_its_kind() -> None:
    for note in (DOCS / "changes").iterdir():
        if note.name != "README.md":
            assert CHANGE.fullmatch(note.name), note.name
            text = note.read_text(encoding="utf-8").strip()
            assert 0 < len(text) <= 300, note.name
            assert text.endswith("."), note.name


def test_each_decision_is_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    assert not [page.name for page in pages if f"]({page.name})" not in index]
