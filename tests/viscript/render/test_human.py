import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.render import human
from viscript.supervisor.api import Exit


@pytest.mark.parametrize(
    "count, text",
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1258291, "1.2 MiB"),
        (1 << 40, "1.0 TiB"),
    ],
)
def test_sizes(count: int | None, text: str) -> None:
    assert human.size(count) == text


@pytest.mark.parametrize(
    "seconds, text",
    [
        (None, "-"),
        (0.0, "0.0s"),
        (-1.0, "0.0s"),
        (9.94, "9.9s"),
        (42, "42s"),
        (192, "3m12s"),
        (18420, "5h07m"),
        (86400 * 12 + 3600 * 3, "12d3h"),
    ],
)
def test_spans(seconds: float | None, text: str) -> None:
    assert human.span(seconds) == text


@pytest.mark.parametrize(
    "seconds, text", [(None, "-"), (0.00021, "210 us"), (0.00325, "3.25 ms"), (1.2, "1.20 s")]
)
def test_round_trips(seconds: float | None, text: str) -> None:
    assert human.brief(seconds) == text


@pytest.mark.parametrize(
    "how, text",
    [
        (None, "-"),
        (Exit(code=1), "exit 1"),
        (Exit(signal=11), "signal 11 (SIGSEGV)"),
        (Exit(signal=99), "signal 99 (99)"),
        (Exit(), "unknown"),
    ],
)
def test_exits(how: Exit | None, text: str) -> None:
    assert human.exit_text(how) == text


def test_small_facts() -> None:
    assert human.percent(None) == human.number(None) == "-"
    assert (human.percent(12.34), human.number(3)) == ("12.3", "3")
    assert human.clock(0.25).endswith(".250")


@given(st.integers(min_value=0, max_value=1 << 70), st.floats(min_value=0, max_value=1e12))
def test_figures_stay_short(count: int, seconds: float) -> None:
    assert len(human.size(min(count, 1 << 59))) <= 10
    assert len(human.span(seconds)) <= 12


def test_a_time_that_comes_is_a_date_and_a_span() -> None:
    text = human.upcoming(1_800_000_000.0, 252.0)
    assert text.startswith("2027-01-1")
    assert text.endswith(":00, in 4m12s")
