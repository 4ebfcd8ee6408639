import os

from components.mesh.setup import Failure
from components.visor.node.refusals import KEPT_MOST, KEPT_S, NOT_ALLOWED, Refusals
from signal_bus.ids import PublicKey

ONE, TWO, HOP = (PublicKey(os.urandom(32)) for _ in range(3))
SLOW = Failure(HOP, "install", "timeout", "no answer")
NO = Failure(HOP, "reach", NOT_ALLOWED, "no orders from this key")


def test_the_latest_failure_of_a_peer_is_kept_until_it_has_a_route() -> None:
    refusals = Refusals()
    refusals.note(ONE, NO, 0.0)
    refusals.note(ONE, SLOW, 1.0)
    assert [one.failure for one in refusals.recent(2.0)] == [SLOW]
    refusals.over(ONE)
    refusals.over(TWO)
    assert refusals.recent(2.0) == []


def test_what_stays_so_comes_first_and_what_is_old_is_left_out() -> None:
    refusals = Refusals()
    refusals.note(ONE, SLOW, 0.0)
    refusals.note(TWO, NO, 1.0)
    assert [(one.peer, one.is_for_good) for one in refusals.recent(2.0)] == [(TWO, True), (ONE, False)]
    assert [one.peer for one in refusals.recent(KEPT_S)] == [TWO]


def test_no_more_are_kept_than_may_be() -> None:
    refusals = Refusals()
    peers = [PublicKey(os.urandom(32)) for _ in range(KEPT_MOST + 1)]
    for peer in peers:
        refusals.note(peer, NO, 0.0)
    assert [one.peer for one in refusals.recent(0.0)] == peers[1:]
