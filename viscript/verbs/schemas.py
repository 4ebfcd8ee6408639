"""The JSON Schema of each verb's `-o json` answer. Pure, from the result types of the table."""

import json
from pathlib import Path
from typing import Any

import msgspec

from viscript.verbs.results import ErrorAnswer
from viscript.verbs.table import Table, Verb

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ERROR = "error"


def schema(verb: Verb) -> dict[str, Any]:  # Any: JSON
    """What the verb answers on stdout when it is done."""
    return _titled(verb.name, verb.result)


def error_schema() -> dict[str, Any]:  # Any: JSON
    """What stands there when it failed."""
    return _titled(ERROR, ErrorAnswer)


def _titled(title: str, kind: Any) -> dict[str, Any]:  # Any: a type; JSON
    made = msgspec.json.schema(kind, ref_template="#/$defs/{name}")
    return {"$schema": DIALECT, "title": title, **made}


def file_name(title: str) -> str:
    """The file of a schema below docs/reference/schemas."""
    return f"{title.replace(' ', '-')}.json"


def files(table: Table) -> dict[str, str]:
    """All schema files, name -> text."""
    found = {verb.name: schema(verb) for verb in table if verb.result is not None}
    found[ERROR] = error_schema()
    return {file_name(title): json.dumps(made, indent=2) + "\n" for title, made in found.items()}


def write(table: Table, folder: Path) -> None:
    """Bring a folder up to date."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files(table).items():
        (folder / name).write_text(text, encoding="utf-8")
