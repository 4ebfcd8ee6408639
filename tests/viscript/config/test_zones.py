"""Zones by name, and this host's own, which is whatever the system says."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.zones import HostZone, find_zone, zone_names


@pytest.fixture
def _vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's clock goes by a rule, not by a name."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def test_a_name_is_a_zone() -> None:
    assert find_zone("Europe/Vienna") == ZoneInfo("Europe/Vienna")
    assert find_zone("UTC") is UTC
    assert isinstance(find_zone(None), HostZone)
    assert "Europe/Vienna" in zone_names()


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Viena", "../zone.tab", "/etc/passwd", "a\0b", "x" * 300, "é"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        find_zone(name)


@given(st.text(max_size=40))
def test_any_text_is_a_zone_or_refused(name: str) -> None:
    with contextlib.suppress(ValueError):
        find_zone(name)


@pytest.mark.usefixtures("_vienna")
@pytest.mark.parametrize(
    "moment",
    [
        (2026, 1, 5, 3),
        (2026, 7, 5, 3),
        (2026, 3, 29, 0, 59),
        (2026, 3, 29, 1),
        (2026, 10, 25, 0, 30),
        (2026, 10, 25, 1, 30),
    ],
)
def test_the_hosts_zone_is_what_its_clock_shows(moment: tuple[int, ...]) -> None:
    instant = datetime(*moment, tzinfo=UTC)  # type: ignore[misc,arg-type]  # as many as are given
    here, there = instant.astimezone(HostZone()), instant.astimezone(ZoneInfo("Europe/Vienna"))
    assert (here.replace(tzinfo=None), here.fold, here.utcoffset()) == (
        there.replace(tzinfo=None),
        there.fold,
        there.utcoffset(),
    )
    assert here.timestamp() == instant.timestamp()
    assert here.tzname() == there.tzname()
    assert here.dst() is None


def test_without_a_moment_the_hosts_zone_says_nothing() -> None:
    assert HostZone().utcoffset(None) is None
    assert HostZone().tzname(None) is None
