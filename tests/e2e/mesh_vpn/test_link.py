"""Two devices on two hosts and a stream between them, in both forms that devices have."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from plugins.vpn import firewall
from plugins.vpn.changes import doing
from plugins.vpn.device import raised
from plugins.vpn.host import Host as Steps
from plugins.vpn.link import Link
from plugins.vpn.wire import Lease
from tests.support.network import Host, Network

PROBE = "table inet probe { chain c { type filter hook prerouting priority -200; "
PROBE += "ip saddr 10.9.9.9 counter; ip saddr 10.44.0.7 counter; }; }"


@asynccontextmanager
async def joined(*, whole: bool) -> AsyncIterator[tuple[Host, Host]]:
    """Client and exit; nothing but the stream is between them."""
    lease = Lease("10.44.0.7", "10.44.0.1", "fd00:44::7", "fd00:44::1", whole=whole)
    with Network() as network:
        near, far = network.host("near"), network.host("far")
        devices, links, streams = [], [], socket.socketpair()
        for host, stream in zip((near, far), streams, strict=True):
            stream.setblocking(False)
            with host.entered():
                tun = raised("vmesh0" if host is near else "vexit0", lease, exit_side=host is far, ipv6=True)
            devices.append(tun)
            links.append(Link(tun, stream, b"", lambda asked: None))
        try:
            async with asyncio.TaskGroup() as group:
                for link in links:
                    group.create_task(link.run())
                yield near, far
                links[0].end("over")
        finally:
            for tun in devices:
                tun.close()


async def told(host: Host, *argv: str) -> str:
    """What a program there prints, while the links go on."""
    process = await asyncio.create_subprocess_exec(
        *host.inside(*argv), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return out.decode()


@pytest.mark.parametrize("whole", [True, False])
async def test_pings_and_a_stream_cross_in_either_form(whole: bool) -> None:
    async with joined(whole=whole) as (near, far):
        for address in ("10.44.0.1", "fd00:44::1"):
            assert " 0% packet loss" in await told(near, "ping", "-c3", "-i0.1", "-W20", address)
        server = await asyncio.create_subprocess_exec(
            *far.inside("iperf3", "-s", "-1"), stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while "sum_received" not in (answer := await _measured(near)):
                await asyncio.sleep(0.05)
        assert json.loads(answer)["end"]["sum_received"]["bytes"] > 1_000_000
        await server.wait()


async def _measured(near: Host) -> str:
    return await told(near, "iperf3", "-J", "-n", "4M", "-c", "10.44.0.1")


async def test_a_packet_with_a_source_that_is_not_the_clients_is_dropped() -> None:
    async with joined(whole=True) as (near, far):
        with far.entered():
            Steps().do(doing(firewall.exit_table("vexit", [ip_network("10.44.0.0/24")], private=True)))
        far.run("nft", PROBE)
        near.ip("address", "add", "10.9.9.9/32", "dev", "lo")
        await told(near, "ping", "-c1", "-W20", "10.44.0.1")
        await told(near, "ping", "-c1", "-W1", "-I", "10.9.9.9", "10.44.0.1")
        counted = far.run("nft", "list", "table", "inet", "probe")
        assert "10.9.9.9 counter packets 0" in counted
        assert "10.44.0.7 counter packets 1" in counted
