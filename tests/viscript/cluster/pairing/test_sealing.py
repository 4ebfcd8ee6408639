"""What is sealed after the handshake."""

import pytest

from signal_bus.noise import Split
from viscript.cluster.pairing.messages import BadMessage, Confirm, Reveal, Taken
from viscript.cluster.pairing.sealing import Sealed

SPLIT = Split(b"\1" * 32, b"\2" * 32, b"\3" * 32)


def both() -> tuple[Sealed, Sealed]:
    return Sealed(SPLIT, inviter=True), Sealed(SPLIT, inviter=False)


def test_each_side_opens_what_the_other_sealed() -> None:
    inviter, joiner = both()
    assert joiner.open(inviter.seal(Confirm())) == Confirm()
    assert inviter.open(joiner.seal(Taken())) == Taken()
    assert joiner.open(inviter.seal(Reveal(b"n" * 32))) == Reveal(b"n" * 32)


def test_a_message_is_taken_once_and_in_order() -> None:
    inviter, joiner = both()
    first, second = inviter.seal(Confirm()), inviter.seal(Taken())
    with pytest.raises(BadMessage, match="changed on its way"):
        joiner.open(second)
    assert joiner.open(first) == Confirm()
    with pytest.raises(BadMessage):
        joiner.open(first)


def test_what_a_side_said_is_not_sent_back_to_it() -> None:
    inviter, _ = both()
    with pytest.raises(BadMessage):
        inviter.open(inviter.seal(Confirm()))
