"""A tunnel over two visors: packets of Ann leave at Ben, and nothing of it is left behind."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path as Folder

import pytest

from components.visor.app import App
from tests.support.mesh_hosts import Program, eventually, until
from tests.support.vpn import Capture, Path, looks, path, pings

BYTES = 40_000_000


@pytest.fixture
async def way(short_tmp: Folder) -> AsyncIterator[Path]:
    async with path(short_tmp) as made:
        yield made


def served(way: Path) -> None:
    """A page of some size at the web host, by IPv4 and IPv6."""
    folder = way.folder / "page"
    folder.mkdir(exist_ok=True)
    (folder / "page").write_bytes(bytes(range(256)) * (BYTES // 256))
    way.at_web("python3", "-m", "http.server", "80", "--bind", "::", "--directory", str(folder))


def fetched(way: Path, address: str) -> int:
    """How much of it curl gets at Ann."""
    words = ["curl", "-sS", "--max-time", "60", "-o", "/dev/null", "-w", "%{size_download}"]
    return int(way.ann.host.run(*words, f"http://{address}/page", timeout_s=70))


async def test_packets_leave_at_the_exit_and_everything_is_as_before_after_it(way: Path) -> None:
    served(way)
    before = looks(way.ann.host), looks(way.ben.host)
    assert not pings(way.ann.host, way.address)
    await way.serve()
    with Capture(way.ann.host) as capture:
        await way.up()
        await way.reaches(way.address6)
        await until(lambda: fetched(way, way.address) == BYTES, "a page")
        assert fetched(way, f"[{way.address6}]") == BYTES
        status = await way.ask("status")
        assert status["state"] == "up, not confirmed"
        assert status["received_bytes"] > 2 * BYTES
        await way.stop(way.client)
    assert capture.sent_to(way.address, way.address6) == []
    await way.stop(way.server)
    assert (looks(way.ann.host), looks(way.ben.host)) == before


async def test_three_hosts_the_one_between_sees_nothing_of_it(short_tmp: Folder) -> None:
    async with path(short_tmp, between=True) as way:
        served(way)
        await way.serve()
        with Capture(way.world.hub) as capture:
            await way.up()
            await way.reaches(way.address6)
            await until(lambda: fetched(way, way.address) == BYTES, "a page over two hops")
        assert capture.sent_to(way.address, way.address6) == []


async def test_nobody_calls_a_client_from_the_exits_side(way: Path) -> None:
    await way.serve()
    await way.up()
    own = (await way.ask("status"))["ipv4"]
    assert not pings(way.web, own)
    assert not pings(way.ben.host, own)
    await way.reaches()


async def test_speed_is_measured_by_iperf_both_ways(way: Path) -> None:
    way.at_web("iperf3", "-s")
    await way.serve()
    await way.up()
    for words in ((), ("-R",), ("-u", "-b", "20M")):

        async def measured(words: tuple[str, ...] = words) -> object:
            told = json.loads(
                way.ann.host.run("iperf3", "-J", "-t", "1", *words, "-c", way.address, timeout_s=30)
            )
            return told["end"]

        await eventually(measured, f"iperf3 {words}")


async def test_two_clients_have_an_address_each_and_do_not_see_each_other(way: Path) -> None:
    (eve,) = await way.world.visors("eve")
    await way.world.link(eve, way.ben)
    await way.serve()
    await way.up()
    other = Program(eve.host, way.folder, "other")
    words = ("in", str(eve.home / "app.sock"), "--state", str(way.folder / "other-state"))
    other.start("plugins.vpn.client", *words, "--peer", way.ben.pk)
    try:
        await other.said("engaged")
        await until(lambda: pings(eve.host, way.address), "a ping of the second client")
        own = {
            name: host.run("ip", "-4", "-o", "address", "show", "vmesh0").split()[3]
            for name, host in (("ann", way.ann.host), ("eve", eve.host))
        }
        assert own["ann"] != own["eve"]
        assert not pings(way.ann.host, own["eve"])
        other.signal(signal.SIGTERM)
        assert await other.ended() == 0
        await way.reaches()
    finally:
        other.close()


async def test_split_networks_alone_take_the_tunnel(way: Path) -> None:
    before = looks(way.ann.host)
    await way.serve()
    network = way.address.rpartition(".")[0] + ".0/24"
    with Capture(way.ann.host) as capture:
        await way.up("--split", network)
        assert not pings(way.ann.host, "192.0.2.1")
        assert (await way.ask("check"))["passed"] is True
        await way.stop(way.client)
    assert capture.sent_to("192.0.2.1") != []
    assert capture.sent_to(way.address) == []
    assert looks(way.ann.host) == before


async def test_without_leave_nobody_comes_in_and_nobody_reaches_private_addresses(way: Path) -> None:
    await way.serve("--allow", way.ben.pk)
    way.begin()
    await way.client.said("its key is not on the list there")
    way.client.close()
    await way.stop(way.server)
    await way.serve("--pool6", "off")
    way.begin()
    await way.client.said("engaged")
    await until(lambda: pings(way.ann.host, "10.44.0.1"), "a ping to the exit itself")
    assert not pings(way.ann.host, way.address)
    assert not pings(way.ann.host, way.address6)
    check = await way.ask("check")
    assert check["passed"] is True, check
    assert {"check": "the way to 2001:db8::1", "ok": True}.items() <= check["rows"][2].items()


async def test_the_plain_form_is_agreed_on_where_an_end_has_no_other(way: Path) -> None:
    """An exit whose devices hand over single packets only is simulated by a client that says so."""
    from plugins.vpn.link import hello
    from plugins.vpn.wire import Hello, Lease

    await way.serve()
    app: App
    async with way.ann.app() as app:
        stream = await app.dial(way.ben.key, 44)
        lease = await hello(stream, Hello(whole=False))
        assert isinstance(lease, Lease)
        assert (lease.whole, lease.uso) == (False, False)
        stream.close()
