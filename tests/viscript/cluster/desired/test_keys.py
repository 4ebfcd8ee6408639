"""The keys of desired state, and what lies there unsigned."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.desired.keys import (
    ALIVE,
    ASSIGN,
    OBSERVED,
    RUN,
    Assignment,
    Claim,
    Observed,
    host_key,
    host_of,
    pack,
    slot_key,
    slot_of,
    unpack,
)

HOST = bytes(range(32))


@pytest.mark.parametrize("slot", [("web", 1), ("a.b-c", 1000)])
def test_a_key_of_an_instance_goes_both_ways(slot: tuple[str, int]) -> None:
    assert slot_of(RUN, slot_key(RUN, slot)) == slot


@pytest.mark.parametrize(
    "key", ["run/web", "run/web/", "run//1", "run/web/0", "run/web/01", "run/web/x", "x"]
)
def test_a_key_of_another_form_is_of_no_instance(key: str) -> None:
    assert slot_of(RUN, key) is None


def test_a_key_of_a_host_goes_both_ways() -> None:
    assert host_of(ALIVE, host_key(ALIVE, HOST)) == HOST
    assert host_of(OBSERVED, f"{host_key(OBSERVED, HOST)}/7") == HOST


@pytest.mark.parametrize("key", ["alive/", "alive/zz", "alive/00", "x"])
def test_a_key_of_another_form_is_of_no_host(key: str) -> None:
    assert host_of(ALIVE, key) is None


@pytest.mark.parametrize(
    "value",
    [
        Assignment(HOST, 1.0),
        Claim(HOST, "a"),
        Observed(app="web", number=1, what="2", seq=7, state="ready"),
    ],
)
def test_what_is_written_is_read_again(value: Any) -> None:  # any of the three
    assert unpack(pack(value), type(value)) == value


@given(st.binary(max_size=64), st.text(max_size=64))
def test_anything_may_stand_in_the_store(data: bytes, key: str) -> None:
    unpack(data, Assignment)
    unpack(data, Observed)
    slot_of(ASSIGN, ASSIGN + key)
    host_of(ALIVE, ALIVE + key)


def test_a_text_that_is_none_is_no_value() -> None:
    sound = pack(Observed(app="web", number=1, what="2", seq=7, state="ready"))
    assert unpack(sound.replace(b"ready", b"\xffeady"), Observed) is None
