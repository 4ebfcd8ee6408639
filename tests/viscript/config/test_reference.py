from pathlib import Path

from viscript.config.keys import keys_of
from viscript.config.reference import page
from viscript.config.schema import sections

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "config.md"


def test_the_written_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -P -m viscript.config docs/reference"


def test_every_key_is_on_the_page() -> None:
    text = page()
    assert all(f"| `{key.name}` |" in text for section in sections() for key in keys_of(section))


def test_every_row_has_as_many_cells_as_the_head() -> None:
    rows = [line.replace("\\|", "") for line in page().splitlines() if line.startswith("| `")]
    assert {row.count("|") for row in rows} == {3, 6}
