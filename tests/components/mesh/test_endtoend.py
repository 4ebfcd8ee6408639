import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import endtoend
from components.mesh.aead import Cipher
from components.mesh.endtoend import RouteInitiator, RouteName, UnitKeys
from components.mesh.errors import BadKey, CallerError, PeerError, TagError, WireError
from tests.support.mesh import ALICE, BOB, CAROL, STRANGE

NAME = RouteName(ALICE.public_key, BOB.public_key, b"g" * 16, 7, Cipher.AES)


def shaken(name: RouteName = NAME) -> tuple[UnitKeys, UnitKeys]:
    initiator = RouteInitiator(ALICE, name)
    message, theirs = endtoend.answer(BOB, name, initiator.first())
    return initiator.finish(message), theirs


@pytest.mark.parametrize("cipher", Cipher)
def test_what_one_end_seals_the_other_opens(cipher: Cipher) -> None:
    ours, theirs = shaken(dataclasses.replace(NAME, cipher=cipher))
    for seal, opened_by in ((ours.seal, theirs.open), (theirs.seal, ours.open)):
        out, back = bytearray(4 + 16), bytearray(4)
        seal.seal(b"unit", b"", out)
        opened_by.open(out, b"", back)
        assert back == b"unit"


def test_each_direction_and_each_handshake_has_keys_of_its_own() -> None:
    sealed = set()
    for end in (*shaken(), *shaken()):
        out = bytearray(4 + 16)
        end.seal.seal(b"unit", b"", out)
        sealed.add(bytes(out))
    assert len(sealed) == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"group": b"h" * 16},
        {"number": 8},
        {"cipher": Cipher.CHACHA},
        {"initiator": CAROL.public_key},
    ],
)
def test_both_ends_mean_the_same_route_or_have_no_keys(changed: dict[str, object]) -> None:
    other = dataclasses.replace(NAME, **changed)  # type: ignore[arg-type]  # one field at a time
    with pytest.raises(TagError):
        endtoend.answer(BOB, other, RouteInitiator(ALICE, NAME).first())


def test_an_answer_by_another_is_refused() -> None:
    initiator = RouteInitiator(ALICE, NAME)
    initiator.first()
    message, _ = endtoend.answer(BOB, NAME, RouteInitiator(ALICE, NAME).first())
    with pytest.raises(TagError):
        initiator.finish(message)


@given(st.binary(max_size=60))
def test_random_messages_are_refused(message: bytes) -> None:
    with pytest.raises(PeerError):
        endtoend.answer(BOB, NAME, message)
    initiator = RouteInitiator(ALICE, NAME)
    initiator.first()
    with pytest.raises(PeerError):
        initiator.finish(message)


def test_a_message_has_48_bytes() -> None:
    first = RouteInitiator(ALICE, NAME).first()
    assert len(first) == endtoend.MESSAGE_BYTES
    for size in range(len(first)):
        with pytest.raises(WireError, match="48 bytes"):
            endtoend.answer(BOB, NAME, first[:size])


def test_only_an_end_takes_part() -> None:
    with pytest.raises(CallerError, match="not this identity"):
        RouteInitiator(CAROL, NAME)
    with pytest.raises(CallerError, match="not this identity"):
        endtoend.answer(ALICE, NAME, b"")


def test_a_key_with_bit_255_set_is_no_end() -> None:
    with pytest.raises(BadKey):
        RouteInitiator(ALICE, dataclasses.replace(NAME, responder=STRANGE.public_key))


@pytest.mark.parametrize("changed", [{"group": b"short"}, {"number": -1}, {"number": 2**32}])
def test_a_name_out_of_bounds_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(CallerError, match="16 bytes"):
        dataclasses.replace(NAME, **changed)  # type: ignore[arg-type]  # one field at a time


def test_no_key_is_shown() -> None:
    assert repr(shaken()[0]) == "UnitKeys()"
