"""The reference page explains every code, and no other."""

import re
from pathlib import Path

from viscript.diagnose.causes import CERTAIN, Cause, known

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "causes.md"
SOURCES = Path(__file__).parents[3] / "viscript"


def test_every_code_has_its_entry() -> None:
    entries = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(entries) == sorted(cause.value for cause in Cause)


def test_every_entry_says_what_to_do() -> None:
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 3
            assert all(cells), line


def test_every_code_the_supervisor_uses_is_known() -> None:
    sources = [
        path.read_text() for folder in ("supervisor", "daemon") for path in (SOURCES / folder).glob("*.py")
    ]
    used = {code for text in sources for code in re.findall(r"cause=\"([a-z-]+)\"", text)}
    used |= {code for text in sources for code in re.findall(r"CannotStart\(\s*\"([a-z-]+)\"", text)}
    assert used
    assert {code for code in used if known(code) is None} == set()


def test_an_unknown_word_is_no_cause() -> None:
    assert known("nonsense") is None
    assert known("exited") is Cause.EXITED
    assert Cause.EXITED not in CERTAIN
