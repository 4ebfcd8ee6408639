import asyncio
import subprocess
import time

from tests.support.long_path import LongPath
from tests.support.network import Host, Network

# One answer within two seconds; a new cable may lose the first question.
PING = ("ping", "-c", "1", "-i", "0.2", "-w", "2")


def reaches(host: Host, address: str) -> bool:
    return subprocess.run(host.inside(*PING, address), capture_output=True, check=False).returncode == 0


def test_neighbours_reach_each_other_until_the_cable_is_cut() -> None:
    with Network() as network:
        left, right = network.host("left"), network.host("right")
        cable = network.cable(left, right)
        assert reaches(left, cable.address(right))
        assert reaches(left, "fd00:1::2")
        cable.cut()
        assert not reaches(left, cable.address(right))
        cable.mend()
        assert reaches(right, cable.address(left))
        assert reaches(left, "fd00:1::2")


def test_who_is_behind_nat_reaches_out_and_is_not_reached() -> None:
    with Network() as network:
        inner, router, outer = (network.host(name) for name in ("inner", "router", "outer"))
        inside, outside = network.cable(inner, router), network.cable(router, outer)
        inner.default_route(inside.address(router))
        outer.default_route(outside.address(router))
        network.nat(router, outside)
        assert reaches(inner, outside.address(outer))
        assert not reaches(outer, inside.address(inner))


def test_nothing_is_left_of_a_network() -> None:
    with Network() as network:
        host = network.host("only")
        sleeper = host.spawn("sleep", "60")
        name = host.namespace
    assert sleeper.wait(5) != 0
    assert name not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout


async def test_a_long_path_delays_and_keeps_the_order() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, LongPath(("127.0.0.1", port), 0.05) as path:
        reader, writer = await asyncio.open_connection(*path.address)
        before = time.monotonic()
        sent = bytes(range(256)) * 1000
        writer.write(sent)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(-1), 10) == sent
        assert time.monotonic() - before >= 0.1
        writer.close()
        await writer.wait_closed()
