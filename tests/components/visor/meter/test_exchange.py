import random

import pytest

from components.mesh.errors import TagError, WireError
from components.visor.meter.exchange import LAST_SEQUENCE, NOTHING
from components.visor.meter.limits import (
    ANSWER_S,
    DISPUTE_S,
    FLOOR_S,
    PROPOSE_BYTES,
    PROPOSE_S,
    REMIND_S,
    UNSURE_BYTES,
)
from components.visor.meter.receipt import Kind, Message, Receipt, is_signed, sign
from components.visor.meter.sums import UNKNOWN_APP, Line
from signal_bus.identity import Identity
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.metering import DAY, PORT, Pair

ASKED_AND_SIGNED = [Kind.PROPOSE, Kind.AGREE]


def rested(pair: Pair) -> None:
    """Long enough for all that was counted to be known for sure."""
    for end in (pair.first, pair.last):
        for second in (0, FLOOR_S, 2 * FLOOR_S):
            end.row.age(pair.now + second)
    pair.now += 2 * FLOOR_S


def test_a_line_at_rest_is_signed_by_both() -> None:
    pair = Pair()
    pair.move(1000, 20)
    pair.turn()
    assert pair.kinds == ASKED_AND_SIGNED
    assert pair.first.row.signed == pair.last.row.signed
    signed = pair.first.row.signed
    assert signed is not None
    assert signed.receipt == Receipt(ALICE.public_key, BOB.public_key, PORT, DAY, 1, 1000, 20)
    assert is_signed(signed.receipt, ALICE.public_key, signed.by_dialler)
    assert is_signed(signed.receipt, BOB.public_key, signed.by_dialled)
    pair.turn(100)
    assert pair.kinds == []


def test_while_bytes_move_a_receipt_comes_after_time_or_bytes() -> None:
    pair = Pair()
    pair.first.flow.streams = pair.last.flow.streams = 1
    pair.move(1000)
    pair.turn()
    assert pair.kinds == ASKED_AND_SIGNED
    pair.move(1000)
    pair.turn(PROPOSE_S - 1)
    assert pair.kinds == []
    pair.move(PROPOSE_BYTES)
    pair.turn(0.5)
    assert pair.kinds == ASKED_AND_SIGNED
    pair.move(1000)
    pair.turn(PROPOSE_S)
    assert pair.kinds == ASKED_AND_SIGNED


def test_nothing_is_said_to_who_cannot_be_reached() -> None:
    pair = Pair()
    pair.move(1000)
    assert pair.first.exchange.due(pair.now, lambda peer: False) == []
    assert not pair.first.exchange.waiting(lambda peer: False)
    assert pair.first.exchange.waiting(lambda peer: True)


def test_a_lost_proposal_comes_again_with_a_higher_number() -> None:
    pair = Pair()
    pair.move(1000)
    assert pair.first.exchange.due(pair.now, lambda peer: True)
    assert pair.first.exchange.due(pair.now + ANSWER_S - 1, lambda peer: True) == []
    pair.turn(PROPOSE_S)
    assert pair.kinds == ASKED_AND_SIGNED
    assert pair.last.row.sequence == 2


def test_a_lost_answer_costs_another_receipt_and_no_difference() -> None:
    pair = Pair()
    pair.move(1000)
    ((_, proposal),) = pair.first.exchange.due(pair.now, lambda peer: True)
    (late,) = pair.give(pair.first, proposal).answers
    pair.move(5)
    pair.turn(PROPOSE_S)
    assert pair.first.row.signed == pair.last.row.signed
    assert pair.give(pair.last, late) == NOTHING


def test_figures_that_differ_are_not_signed_and_asked_for_rarely() -> None:
    pair = Pair()
    pair.first.count(1000, 0)
    pair.last.count(0, 900)
    rested(pair)
    pair.turn()
    assert pair.kinds == [Kind.PROPOSE, Kind.DIFFER]
    assert pair.first.row.signed is pair.last.row.signed is None
    assert pair.first.row.disputed is not None
    assert pair.last.row.disputed is not None
    assert not pair.first.exchange.waiting(lambda peer: True)
    pair.turn(DISPUTE_S - 1)
    assert pair.kinds == []
    pair.last.count(0, 100)
    pair.turn(2)
    assert pair.kinds == ASKED_AND_SIGNED
    assert pair.first.row.disputed is pair.last.row.disputed is None


def test_who_claims_less_than_was_counted_for_long_gets_no_signature() -> None:
    pair = Pair()
    pair.first.count(900, 0)
    pair.last.count(0, 1000)
    rested(pair)
    pair.turn()
    assert pair.kinds[:2] == [Kind.PROPOSE, Kind.DIFFER]
    assert pair.last.row.signed is None


def test_bytes_on_their_way_are_no_difference() -> None:
    pair = Pair()
    pair.first.flow.streams = pair.last.flow.streams = 1
    pair.first.count(500, 0)
    pair.first.flow.in_doubt = 500
    pair.last.count(0, 1000)
    pair.turn()
    assert pair.kinds == ASKED_AND_SIGNED


def test_what_was_in_doubt_is_cleared_up_by_the_peer() -> None:
    pair = Pair()
    pair.first.count(500, 0)
    pair.first.flow.in_doubt = 500
    pair.last.count(0, 900)
    rested(pair)
    pair.turn()
    assert pair.kinds == [Kind.PROPOSE, Kind.DIFFER, Kind.PROPOSE, Kind.AGREE]
    assert (pair.first.row.sent, pair.first.flow.in_doubt) == (900, 100)
    assert sum(counts[2] for counts in pair.first.row.apps.values()) == 0


def test_the_dialled_side_reminds_when_a_receipt_is_due() -> None:
    pair = Pair(first_killed=True)
    pair.last.count(0, 1000)
    pair.turn()
    assert pair.kinds == []
    pair.turn(REMIND_S)
    assert pair.kinds == [Kind.DIFFER, Kind.PROPOSE, Kind.AGREE]
    assert pair.first.row.apps == {UNKNOWN_APP: [1000, 0, 1000]}


def test_a_reminder_of_what_nobody_knows_is_answered_so() -> None:
    pair = Pair()
    pair.last.count(0, 1000)
    pair.turn()
    pair.turn(REMIND_S)
    assert pair.kinds == [Kind.DIFFER, Kind.DIFFER]
    assert pair.last.row.disputed is not None
    pair.turn(REMIND_S)
    assert pair.kinds == []


@pytest.mark.parametrize("who", ["first", "last"])
def test_what_a_kill_took_is_restored_from_the_peers_figures(who: str) -> None:
    pair = Pair()
    killed = getattr(pair, who)
    pair.move(1000, 50)
    pair.turn()
    killed.write()
    pair.move(500, 7)
    killed.begin(killed=True)
    rested(pair)
    pair.move(3)
    pair.turn(REMIND_S)
    assert pair.first.row.signed == pair.last.row.signed
    assert (pair.first.row.sent, pair.first.row.received) == (1503, 57)
    assert (pair.last.row.received, pair.last.row.sent) == (1503, 57)
    assert killed.row.apps["app"][2] == 507


def test_who_ended_in_order_takes_nobodys_word() -> None:
    pair = Pair()
    pair.move(1000)
    pair.turn()
    pair.last.write()
    pair.last.begin()
    pair.first.count(500, 0)
    rested(pair)
    pair.turn()
    assert pair.last.row.received == 1000
    assert pair.first.row.disputed is not None


def test_a_peers_word_is_taken_up_to_a_bound() -> None:
    pair = Pair(last_killed=True)
    pair.first.count(UNSURE_BYTES + 1, 0)
    pair.turn()
    assert pair.kinds == [Kind.PROPOSE, Kind.DIFFER]
    assert pair.last.row.received == 0


def test_a_word_about_the_days_after_the_kill_is_not_taken() -> None:
    pair = Pair(last_killed=True)
    receipt = Receipt(ALICE.public_key, BOB.public_key, PORT, DAY + 1, 1, 1000, 0)
    outcome = pair.give(pair.first, Message(Kind.PROPOSE, receipt, sign(ALICE, receipt)))
    assert outcome.answers == (Message(Kind.DIFFER, receipt._replace(there_bytes=0)),)
    assert not pair.last.sums.rows


@pytest.mark.parametrize("day", [DAY - 2, DAY + 2])
def test_other_days_are_not_talked_about(day: int) -> None:
    pair = Pair(last_killed=True)
    receipt = Receipt(ALICE.public_key, BOB.public_key, PORT, day, 1, 1000, 0)
    assert pair.give(pair.first, Message(Kind.PROPOSE, receipt, sign(ALICE, receipt))) == NOTHING


def test_whoever_lost_count_learns_the_number() -> None:
    pair = Pair()
    pair.move(1000)
    pair.turn()
    pair.last.row.sequence = 40
    pair.move(1000)
    pair.turn()
    assert pair.kinds == [*ASKED_AND_SIGNED, Kind.PROPOSE, Kind.DIFFER, Kind.PROPOSE, Kind.AGREE]
    assert pair.first.row.sequence == 41


def test_after_the_last_number_nothing_is_proposed() -> None:
    pair = Pair()
    pair.first.row.sequence = LAST_SEQUENCE
    pair.move(1000)
    pair.turn()
    assert pair.kinds == []


def test_a_forged_receipt_is_refused_by_name() -> None:
    pair = Pair()
    pair.move(1000)
    receipt = Receipt(ALICE.public_key, BOB.public_key, PORT, DAY, 1, 1000, 0)
    with pytest.raises(TagError, match=ALICE.public_key.hex()):
        pair.give(pair.first, Message(Kind.PROPOSE, receipt, sign(BOB, receipt)))
    altered = receipt._replace(there_bytes=1001)
    with pytest.raises(TagError):
        pair.give(pair.first, Message(Kind.PROPOSE, altered, sign(ALICE, receipt)))


@pytest.mark.parametrize(
    "kind, ends",
    [
        (Kind.PROPOSE, (BOB, ALICE)),
        (Kind.AGREE, (ALICE, BOB)),
        (Kind.DIFFER, (ALICE, CAROL)),
        (Kind.PROPOSE, (CAROL, BOB)),
    ],
)
def test_who_speaks_has_to_be_one_of_its_ends_and_the_right_one(
    kind: Kind, ends: tuple[Identity, Identity]
) -> None:
    pair = Pair()
    receipt = Receipt(ends[0].public_key, ends[1].public_key, PORT, DAY, 1, 0, 0)
    signature = b"" if kind is Kind.DIFFER else sign(ALICE, receipt)
    with pytest.raises(WireError):
        pair.give(pair.first, Message(kind, receipt, signature))


def test_no_more_rows_than_a_day_may_have_come_of_claims() -> None:
    pair = Pair(last_killed=True)
    pair.last.sums._lines_a_day = 1
    for port in (1, 2):
        receipt = Receipt(ALICE.public_key, BOB.public_key, port, DAY, 1, 10, 0)
        pair.give(pair.first, Message(Kind.PROPOSE, receipt, sign(ALICE, receipt)))
    assert pair.last.sums.find(DAY, Line(ALICE.public_key, 1, dialled=False)) is not None
    assert pair.last.sums.find(DAY, Line(ALICE.public_key, 2, dialled=False)) is None


@pytest.mark.parametrize("seed", range(40))
def test_with_losses_and_kills_both_come_to_the_same_and_to_no_more_than_went(seed: int) -> None:
    """Both ends count; messages get lost, ends are killed and lose what they had not written."""
    dice = random.Random(seed)
    pair = Pair()
    there = back = 0
    for _ in range(60):
        more, less = dice.randrange(100_000), dice.randrange(1000)
        there, back = there + more, back + less
        pair.move(more, less)
        roll = dice.random()
        if roll < 0.2:
            dice.choice((pair.first, pair.last)).begin(killed=True)
            pair.turn()  # they speak before the next kill
        elif roll < 0.4:
            for end in (pair.first, pair.last):  # their messages are lost
                end.exchange.due(pair.now, lambda peer: True)
        else:
            pair.turn(dice.choice((1.0, PROPOSE_S, REMIND_S)))
        for end in (pair.first, pair.last):
            end.write()
        pair.said.clear()
    rested(pair)
    for _ in range(5):
        pair.turn(DISPUTE_S)
    assert (pair.first.row.sent, pair.last.row.received) == (there, there)
    assert (pair.first.row.received, pair.last.row.sent) == (back, back)
    assert pair.first.row.signed == pair.last.row.signed
