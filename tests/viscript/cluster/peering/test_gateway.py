"""Two gateways: proposed, accepted, asked, ended, in each direction."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from signal_bus.ids import PublicKey
from tests.support.clusters import Side, two_clusters
from tests.support.paired import until
from tests.support.rosters import host
from viscript.cluster.peering import gateway as module
from viscript.cluster.peering.standing import Peering, Standing
from viscript.cluster.peering.terms import Answer, Ask, Share
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Role

A, B = host(1), host(2)
WEB = Share(apps=("web",), role=Role.OPERATE)


@pytest.fixture
async def sides(short_tmp: Path) -> AsyncIterator[tuple[Side, Side]]:
    async with two_clusters(short_tmp, A, B) as made:
        yield made


def standings(a: Side, b: Side) -> tuple[Standing, Standing]:
    return a.register.get(b.key_of).standing, b.register.get(a.key_of).standing


async def peered(a: Side, b: Side, share: Share = WEB) -> None:
    """a shares with b, b nothing."""
    assert await a.gateway.tell(await a.gateway.consent(b.key_of, share)) == ""
    assert await b.gateway.tell(await b.gateway.consent(a.key_of, Share(), name="ay")) == ""
    assert standings(a, b) == (Standing.PEERED, Standing.PEERED)


async def ask(side: Side, other: Side, *argv: str, timeout: float = 5.0, hosts: str = "@all") -> Answer:
    asked = Ask(selector=hosts, argv=argv, timeout=timeout)
    return await side.gateway.ask(side.register.get(other.key_of), asked)


async def test_a_proposal_is_shown_and_nothing_is_shared_before_the_yes(
    sides: tuple[Side, Side],
) -> None:
    a, b = sides
    await a.gateway.tell(await a.gateway.consent(b.key_of, WEB, name="bee"))
    assert standings(a, b) == (Standing.PROPOSED, Standing.ASKED)
    assert b.register.get(a.key_of).theirs == WEB
    assert b.register.get(a.key_of).label == "a"
    for side, other in ((a, b), (b, a)):
        with pytest.raises(VerbError) as raised:
            await ask(side, other, "la")
        assert raised.value.code is ExitCode.NOT_PERMITTED
    forged = b.register.get(a.key_of)  # a gateway that does not ask its own register
    reply = await b.gateway._tell(forged, Ask(selector="@all", argv=("la",), timeout=1.0))
    assert reply.answer == Answer(code=7, text=module.NOT_YET)


async def test_what_is_shared_is_seen_and_nothing_else(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await peered(a, b)
    answer = await ask(b, a, "la")
    assert [row.host for row in answer.rows] == ["a", "a-2"]
    assert {app["app"] for row in answer.rows for app in msgspec.json.decode(row.out)} == {"web"}
    assert (await ask(b, a, "ping", "db")).code == 7
    assert (await ask(b, a, "hosts")).code == 7
    assert (await ask(a, b, "la")).rows == ()
    assert a.told[-1][1] == b.told[-1][1] == Standing.PEERED


async def test_what_is_shared_may_change_and_counts_at_once(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await peered(a, b)
    assert (await ask(b, a, "restart", "web", hosts="a")).code == 0
    await a.gateway.consent(b.key_of, Share(apps=("db",)))
    assert (await ask(b, a, "restart", "web", hosts="a")).code == 7
    assert (await ask(b, a, "ping", "db")).code == 0
    assert b.register.get(a.key_of).theirs.apps == ("db",)  # heard with the reply


@pytest.mark.parametrize("by", [0, 1])
async def test_who_ends_it_ends_what_is_under_way(sides: tuple[Side, Side], by: int) -> None:
    a, b = sides
    await peered(a, b)
    a.here.world.fake.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_refused(b, a))
        await until(lambda: bool(a.here.world.fake.asked))
        ender, other = sides[by], sides[1 - by]
        assert await ender.gateway.end(ender.register.get(other.key_of))
    assert asking.result() == 7
    assert standings(ender, other) == (Standing.STRANGERS, Standing.REFUSED)
    for side, of in ((a, b), (b, a)):
        with pytest.raises(VerbError) as raised:
            await ask(side, of, "la")
        assert raised.value.code is ExitCode.NOT_PERMITTED


async def test_who_is_ended_while_it_is_still_heard_has_nothing_done(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of itself is kept before its command is looked at, and that takes a moment."""
    a, b = sides
    await peered(a, b)
    put = a.register.put

    async def ended_meanwhile(one: Peering) -> None:
        monkeypatch.setattr(a.register, "put", put)
        await put(one)
        await put(Peering(key=one.key))

    monkeypatch.setattr(a.register, "put", ended_meanwhile)
    assert (await ask(b, a, "restart", "web", hosts="a")).code == 7
    assert a.here.world.fake.asked == []


async def _refused(side: Side, other: Side) -> int:
    try:
        return (await ask(side, other, "restart", "web", hosts="a", timeout=60.0)).code
    except VerbError as exc:
        return exc.code


async def test_one_that_was_away_when_it_ended_finds_out_when_it_asks(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await peered(a, b)
    b.gateway.gate.close()
    assert not await a.gateway.end(a.register.get(b.key_of))
    assert standings(a, b) == (Standing.STRANGERS, Standing.PEERED)
    assert (await ask(b, a, "la")).code == 7
    assert standings(a, b) == (Standing.STRANGERS, Standing.REFUSED)


async def test_one_that_was_refused_is_not_heard(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await a.gateway.tell(await a.gateway.consent(b.key_of, WEB))
    assert await b.gateway.end(b.register.get(a.key_of))
    assert standings(a, b) == (Standing.REFUSED, Standing.BARRED)
    await a.gateway.tell(await a.gateway.consent(b.key_of, WEB))
    assert standings(a, b) == (Standing.REFUSED, Standing.BARRED)
    assert await b.gateway.end(b.register.get(a.key_of))
    assert standings(a, b)[1] is Standing.STRANGERS


async def test_what_is_new_is_told_by_itself_as_soon_as_they_can_be_reached(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr("viscript.cluster.peering.pacing.FIRST_S", 0.05)
    a, b = sides
    b.gateway.gate.close()
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(side.gateway.run()) for side in sides]
        await a.gateway.consent(b.key_of, WEB)
        await until(lambda: a.gateway._pacing._pause)
        b.open()
        await until(lambda: standings(a, b)[1] is Standing.ASKED)
        await b.gateway.consent(a.key_of, Share())
        await until(lambda: standings(a, b) == (Standing.PEERED, Standing.PEERED))
        for task in running:
            task.cancel()
    assert set(a.published) == {a.key_of}


async def test_a_fault_while_one_is_told_stops_nobody(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = sides

    async def bug(*args: object) -> str:
        raise RuntimeError("a bug")

    one = await a.gateway.consent(b.key_of, WEB)
    monkeypatch.setattr(a.gateway, "tell", bug)
    await a.gateway._tell_guarded(one)
    assert "telling it failed" in caplog.text


async def test_commands_are_bounded(sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = sides
    await peered(a, b)
    monkeypatch.setattr(module, "ASKS_OF_ONE", 1)
    a.here.world.fake.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        held = group.create_task(ask(b, a, "restart", "web", hosts="a"))
        await until(lambda: bool(a.here.world.fake.asked))
        assert "busy" in (await ask(b, a, "la")).text
        a.here.world.fake.hold.set()
    assert held.result().code == 0


async def test_mistakes_of_persons_are_named(sides: tuple[Side, Side]) -> None:
    a, b = sides
    with pytest.raises(VerbError, match="your own cluster"):
        await a.gateway.consent(a.key_of, WEB)
    await a.gateway.consent(b.key_of, WEB, name="bee")
    with pytest.raises(VerbError, match='another cluster is called "bee"'):
        await a.gateway.consent(host(3).public_key, WEB, name="bee")
    b.gateway.gate.close()
    assert "tcp://127.0.0.1:" in await a.gateway.tell(a.register.get(b.key_of))


async def test_a_peer_that_cannot_be_reached_is_said_so(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await peered(a, b)
    a.gateway.gate.close()
    with pytest.raises(VerbError, match="cannot be reached") as raised:
        await ask(b, a, "la")
    assert raised.value.code is ExitCode.UNREACHABLE


async def test_a_peer_that_is_silent_costs_the_deadline(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await peered(a, b)
    a.here.world.fake.hold = asyncio.Event()
    began = asyncio.get_running_loop().time()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        a.port = silent.getsockname()[1]
        with pytest.raises(VerbError, match="did not answer within") as raised:
            await ask(b, a, "la", timeout=0.4)
        assert "no answer" in await b.gateway.tell(b.register.get(a.key_of), 0.1)
    assert raised.value.code is ExitCode.TIMED_OUT
    assert asyncio.get_running_loop().time() - began < 5


async def test_no_more_clusters_are_known_than_fit(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = sides
    monkeypatch.setattr("viscript.cluster.peering.register.KEPT_MAX", 0)
    with pytest.raises(VerbError, match="are known already"):
        await a.gateway.consent(b.key_of, WEB)
    monkeypatch.undo()
    monkeypatch.setattr("viscript.cluster.peering.register.ASKING_MAX", 0)
    with caplog.at_level(logging.DEBUG):
        await a.gateway.tell(await a.gateway.consent(b.key_of, WEB))
    assert standings(a, b) == (Standing.PROPOSED, Standing.STRANGERS)
    assert "is not heard" in caplog.text
    await b.gateway.tell(await b.gateway.consent(a.key_of, Share()))  # both may propose
    assert standings(a, b) == (Standing.PEERED, Standing.PEERED)


async def test_a_host_that_left_its_cluster_speaks_for_nobody(sides: tuple[Side, Side]) -> None:
    a, b = sides
    await peered(a, b)
    a.gateway._book.key = None  # type: ignore[attr-defined]  # of the book in memory
    with pytest.raises(VerbError, match="not on this host"):
        await a.gateway.consent(b.key_of, WEB)
    assert "not on this host" in await a.gateway.tell(a.register.get(b.key_of))
    with pytest.raises(VerbError):
        await ask(b, a, "la")


async def test_a_stranger_that_asks_for_something_gets_nothing(sides: tuple[Side, Side]) -> None:
    a, b = sides
    one = b.register.get(PublicKey(a.key_of))
    reply = await b.gateway._tell(one, Ask(selector="@all", argv=("la",), timeout=1.0))
    assert reply.answer == Answer(code=7, text=module.NOT_YET)
    assert reply.terms.share is None
    assert standings(a, b) == (Standing.STRANGERS, Standing.STRANGERS)
