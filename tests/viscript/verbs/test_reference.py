from pathlib import Path

from viscript.verbs.core import builtin
from viscript.verbs.reference import codes_page, page, write

FOLDER = Path(__file__).parents[3] / "docs" / "reference"


def test_the_pages_are_those_of_the_table(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("verbs.md", "exit-codes.md"):
        stale = "run python -m viscript.verbs.reference docs/reference"
        assert (FOLDER / name).read_text() == (tmp_path / name).read_text(), stale


def test_every_verb_and_every_spelling_is_documented() -> None:
    text = page(builtin())
    for verb in builtin():
        assert f"### {verb.name}\n" in text
        assert all(f"`{alias}`" in text for alias in verb.aliases)


def test_every_link_leads_somewhere() -> None:
    for part in page(builtin()).split("](")[1:]:
        assert (FOLDER / part.partition(")")[0]).is_file()


def test_the_codes_are_a_table() -> None:
    assert "| 130 | interrupted |" in codes_page()
