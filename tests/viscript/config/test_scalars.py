import math

import pytest

from viscript.config.scalars import Value, core_value, scalar_text


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "off", "12:30", "1_000", "2026-01-01", "0b1", "1.2.3", "+", ".", "1e", "~a", "tRUE"],
)
def test_what_yaml_1_1_would_convert_stays_text(text: str) -> None:
    assert core_value(text) == text


@pytest.mark.parametrize(
    "text, value",
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False), ("12", 12), ("-3", -3),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0),
        (".inf", math.inf), ("-.inf", -math.inf),
    ],
)  # fmt: skip
def test_the_core_schema_is_followed(text: str, value: Value) -> None:
    found = core_value(text)
    assert (found, type(found)) == (value, type(value))


def test_not_a_number_is_one() -> None:
    found = core_value(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_a_number_of_thousands_of_digits_is_not_computed() -> None:
    assert core_value("9" * 5000) == math.inf


@pytest.mark.parametrize("value, text", [(None, "null"), (True, "true"), (1, "1"), ("a", "a")])
def test_values_are_written_as_yaml_writes_them(value: Value, text: str) -> None:
    assert scalar_text(value) == text
