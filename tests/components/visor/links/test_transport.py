import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from components.mesh.doors import bind
from components.mesh.entry import NodeEntry
from components.mesh.session import Visitor
from components.mesh.transport import TransportType, transport_id
from components.visor.links import dialling
from components.visor.links import transport as module
from components.visor.links.api import Row
from components.visor.links.dialling import Dialled
from components.visor.links.life import State
from components.visor.links.limits import EASED_S, FRESH_S, RETIRE_S, SETTLED_S, SILENT_S
from components.visor.links.store import Kept, Store
from components.visor.plane.limits import PING_S
from components.visor.plane.link import Link
from signal_bus.ids import PublicKey
from signal_bus.testing import until
from tests.support.links import Book, Node, SteppedLoop, identities, node, silent_listener
from tests.support.network import Host, Network

ROOT = Path(__file__).resolve().parents[4]
ONE, TWO, THREE = islice(identities(), 3)
ASKED_AND_ANSWERED = 30  # bytes each way, when both ends of a new link have measured it
ID = transport_id(ONE.public_key, TWO.public_key, TransportType.STCPR)


class Peer:
    """TWO in a process of its own."""

    def __init__(self, folder: Path, host: Host | None = None, address: str = "127.0.0.1:0") -> None:
        ip, _, port = address.rpartition(":")
        argv = [sys.executable, "-m", "tests.support.link_node", "1", ip, port, str(folder)]
        self._process = subprocess.Popen(
            host.inside(*argv) if host else argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def peer(folder: Path, host: Host | None = None, address: str = "127.0.0.1:0") -> Iterator[Peer]:
    made = Peer(folder, host, address)
    try:
        yield made
    finally:
        made.kill()


def row(of: Node) -> Row:
    (only,) = of.links.rows()
    return only


def link(of: Node) -> Link:
    found = of.links.by_id(ID)
    assert found is not None
    return found


async def pass_until(loop: SteppedLoop, probe: Callable[[], object], seconds: int) -> None:
    """Let seconds pass one by one, and what each brings be done, until `probe`."""
    async with asyncio.timeout(30):
        for _ in range(seconds):
            if probe():
                return
            loop.pass_(1.0)
            for _ in range(20):
                await asyncio.sleep(0.0005)
    raise AssertionError(f"not within {seconds} s of stepped time")


async def test_a_peer_killed_and_started_again_is_linked_again(tmp_path: Path) -> None:
    async with node(ONE) as one:
        with peer(tmp_path) as first:
            await one.links.add(TWO.public_key, first.address)
            await until(lambda: one.up)
            first.signal(signal.SIGKILL)
            await until(lambda: not one.up)
            assert row(one).reason
        with peer(tmp_path, address=first.address):
            await until(lambda: one.up)


async def test_bytes_written_before_a_kill_are_there_after_it(tmp_path: Path) -> None:
    async with node(ONE) as one:
        with peer(tmp_path) as two:
            await one.links.add(TWO.public_key, two.address)
            await until(lambda: one.up)
            async with Store(tmp_path) as reader:
                async with asyncio.timeout(20):
                    while not (rows := await reader.moved()) or min(rows[0][2:]) < ASKED_AND_ANSWERED:
                        await asyncio.sleep(0.01)
            two.signal(signal.SIGKILL)
        async with Store(tmp_path) as store:
            assert await store.moved() == rows
        assert (rows[0].id, rows[0].received_bytes) == (ID, ASKED_AND_ANSWERED)


async def test_a_frozen_peer_is_noticed_and_linked_again_once_it_thaws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = SteppedLoop()
    with peer(tmp_path) as two:
        async with node(ONE, loop=loop) as one:
            await one.links.add(TWO.public_key, two.address)
            await until(lambda: one.up)
            monkeypatch.setattr(dialling, "HANDSHAKE_S", 0.05)
            two.signal(signal.SIGSTOP)
            await pass_until(loop, lambda: not one.up, 60)
            assert one.told[-1].reason.startswith("no answer for")
            await pass_until(loop, lambda: "no answer to the handshake" in row(one).reason, 60)
            monkeypatch.setattr(dialling, "HANDSHAKE_S", 5.0)
            two.signal(signal.SIGCONT)
            await pass_until(loop, lambda: one.up, 120)


async def test_a_live_peer_stays_linked_for_minutes() -> None:
    loop = SteppedLoop()
    async with node(TWO) as two, node(ONE, loop=loop) as one:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: one.up)
        before = link(one)
        with pytest.raises(AssertionError, match="not within"):
            await pass_until(loop, lambda: not one.up, 120)
        assert link(one) is before
        assert row(one).rtt_seconds is not None


async def test_a_cable_that_is_cut_and_mended_costs_the_link_and_brings_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = SteppedLoop()
    with Network() as network:
        here, there = network.host("here"), network.host("there")
        cable = network.cable(here, there)
        with peer(tmp_path, there, f"{cable.address(there)}:7777") as two, here.entered():
            async with node(ONE, loop=loop) as one:
                await one.links.add(TWO.public_key, two.address)
                await until(lambda: one.up)
                monkeypatch.setattr(dialling, "HANDSHAKE_S", 0.2)
                cable.cut()
                await pass_until(loop, lambda: not one.up, 60)
                monkeypatch.setattr(dialling, "HANDSHAKE_S", 5.0)
                cable.mend()
                # The peer has not noticed: it holds the old link still, which the new one names as ended.
                await pass_until(loop, lambda: one.up, 120)


async def test_a_short_absence_costs_the_link_only_once_the_network_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = SteppedLoop()
    with Network() as network:
        here, there = network.host("here"), network.host("there")
        cable = network.cable(here, there)
        with peer(tmp_path, there, f"{cable.address(there)}:7777") as two, here.entered():
            async with node(ONE, loop=loop) as one:
                await one.links.add(TWO.public_key, two.address)
                await until(lambda: one.up)
                before = link(one)
                monkeypatch.setattr(dialling, "HANDSHAKE_S", 0.2)
                cable.cut()
                with pytest.raises(AssertionError, match="not within"):
                    await pass_until(loop, lambda: link(one) is not before, int(PING_S + SILENT_S) + 5)
                monkeypatch.setattr(dialling, "HANDSHAKE_S", 5.0)
                cable.mend()
                one.links.hurry()
                await until(lambda: link(one) is not before)
                assert all(change.link is not None for change in one.told)  # there was one all the time
                await pass_until(loop, lambda: before.closed, 60)


async def test_the_old_link_stays_until_the_new_one_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    real, go_on = dialling.dial, asyncio.Event()

    async def slow(*args: Any) -> Dialled:
        dialled = await real(*args)
        await go_on.wait()  # the peer has accepted: it holds the new link already
        return dialled

    async with node(ONE) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: one.up and two.up)
        before, theirs = link(one), link(two)
        monkeypatch.setattr(module, "dial", slow)
        monkeypatch.setattr(module.Transport, "_silent", lambda transport, retries: True)
        one.links.hurry()
        await until(lambda: link(two) is not theirs)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not before.closed
        assert not theirs.closed
        go_on.set()
        await until(lambda: link(one) is not before)
        await until(lambda: before.closed and theirs.closed)
        assert all(change.link is not None for change in (*one.told, *two.told))


async def test_links_that_are_named_as_lost_one_after_the_other_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Link, "when_proved", lambda link, proved: None)  # the neighbour says no word
    async with node(ONE) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: one.up and two.up)
        for _ in range(5):
            before = link(two)
            monkeypatch.setattr(module.Transport, "_silent", lambda transport, retries: True)
            one.links.hurry()
            await until(lambda before=before: link(two) is not before)  # type: ignore[misc]
            await until(lambda: row(one).up)
            monkeypatch.setattr(module.Transport, "_silent", lambda transport, retries: False)
            assert len(two.router.links) <= 3
        link(two).close("a test")
        await until(lambda: len(two.router.links) <= 1)


async def test_of_many_short_links_none_is_waited_for_long() -> None:
    loop = SteppedLoop()
    async with node(ONE, loop=loop) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        for _ in range(12):
            await until(lambda: one.up)
            link(one).close("a flicker")
            loop.pass_(EASED_S)
            await until(lambda: one.up)


async def test_minutes_offline_are_dialled_at_most_each_half_minute() -> None:
    loop = SteppedLoop()
    looked_up = 0

    class Counting(Book):
        async def entry(self, peer: PublicKey) -> NodeEntry | None:
            nonlocal looked_up
            looked_up += 1
            return await super().entry(peer)

    book = Counting({TWO.public_key: ("127.0.0.1:1",)})
    async with node(ONE, loop=loop, directory=book) as one:
        await one.links.add(TWO.public_key)
        with pytest.raises(AssertionError, match="not within"):
            await pass_until(loop, lambda: one.up, 240)
        assert 14 <= looked_up <= 22
        async with node(TWO) as two:
            book.addresses[TWO.public_key] = (two.address,)
            await pass_until(loop, lambda: one.up, 32)


async def test_after_a_link_that_lasted_the_first_delay_comes_again() -> None:
    loop = SteppedLoop()
    async with node(ONE, loop=loop) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, "127.0.0.1:1")
        await pass_until(loop, lambda: loop.time() > 1100, 200)
        await one.links.add(TWO.public_key, two.address)  # asked again: dialled at once
        await until(lambda: one.up)
        loop.pass_(SETTLED_S)
        link(one).close("a test")
        loop.pass_(0.11)
        await until(lambda: one.up)


async def test_who_asked_and_whom_the_peer_linked_meanwhile_has_it_up() -> None:
    with silent_listener() as silent:
        async with node(ONE) as one, node(TWO) as two:
            await one.links.add(TWO.public_key, silent)
            await two.links.add(ONE.public_key, one.address)
            await until(lambda: one.up and two.up)
            await one.links.remove(ID)
            await until(lambda: not two.up)
            await until(lambda: one.up)  # as a guest: the peer still wants it
            assert row(one).label == "automatic"


async def test_a_second_link_bridges_for_a_while_and_is_retired(monkeypatch: pytest.MonkeyPatch) -> None:
    smaller, larger = sorted((ONE, TWO), key=lambda each: int.from_bytes(each.public_key, "big"))
    loop = SteppedLoop()
    async with node(larger, loop=loop) as large, node(smaller) as first:
        await first.links.add(large.key, large.address)
        await until(lambda: large.up)
        # The smaller one is started anew and has forgotten its link; the old process still runs.
        async with node(smaller) as second:
            await second.links.add(large.key, large.address)
            await until(lambda: len(large.router.links) == 2)
            assert large.up == 1
            newest = large.links.by_id(ID)
            assert newest is not None
            assert newest.number == max(large.router.links)
            loop.pass_(RETIRE_S)
            assert list(large.router.links) == [newest.number]
            assert [each.link for each in large.told[-1:]] == [newest]
            await first.links.remove(ID)


async def test_who_holds_a_ghost_gives_it_up_for_the_peer_that_lost_it() -> None:
    smaller, larger = sorted((ONE, TWO), key=lambda each: int.from_bytes(each.public_key, "big"))
    async with node(smaller) as small, node(larger) as first:
        await first.links.add(small.key, small.address)
        await until(lambda: small.up)
        ghost = link(small)
        async with node(larger) as second:
            await second.links.add(small.key, small.address)
            await until(lambda: second.up)
            await until(lambda: ghost.closed)
            assert link(small) is not ghost
            await first.links.remove(ID)


async def test_a_link_that_ends_as_it_begins_is_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Link.start
    faults = [b"no record at all" * 8]

    def start(self: Link, leftover: bytes = b"") -> None:
        real(self, faults.pop() if faults else leftover)

    monkeypatch.setattr(Link, "start", start)
    async with node(ONE, port=None) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: not faults)
        await until(lambda: one.up and two.up)


class Broken(Book):
    """A directory with a bug."""

    async def entry(self, peer: PublicKey) -> NodeEntry | None:
        raise ZeroDivisionError("in the directory")


async def test_a_directory_with_a_bug_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async with node(ONE, directory=Broken({})) as one:
        await one.links.add(TWO.public_key)
        await until(lambda: row(one).reason == "ZeroDivisionError: in the directory")
    assert "a dial failed" in caplog.text


async def test_all_addresses_together_have_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIAL_S", 0.02)
    with silent_listener() as silent:
        async with node(ONE, directory=Book({TWO.public_key: (silent, silent)})) as one:
            await one.links.add(TWO.public_key)
            await until(lambda: row(one).reason == "no place answered within 0.02 s")


async def test_a_kept_transport_without_its_way_says_so(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        id = transport_id(ONE.public_key, TWO.public_key, TransportType.DMSG)
        await store.keep(Kept(id, TWO.public_key, TransportType.DMSG, None))
    async with node(ONE, folder=tmp_path) as one:
        await until(lambda: row(one).reason == "no way of type dmsg is configured")


async def test_a_visitor_of_a_removed_transport_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Visitor.accept

    async def accept(self: Visitor, body: object = None) -> object:
        session = await real(self, body)  # type: ignore[arg-type]  # what it was called with
        for id in [each.id for each in one.links._transports.values()]:
            one.links._transports[id].state = State.ENDED
        return session

    async with node(ONE) as one, node(TWO) as two:
        monkeypatch.setattr(Visitor, "accept", accept)
        await two.links.add(ONE.public_key, one.address)
        await until(lambda: "hung up" in row(two).reason)
        assert not one.router.links
        monkeypatch.undo()
        one.links._transports.clear()
        await until(lambda: two.up and one.up)


async def test_when_the_network_comes_back_the_next_dial_is_now() -> None:
    async with node(ONE, loop=SteppedLoop()) as one:  # its time stands: no timer is ever due
        with bind("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
        await one.links.add(TWO.public_key, f"127.0.0.1:{port}")
        (transport,) = one.links._transports.values()
        await until(lambda: transport.state is State.WAITING)
        async with node(TWO, port=port) as two:
            one.links.hurry()
            await until(lambda: two.up and one.up)
            one.links.hurry()  # who is up stays as it is
            assert one.up == two.up == 1


async def test_a_dial_into_the_dark_is_begun_anew_when_the_network_comes_back() -> None:
    loop = SteppedLoop()
    with silent_listener() as address:
        async with node(ONE, loop=loop) as one:
            await one.links.add(TWO.public_key, address)
            (transport,) = one.links._transports.values()
            await until(lambda: transport.state is State.DIALLING)
            first = transport._task
            assert first is not None
            one.links.hurry()
            assert transport._task is first  # it has only just begun
            loop.pass_(FRESH_S)
            one.links.hurry()
            assert transport._task is not first
            await until(first.cancelled)
            assert transport.state is State.DIALLING


async def test_a_link_that_tcp_cannot_get_anything_over_is_replaced_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with node(ONE, loop=SteppedLoop()) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: one.up)
        before = link(one)
        one.links.hurry()
        assert link(one) is before  # it is well
        monkeypatch.setattr(Link, "retries", 1)
        one.links.hurry()
        await until(lambda: link(one) is not before)
        monkeypatch.undo()
        await until(lambda: before.closed)
        assert one.up == two.up == 1
