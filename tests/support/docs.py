"""The documentation taken apart: pages, code blocks, marks, headings, links. Pure but for reading files.

Two marks stand on a line of their own before a block and are not shown to readers:

    <!-- run -->          the block of `sh` is run for real, with all others of its page, in one shell
    <!-- file: NAME -->   the block is written to NAME first
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))

_FENCE: Final = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<language>\S*)\s*$")
_MARK: Final = re.compile(r"^<!-- (?P<mark>run|file: \S+) -->$")
_HEADING: Final = re.compile(r"^#{1,6} (?P<text>.+)$")
_LINK: Final = re.compile(r"(?<!!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
_CODE: Final = re.compile(r"`[^`\n]*`")


class Block(NamedTuple):
    """One fenced block: where its text begins, its language, its text and the mark before it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def place(self) -> str:
        """For messages and the names of tests."""
        return f"{name_of(self.page)}:{self.line}"


class Link(NamedTuple):
    """One link within the repository; `path` is empty when it stays on its page."""

    page: Path
    line: int
    path: str
    anchor: str


def name_of(page: Path) -> str:
    """The page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, text: str | None = None) -> list[Block]:
    """All fenced blocks of a page, in order. Raises `ValueError` for one that is not closed."""
    lines = (page.read_text(encoding="utf-8") if text is None else text).splitlines()
    found: list[Block] = []
    opened: re.Match[str] | None = None
    body: list[str] = []
    mark = ""
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if opened is not None:
            if fence and fence["ticks"] == opened["ticks"] and not fence["language"]:
                start = number - len(body)
                text = "\n".join(row.removeprefix(opened["indent"]) for row in body) + "\n"
                found.append(Block(page, start, opened["language"], text, mark))
                opened, mark = None, ""
            else:
                body.append(line)
        elif fence:
            opened, body = fence, []
        elif line.strip():
            marked = _MARK.match(line.strip())
            mark = marked["mark"] if marked else ""
    if opened is not None:
        raise ValueError(f"{page}: a block is not closed")
    return found


def prose(page: Path) -> list[tuple[int, str]]:
    """The numbered lines outside of fenced blocks."""
    found: list[tuple[int, str]] = []
    ticks = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence and ticks in ("", fence["ticks"]):
            ticks = "" if ticks else fence["ticks"]
        elif not ticks:
            found.append((number, line))
    return found


def links(page: Path) -> Iterator[Link]:
    """The links of a page that lead to this repository."""
    for number, line in prose(page):
        for match in _LINK.finditer(_CODE.sub("", line)):
            path, _, anchor = match["target"].partition("#")
            if "://" not in match["target"]:
                yield Link(page, number, path, anchor)


def anchors(page: Path) -> set[str]:
    """What `#...` may name on a page, made as GitHub makes it."""
    found: set[str] = set()
    for _, line in prose(page):
        heading = _HEADING.match(line)
        if heading:
            found.add(anchor_of(heading["text"]))
    return found


def anchor_of(heading: str) -> str:
    """`What survives what` -> `what-survives-what`."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
