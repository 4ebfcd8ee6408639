import json
import re
from pathlib import Path

from viscript.config.loader import check_text, load_text
from viscript.config.template import schema_path, template


def test_the_first_file_is_good_and_names_the_schema() -> None:
    text = template("file:///schema.json")
    assert text.startswith("# yaml-language-server: $schema=file:///schema.json\n")
    assert check_text(text, "config.yaml") == []
    assert list(load_text(text, "config.yaml").config.apps) == ["hello"]


def test_what_stands_in_comments_is_good_too() -> None:
    text = re.sub("(?m)^  # ", "  ", template())
    assert list(load_text(text, "config.yaml").config.apps) == ["hello", "web"]


def test_the_schema_it_names_is_installed() -> None:
    assert schema_path() in template()
    assert json.loads(Path(schema_path()).read_text(encoding="utf-8"))["title"] == "viscript config.yaml"
