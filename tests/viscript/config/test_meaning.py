import pytest
import yaml

from viscript.config.loader import check_text
from viscript.config.meaning import MEANINGS, SECTIONS
from viscript.config.schema import sections, struct_info

KEYS = [f"{kind.__name__}.{field.encode_name}" for kind in sections() for field in struct_info(kind).fields]


def test_every_key_has_a_meaning_and_every_meaning_a_key() -> None:
    assert set(KEYS) == MEANINGS.keys()
    assert {kind.__name__ for kind in sections()} == SECTIONS.keys()


def test_every_meaning_is_a_sentence() -> None:
    assert not [
        key for key, meaning in MEANINGS.items() if not meaning.text[0].isupper() or not meaning.example
    ]


@pytest.mark.parametrize(
    "key", [key for key in KEYS if key.startswith(("App.", "Restart.", "Stop.", "Output."))]
)
def test_the_example_of_a_key_is_taken(key: str) -> None:
    section, _, name = key.partition(".")
    line = f"{name}: {MEANINGS[key].example}"
    body = f"{section.lower()}: {{{line}}}" if section != "App" else line
    others = "" if name == "path" or name == "command" else "    path: x\n"
    text = f"bus: {{tcp: 127.0.0.1:7700}}\napps:\n  db: {{path: x}}\n  web:\n{others}    {body}\n"
    assert [str(fault) for fault in check_text(text, "c.yaml")] == []
    assert yaml.safe_load(text)
