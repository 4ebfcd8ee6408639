"""Places to go to, in bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks.destination import BadDestination, Destination, name_of, pack, unpack

PLACES = [Destination("10.1.2.3", 80), Destination("2001:db8::7", 443), Destination("example.org", 65535)]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_packed_is_unpacked_and_cut_off_anywhere_is_waited_for(place: Destination) -> None:
    data = pack(place)
    assert unpack(data + b"more") == (place, len(data))
    for cut in range(len(data)):
        assert unpack(data[:cut]) is None


def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    assert [str(place) for place in PLACES] == ["10.1.2.3:80", "[2001:db8::7]:443", "example.org:65535"]


@pytest.mark.parametrize(
    "data", [b"\x02abcdef", b"\x03\x00\x00\x50", b"\x03\x02a \x00\x50", b"\x03\x01\xff\x00\x50"]
)
def test_what_names_no_place_is_refused(data: bytes) -> None:
    with pytest.raises(BadDestination):
        unpack(data)


@pytest.mark.parametrize("name", ["", "a" * 256])
def test_a_name_has_a_length_that_fits(name: str) -> None:
    with pytest.raises(BadDestination, match="1 to 255"):
        pack(Destination(name, 1))


def test_a_name_of_nothing_is_none() -> None:
    with pytest.raises(BadDestination):
        name_of(b"")


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        found = unpack(data)
    except BadDestination:
        return
    assert found is None or found[1] <= len(data)
