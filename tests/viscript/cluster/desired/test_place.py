"""Which hosts a place means."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.desired.place import BadPlace, Place, parse


@pytest.mark.parametrize(
    "text,label,labels,admits",
    [
        ("any", "web-1", {}, True),
        ("@all", "web-1", {}, True),
        ("web-1", "web-1", {}, True),
        ("web-1", "web-10", {}, False),
        ("web-*", "web-10", {}, True),
        ("role=edge", "x", {"role": "edge"}, True),
        ("role=edge", "x", {"role": "core"}, False),
        ("role=edge", "edge", {}, False),
        ("zone=eu-*", "x", {"zone": "eu-1"}, True),
        ("role=edge,zone=a", "x", {"role": "edge", "zone": "a"}, True),
        ("role=edge,zone=a", "x", {"role": "edge", "zone": "b"}, False),
        ("role=edge,web-*", "web-1", {"role": "edge"}, True),
    ],
)
def test_a_place_admits_hosts(text: str, label: str, labels: dict[str, str], admits: bool) -> None:
    assert parse(text).admits(label, labels) is admits


@pytest.mark.parametrize("text", ["", ",", "a,", "=b", "a=", "a=b=c", "a b", "x" * 600, "a\n", "ä"])
def test_what_means_no_host_is_refused(text: str) -> None:
    with pytest.raises(BadPlace):
        parse(text)


@pytest.mark.parametrize("text,host", [("web-1", "web-1"), ("web-*", ""), ("any", ""), ("role=a", "")])
def test_one_host_is_told_from_many(text: str, host: str) -> None:
    assert parse(text).host == host


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_a_clear_fault(text: str) -> None:
    with suppress(BadPlace):
        assert isinstance(parse(text), Place)
