"""Frames of an attached connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.door import protocol
from viscript.local.frames import LARGEST_PAYLOAD, FrameError, Frames, Kind, encode, encode_size


def test_frames_survive_any_split() -> None:
    sent = encode(Kind.DATA, b"hello") + encode(Kind.DETACH) + encode_size(120, 40)
    expected = [(1, b"hello"), (3, b""), (2, b"\x00\x78\x00\x28")]
    for cut in range(len(sent) + 1):
        frames = Frames()
        assert frames.feed(sent[:cut]) + frames.feed(sent[cut:]) == expected


def test_what_came_with_the_last_line_counts() -> None:
    whole = encode(Kind.NOTE, b"hi")
    assert Frames(whole[:3]).feed(whole[3:]) == [(5, b"hi")]


def test_a_payload_nobody_would_send_is_refused() -> None:
    with pytest.raises(FrameError, match="at most"):
        Frames().feed(b"\x01" + (LARGEST_PAYLOAD + 1).to_bytes(4, "big"))


def test_sizes_no_terminal_has_are_cut() -> None:
    assert encode_size(1_000_000, 0) == encode(Kind.RESIZE, b"\xff\xff\x00\x00")


def test_client_and_daemon_speak_of_the_same_frames() -> None:
    assert {kind.name: kind.value for kind in Kind} == {kind.name: kind.value for kind in protocol.Frame}


@given(st.lists(st.binary(max_size=40)))
def test_random_bytes_give_frames_or_a_frame_error(pieces: list[bytes]) -> None:
    frames = Frames()
    try:
        for piece in pieces:
            frames.feed(piece)
    except FrameError:
        pass
