"""Frames: any split, and none that is too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.pairing.frames import LONG, SHORT, Frames, TooLong, frame


@given(st.lists(st.binary(max_size=SHORT), max_size=5), st.integers(1, 7))
def test_frames_survive_any_split(payloads: list[bytes], step: int) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    frames, found = Frames(), []
    for at in range(0, len(stream), step):
        frames.feed(stream[at : at + step])
        while (payload := frames.next()) is not None:
            found.append(payload)
    assert found == payloads


def test_a_frame_beyond_the_bound_is_refused_by_its_length_alone() -> None:
    frames = Frames()
    frames.feed((SHORT + 1).to_bytes(2, "big"))
    with pytest.raises(TooLong, match="257 bytes"):
        frames.next()


def test_the_bound_is_raised_once_somebody_is_known() -> None:
    frames = Frames()
    frames.limit = LONG
    frames.feed(frame(b"x" * (SHORT + 1)))
    assert frames.next() == b"x" * (SHORT + 1)
