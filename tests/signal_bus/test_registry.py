from itertools import product

import pytest

from signal_bus.delegate import Admission, Peer
from signal_bus.ids import Generation, SeqId, Session
from signal_bus.limits import BEAT_MIN_S, CLIENTS_PER_BEAT_S
from signal_bus.messages import Hello
from signal_bus.registry import VERDICTS, Claim, Client, Health, Phase, Registry, Verdict

SEQ = SeqId(7)


def admission(generation: int = 1, seq: int = 7) -> Admission:
    return Admission(SeqId(seq), Generation(generation))


def join(
    registry: Registry, *, generation: int = 1, seq: int = 7, session: str = "s", pid: int = 1, link: int = 1
) -> Client:
    hello = Hello(session=Session(session))
    return registry.join(admission(generation, seq), hello, Peer(door="apps", pid=pid), link, 0.0)


def test_every_pair_is_decided() -> None:
    assert VERDICTS.keys() == set(product(Phase, Claim))


def test_the_first_hello_for_an_id_is_added() -> None:
    assert Registry().judge(admission(), "s", 1) is Verdict.ADD


@pytest.mark.parametrize(
    "generation, session, pid, verdict",
    [
        (1, "s", 1, Verdict.REJOIN),
        (1, "other", 1, Verdict.DUPLICATE),
        (1, "s", 2, Verdict.DUPLICATE),  # a replayed hello: right words, another process
        (2, "other", 2, Verdict.SUCCEED),
        (0, "s", 1, Verdict.STALE),
    ],
)
def test_a_joined_client_is_defended(generation: int, session: str, pid: int, verdict: Verdict) -> None:
    registry = Registry()
    join(registry)
    assert registry.judge(admission(generation), session, pid) is verdict


def test_a_lost_client_may_be_succeeded_by_another_process() -> None:
    registry = Registry()
    join(registry)
    assert registry.lose(1) is registry.get(SEQ)
    assert registry.judge(admission(), "other", 2) is Verdict.SUCCEED
    assert registry.at(1) is None


def test_a_connection_speaks_for_nobody_once_its_client_has_a_new_one() -> None:
    registry = Registry()
    join(registry, link=1)
    client = join(registry, link=2)
    assert registry.at(1) is None
    assert registry.at(2) is client
    assert len(registry) == 1


def test_the_exit_of_an_old_launch_does_not_remove_the_new_one() -> None:
    registry = Registry()
    client = join(registry, generation=2)
    assert registry.remove(SEQ, Generation(1)) is None
    assert registry.remove(SEQ, Generation(2)) is client
    assert registry.at(1) is None


def test_one_that_left_is_not_lost_again() -> None:
    registry = Registry()
    registry.leave(join(registry))
    assert registry.lose(1) is None


def test_silence_is_told_in_steps_and_any_message_ends_it() -> None:
    registry = Registry()
    client = join(registry)
    seen = []
    for now in range(12):
        seen += [(now, changed.health) for changed in registry.tick(float(now))]
    assert seen == [(3, Health.SUSPECT), (10, Health.SILENT)]
    assert registry.heard(client, 12.0)
    assert not registry.heard(client, 12.0)
    assert registry.tick(12.0) == []


def test_beats_are_spread_over_the_clients() -> None:
    registry = Registry()
    assert registry.beat_interval() == BEAT_MIN_S
    for seq in range(1000):
        join(registry, seq=seq, link=seq)
    assert registry.beat_interval() == pytest.approx(1001 / CLIENTS_PER_BEAT_S)
