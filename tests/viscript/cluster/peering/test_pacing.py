from signal_bus.ids import PublicKey
from viscript.cluster.peering.pacing import FIRST_S, LONGEST_S, Pacing
from viscript.cluster.peering.standing import Peering, Standing

KEY = PublicKey(bytes(32))
PEER = Peering(key=KEY, standing=Standing.PEERED)
PROPOSED = Peering(key=KEY, standing=Standing.PROPOSED)


def test_a_peer_is_told_once_and_again_when_something_is_new() -> None:
    pacing = Pacing()
    assert pacing.due(PEER, "one", 0.0)
    pacing.told(KEY, "one", 0.0)
    assert not pacing.due(PEER, "one", 1000.0)
    assert not pacing.due(PEER, "two", 1.0)
    pacing.soon(KEY)
    assert pacing.due(PEER, "two", 1.0)


def test_a_proposal_that_waits_is_said_again_ever_more_seldom() -> None:
    pacing, now, pauses = Pacing(), 0.0, []
    for _ in range(40):
        pacing.told(KEY, "one", now)
        begun = now
        while not pacing.due(PROPOSED, "one", now):
            now += 0.5
        pauses.append(now - begun)
    assert pauses[:4] == [FIRST_S] * 4
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_S
    assert sum(pauses[:12]) < 60
    pacing.told(KEY, "two", now)
    assert pacing.due(PROPOSED, "two", now + FIRST_S)


def test_who_cannot_be_reached_is_tried_in_pauses_that_double_and_end() -> None:
    pacing, now, pauses = Pacing(), 0.0, []
    for _ in range(8):
        pacing.failed(KEY, now)
        begun = now
        while not pacing.due(PEER, "one", now):
            now += 1.0
        pauses.append(now - begun)
    assert pauses == [2, 4, 8, 16, 32, LONGEST_S, LONGEST_S, LONGEST_S]
    pacing.told(KEY, "one", now)
    pacing.failed(KEY, now)
    assert pacing.due(PEER, "two", now + 2)


def test_a_stranger_is_forgotten() -> None:
    pacing = Pacing()
    pacing.told(KEY, "one", 0.0)
    pacing.forget(KEY)
    assert pacing.due(PEER, "one", 0.0)
