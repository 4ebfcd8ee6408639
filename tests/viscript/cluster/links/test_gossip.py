import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_bus.codec import decode, encode
from signal_bus.kinds import PEER_KINDS
from signal_bus.peers.messages import PREFIX_BYTES, RECORDS_BYTES, PeerRoster
from tests.support.rosters import card_of, host, roster_of, vouched
from viscript.cluster.links import gossip
from viscript.cluster.model import BadRecord, sign_card
from viscript.cluster.roster import Roster

CLUSTER = host(0)
HOSTS = [host(number) for number in range(1, 7)]
MEMBERS = [vouched(one, CLUSTER, labels={"n": "x" * 60}) for one in HOSTS]
CARDS = [sign_card(card_of(one), one) for one in HOSTS]


def taken(roster: Roster, pages: list[PeerRoster]) -> Roster:
    for page in pages:
        found = gossip.Found()
        found.add(gossip.unknown(roster, page, found))
        roster = roster.merge(found.members, found.cards)
    return roster


rosters = st.builds(
    lambda members, cards: roster_of(CLUSTER, *members).merge(cards=cards),
    st.lists(st.sampled_from(MEMBERS)),
    st.lists(st.sampled_from(CARDS)),
)


@given(one=rosters, two=rosters)
@settings(max_examples=50, deadline=None)
def test_after_a_question_and_its_answer_both_ways_both_hold_the_same(one: Roster, two: Roster) -> None:
    to_one = list(gossip.answer(two, gossip.question(one).have or b""))
    to_two = list(gossip.answer(one, gossip.question(two).have or b""))
    assert taken(one, to_one).digest == taken(two, to_two).digest == one.join(two).digest


def test_nothing_is_sent_that_the_other_has() -> None:
    roster = roster_of(CLUSTER, *MEMBERS)
    assert list(gossip.answer(roster, gossip.question(roster).have or b"")) == []
    assert list(gossip.news(roster, roster)) == []
    assert [len(page.members) for page in gossip.news(None, roster)] == [len(MEMBERS)]
    after = roster.merge(cards=CARDS[:2])
    assert [(page.members, len(page.cards)) for page in gossip.news(roster, after)] == [((), 2)]


def test_much_goes_in_pages_that_each_fit_a_message() -> None:
    many = [MEMBERS[0]] * 3 * gossip.PAGE_RECORDS
    pages = list(gossip.pages(many))
    assert sum(len(page.members) for page in pages) == len(many)
    for page in pages:
        assert sum(map(len, page.members)) <= RECORDS_BYTES
        assert decode(encode(page), PEER_KINDS).body == page


def test_a_forged_record_is_noticed_and_a_known_one_is_not_looked_at() -> None:
    roster = roster_of(CLUSTER, MEMBERS[0])
    known = PeerRoster(members=(MEMBERS[0].record,))
    assert list(gossip.unknown(roster, known, gossip.Found())) == []
    forged = MEMBERS[1].record[:-1] + b"\x00"
    with pytest.raises(BadRecord):
        list(gossip.unknown(roster, PeerRoster(members=(forged,)), gossip.Found()))
    with pytest.raises(BadRecord):
        list(gossip.unknown(roster, PeerRoster(cards=(forged,)), gossip.Found()))


def test_what_several_hosts_tell_is_looked_at_once() -> None:
    roster, found = roster_of(CLUSTER, MEMBERS[0]), gossip.Found()
    page = PeerRoster(members=(MEMBERS[1].record,), cards=(CARDS[1].record,))
    found.add(gossip.unknown(roster, page, found))
    assert list(gossip.unknown(roster, page, found)) == []
    assert [one.record for one in found.members] == [MEMBERS[1].record]
    assert [one.record for one in found.cards] == [CARDS[1].record]


@given(have=st.binary(max_size=100))
def test_any_bytes_may_be_said_to_be_had(have: bytes) -> None:
    roster = roster_of(CLUSTER, *MEMBERS)
    assert sum(len(page.members) for page in gossip.answer(roster, have)) == len(MEMBERS)
    assert PREFIX_BYTES == 8
