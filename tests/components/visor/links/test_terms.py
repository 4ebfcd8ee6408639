import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import payloads
from components.mesh.errors import MeshError, TagError, WireError
from components.mesh.transport import Label, TransportType, check
from components.visor.links.terms import Agreed, Ask, agree, ask, read_agreed, read_ask
from tests.support.mesh import ALICE, BOB, CAROL

TOKEN = b"12345678"


def request(type: TransportType = TransportType.STCPR) -> Ask:
    return ask(ALICE, BOB.public_key, type, Label.USER, token=TOKEN, ended=b"")


def test_both_ends_hold_the_entry_signed_by_both() -> None:
    asked = read_ask(payloads.raw(request()), BOB.public_key, ALICE.public_key, TransportType.STCPR)
    answer, theirs = agree(asked, BOB, ALICE.public_key)
    ours = read_agreed(request(), payloads.raw(answer), ALICE.public_key, BOB.public_key)
    assert ours == theirs
    assert set(check(ours)) == {ALICE.public_key, BOB.public_key}
    assert ours.entry.label is Label.USER


def test_a_transport_of_others_is_refused() -> None:
    with pytest.raises(WireError, match="is not between us"):
        read_ask(payloads.raw(request()), CAROL.public_key, ALICE.public_key, TransportType.STCPR)


def test_a_transport_of_another_type_is_refused() -> None:
    asked = request(TransportType.DMSG)
    with pytest.raises(WireError, match="of type dmsg cannot come by stcpr"):
        read_ask(payloads.raw(asked), BOB.public_key, ALICE.public_key, TransportType.STCPR)


def test_a_signature_that_does_not_hold_is_refused_on_both_sides() -> None:
    forged = msgspec.structs.replace(request(), signature="00" * 64)
    with pytest.raises(TagError):
        read_ask(payloads.raw(forged), BOB.public_key, ALICE.public_key, TransportType.STCPR)
    with pytest.raises(TagError):
        read_agreed(request(), payloads.raw(Agreed("00" * 64)), ALICE.public_key, BOB.public_key)


@pytest.mark.parametrize("token", [b"", b"1234567", b"123456789"])
def test_a_token_has_eight_bytes(token: bytes) -> None:
    asked = msgspec.structs.replace(request(), token=token)
    with pytest.raises(WireError):
        read_ask(payloads.raw(asked), BOB.public_key, ALICE.public_key, TransportType.STCPR)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words_of_the_mesh(data: bytes) -> None:
    with pytest.raises(MeshError):
        read_ask(msgspec.Raw(data), BOB.public_key, ALICE.public_key, TransportType.STCPR)
    with pytest.raises(MeshError):
        read_agreed(request(), msgspec.Raw(data), ALICE.public_key, BOB.public_key)


@given(st.data())
def test_a_changed_byte_never_breaks_the_reader(data: st.DataObject) -> None:
    whole = bytearray(bytes(payloads.raw(request())))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        asked = read_ask(msgspec.Raw(bytes(whole)), BOB.public_key, ALICE.public_key, TransportType.STCPR)
    except MeshError:
        return
    assert asked.entry.t_id == request().entry.t_id
