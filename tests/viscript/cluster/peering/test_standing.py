"""How two clusters stand: the table, and two sides that speak in any order."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import PublicKey
from viscript.cluster.peering import standing
from viscript.cluster.peering.standing import IGNORED, OURS, TABLE, THEIRS, Peering, Said, Standing
from viscript.cluster.peering.terms import Share, Terms
from viscript.verbs.table import Role

KEY = PublicKey(bytes([1]) * 32)
WEB, DB = Share(apps=("web",)), Share(apps=("db",), role=Role.OPERATE)


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(Standing, Said))
    assert not TABLE.keys() & IGNORED


def test_peers_are_those_who_both_said_yes() -> None:
    assert {Standing.PEERED} == OURS & THEIRS
    for (before, what), after in TABLE.items():
        if after is Standing.PEERED:
            ours = before in OURS or what is Said.WE_YES
            theirs = before in THEIRS or what is Said.THEY_YES
            assert ours, (before, what)
            assert theirs, (before, what)


@pytest.mark.parametrize("before", list(Standing))
def test_no_no_leaves_peers(before: Standing) -> None:
    for what in (Said.WE_NO, Said.THEY_NO):
        assert TABLE.get((before, what), before) is not Standing.PEERED


class Side:
    """One cluster, as its gateway keeps it, with a clock of its own."""

    def __init__(self) -> None:
        self.one = Peering(key=KEY)
        self.version = 0

    def yes(self, share: Share) -> None:
        self.version += 1
        self.one = standing.consent(self.one, share, 1.0, version=self.version)

    def no(self) -> None:
        self.version += 1
        self.one = standing.said(self.one, Said.WE_NO, 1.0)

    def terms(self, told: Terms | None = None) -> Terms:
        return standing.terms(self.one, told, label="x", addresses=(), visor="", version=self.version)

    def ask(self, other: "Side") -> None:
        """One conversation: our question, its reply."""
        question = self.terms()
        other.one = standing.heard(other.one, question, 1.0)
        reply = other.terms(question)
        self.one = standing.heard(self.one, reply, 1.0)


def test_a_proposal_that_is_accepted_makes_peers_of_both() -> None:
    a, b = Side(), Side()
    a.yes(WEB)
    a.ask(b)
    assert (a.one.standing, b.one.standing) == (Standing.PROPOSED, Standing.ASKED)
    assert b.one.theirs == WEB
    b.yes(DB)
    b.ask(a)
    assert (a.one.standing, b.one.standing) == (Standing.PEERED, Standing.PEERED)
    assert (a.one.mine, a.one.theirs) == (WEB, DB)
    assert (b.one.mine, b.one.theirs) == (DB, WEB)


def peers() -> tuple[Side, Side]:
    a, b = Side(), Side()
    a.yes(WEB)
    a.ask(b)
    b.yes(DB)
    b.ask(a)
    return a, b


def test_who_ended_it_while_the_other_was_away_is_not_taken_for_one_who_is_proposed_to() -> None:
    a, b = peers()
    a.no()
    assert a.one.standing is Standing.STRANGERS
    b.ask(a)  # b does not know yet
    assert a.one.standing is Standing.STRANGERS
    assert b.one.standing is Standing.REFUSED
    assert b.one.theirs == b.one.mine == Share()


def test_what_is_shared_changes_and_an_older_word_does_not_undo_it() -> None:
    a, b = peers()
    old = a.terms()
    a.yes(DB)
    a.ask(b)
    assert b.one.theirs == DB
    b.one = standing.heard(b.one, old, 1.0)
    assert b.one.theirs == DB


def test_a_refusal_bars_and_is_told() -> None:
    a, b = Side(), Side()
    a.yes(WEB)
    a.ask(b)
    b.no()
    assert b.one.standing is Standing.BARRED
    a.ask(b)
    assert (a.one.standing, b.one.standing) == (Standing.REFUSED, Standing.BARRED)
    a.yes(WEB)
    a.ask(b)
    assert b.one.standing is Standing.BARRED
    assert b.one.theirs == Share()


def test_a_side_that_lost_its_memory_is_proposed_to_anew() -> None:
    a, b = peers()
    b.one = standing.heard(Peering(key=KEY), a.terms(), 1.0)
    assert b.one.standing is Standing.STRANGERS  # a holds a yes that b does not know of
    reply = b.terms(a.terms())
    assert reply.no


MOVES = st.lists(st.sampled_from(["a yes", "b yes", "a no", "b no", "a asks", "b asks"]), max_size=25)


@given(MOVES)
def test_whatever_was_said_both_agree_once_they_have_spoken(moves: list[str]) -> None:
    a, b = Side(), Side()
    for move in moves:
        side, other = (a, b) if move[0] == "a" else (b, a)
        if move.endswith("yes"):
            side.yes(WEB)
        elif move.endswith("no"):
            side.no()
        else:
            side.ask(other)
    for _ in range(2):
        a.ask(b)
        b.ask(a)
    pair = (a.one.standing, b.one.standing)
    assert (pair[0] is Standing.PEERED) == (pair[1] is Standing.PEERED), pair
    for one in (a.one, b.one):
        assert (one.mine != Share()) <= (one.standing in OURS)
        assert (one.theirs != Share()) <= (one.standing in THEIRS)


@given(MOVES)
def test_nobody_is_a_peer_of_one_that_said_no_last(moves: list[str]) -> None:
    a, b = Side(), Side()
    a.yes(WEB)
    a.ask(b)
    b.yes(DB)
    b.ask(a)
    for move in moves:
        side, other = (a, b) if move[0] == "a" else (b, a)
        if move.endswith("asks"):
            side.ask(other)
    a.no()
    for _ in range(2):
        b.ask(a)
    assert Standing.PEERED not in (a.one.standing, b.one.standing)


@pytest.mark.parametrize(
    "before, after, event",
    [
        (Standing.STRANGERS, Standing.ASKED, "peer.proposed"),
        (Standing.PROPOSED, Standing.PEERED, "peer.accepted"),
        (Standing.PROPOSED, Standing.REFUSED, "peer.refused"),
        (Standing.PEERED, Standing.REFUSED, "peer.ended"),
        (Standing.PEERED, Standing.STRANGERS, "peer.ended"),
        (Standing.PEERED, Standing.PEERED, ""),
        (Standing.STRANGERS, Standing.PROPOSED, ""),
    ],
)
def test_what_others_say_is_an_event(before: Standing, after: Standing, event: str) -> None:
    assert standing.told(before, after) == event


def test_a_cluster_is_called_by_its_name_or_its_key() -> None:
    assert Peering(key=KEY).called == "01" * 8
    assert Peering(key=KEY, name="lab").called == "lab"
