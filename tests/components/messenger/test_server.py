import asyncio

import pytest

from components.mesh import payloads
from components.mesh.errors import Refused
from components.mesh.ports import MeshPort
from components.mesh.relay_wire import Through, Welcome
from components.mesh.session import dial, dial_over
from components.messenger.server import Limits
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.messengers import client, messenger, until

A, B, C = ALICE.public_key, BOB.public_key, CAROL.public_key


async def test_a_client_hears_how_long_it_may_be_silent() -> None:
    async with messenger(Limits(liveness_s=7.0)) as (_, where):
        session = await dial(where.address, ALICE, C, MeshPort.PRESENCE)
        assert payloads.decode(session.secured.body, Welcome) == Welcome(7.0)
        session.close()


async def test_a_full_messenger_says_so() -> None:
    async with messenger(Limits(clients=1)) as (_, where), client(ALICE, [where]):
        with pytest.raises(Refused, match="busy: 1 clients"):
            await dial(where.address, BOB, C, MeshPort.PRESENCE)


@pytest.mark.parametrize("port", [MeshPort.PRESENCE, MeshPort.RELAY])
async def test_a_private_messenger_serves_its_list(port: MeshPort) -> None:
    async with messenger(allow=frozenset({A})) as (_, where), client(ALICE, [where]):
        with pytest.raises(Refused, match="not-allowed: this messenger is private"):
            await dial(where.address, BOB, C, port, Through(to=A))


async def test_who_is_struck_off_the_list_loses_all_at_once() -> None:
    async with (
        messenger(allow=frozenset({A, B})) as (it, where),
        client(ALICE, [where]),
        client(BOB, [where]) as bob,
    ):
        sock = await bob.dial(A)
        it.allow_only(frozenset({A, B, C}))
        assert len(it.channels.open) == len(it.presences) - 1 == 1
        it.allow_only(frozenset({A}))
        with sock:
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        await until(lambda: it.presences.here() == (A,))


async def test_the_messenger_sees_ciphertext_only() -> None:
    seen = bytearray()
    async with messenger() as (it, where), client(ALICE, [where]) as alice, client(BOB, [where]) as bob:
        scratch = it.channels._scratch
        with pytest.raises(Refused, match="no-such-port"):
            await dial_over(await alice.dial(B), ALICE, B, 4242)
        seen += bytes(scratch[:4096])
        assert bob.present
    for secret in (A, B, b"4242"):
        assert secret not in seen
