"""The channel: who proves which key, and what is not taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import PublicKey
from tests.support.rosters import host
from viscript.cluster.pairing.frames import Frames
from viscript.cluster.peering.sealed import PIECE, BadChannel, Called, Caller, Sealed, check_key

A, B, EVE = host(1), host(2), host(3)


def unframed(data: bytes, limit: int = 0xFFFF) -> list[bytes]:
    frames = Frames()
    frames.limit = limit
    frames.feed(data)
    found = []
    while (one := frames.next()) is not None:
        found.append(one)
    return found


def shaken() -> tuple[Sealed, Sealed, PublicKey]:
    caller, called = Caller(A, B.public_key), Called(B)
    second = called.second(*unframed(caller.first(), 256))
    third, near = caller.third(*unframed(second, 256))
    key, far = called.proved(*unframed(third, 256))
    return near, far, key


def opened(sealed: Sealed, data: bytes, most: int) -> bytes | None:
    found = None
    for frame in unframed(data):
        assert found is None
        found = sealed.open(frame, most)
    return found


def test_both_sides_know_who_the_other_is() -> None:
    near, far, key = shaken()
    assert key == A.public_key
    assert opened(far, near.seal(b"question"), 100) == b"question"
    assert opened(near, far.seal(b"reply"), 100) == b"reply"


def test_nobody_else_can_answer_for_a_key() -> None:
    caller, eve = Caller(A, B.public_key), Called(EVE)
    with pytest.raises(BadChannel):
        eve.second(*unframed(caller.first()))


def test_who_does_not_know_the_key_gets_no_answer() -> None:
    stranger = Caller(A, EVE.public_key)
    with pytest.raises(BadChannel):
        Called(B).second(*unframed(stranger.first()))


def test_a_recorded_beginning_opens_nothing() -> None:
    caller, called = Caller(A, B.public_key), Called(B)
    first = caller.first()
    third, _ = caller.third(*unframed(called.second(*unframed(first))))
    again = Called(B)
    again.second(*unframed(first))
    with pytest.raises(BadChannel):
        again.proved(*unframed(third))


class _Liar(Caller):
    """Proves its own key, and names another's."""

    def third(self, second: bytes) -> tuple[bytes, Sealed]:
        self._own = EVE
        return super().third(second)


def test_the_key_that_is_named_is_the_one_that_is_proved() -> None:
    caller, called = _Liar(A, B.public_key), Called(B)
    third, _ = caller.third(*unframed(called.second(*unframed(caller.first()))))
    with pytest.raises(BadChannel, match="does not have the key"):
        called.proved(*unframed(third))


@pytest.mark.parametrize("size", [0, 1, PIECE - 4, PIECE - 3, PIECE, 3 * PIECE])
def test_a_message_of_any_size_comes_whole(size: int) -> None:
    near, far, _ = shaken()
    message = bytes(size)
    assert opened(far, near.seal(message), size) == message


def test_a_message_that_is_too_long_is_refused_by_its_first_frame() -> None:
    near, far, _ = shaken()
    first, *_ = unframed(near.seal(bytes(3 * PIECE)))
    with pytest.raises(BadChannel, match="are allowed"):
        far.open(first, 2 * PIECE)


def test_a_frame_that_was_changed_or_came_twice_is_refused() -> None:
    near, far, _ = shaken()
    (frame,) = unframed(near.seal(b"x"))
    with pytest.raises(BadChannel, match="changed"):
        far.open(frame[:-1] + bytes([frame[-1] ^ 1]), 10)
    near, far, _ = shaken()
    (frame,) = unframed(near.seal(b"x"))
    assert far.open(frame, 10) == b"x"
    with pytest.raises(BadChannel):
        far.open(frame, 10)


def test_more_than_the_length_says_is_refused() -> None:
    near, far, _ = shaken()
    (frame,) = unframed(near._sealed(b"\x00\x00\x00\x01ab"))
    with pytest.raises(BadChannel):
        far.open(frame, 10)
    near, far, _ = shaken()
    (frame,) = unframed(near._sealed(b"\x00"))
    with pytest.raises(BadChannel, match="length"):
        far.open(frame, 10)


@given(st.binary(max_size=300))
def test_nonsense_ends_a_handshake(data: bytes) -> None:
    with pytest.raises(BadChannel):
        Called(B).second(data)
    caller = Caller(A, B.public_key)
    caller.first()
    with pytest.raises(BadChannel):
        caller.third(data)


@pytest.mark.parametrize("key", [bytes(32), b"\xff" * 32, (2).to_bytes(32, "little")])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadChannel):
        check_key(PublicKey(key))
    check_key(A.public_key)
