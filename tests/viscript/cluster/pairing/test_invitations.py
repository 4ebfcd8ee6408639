"""Invitations: each event in each state, and what became of a code."""

from itertools import product

import pytest

from signal_bus.ids import PublicKey
from viscript.cluster.pairing.code import Code, key_prefix
from viscript.cluster.pairing.invitations import (
    ANSWERS,
    BECAME,
    IGNORED,
    LIFETIME_S,
    LIVE,
    MOST_ENDED,
    MOST_FAILURES,
    MOST_OPEN,
    TABLE,
    Happens,
    Invitation,
    Invitations,
    State,
)
from viscript.cluster.pairing.messages import Status
from viscript.errors import VerbError
from viscript.verbs.table import Role

PREFIX = key_prefix(PublicKey(b"k" * 32))


def code(number: int) -> Code:
    return Code(bytes([number]) * 16, PREFIX, ())


def added(invitations: Invitations, number: int = 1, now: float = 0.0) -> Invitation:
    return invitations.add(code(number), role=Role.VIEW, name="", now=now)


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(State, Happens))
    assert not TABLE.keys() & IGNORED


def test_every_state_has_an_answer_and_every_end_a_sentence() -> None:
    assert ANSWERS.keys() == set(State)
    assert BECAME.keys() == set(State) - LIVE


def test_an_invitation_is_for_one_host() -> None:
    invitations = Invitations()
    one = added(invitations)
    assert invitations.asked(one.code.invitation, 1.0) is one
    assert invitations.asked(one.code.invitation, 1.0) is Status.BUSY
    invitations.happens(one, Happens.JOINS)
    assert invitations.asked(one.code.invitation, 1.0) is Status.USED
    assert not invitations.live()


def test_a_code_nobody_made_is_unknown() -> None:
    assert Invitations().asked(code(1).invitation, 0.0) is Status.UNKNOWN


def test_a_code_holds_ten_minutes() -> None:
    invitations = Invitations()
    one = added(invitations)
    assert invitations.next_end() == LIFETIME_S
    invitations.expire(LIFETIME_S - 0.1)
    assert one.is_live
    assert invitations.asked(one.code.invitation, LIFETIME_S) is Status.EXPIRED
    assert invitations.next_end() is None


def test_three_failures_burn_a_code() -> None:
    invitations = Invitations()
    one = added(invitations)
    for count in range(MOST_FAILURES):
        assert invitations.asked(one.code.invitation, 0.0) is one, count
        invitations.failed(one, f"fault {count}", words=False)
    assert one.state is State.BURNT
    assert one.fault == "fault 2"
    assert invitations.asked(one.code.invitation, 0.0) is Status.BURNT


def test_words_that_differ_burn_a_code_at_once() -> None:
    invitations = Invitations()
    one = added(invitations)
    invitations.asked(one.code.invitation, 0.0)
    invitations.failed(one, "differ", words=True)
    assert one.state is State.BURNT


def test_one_that_is_taken_back_while_a_host_pairs_stays_so() -> None:
    invitations = Invitations()
    one = added(invitations)
    invitations.asked(one.code.invitation, 0.0)
    invitations.happens(one, Happens.WITHDRAWS)
    invitations.failed(one, "", words=False)
    assert one.state is State.WITHDRAWN


def test_a_host_that_pairs_when_the_time_is_over_may_go_on() -> None:
    invitations = Invitations()
    one = added(invitations)
    invitations.asked(one.code.invitation, LIFETIME_S - 1)
    invitations.expire(LIFETIME_S + 1)
    assert one.is_live
    invitations.failed(one, "", words=False)
    invitations.expire(LIFETIME_S + 1)
    assert one.state is State.EXPIRED


def test_few_are_open_at_once() -> None:
    invitations = Invitations()
    made = [added(invitations, number) for number in range(MOST_OPEN)]
    with pytest.raises(VerbError, match="open already"):
        added(invitations, 99)
    invitations.happens(made[0], Happens.WITHDRAWS)
    assert added(invitations, 99).number == MOST_OPEN + 1
    assert invitations.numbered(made[0].number) is None
    assert invitations.numbered(made[1].number) is made[1]


def test_only_the_newest_that_ended_are_remembered() -> None:
    invitations = Invitations()
    for number in range(MOST_ENDED + 5):
        invitations.happens(added(invitations, number), Happens.WITHDRAWS)
    last = added(invitations, 200)
    assert invitations.asked(code(0).invitation, 0.0) is Status.UNKNOWN
    assert invitations.asked(code(MOST_ENDED + 4).invitation, 0.0) is Status.WITHDRAWN
    assert last.is_live
