"""The page and the schemas of the verbs are those that are published."""

import json
from pathlib import Path

import jsonschema

from plugins.mesh.reference import FOLDER, page, schemas, write
from plugins.mesh.rows import ANSWERS, SAME_AS
from plugins.mesh.verbs import VERBS

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def test_what_is_published_is_what_the_tables_say(tmp_path: Path) -> None:
    assert (DOCS / "mesh-verbs.md").read_text() == page()
    assert {path.name: path.read_text() for path in (DOCS / FOLDER).iterdir()} == schemas()
    write(tmp_path)
    assert (tmp_path / "mesh-verbs.md").read_text() == page()


def test_every_schema_is_one_and_every_verb_that_answers_with_data_has_one() -> None:
    for text in schemas().values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    assert {spec.name for spec, _ in VERBS if spec.reads} == set(ANSWERS) | set(SAME_AS)
