"""With the kill switch on nothing leaves past the tunnel, whoever is killed; and it is undone exactly."""

import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path as Folder

import pytest

from tests.support.mesh_hosts import Visor, until
from tests.support.vpn import Capture, Path, looks, path, pings

FAR = ("192.0.2.1", "2001:db8::1")
CHATTER = """
import socket, time
places = [{places}]
while True:
    for host, port in places:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as sock:
                sock.setblocking(False)
                try:
                    sock.connect((host, port))
                    sock.send(b"chatter")
                except OSError:
                    pass
    time.sleep(0.005)
"""


@pytest.fixture
async def way(short_tmp: Folder) -> AsyncIterator[Path]:
    async with path(short_tmp) as made:
        yield made


@contextmanager
def chattering(way: Path) -> Iterator[Capture]:
    """A program at Ann that always sends somewhere, while all that leaves is looked at."""
    places = [(host, port) for host in (way.address, way.address6, *FAR, "10.1.0.2") for port in (9, 53)]
    code = CHATTER.format(places=", ".join(map(str, places)))
    process = subprocess.Popen(way.ann.host.inside("python3", "-c", code))
    try:
        with Capture(way.ann.host) as capture:
            yield capture
    finally:
        process.kill()
        process.wait()


def leaked(way: Path, capture: Capture) -> object:
    return capture.sent_to(way.address, way.address6, *FAR)


async def again(visor: Visor) -> None:
    """A visor that was killed is started again."""
    visor.begin()
    await visor.ready()


async def test_it_holds_while_visors_exit_and_client_are_killed_one_by_one(way: Path) -> None:
    way.ann.host.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")  # as many distributions have it
    before = looks(way.ann.host)
    await way.serve()
    way.begin("--kill-switch")
    await way.client.said("ready")
    with chattering(way) as capture:
        await way.client.said("engaged")
        await way.reaches()
        check = await way.ask("check")
        assert check["passed"] is True, check
        assert (await way.ask("status"))["state"] == "up"
        for visor in (way.ann, way.ben):
            visor.signal(signal.SIGKILL)
            await visor.ended()
            await way.state("path dead", "path dead, kill switch holds")
            await again(visor)
            await way.world.linked(way.ann, way.ben)
            await way.reaches()
            await way.world.path(way.ann, way.ben)  # the node manager is reached, outside
        way.server.signal(signal.SIGKILL)
        await way.server.ended()
        await way.state("path dead", "path dead, kill switch holds")
        await way.serve()
        await way.reaches()
        way.client.signal(signal.SIGKILL)
        await way.client.ended()
        assert not pings(way.ann.host, way.address)
        assert "viscript_vpn_kill" in way.ann.host.run("nft", "list", "tables")
        way.begin("--kill-switch")
        await way.reaches()
        await way.state("up")  # it was confirmed before
        await way.stop(way.client)
        assert not pings(way.ann.host, way.address)
        assert not pings(way.ann.host, "10.1.0.2")
    assert leaked(way, capture) == []
    assert "changes back" in way.restore()
    assert looks(way.ann.host) == before
    assert way.restore() == ""


async def test_what_a_killed_client_left_is_taken_back_by_the_next_start_or_the_restorer(way: Path) -> None:
    before = looks(way.ann.host)
    await way.serve()
    for _ in range(2):
        await way.up()
        way.client.signal(signal.SIGKILL)
        await way.client.ended()
        assert looks(way.ann.host) != before
    await way.up("--kill-switch")
    way.client.signal(signal.SIGKILL)
    await way.client.ended()
    way.begin()  # without the kill switch: another wish
    await way.client.said("engaged")
    assert "viscript_vpn_kill" not in way.ann.host.run("nft", "list", "tables")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        way.restore()
    assert "another vpn-client runs on this host already" in caught.value.stderr
    way.client.signal(signal.SIGKILL)
    await way.client.ended()
    assert "changes back" in way.restore()
    assert looks(way.ann.host) == before


async def test_what_a_killed_exit_left_is_taken_back_too(way: Path) -> None:
    before = looks(way.ben.host)
    for _ in range(2):
        await way.serve()
        assert looks(way.ben.host) != before
        way.server.signal(signal.SIGKILL)
        await way.server.ended()
    assert "changes back" in way.restore("ben")
    assert looks(way.ben.host) == before


async def test_unconfirmed_it_is_taken_back_when_the_path_dies(way: Path) -> None:
    before = looks(way.ann.host)
    await way.serve()
    await way.up("--kill-switch")
    way.server.signal(signal.SIGSTOP)
    await way.state("path dead, not confirmed")
    assert looks(way.ann.host) != before
    await way.state("given up")
    assert looks(way.ann.host) == before
    way.server.signal(signal.SIGCONT)
    assert (await way.ask("status"))["state"] == "given up"


async def test_without_it_a_confirmed_tunnel_is_taken_back_and_returns(way: Path) -> None:
    before = looks(way.ann.host)
    await way.serve()
    await way.up()
    assert (await way.ask("confirm"))["state"] == "up"
    way.server.signal(signal.SIGSTOP)
    await way.state("path dead")
    assert not pings(way.ann.host, way.address)
    await way.state("taken back, dialling")
    assert looks(way.ann.host) == before
    way.server.signal(signal.SIGCONT)
    await way.state("up")
    await way.reaches()


async def test_confirmed_it_holds_for_as_long_as_the_path_is_dead(way: Path) -> None:
    await way.serve()
    await way.up("--kill-switch")
    await way.ask("confirm")
    with chattering(way) as capture:
        await way.stop(way.server)
        await way.state("path dead, kill switch holds")
    assert leaked(way, capture) == []
    assert not pings(way.ann.host, way.address)


async def test_a_leak_is_found_and_does_not_confirm(way: Path) -> None:
    await way.serve()
    await way.up()
    way.ann.host.ip("route", "add", "192.0.2.1", "via", "10.1.0.2")  # somebody leads it past the tunnel
    check = await way.ask("check")
    wrong = [row for row in check["rows"] if not row["ok"]]
    assert [row["check"] for row in wrong] == ["the way to 192.0.2.1", "probes outside the tunnel"]
    assert "leaks: " in wrong[1]["text"]
    assert (await way.ask("status"))["state"] == "up, not confirmed"


async def test_addresses_that_are_to_stay_outside_do(way: Path) -> None:
    await way.serve()
    await way.up("--kill-switch", "--direct", "10.1.0.2/32")
    with chattering(way) as capture:
        await until(lambda: capture.sent_to("10.1.0.2"), "a packet to the direct address")
    assert leaked(way, capture) == [seen for seen in capture.seen if seen[1] == "10.1.0.2" and seen[3] == 53]
