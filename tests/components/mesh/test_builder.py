import asyncio
import itertools
from typing import Any

import pytest

from components.mesh import builder as module
from components.mesh.aead import Cipher
from components.mesh.builder import Builder, RouteFailed, failure, random_id
from components.mesh.channel import Nothing
from components.mesh.errors import (
    Busy,
    CallerError,
    Gone,
    MeshError,
    Refused,
    RemoteError,
    TimedOut,
    Unreachable,
    WireError,
)
from components.mesh.pool import Pool
from components.mesh.session import Session
from components.mesh.setup import ABORT, INSTALL, Abort, Install
from signal_bus.ids import PublicKey
from tests.support.setups import identity, over

KEY = identity(0).public_key


async def nowhere(peer: PublicKey) -> Session:
    raise Unreachable(peer.hex(), "nowhere")


class Hops(Pool):
    """A pool whose peers answer as the test says; `said` is what they were told."""

    def __init__(self, **answers: list[MeshError | None]) -> None:
        super().__init__(nowhere)
        self.said: list[tuple[PublicKey, str, bytes]] = []
        self.answers = answers
        self.aborted = asyncio.Event()

    async def call(self, peer: PublicKey, method: str, body: object, reply: Any, *, deadline_s: float) -> Any:
        assert isinstance(body, Install | Abort)
        self.said.append((peer, method, body.order))
        if method == ABORT:
            self.aborted.set()
        answers = self.answers.get(method, [])
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer
        return Nothing()

    def told(self, method: str) -> list[tuple[PublicKey, bytes]]:
        return [(key, order) for key, said, order in self.said if said == method]


@pytest.mark.parametrize(
    "exc, step, reason",
    [
        (RemoteError("collision", "taken"), INSTALL, "collision"),
        (Refused("not-allowed"), "reach", "not-allowed"),
        (TimedOut(INSTALL, 4), INSTALL, "timeout"),
        (TimedOut("the session", 4), "reach", "timeout"),
        (Unreachable("a:1", "no"), "reach", "unreachable"),
        (Gone("closed"), "reach", "gone"),
        (Busy("calls", 64), "reach", "busy"),
        (WireError("nonsense"), "reach", "broken"),
        (CallerError("wrong"), "reach", "failed"),
    ],
)
def test_each_error_has_a_step_and_a_reason(exc: MeshError, step: str, reason: str) -> None:
    told = failure(KEY, exc)
    assert (told.key, told.step, told.reason) == (KEY, step, reason)
    assert told.text


def test_a_failed_route_says_all_that_failed() -> None:
    one, other = failure(KEY, Unreachable("a:1", "no")), failure(KEY, Gone("closed"))
    exc = RouteFailed(one, other)
    assert (exc.failure, exc.others) == (one, (other,))
    assert str(exc) == f"{KEY.hex()}: reach: a:1: no; {KEY.hex()}: reach: closed"


def test_ids_are_drawn_within_their_bounds() -> None:
    assert all(1 <= random_id() < 2**32 for _ in range(100))


async def test_all_hops_are_ordered_once() -> None:
    async with Hops() as hops, Builder(hops) as builder:
        leg = await builder.work(over(4)).run()
        assert leg.transport == over(4).hops[0].transport
        assert [key for key, _ in hops.told(INSTALL)] == [hop.target for hop in over(4).hops]
        assert len({order for _, order in hops.told(INSTALL)}) == 1
        assert hops.told(ABORT) == []


async def test_after_a_failure_each_hop_that_may_have_taken_its_order_is_told_to_drop_it() -> None:
    gone = Unreachable("b", "no")
    async with Hops(install=[None, gone, RemoteError("busy")]) as hops, Builder(hops) as builder:
        with pytest.raises(RouteFailed) as caught:
            await builder.work(over(4)).run()
        await hops.aborted.wait()
        await asyncio.sleep(0)
        ordered = hops.told(INSTALL)
        assert caught.value.failure.key == ordered[1][0]
        assert hops.told(ABORT) == [ordered[0], ordered[2]]


async def test_collisions_end_after_four_attempts() -> None:
    ids = itertools.count(1)
    answers: list[MeshError | None] = [RemoteError("collision")] * 9
    async with Hops(install=answers) as hops, Builder(hops, draw_id=ids.__next__) as builder:
        with pytest.raises(RouteFailed, match="collision"):
            await builder.work(over(2)).run()
        assert len({order for _, order in hops.told(INSTALL)}) == module.ATTEMPTS
        assert next(ids) == 2 * module.ATTEMPTS + 1


async def test_a_lost_abort_is_nothing_but_a_note(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with Hops(abort=[Gone("closed")]) as hops, Builder(hops) as builder:
        work = builder.work(over(2))
        await work.run()
        work.give_up()
        await hops.aborted.wait()
        await asyncio.sleep(0)
    assert "an abort was lost" in caplog.text


async def test_aborts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ABORTING", 1)
    async with Hops() as hops, Builder(hops) as builder:
        builder.abort(KEY, bytes(16))
        builder.abort(KEY, bytes(16))
        assert builder.dropped_aborts == 1


async def test_an_abort_after_the_end_is_dropped() -> None:
    async with Hops() as hops:
        async with Builder(hops) as builder:
            pass
        builder.abort(KEY, bytes(16))
    assert builder.dropped_aborts == 1


async def test_orders_are_signed_where_that_is_wanted() -> None:
    def sign(install: Install, hop: PublicKey) -> Install:
        return Install(install.order, install.legs, install.end, hop[:8])

    async with Hops() as hops, Builder(hops, sign=sign) as builder:
        orders = builder.drawn(over(3)).orders
        assert [install.signature for _, install in orders] == [key[:8] for key, _ in orders]
        assert orders[-1][1].end is not None
        assert orders[-1][1].end.cipher is Cipher.CHACHA
