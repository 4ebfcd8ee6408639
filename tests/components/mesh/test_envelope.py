import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PublicKey as BoxKey
from nacl.public import SealedBox

from components.mesh import envelope, keys
from components.mesh.envelope import (
    MAX_BODY,
    MAX_LETTER,
    OVERHEAD_BYTES,
    RECEIPT_BYTES,
    Letter,
    Mark,
    Receipt,
    open_letter,
    open_receipt,
    receipt,
    seal,
)
from components.mesh.errors import BadKey, CallerError, PeerError, TagError, WireError
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL, STRANGE

ID = b"0123456789abcdef"
LETTER = Letter(ALICE.public_key, BOB.public_key, ID, 1000, b"hello")


def sealed(body: bytes = b"hello", receiver: PublicKey = BOB.public_key) -> bytes:
    return seal(ALICE, receiver, body, id=ID, time_ms=1000)


def boxed(plain: bytes, receiver: Identity = BOB) -> bytes:
    """Seal what ours never would."""
    return bytes(SealedBox(BoxKey(keys.agreement_key(receiver.public_key))).encrypt(plain))


def plain_of(
    sender: Identity = ALICE, receiver: Identity = BOB, context: bytes = envelope.LETTER_CONTEXT
) -> bytes:
    head = sender.public_key + receiver.public_key + ID + (1000).to_bytes(8, "big")
    return head + sender.sign(context, head + b"hello") + b"hello"


def test_the_receiver_knows_who_wrote_what_and_when() -> None:
    assert open_letter(BOB, sealed()) == LETTER
    assert open_letter(BOB, boxed(plain_of())) == LETTER


@settings(max_examples=20)
@given(st.binary(max_size=500))
def test_any_body_is_carried(body: bytes) -> None:
    data = sealed(body)
    assert len(data) == OVERHEAD_BYTES + len(body)
    assert open_letter(BOB, data).body == body


def test_the_same_letter_never_looks_the_same() -> None:
    assert sealed() != sealed()


def test_the_largest_body_passes_and_one_byte_more_does_not() -> None:
    assert len(open_letter(BOB, sealed(bytes(MAX_BODY))).body) == MAX_BODY
    with pytest.raises(CallerError, match="at most 32768"):
        sealed(bytes(MAX_BODY + 1))


def test_nobody_else_opens_it() -> None:
    with pytest.raises(TagError, match="not sealed for us"):
        open_letter(CAROL, sealed())


def test_a_letter_sealed_anew_for_a_third_is_refused() -> None:
    with pytest.raises(TagError, match="written to somebody else"):
        open_letter(CAROL, boxed(plain_of(), CAROL))


def test_a_letter_in_anothers_name_is_refused() -> None:
    forged = CAROL.public_key + plain_of()[32:]
    with pytest.raises(TagError, match="did not sign"):
        open_letter(BOB, boxed(forged))


def test_a_signature_made_for_something_else_is_refused() -> None:
    with pytest.raises(TagError, match="did not sign"):
        open_letter(BOB, boxed(plain_of(context=envelope.RECEIPT_CONTEXT)))


def test_a_sender_with_bit_255_set_is_refused() -> None:
    with pytest.raises(WireError, match="bit 255"):
        open_letter(BOB, boxed(plain_of(sender=STRANGE)))
    with pytest.raises(BadKey):
        sealed(receiver=STRANGE.public_key)


@pytest.mark.parametrize("size", [0, OVERHEAD_BYTES - 1, MAX_LETTER + 1])
def test_a_letter_of_a_size_out_of_bounds_is_refused_unopened(size: int) -> None:
    with pytest.raises(WireError, match="are allowed"):
        open_letter(BOB, bytes(size))


@settings(max_examples=50)
@given(st.data())
def test_every_changed_bit_and_truncation_is_noticed(data: st.DataObject) -> None:
    letter = bytearray(sealed())
    bit = data.draw(st.integers(0, len(letter) * 8 - 1))
    letter[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PeerError):
        open_letter(BOB, bytes(letter))
    with pytest.raises(PeerError):
        open_letter(BOB, sealed()[: data.draw(st.integers(0, len(letter) - 1))])


@given(st.binary(min_size=OVERHEAD_BYTES, max_size=OVERHEAD_BYTES + 50))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(TagError):
        open_letter(BOB, data)


@pytest.mark.parametrize("mark", Mark)
def test_a_receipt_is_the_receivers_word(mark: Mark) -> None:
    data = receipt(BOB, LETTER, mark, time_ms=2000)
    assert len(data) == RECEIPT_BYTES
    assert open_receipt(data) == Receipt(ALICE.public_key, BOB.public_key, ID, mark, 2000)


def test_only_the_receiver_gives_one() -> None:
    with pytest.raises(CallerError, match="its receiver's"):
        receipt(CAROL, LETTER, Mark.READ, time_ms=2000)


@settings(max_examples=60)
@given(st.integers(0, RECEIPT_BYTES * 8 - 1))
def test_every_changed_bit_of_a_receipt_is_noticed(bit: int) -> None:
    data = bytearray(receipt(BOB, LETTER, Mark.DELIVERED, time_ms=2000))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PeerError):
        open_receipt(bytes(data))


@given(st.binary(max_size=RECEIPT_BYTES + 9) | st.binary(min_size=RECEIPT_BYTES, max_size=RECEIPT_BYTES))
def test_random_bytes_are_no_receipt(data: bytes) -> None:
    with pytest.raises(PeerError):
        open_receipt(data)


def test_a_mark_of_tomorrow_is_refused() -> None:
    head = ALICE.public_key + BOB.public_key + ID + b"\x03" + bytes(8)
    with pytest.raises(WireError, match="mark 3"):
        open_receipt(head + BOB.sign(envelope.RECEIPT_CONTEXT, head))


@pytest.mark.parametrize("id, time_ms", [(b"short", 1), (ID, -1), (ID, 2**63)])
def test_an_id_or_time_out_of_bounds_is_not_sealed(id: bytes, time_ms: int) -> None:
    with pytest.raises(CallerError):
        seal(ALICE, BOB.public_key, b"", id=id, time_ms=time_ms)
