"""A pairing from the first byte to the last, both sides in memory, and all that ends it early."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_bus.errors import CallerError
from signal_bus.noise import Handshake, Pattern
from tests.support.pairings import INVITER, JOINER, STRANGER, Talk, code_of, inviter, joiner, own_card
from viscript.cluster.model import BadRecord
from viscript.cluster.pairing.frames import frame
from viscript.cluster.pairing.inviter import Inviter
from viscript.cluster.pairing.messages import BadMessage, Welcome
from viscript.cluster.pairing.side import (
    CONSENT,
    OVER,
    WORDS_DIFFER,
    Agreed,
    Compare,
    Ended,
    Phase,
    Send,
    Side,
    Welcomed,
    card_of,
    proved,
)


def paired() -> Talk:
    talk = Talk(inviter(), joiner())
    talk.begin()
    return talk


def test_two_sides_show_the_same_words_and_know_each_other() -> None:
    talk = paired()
    first, second = talk.words()
    assert first == second
    shown = {name: next(o for o in said if isinstance(o, Compare)) for name, said in talk.said.items()}
    assert (shown["inviter"].other.key, shown["inviter"].other.label) == (JOINER.public_key, "beta")
    assert (shown["joiner"].other.key, shown["joiner"].other.label) == (INVITER.public_key, "alpha")


def test_each_pairing_has_other_words() -> None:
    assert len({paired().words()[0] for _ in range(5)}) == 5


@pytest.mark.parametrize("first", ["inviter", "joiner"])
def test_both_have_to_say_yes_and_then_the_records_pass(first: str) -> None:
    talk = paired()
    sides: dict[str, Side] = {"inviter": talk.inviter, "joiner": talk.joiner}
    second = "joiner" if first == "inviter" else "inviter"
    talk.carry(sides[first], sides[first].yes())
    assert not talk.has("inviter", Agreed)
    assert not talk.has("joiner", Agreed)
    talk.carry(sides[second], sides[second].yes())
    assert talk.has("inviter", Agreed)
    assert talk.has("joiner", Agreed)
    assert isinstance(talk.inviter, Inviter)
    talk.carry(talk.inviter, talk.inviter.welcome((b"record",)))
    assert Welcomed((b"record",)) in talk.said["joiner"]
    talk.carry(talk.joiner, talk.joiner.taken())
    assert talk.end_of("inviter") == talk.end_of("joiner") == Ended()


@pytest.mark.parametrize("who", ["inviter", "joiner"])
def test_words_that_differ_end_it_on_both_sides(who: str) -> None:
    talk = paired()
    side: Side = talk.inviter if who == "inviter" else talk.joiner
    talk.carry(side, side.no())
    assert talk.end_of(who) == Ended(WORDS_DIFFER, words=True)
    other = talk.end_of("joiner" if who == "inviter" else "inviter")
    assert other.words
    assert "the other side says that the words differ" in other.text


def test_who_goes_away_says_so() -> None:
    talk = paired()
    talk.carry(talk.joiner, talk.joiner.no("the person there left"))
    assert talk.end_of("inviter") == Ended("the other side ended it: the person there left")


def test_a_reason_given_by_the_other_side_writes_nothing_but_text() -> None:
    talk = paired()
    talk.carry(talk.joiner, talk.joiner.no("\x1b[2Jgone\nhost/7 joined"))
    assert talk.end_of("inviter").text == "the other side ended it: \\x1b[2Jgone\\x0ahost/7 joined"


def test_who_hangs_up_is_missed_once() -> None:
    talk = paired()
    assert talk.inviter.hung_up() == [Ended("the other side hung up while the words were compared")]
    assert talk.inviter.hung_up() == []
    assert talk.inviter.no() == []


def test_nothing_is_confirmed_before_there_are_words() -> None:
    with pytest.raises(CallerError, match="shaking hands"):
        joiner().yes()


def test_yes_is_said_once() -> None:
    talk = paired()
    talk.carry(talk.inviter, talk.inviter.yes())
    with pytest.raises(CallerError, match="compared"):
        talk.inviter.yes()


def test_consent_is_decided_for_every_phase_of_it() -> None:
    asked = set(product((Phase.WORDS, Phase.MINE, Phase.THEIRS), (True, False)))
    assert CONSENT.keys() | {(Phase.MINE, True), (Phase.THEIRS, False)} == asked
    assert not OVER & {phase for phase, _ in CONSENT}


def test_a_second_confirmation_of_the_other_side_ends_it() -> None:
    talk = paired()
    talk.carry(talk.joiner, talk.joiner.yes())
    talk.joiner.phase = Phase.WORDS
    talk.carry(talk.joiner, talk.joiner.yes())
    assert "Confirm came while" in talk.end_of("inviter").text


def test_a_welcome_before_both_said_yes_ends_it() -> None:
    talk = paired()
    talk.inviter._say(Welcome((b"record",)))
    talk.carry(talk.inviter, talk.inviter._outputs())
    assert "before both persons said yes" in talk.end_of("joiner").text
    assert talk.joiner.phase is Phase.DEAD


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_changed_bit_on_the_way_ends_it_or_shows_no_words(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 5), label="frame")
    bit = data.draw(st.integers(0, 7), label="bit")
    count = 0

    def change(sent: bytes) -> bytes:
        nonlocal count
        count += 1
        if count - 1 != number:
            return sent
        at = data.draw(st.integers(2, len(sent) - 1), label="byte")
        changed = bytearray(sent)
        changed[at] ^= 1 << bit
        return bytes(changed)

    talk = Talk(inviter(), joiner(), change)
    talk.begin()
    said = talk.said["inviter"] + talk.said["joiner"]
    assert sum(isinstance(output, Compare) for output in said) < 2
    assert any(isinstance(output, Ended) for output in said)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=4), st.booleans())
def test_random_frames_end_it_and_raise_nothing(payloads: list[bytes], framed: bool) -> None:
    begun = joiner()
    begun.begin()  # nobody is answered before
    for side in (inviter(), begun):
        for payload in payloads:
            for output in side.feed(frame(payload) if framed else payload):
                assert isinstance(output, Ended | Send)
        assert side.phase in {Phase.DEAD, Phase.HELLO, Phase.ANSWER, Phase.THIRD}


def test_a_handshake_survives_any_split_of_its_bytes() -> None:
    one, two = inviter(), joiner()
    (first,) = two.begin()
    assert isinstance(first, Send)
    out = []
    for at in range(len(first.data)):
        out += one.feed(first.data[at : at + 1])
    assert len(out) == 1
    assert one.phase is Phase.THIRD


def test_nothing_is_taken_once_it_is_over() -> None:
    side = inviter()
    assert isinstance(side.feed(frame(b"nonsense"))[0], Ended)
    assert side.feed(frame(b"nonsense")) == []


def shaken() -> Handshake:
    done = Handshake(
        Pattern.XXPSK3,
        initiator=True,
        prologue=b"",
        static=JOINER.agreement_secret(),
        secret=b"s" * 32,
    )
    done.remote = b"r" * 32
    return done


@pytest.mark.parametrize("payload", [b"", b"k" * 31, b"\xff" * 32, bytes(32)])
def test_what_is_no_key_proves_nothing(payload: bytes) -> None:
    with pytest.raises(BadMessage, match="no public key"):
        proved(payload, shaken())


def test_another_key_than_that_of_the_handshake_proves_nothing() -> None:
    with pytest.raises(BadMessage, match="another key"):
        proved(STRANGER.public_key, shaken())


def test_somebody_elses_card_is_refused() -> None:
    assert card_of(own_card(JOINER), JOINER.public_key).body.key == JOINER.public_key
    with pytest.raises(BadMessage, match="somebody else's"):
        card_of(own_card(STRANGER), JOINER.public_key)
    with pytest.raises(BadRecord):
        card_of(b"no card", JOINER.public_key)


def test_the_code_alone_does_not_make_the_words_equal() -> None:
    """Somebody who has the code, and the cable: he pairs with both, and both screens differ."""
    outer = Talk(inviter(), joiner(identity=STRANGER))
    outer.begin()
    inner = Talk(inviter(STRANGER), joiner(code_of(STRANGER)))
    inner.begin()
    assert outer.words()[0] != inner.words()[0]
