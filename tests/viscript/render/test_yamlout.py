import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from viscript.render.yamlout import dump

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(DATA, st.booleans())
def test_what_is_written_is_read_back(data: object, ascii_only: bool) -> None:
    text = dump(data, ascii_only=ascii_only)
    assert yaml.safe_load(text) == data
    assert text.isascii() or not ascii_only


@pytest.mark.parametrize("value", [1, "x", [1, 2], {"a": "b"}, {}])
def test_a_very_long_key_is_read_back(value: object) -> None:
    data = {"k" * 5000: value, "short": [{"\U00010000" * 300: value}]}
    assert yaml.safe_load(dump(data, ascii_only=True)) == data


@pytest.mark.parametrize(
    "data, text",
    [
        ({"id": 7, "name": "web", "exit": None}, "id: 7\nname: web\nexit: null\n"),
        ([{"a": [1, {"b": 2}]}, []], "- a:\n    - 1\n    - b: 2\n- []\n"),
        (["no", "12:30", "1e3", "~", "a: b", "config.yaml", "two words"],
         '- "no"\n- "12:30"\n- "1e3"\n- "~"\n- "a: b"\n- config.yaml\n- two words\n'),
        ({}, "{}\n"),
        (1e-05, "1.0e-05\n"),
    ],
)  # fmt: skip
def test_it_reads_well(data: object, text: str) -> None:
    assert dump(data) == text


def test_nothing_a_terminal_obeys_is_written() -> None:
    assert "\x1b" not in dump({"a": "\x1b[2J\x9b\u2028"})
    assert dump("\ud800") == '"\\ud800"\n'


def test_a_thousand_rows_are_quick() -> None:
    rows = [
        {"id": number, "name": f"app-{number}", "state": "running", "exit": None} for number in range(1000)
    ]
    times = []
    for _ in range(5):
        start = time.thread_time()
        dump(rows)
        times.append(time.thread_time() - start)
    assert min(times) < 0.05
