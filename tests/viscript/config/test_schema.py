from pathlib import Path

import jsonschema
import pytest

from viscript.config.fault import BadConfig
from viscript.config.schema import schema, schema_text, sections
from viscript.config.template import schema_path
from viscript.config.tree import plain
from viscript.config.yamltext import parse_tree

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests" / "corpus" / "config"
VALIDATOR = jsonschema.Draft202012Validator(schema())
# What a schema cannot say.
BEYOND = {
    "value-nul", "value-time-too-long", "value-time-not-finite", "value-size-too-small", "type-secret-hidden",
    "value-command-quote",
}  # fmt: skip
SHAPES = ("key-", "type-", "value-", "unsupported-")
WRONG = [
    path
    for path in sorted((CORPUS / "bad").glob("*.yaml"))
    if path.stem.startswith(SHAPES) and path.stem not in BEYOND
]


def data_of(path: Path) -> object:
    try:
        return plain(parse_tree(path.read_text(encoding="utf-8"), "c.yaml")[0])
    except BadConfig as bad:
        raise AssertionError(path) from bad


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", sorted((CORPUS / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_good_file_is_valid(path: Path) -> None:
    errors = [error.message for error in VALIDATOR.iter_errors(data_of(path))]
    assert not errors


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_file_of_a_wrong_shape_is_invalid(path: Path) -> None:
    assert not VALIDATOR.is_valid(data_of(path))


@pytest.mark.parametrize("path", [Path(schema_path()), ROOT / "docs/reference/config.schema.json"])
def test_the_written_schema_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == schema_text(), (
        "run: python -P -m viscript.config docs/reference"
    )


def test_sections_come_in_the_order_of_the_file() -> None:
    assert [kind.__name__ for kind in sections()][:3] == ["Config", "App", "Argument"]
