"""SOCKS over one to three hops and by the messenger, to several exits, and while parts of it are gone."""

import asyncio
import hashlib
import itertools
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.mesh_hosts import Visor, eventually, until
from tests.support.network import Host
from tests.support.socks_hosts import PAGE, SOCKS, WEB, SocksWorld, curl, socks_hosts

pytestmark = pytest.mark.timeout(300)
URL = "http://web.example/"


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[SocksWorld]:
    async with socks_hosts(short_tmp) as made:
        yield made


async def row(world: SocksWorld, *names: str) -> list[Visor]:
    """Visors, each linked with the next."""
    visors = await world.world.visors(*names)
    for one, other in itertools.pairwise(visors):
        await world.world.link(one, other)
    return visors


def half_closed(near: Host, far: Host, port: int) -> bytes:
    """What a target heard up to the program's end, said back to the program on the way that is still open."""
    with far.entered():
        server = socket.create_server((WEB, 0))
    with server:
        server.settimeout(60)
        with near.entered():
            program = socket.create_connection(("127.0.0.1", port), timeout=60)
        with program:
            number = server.getsockname()[1].to_bytes(2, "big")
            program.sendall(b"\x05\x01\x00\x05\x01\x00\x01" + socket.inet_aton(WEB) + number)
            program.sendall(b"the last word")
            program.shutdown(socket.SHUT_WR)
            target, _ = server.accept()
            with target:
                target.settimeout(60)
                target.sendall(target.makefile("rb").read().upper())
            return program.makefile("rb").read()[12:]


async def test_downloads_and_ends_pass_one_two_and_three_hops_and_a_messenger(world: SocksWorld) -> None:
    nodes = await world.world.visors("ann", "ben", "hub", "dan", "eve", hidden="eve")
    ann, ben, hub, dan, eve = nodes
    for one, other in ((ann, ben), (ben, hub), (hub, dan)):
        await world.world.link(one, other)
    await world.world.relay(ann, eve)
    data = os.urandom(5_000_000)
    (world.outside.folder / "blob").write_bytes(data)
    whole = hashlib.sha256(data).digest()
    for number, way in enumerate(([ann, ben], [ann, ben, hub], [ann, ben, hub, dan], [ann, eve])):
        await world.world.path(*way)
        await world.exit(way[-1])
        port = 1080 + 10 * number
        await world.client(ann, way[-1], port=port)
        words = ("-x", f"socks5h://127.0.0.1:{port}", f"{URL}blob")
        for code, body, said in await asyncio.gather(*(curl(ann.host, *words) for _ in range(4))):
            assert (code, hashlib.sha256(body).digest(), said) == (0, whole, ""), way
        heard = await asyncio.to_thread(half_closed, ann.host, world.outside.host, port)
        assert heard == b"THE LAST WORD"
        route = next(row for row in await ann.call("routes") if row["dst"] == way[-1].pk)
        assert route["hops"] == [visor.pk for visor in way[1:-1]]


async def test_each_client_leaves_at_its_own_exit_and_only_where_it_may(world: SocksWorld) -> None:
    ann, hub, dan = await row(world, "ann", "hub", "dan")
    await world.exit(hub)
    await world.exit(dan, "--allow", ann.pk)
    await world.client(ann, hub)
    await world.client(ann, dan, port=1180)
    await world.client(hub, dan)
    seen = [await curl(ann.host, "-x", f"socks5h://127.0.0.1:{port}", f"{URL}who") for port in (1080, 1180)]
    assert [code for code, _, _ in seen] == [0, 0]
    assert [body.decode() for _, body, _ in seen] == [visor.host.ends[-1] for visor in (hub, dan)]
    code, body, _ = await curl(hub.host, "-x", f"socks5h://{SOCKS}", URL)  # Dan lets Ann out, and nobody else
    assert code not in (0, 28)
    assert body == b""
    assert "refused peer=" in world.apps["exit-dan"].log.read_text()


async def comes(host: Host) -> None:
    """Until a page comes; the port never refuses, and nothing hangs."""

    async def came() -> bool:
        code, body, said = await curl(host, "-x", f"socks5h://{SOCKS}", URL)
        assert code not in (7, 28), said
        return (code, body) == (0, PAGE)

    await eventually(came, "a page by SOCKS")


@pytest.mark.parametrize("gone", ["near", "far"])
async def test_programs_hear_of_a_visor_that_is_gone_and_later_ones_go_out(
    world: SocksWorld, gone: str, short_tmp: Path
) -> None:
    ann, ben = await row(world, "ann", "ben")
    await world.exit(ben)
    await world.client(ann, ben)
    (world.outside.folder / "slow").write_bytes(bytes(50_000_000))
    await comes(ann.host)
    came = short_tmp / "came"
    words = ("-x", f"socks5h://{SOCKS}", "--limit-rate", "2M", f"{URL}slow", "-o", str(came))
    visor = ann if gone == "near" else ben
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(curl(ann.host, *words))
        await until(lambda: came.exists() and came.stat().st_size, "a download that has begun")
        visor.signal(signal.SIGKILL)
        await visor.ended()
        code, _, said = await curl(ann.host, "-x", f"socks5h://{SOCKS}", URL)
        assert code == 97, said  # refused in the words of SOCKS
        visor.begin()
        await visor.ready()
    code, _, said = slow.result()
    assert code not in (0, 28), said  # half a page is no page
    await comes(ann.host)
