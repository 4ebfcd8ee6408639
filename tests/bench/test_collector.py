"""What the children tell."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.collector import Collector, Told, parse


def test_a_datagram_names_its_child_and_its_moment() -> None:
    assert parse(b"p7 123 456789 E 1000") == Told("p7", 123, 456789, "E", 1000)


@given(st.binary(max_size=64))
def test_any_other_datagram_is_a_value_error(datagram: bytes) -> None:
    try:
        told = parse(datagram)
    except ValueError:
        return
    assert isinstance(told.pid, int)


def test_starts_and_ends_are_collected_apart(short_tmp: Path) -> None:
    with Collector(short_tmp / "c") as collector, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as child:
        child.connect(collector.path)
        child.send(b"p0 1 10 S 0")
        child.send(b"p0 1 20 E 99")
        assert collector.wait(lambda: bool(collector.ends), 5)
        assert [told.at for told in collector.starts] == [10]
        assert collector.ends[0].size == 99


def test_waiting_for_what_never_comes_ends(short_tmp: Path) -> None:
    with Collector(short_tmp / "c") as collector:
        assert not collector.wait(lambda: bool(collector.starts), 0.01)


def test_a_collector_needs_a_path_of_its_own(short_tmp: Path) -> None:
    with Collector(short_tmp / "c"), pytest.raises(OSError, match="in use"):
        Collector(short_tmp / "c")
