"""Items survive their way; what is none is refused, and nothing else is raised."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.skychat import wire
from plugins.skychat.wire import HEAD, MAX_RECORD, MAX_TEXT, Got, Item, Room, Say, Seen, WireError

ID = bytes(16)
ROOM = Room("tea", (bytes(32), b"\x01" * 32), ID)
ITEMS: list[Item] = [
    Say(ID, 5, 1, 7, "Hello Mike!"),
    Say(ID, 5, 2, 7, "", ROOM, leaves=True),
    Say(ID, 5, 3, wire.MAX_MS, "ü" * (MAX_TEXT // 2), ROOM),
    Seen((ID, b"\x01" * 16)),
]


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_comes_back_by_letter_and_by_record(item: Item) -> None:
    assert wire.item_of(wire.letter(item)) == item
    whole = wire.record(item)
    assert wire.size_of(whole[:HEAD]) == len(whole) - HEAD
    assert wire.item_of(whole[HEAD:]) == item


def test_a_receipt_comes_back() -> None:
    assert wire.receipt_of(wire.record(Got(3, 9))[HEAD:]) == Got(3, 9)


@pytest.mark.parametrize("size", [0, MAX_RECORD + 1])
def test_a_length_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(WireError, match="at most"):
        wire.size_of(size.to_bytes(4, "big"))


@pytest.mark.parametrize(
    "item, why",
    [
        (Say(ID, 5, 1, 7, "ü" * (MAX_TEXT // 2 + 1)), "longer than"),
        (Say(ID, 5, 1, 7, "bye", leaves=True), "no room is named"),
        (Say(ID, 5, 0, 7, "x"), "no item"),
        (Say(b"short", 5, 1, 7, "x"), "no item"),
        (Say(ID, 5, 1, wire.MAX_MS + 1, "x"), "no item"),
        (Say(ID, 5, 1, 7, "x", Room("", (), ID)), "no item"),
        (Seen(()), "no item"),
        (Seen((ID,) * 65), "no item"),
    ],
)
def test_what_means_nothing_is_refused(item: Item, why: str) -> None:
    with pytest.raises(WireError, match=why):
        wire.item_of(wire.letter(item))


@given(st.binary(max_size=300))
def test_random_bytes_are_an_item_or_an_error(data: bytes) -> None:
    for reads in (wire.item_of, wire.receipt_of):
        with contextlib.suppress(WireError):
            reads(data)


@given(st.sampled_from(ITEMS), st.data())
def test_a_spoilt_item_is_an_item_or_an_error(item: Item, data: st.DataObject) -> None:
    whole = bytearray(wire.letter(item))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        wire.item_of(bytes(whole))


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_that_is_cut_short_is_refused(item: Item) -> None:
    whole = wire.letter(item)
    for cut in range(min(len(whole), 200)):
        with pytest.raises(WireError):
            wire.item_of(whole[:cut])
