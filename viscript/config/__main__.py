"""Writes what is generated from the types: `python -P -m viscript.config docs/reference`."""

import sys
from pathlib import Path

from viscript.config.reference import page
from viscript.config.schema import schema_text
from viscript.config.template import schema_path


def main(folder: str) -> None:
    """Write the reference page and the schema into `folder`, and the schema beside the types."""
    Path(folder, "config.md").write_text(page(), encoding="utf-8")
    Path(folder, "config.schema.json").write_text(schema_text(), encoding="utf-8")
    Path(schema_path()).write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
