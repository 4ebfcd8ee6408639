import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import WireError
from components.visor.meter.receipt import (
    BODY_BYTES,
    LAST_DAY,
    MOST,
    Kind,
    Message,
    Receipt,
    date_of,
    day_from,
    day_of,
    decode,
    encode,
    is_signed,
    sign,
    unpack,
)
from tests.support.mesh import ALICE, BOB, STRANGE

RECEIPT = Receipt(ALICE.public_key, BOB.public_key, 3, 20_000, 7, 1 << 40, 12)

receipts = st.builds(
    Receipt,
    st.just(ALICE.public_key),
    st.just(BOB.public_key),
    st.integers(0, 2**16 - 1),
    st.integers(0, LAST_DAY),
    st.integers(0, 2**32 - 1),
    st.integers(0, MOST),
    st.integers(0, MOST),
)


@given(receipts, st.sampled_from(Kind), st.binary(min_size=64, max_size=64))
def test_a_message_comes_back_as_it_was(receipt: Receipt, kind: Kind, signature: bytes) -> None:
    message = Message(kind, receipt, b"" if kind is Kind.DIFFER else signature)
    assert decode(encode(message)) == message
    assert unpack(receipt.pack()) == receipt


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    try:
        message = decode(data)
    except WireError:
        return
    assert encode(message) == data


def test_no_truncated_message_is_taken() -> None:
    for kind, signature in ((Kind.PROPOSE, bytes(64)), (Kind.AGREE, bytes(64)), (Kind.DIFFER, b"")):
        whole = encode(Message(kind, RECEIPT, signature))
        for cut in range(len(whole)):
            with pytest.raises(WireError):
                decode(whole[:cut])
        with pytest.raises(WireError):
            decode(whole + b"\0")


@pytest.mark.parametrize(
    "changed",
    [
        RECEIPT._replace(dialler=STRANGE.public_key),
        RECEIPT._replace(dialled=STRANGE.public_key),
        RECEIPT._replace(day=LAST_DAY + 1),
        RECEIPT._replace(there_bytes=MOST + 1),
        RECEIPT._replace(back_bytes=MOST + 1),
    ],
)
def test_figures_and_keys_that_cannot_be_are_refused(changed: Receipt) -> None:
    with pytest.raises(WireError):
        unpack(changed.pack())


def test_a_signature_holds_for_these_figures_and_this_key_only() -> None:
    signature = sign(ALICE, RECEIPT)
    assert is_signed(RECEIPT, ALICE.public_key, signature)
    assert not is_signed(RECEIPT, BOB.public_key, signature)
    packed = RECEIPT.pack()
    for place in (64, 65, 68, 69, 70, 73, 75, 81, 83, 89):
        changed = unpack(packed[:place] + bytes((packed[place] ^ 1,)) + packed[place + 1 :])
        assert not is_signed(changed, ALICE.public_key, signature)


def test_the_layout_is_the_one_that_is_told() -> None:
    data = RECEIPT.pack()
    assert len(data) == BODY_BYTES == 90
    assert data[:32] == ALICE.public_key
    assert data[64:74] == bytes((0, 3, 0, 0, 0x4E, 0x20, 0, 0, 0, 7))


def test_days_are_those_of_utc() -> None:
    assert (day_of(86_399.9), day_of(86_400.0)) == (0, 1)
    assert date_of(1) == "1970-01-02"
    assert day_from("2026-11-21") == day_of(1_795_219_200.0)
    with pytest.raises(ValueError, match="month"):
        day_from("2026-13-01")
