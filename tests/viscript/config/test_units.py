import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.units import (
    DURATION_PATTERN,
    MAX_BYTES,
    SIZE_PATTERN,
    duration_text,
    percent,
    seconds,
    size,
    size_text,
)


@pytest.mark.parametrize(
    "text, value",
    [
        ("500ms", 0.5), ("1.5s", 1.5), ("2m", 120), ("1h30m", 5400), ("0", 0), ("7", 7), ("0.25", 0.25),
        ("1d", 86400), ("1w", 604800), ("20us", 0.00002), ("1m30s500ms", 90.5),
    ],
)  # fmt: skip
def test_times_are_read(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "s", "5 m", "1s1m", "-1s", "1e3", "inf", "nan", "1,5s", "٣s", "1S", "99999w"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|longer"):
        seconds(text)


@pytest.mark.parametrize(
    "text, value",
    [("512", 512), ("1B", 1), ("10MB", 10_000_000), ("64MiB", 67108864), ("1.5 KiB", 1536), ("2kB", 2000)],
)
def test_sizes_are_read(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize("text", ["", "10M", "1.5", "-1", "MiB", "1e3", "9999999TiB", "٣", "9" * 19])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a size|beyond"):
        size(text)


@given(st.integers(0, 10 * 365 * 86400 * 1000))
def test_a_time_survives_writing_and_reading(millis: int) -> None:
    text = duration_text(millis / 1000)
    assert seconds(text) == pytest.approx(millis / 1000)
    assert re.search(DURATION_PATTERN, text)


@given(st.integers(0, 2**50))
def test_a_size_survives_writing_and_reading(value: int) -> None:
    assert size(size_text(value)) == value
    assert re.search(SIZE_PATTERN, size_text(value))


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    for read in (seconds, size):
        try:
            assert 0 <= read(text) <= MAX_BYTES
        except ValueError:
            continue


@pytest.mark.parametrize("text, value", [("80%", 80.0), ("150 %", 150.0), ("0.5%", 0.5), ("7", 7.0)])
def test_shares_are_read(text: str, value: float) -> None:
    assert percent(text) == value


@pytest.mark.parametrize("text", ["", "%", "-1%", "80%%", "1e3%", "x%", "80 percent"])
def test_other_text_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="not a share"):
        percent(text)
