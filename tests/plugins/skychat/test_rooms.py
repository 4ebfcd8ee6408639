"""Rooms are what their ids say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.skychat import rooms
from plugins.skychat.rooms import RoomError, check, id_of, make
from plugins.skychat.wire import MAX_MEMBERS, Room

A, B, C = (bytes([number]) * 32 for number in range(3))
NONCE = bytes(16)


def test_a_room_is_the_same_whoever_is_named_first() -> None:
    assert make("tea", (A, B), NONCE) == make("tea", (B, A, B), NONCE)


def test_another_name_member_or_draw_is_another_room() -> None:
    made = [
        make("tea", (A, B), NONCE),
        make("team", (A, B), NONCE),
        make("tea", (A, B, C), NONCE),
        make("tea", (A, B), b"\x01" * 16),
    ]
    assert len({id_of(room) for room in made}) == 4
    assert all(len(id_of(room)) == rooms.ROOM_BYTES for room in made)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=MAX_MEMBERS, unique=True))
def test_every_member_may_write_to_every_other(keys: list[bytes]) -> None:
    room = make("tea", keys, NONCE)
    for key in keys:
        check(room, keys[0], key)
        check(room, key, keys[0])


@pytest.mark.parametrize(
    "name, members",
    [
        ("tea", (A,)),
        ("tea", (A, A)),
        ("tea", tuple(bytes([number]) * 32 for number in range(MAX_MEMBERS + 1))),
        ("", (A, B)),
        (" tea", (A, B)),
        ("a\x1b[31mb", (A, B)),
        ("x" * 65, (A, B)),
    ],
)
def test_what_is_no_room_is_not_made(name: str, members: tuple[bytes, ...]) -> None:
    with pytest.raises(RoomError):
        make(name, members, NONCE)


def test_a_stranger_and_members_out_of_order_are_refused() -> None:
    room = make("tea", (A, B), NONCE)
    for sender, own in ((C, A), (A, C)):
        with pytest.raises(RoomError, match="is no member of tea"):
            check(room, sender, own)
    with pytest.raises(RoomError, match="not in order"):
        check(Room("tea", (B, A), NONCE), A, B)
