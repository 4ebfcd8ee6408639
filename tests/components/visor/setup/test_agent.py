import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.mesh import payloads, setup
from components.mesh.aead import Cipher
from components.mesh.channel import Nothing
from components.mesh.errors import Refused, RemoteError, WireError
from components.mesh.pool import Pool
from components.mesh.ports import MeshPort
from components.mesh.setup import ABORT, INSTALL, Abort, End, Install, Leg
from components.visor.plane.table import InstallError
from components.visor.setup import agent as module
from components.visor.setup.agent import Quota
from tests.support.setups import GROUP, World, identity, world

SETUP, OTHER = identity(20), identity(21)
CALLER = SETUP.public_key


def order(made: World, number: int = 1, in_id: int = 1) -> Install:
    """For the middle one of three."""
    one, two = made.hops()
    legs = Leg(one.transport, in_id, 2), Leg(two.transport, 3 + in_id, 4)
    return Install(number.to_bytes(16, "big"), legs)


def last(made: World, number: int = 1, initiator: int = 0) -> Install:
    """For the last one of three."""
    end = End(made.visors[initiator].key, GROUP, 1, Cipher.AES)
    return Install(number.to_bytes(16, "big"), (Leg(made.hops()[1].transport, 5, 6),), end)


@asynccontextmanager
async def three(*, direct: bool = False) -> AsyncIterator[World]:
    async with world(3, {CALLER}, direct=direct, serve=False) as made:
        yield made


async def test_an_order_is_carried_out_once() -> None:
    async with three() as made:
        middle = made.visors[1]
        for _ in range(2):
            middle.agent.install(CALLER, order(made))
        assert len(middle.router.routes()) == 1
        assert middle.agent.counts == {"installed": 1}


async def test_an_order_of_the_same_id_and_other_words_is_refused() -> None:
    async with three() as made:
        middle = made.visors[1]
        middle.agent.install(CALLER, order(made))
        with pytest.raises(RemoteError, match="bad-request: another order"):
            middle.agent.install(CALLER, order(made, in_id=9))


async def test_the_responder_learns_who_calls() -> None:
    async with three() as made:
        made.visors[2].agent.install(CALLER, last(made))
        ((end, _),) = made.visors[2].ends
        assert (end.initiator, end.group, end.number) == (made.visors[0].key, GROUP, 1)


async def test_each_refusal_has_its_word_and_leaves_nothing() -> None:
    async with three() as made:
        middle, far = made.visors[1], made.visors[2]
        middle.agent.install(CALLER, order(made))
        with pytest.raises(RemoteError, match="collision: route id 1 is taken"):
            middle.agent.install(CALLER, order(made, 2))
        with pytest.raises(RemoteError, match=r"no-transport: transport .* is not up here"):
            far.agent.install(CALLER, order(made))
        with pytest.raises(RemoteError, match="bad-request: one leg has an end"):
            middle.agent.install(CALLER, Install(bytes(16), order(made).legs[:1]))
        with pytest.raises(RemoteError, match="bad-request: the initiator is somebody else"):
            far.agent.install(CALLER, last(made, initiator=2))
        far.refuse = InstallError("busy", "no room for another end")
        with pytest.raises(RemoteError, match="busy: no room"):
            far.agent.install(CALLER, last(made))
        with pytest.raises(RemoteError, match="not-allowed"):
            far.agent.install(OTHER.public_key, last(made))
        assert far.router.routes() == []
        assert (middle.agent.counts["collision"], far.agent.counts["busy"]) == (1, 1)


async def test_an_order_is_taken_back_by_who_gave_it() -> None:
    async with three() as made:
        far = made.visors[2]
        far.agent.install(CALLER, last(made))
        abort = Abort(last(made).order)
        far.agent.abort(OTHER.public_key, abort)
        assert len(far.router.routes()) == 1
        for _ in range(2):
            far.agent.abort(CALLER, abort)
        assert far.router.routes() == []
        assert far.ends[0][1].over == 0
        assert far.agent.counts["aborted"] == 1
        far.agent.install(CALLER, last(made))


async def test_what_is_gone_or_anothers_by_now_is_not_taken_out() -> None:
    async with three() as made:
        middle, far = made.visors[1], made.visors[2]
        middle.agent.install(CALLER, order(made, 1))
        middle.router.uninstall(middle.router.routes()[0])
        middle.agent.install(CALLER, order(made, 2))
        middle.agent.abort(CALLER, Abort(order(made, 1).order))
        assert len(middle.router.routes()) == 1
        far.agent.install(CALLER, last(made))
        next(iter(far.links.values())).close("cut")
        far.agent.abort(CALLER, Abort(last(made).order))
        assert far.agent.counts["aborted"] == 1


async def test_orders_are_bounded_for_each_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETUP_NODES", Quota(8, 128, 1, 9, None))
    async with three() as made:
        middle = made.visors[1]
        middle.agent.install(CALLER, order(made))
        with pytest.raises(RemoteError, match="busy: 1 orders of this key"):
            middle.agent.install(CALLER, order(made, 2, 9))


async def test_orders_of_all_callers_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIRECT", Quota(2, 128, 9, 1, None))
    async with three(direct=True) as made:
        far = made.visors[2]
        for number, signer in enumerate((made.visors[0], made.visors[1])):
            signed = setup.sign(last(made, initiator=number), signer.identity, far.key)
            if number:
                with pytest.raises(RemoteError, match="busy: 1 orders were"):
                    far.agent.install(signer.key, signed)
            else:
                far.agent.install(signer.key, signed)


async def test_an_initiator_may_order_for_itself_where_that_is_wanted() -> None:
    async with three(direct=True) as made:
        first, far = made.visors[0], made.visors[2]
        signed = setup.sign(last(made), first.identity, far.key)
        far.agent.install(first.key, signed)
        assert len(far.ends) == 1
        with pytest.raises(RemoteError, match="bad-request: the signature"):
            far.agent.install(first.key, last(made, 2))
        other = setup.sign(last(made, 3), OTHER, far.key)
        with pytest.raises(RemoteError, match="bad-request: the initiator is somebody else"):
            far.agent.install(OTHER.public_key, other)


@asynccontextmanager
async def called(made: World, visor: int = 2) -> AsyncIterator[Pool]:
    """Channels from the setup node to the doors of one visor."""
    await made.serve(made.visors[visor].identity, {MeshPort.SETUP_HOP: made.visors[visor].agent.door})
    yield await made.pool(SETUP, MeshPort.SETUP_HOP)


async def test_a_caller_off_the_list_is_refused_on_the_channel_it_has() -> None:
    allowed = {CALLER}
    async with world(3, allowed, serve=False) as made, called(made) as pool:
        far = made.visors[2]
        await pool.call(far.key, INSTALL, last(made), Nothing, deadline_s=5)
        allowed.clear()
        with pytest.raises(RemoteError, match="not-allowed"):
            await pool.call(far.key, INSTALL, last(made, 2), Nothing, deadline_s=5)


async def test_sessions_are_bounded_and_counted_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETUP_NODES", Quota(1, 1, 9, 9, None))
    async with three() as made, called(made) as pool:
        far = made.visors[2]
        async with Pool(lambda peer: made.dial(SETUP, MeshPort.SETUP_HOP, peer)) as brief:
            await brief.call(far.key, ABORT, Abort(bytes(16)), Nothing, deadline_s=5)
            with pytest.raises(Refused, match="busy"):
                await pool.warm(far.key, deadline_s=5)
        async with asyncio.timeout(10):
            while far.agent.sessions:
                await asyncio.sleep(0.002)
        await pool.call(far.key, ABORT, Abort(bytes(16)), Nothing, deadline_s=5)


async def test_a_session_of_an_initiator_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIRECT", Quota(2, 128, 9, 9, 0.02))
    async with world(3, set(), direct=True, serve=False) as made, called(made) as pool:
        await pool.warm(made.visors[2].key, deadline_s=5)
        async with asyncio.timeout(10):
            while len(pool):
                await asyncio.sleep(0.002)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
@settings(max_examples=50, suppress_health_check=list(HealthCheck), deadline=None)
async def test_forged_orders_are_carried_out_or_refused(changes: list[tuple[int, int]]) -> None:
    async with three() as made:
        middle = made.visors[1]
        data = bytearray(payloads.encode(order(made)))
        for at, value in changes:
            data[at % len(data)] = value
        try:
            middle.agent.install(CALLER, payloads.decode(data, Install))
        except (WireError, RemoteError):
            assert middle.router.routes() == []
        else:
            assert len(middle.router.routes()) == 1


async def test_an_oversized_order_is_refused_before_it_is_looked_at() -> None:
    async with three() as made, called(made) as pool:
        far = made.visors[2]

        class Large(msgspec.Struct):
            order: bytes
            legs: list[Leg]

        legs = [Leg(bytes(16), 1, 2)] * 1000
        with pytest.raises(RemoteError, match="bad-request"):
            await pool.call(far.key, INSTALL, Large(bytes(16), legs), Nothing, deadline_s=5)
        assert far.router.routes() == []
