"""Datagrams on a stream."""

from hypothesis import given
from hypothesis import strategies as st

from plugins.forward.packets import Unpacker, packed


@given(st.lists(st.binary(max_size=300)), st.integers(1, 700))
def test_borders_survive_any_split(sent: list[bytes], piece: int) -> None:
    data = b"".join(map(packed, sent))
    unpacker = Unpacker()
    came = [one for at in range(0, len(data), piece) for one in unpacker.feed(data[at : at + piece])]
    assert came == sent


def test_the_longest_fits() -> None:
    assert list(Unpacker().feed(packed(b"x" * 65_535))) == [b"x" * 65_535]


@given(st.binary(max_size=2000))
def test_random_bytes_are_datagrams_of_what_was_there(data: bytes) -> None:
    came = list(Unpacker().feed(data))
    assert data.startswith(b"".join(map(packed, came)))
