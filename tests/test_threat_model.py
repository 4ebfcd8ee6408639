"""The threat models name tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "docs" / "reference" / f"threat-model{which}.md" for which in ("", "-cluster")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def lines() -> list[str]:
    """The rows of the tables, without their heads."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    rows = [line for text in texts for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if not row.startswith("| cannot |")]


@pytest.mark.parametrize("row", lines())
def test_each_line_names_a_test_that_is_there(row: str) -> None:
    named = NAMED.findall(row)
    assert named, f"no test is named: {row}"
    for file, name in named:
        path = ROOT / file
        assert path.is_file(), f"there is no {file}"
        assert name in names_in(path), f"{file} has no {name}"


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
