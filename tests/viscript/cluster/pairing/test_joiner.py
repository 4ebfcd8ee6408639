"""The joiner's side: whom it tells nothing, and what it does not take."""

import dataclasses

import pytest

from tests.support.pairings import (
    INVITER,
    JOINER,
    STRANGER,
    Talk,
    code_of,
    inviter,
    joiner,
    own_card,
    ticket_of,
)
from viscript.cluster.pairing.frames import frame
from viscript.cluster.pairing.inviter import Inviter
from viscript.cluster.pairing.messages import Abort, Offer, Reveal, Status, Welcome, answer
from viscript.cluster.pairing.side import Ended, Phase
from viscript.verbs.table import Role


def test_somebody_in_between_who_has_the_code_and_another_key_is_told_nothing() -> None:
    thief = ticket_of(code_of(), identity=STRANGER)
    talk = Talk(inviter(STRANGER, thief), joiner())
    talk.begin()
    assert "another key than the code names" in talk.end_of("joiner").text
    assert len(talk.sent) == 2, "the hello and the answer, and not who we are"
    assert talk.inviter.phase is Phase.THIRD


def test_an_inviter_that_changes_its_number_is_caught() -> None:
    side = inviter()
    talk = Talk(side, joiner())

    def other_number(payload: bytes) -> None:
        side._say(Reveal(b"x" * 32))

    side._request = other_number  # type: ignore[method-assign]  # one that saw ours, and steers
    talk.begin()
    assert "changed its number" in talk.end_of("joiner").text


def test_a_welcome_twice_ends_it() -> None:
    talk = Talk(inviter(), joiner())
    talk.begin()
    talk.agree()
    assert isinstance(talk.inviter, Inviter)
    talk.carry(talk.inviter, talk.inviter.welcome((b"one",)))
    talk.inviter._say(Welcome((b"two",)))
    talk.carry(talk.inviter, talk.inviter._outputs())
    assert talk.joiner.phase is Phase.DEAD


def test_an_abort_is_heard_in_every_phase() -> None:
    talk = Talk(inviter(), joiner())
    talk.begin()
    talk.agree()
    talk.inviter._say(Abort(False, "the disk is full"))
    talk.carry(talk.inviter, talk.inviter._outputs())
    assert talk.end_of("joiner") == Ended("the other side ended it: the disk is full")


def test_an_offer_with_somebody_elses_card_ends_it() -> None:
    side = inviter()
    talk = Talk(side, joiner())
    replaced = dataclasses.replace(ticket_of(), card=own_card(JOINER))
    side._opened = lambda invitation: replaced
    talk.begin()
    assert "somebody else's card" in talk.end_of("joiner").text


def test_an_offer_where_the_number_was_due_ends_it() -> None:
    side = inviter()
    talk = Talk(side, joiner())
    offer = Offer(
        commit=b"c" * 32, cluster=b"k" * 32, label="a", card=own_card(INVITER), role=Role.VIEW
    )  # fmt: skip
    side._request = lambda payload: side._say(offer)  # type: ignore[method-assign]  # in place of Reveal
    talk.begin()
    assert "Offer came while the words were made" in talk.end_of("joiner").text


@pytest.mark.parametrize("payload", [b"", b"\x63", answer(Status.OPEN), answer(Status.OPEN, b"x" * 144)])
def test_an_answer_that_is_none_ends_it(payload: bytes) -> None:
    side = joiner()
    side.begin()
    outputs = side.feed(frame(payload))
    assert [type(output) for output in outputs] == [Ended]


def test_nothing_is_kept_before_it_was_given() -> None:
    with pytest.raises(AssertionError):
        joiner().taken()
