"""What travels for a far store: round trips, every split, every truncation, random bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.statestore.api import (
    Batch,
    Capabilities,
    Compare,
    Delete,
    Event,
    Get,
    Item,
    Member,
    Put,
    Standing,
    Txn,
)
from viscript.statestore.errors import (
    BadUrl,
    Compacted,
    InvalidRequest,
    LeaseGone,
    Refused,
    StateStoreError,
    StoreAway,
    TooLarge,
    Unclear,
)
from viscript.statestore.far import wire
from viscript.statestore.far.wire import (
    Garbled,
    Messages,
    decode_answer,
    decode_ask,
    encode,
    error_of,
    refusal_of,
)

ITEM = Item("é", b"\0", 3, 2**62, 7)
ASKS: list[wire.Ask] = [
    wire.AskGet(1.5, "a"),
    wire.AskRange(1.0, ""),
    wire.AskTxn(
        1.0,
        (Compare("a", "value", "=", b"v"), Compare("a", "created", "<", 2**62)),
        (Put("a", b"v", 2**62), Delete("b"), Get("c")),
        (Get("d"),),
    ),
    wire.AskLease(1.0, 10),
    wire.AskKeep(1.0, 2**62),
    wire.AskRevoke(1.0, 1),
    wire.AskWatch(1.0, "p/", 2**62),
    wire.AskLook(1.0),
]
ANSWERS: list[wire.Answer] = [
    wire.Found(None),
    wire.Found(ITEM),
    wire.Part(5, (ITEM, ITEM), False),
    wire.Done(Txn(True, 9, (None, 1, ITEM))),
    wire.Leased(2**62, 10),
    wire.Told(None),
    wire.Told(Batch(4, (Event(ITEM), Event(ITEM, True)))),
    wire.Stands(
        Standing(True, "ok", (Member("m", True, "t"),)), Capabilities("sqlite", True, False, False, 1)
    ),
    wire.Refusal("away", "text", 3),
]


@pytest.mark.parametrize("ask", ASKS, ids=lambda one: type(one).__name__)
def test_every_question_comes_as_it_was_asked(ask: wire.Ask) -> None:
    (raw,) = Messages().feed(encode(ask))
    assert decode_ask(raw) == ask
    for cut in range(len(raw)):
        with pytest.raises(Garbled):
            decode_ask(raw[:cut])


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: type(one).__name__)
def test_every_answer_comes_as_it_was_given(answer: wire.Answer) -> None:
    (raw,) = Messages().feed(encode(answer))
    assert decode_answer(raw) == answer


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -1])
def test_a_number_that_no_store_holds_is_no_question(number: int) -> None:
    for ask in (
        wire.AskKeep(1.0, number),
        wire.AskRevoke(1.0, number),
        wire.AskLease(1.0, number),
        wire.AskWatch(1.0, "x", number),
    ):
        with pytest.raises(Garbled, match="Expected `int`"):
            decode_ask(encode(ask)[4:])


def test_messages_survive_any_split() -> None:
    whole = b"".join(encode(ask) for ask in ASKS)
    for cut in range(len(whole) + 1):
        messages = Messages()
        found = messages.feed(whole[:cut]) + messages.feed(whole[cut:])
        assert [decode_ask(raw) for raw in found] == ASKS


def test_a_message_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(Garbled, match="at most 4194304"):
        Messages().feed((wire.MESSAGE_MAX + 1).to_bytes(4, "big"))


@given(st.binary(max_size=60))
def test_random_bytes_are_messages_or_garbled(raw: bytes) -> None:
    for decode in (decode_ask, decode_answer):
        try:
            decode(raw)
        except Garbled:
            continue
    try:
        Messages().feed(raw)
    except Garbled:
        return


@pytest.mark.parametrize(
    "error",
    [StoreAway("a"), Unclear("b"), Refused("c"), InvalidRequest("d"), LeaseGone(2**62), Compacted(7)],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_as_they_were_raised(error: StateStoreError) -> None:
    told = error_of(refusal_of(error))
    assert type(told) is type(error)
    assert str(told) == str(error)
    assert vars(told) == vars(error)


def test_errors_that_do_not_travel_become_the_nearest() -> None:
    assert type(error_of(refusal_of(TooLarge("it", size=2, limit=1)))) is InvalidRequest
    assert type(error_of(refusal_of(BadUrl("x")))) is StoreAway
    assert type(error_of(wire.Refusal("of a later version", "x"))) is StoreAway
