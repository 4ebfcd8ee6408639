"""The inviter's side: which hello it answers, and what it refuses."""

import pytest

from tests.support.pairings import (
    INVITER,
    JOINER,
    SECRET,
    Talk,
    code_of,
    inviter,
    joiner,
    opened,
    own_card,
    ticket_of,
)
from viscript.cluster.pairing.code import Code, key_prefix
from viscript.cluster.pairing.inviter import REFUSALS, Inviter, prologue
from viscript.cluster.pairing.joiner import REFUSALS as TOLD
from viscript.cluster.pairing.messages import Confirm, Request, Status, Taken
from viscript.cluster.pairing.side import Agreed, Ended, Phase
from viscript.verbs.table import Role


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OPEN])
def test_an_invitation_that_is_not_open_is_refused_in_words_on_both_sides(status: Status) -> None:
    talk = Talk(Inviter(INVITER, lambda invitation: status), joiner())
    talk.begin()
    assert talk.end_of("inviter") == Ended(REFUSALS[status])
    assert talk.end_of("joiner") == Ended(TOLD[status])


def test_a_code_of_another_host_is_refused() -> None:
    talk = Talk(inviter(), joiner(code_of(secret=b"\x09" * 16)))
    talk.begin()
    assert "another host's" in talk.end_of("joiner").text


def test_who_names_the_invitation_and_has_no_secret_fails() -> None:
    side = joiner()
    real = code_of()

    class Guessed(Code):
        @property
        def psk(self) -> bytes:
            return b"guess" * 6 + b"!!"

    side._code = Guessed(real.secret, real.prefix, real.addresses)
    talk = Talk(inviter(), side)
    talk.begin()
    assert "does not know the code" in talk.end_of("inviter").text
    assert talk.inviter.phase is Phase.DEAD


def test_the_role_and_the_label_of_the_invitation_reach_the_joiner() -> None:
    ticket = ticket_of(role=Role.OPERATE)
    talk = Talk(Inviter(INVITER, opened(ticket)), joiner())
    talk.begin()
    assert talk.joiner.other is not None
    assert talk.joiner.other.role is Role.OPERATE
    assert talk.joiner.other.cluster == ticket.cluster


def test_a_message_out_of_order_ends_it() -> None:
    talk = Talk(inviter(), joiner())
    talk.begin()
    talk.joiner._say(Request(nonce=b"n" * 32, label="beta", card=own_card(JOINER)))
    talk.carry(talk.joiner, talk.joiner._outputs())
    assert "Request came while the words were compared" in talk.end_of("inviter").text


def test_who_keeps_what_was_not_given_is_refused() -> None:
    talk = Talk(inviter(), joiner())
    talk.begin()
    talk.joiner._say(Taken())
    talk.carry(talk.joiner, talk.joiner._outputs())
    assert "not given" in talk.end_of("inviter").text


def test_a_confirmation_before_the_words_ends_it() -> None:
    side = joiner()
    side._offered = lambda payload: side._say(Confirm())  # type: ignore[method-assign]  # in place of the Request
    talk = Talk(inviter(), side)
    talk.begin()
    assert "Confirm came while" in talk.end_of("inviter").text


def test_somebody_elses_card_ends_it() -> None:
    side = joiner()
    side._card = own_card(INVITER)
    talk = Talk(inviter(), side)
    talk.begin()
    assert "somebody else's card" in talk.end_of("inviter").text


def test_nobody_is_welcomed_before_both_said_yes() -> None:
    talk = Talk(inviter(), joiner())
    talk.begin()
    assert isinstance(talk.inviter, Inviter)
    with pytest.raises(AssertionError):
        talk.inviter.welcome((b"record",))
    assert not talk.has("joiner", Agreed)


def test_the_prologue_names_the_invitation() -> None:
    assert prologue(b"i" * 8) != prologue(b"j" * 8)


def test_the_ticket_is_known_once_it_is_named() -> None:
    assert inviter().ticket is None
    side = inviter()
    talk = Talk(side, joiner())
    talk.begin()
    assert side.ticket is not None
    assert side.ticket.psk == Code(SECRET, key_prefix(INVITER.public_key), ()).psk
