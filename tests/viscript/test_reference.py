"""The pages that are made of tables are written where they belong."""

from pathlib import Path

from viscript.reference import PAGES, main

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_every_page_is_written(tmp_path: Path) -> None:
    main(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == set(PAGES)


def test_the_written_pages_are_current() -> None:
    stale = [name for name, page in PAGES.items() if (FOLDER / name).read_text(encoding="utf-8") != page()]
    assert stale == [], "run: python -P -m viscript.reference docs/reference"
