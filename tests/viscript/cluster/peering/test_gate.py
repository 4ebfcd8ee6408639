"""The gate: who is let in how far, and how many."""

import asyncio
import logging
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.paired import until
from tests.support.rosters import host
from viscript.cluster.pairing.bymesh import NoMesh
from viscript.cluster.pairing.listener import MOST_UNKNOWN
from viscript.cluster.peering import gate as module
from viscript.cluster.peering.channel import Asking
from viscript.cluster.peering.gate import Gate
from viscript.cluster.peering.terms import Question, Reply, Terms
from viscript.cluster.peering.ways import PLACE
from viscript.daemon.tasks import Tasks
from viscript.errors import VerbError, ViscriptError

OWN, THEM, OTHERS = host(0), host(1), host(2)
TERMS = Terms(label="x", version=1)


class Mesh(NoMesh):
    """Remembers which places are open."""

    def __init__(self) -> None:
        self.visor = b""
        self.open_at: dict[str, str] = {}
        self.fault: ViscriptError | None = None

    async def open(self, name: str, socket: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.open_at[name] = socket

    def shut(self, name: str) -> None:
        del self.open_at[name]


class Door:
    """A gate, and what it was asked."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.path = str(folder / "g.sock")
        self.key: Identity | None = OWN
        self.heard: list[PublicKey] = []
        self.hold: asyncio.Event | None = None
        self.fault: Exception | None = None
        self.mesh = Mesh()
        self.wanted = {THEM.public_key}
        self.gate = Gate(
            tasks.run,
            lambda: self.key,
            self.reply,
            lambda: self.mesh,
            self.path,
            is_wanted=self.wanted.__contains__,
        )

    async def reply(self, key: PublicKey, question: Question) -> Reply:
        self.heard.append(key)
        if self.fault is not None:
            raise self.fault
        if self.hold is not None:
            await self.hold.wait()
        return Reply(terms=TERMS)

    async def connect(self, visor: int = 7) -> socket.socket:
        """As the app does that leads over the mesh: it says first whose visor it is."""
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, self.path)
        sock.send(bytes([visor]) * 32)
        return sock

    async def ask(self, by: int = 1) -> Reply:
        with await self.connect(by) as sock:
            asking = Asking(sock, host(by), OWN.public_key)
            await asking.shake(5)
            return await asking.say(Question(terms=TERMS), 5)


@pytest.fixture
async def door(short_tmp: Path) -> AsyncIterator[Door]:
    async with Tasks() as tasks:
        made = Door(short_tmp, tasks)
        made.mesh.visor = bytes(32)
        await made.gate.follow_mesh()
        yield made
        made.gate.close()


async def test_it_answers_who_proves_a_key(door: Door) -> None:
    assert (await door.ask()).terms == TERMS
    assert door.heard == [THEM.public_key]
    assert stat.S_IMODE(Path(door.path).stat().st_mode) == 0o600
    door.gate.close()
    assert not Path(door.path).exists()


async def test_the_mesh_leads_to_it_while_there_is_one(door: Door) -> None:
    assert door.mesh.open_at == {PLACE: door.path}
    door.mesh.visor = b""
    await door.gate.follow_mesh()
    door.mesh.visor, door.mesh.fault = bytes([1]) * 32, ViscriptError("the app does not answer")
    del door.mesh.open_at[PLACE]
    await door.gate.follow_mesh()
    door.mesh.fault = None
    await door.gate.follow_mesh()
    assert door.mesh.open_at == {PLACE: door.path}
    await door.ask()
    door.gate.close()
    assert door.mesh.open_at == {}


async def test_on_tcp_it_listens_when_it_is_told_to(door: Door) -> None:
    port = door.gate.listen()
    assert door.gate.port == port
    with pytest.raises(VerbError, match="peer clusters at port"):
        door.gate.listen(1024)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.setblocking(False)
        asking = Asking(sock, THEM, OWN.public_key)
        await asking.shake(5)
        assert (await asking.say(Question(terms=TERMS), 5)).terms == TERMS
    door.gate.deaf()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


async def test_strangers_that_say_nothing_are_bounded(door: Door) -> None:
    silent = [await door.connect() for _ in range(MOST_UNKNOWN + 4)]
    assert (await door.ask(2)).terms == TERMS
    for sock in silent:
        sock.close()


async def test_one_cluster_has_a_bound_and_takes_no_others_room(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OF_ONE_MAX", 2)
    door.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(door.ask()) for _ in range(2)]
        await until(lambda: len(door.heard) == 2)
        with pytest.raises(OSError):  # noqa: PT011 (as above)
            await door.ask()
        other = group.create_task(door.ask(2))
        await until(lambda: len(door.heard) == 3)
        door.hold.set()
    assert [task.result().terms for task in (*held, other)] == [TERMS] * 3


async def test_strangers_with_keys_take_no_room_of_clusters_that_we_said_yes_to(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STRANGERS_MAX", 2)
    door.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(door.ask(by)) for by in (2, 3)]
        await until(lambda: len(door.heard) == 2)
        with pytest.raises(OSError):  # noqa: PT011 (as above)
            await door.ask(4)
        peer = group.create_task(door.ask())
        await until(lambda: door.heard[-1] == THEM.public_key)
        door.hold.set()
    assert [task.result().terms for task in (*held, peer)] == [TERMS] * 3


async def test_who_asks_too_often_is_not_answered(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RATE", 0.001)
    monkeypatch.setattr(module, "BURST", 2.0)
    monkeypatch.setattr(module, "KEYS_MAX", 1)
    for _ in range(2):
        await door.ask()
    with pytest.raises(OSError):  # noqa: PT011 (as above)
        await door.ask()
    await door.ask(2)


async def test_a_fault_of_one_conversation_is_no_fault_of_the_gate(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.fault = RuntimeError("a bug")
    with caplog.at_level(logging.ERROR), pytest.raises(OSError):  # noqa: PT011 (as above)
        await door.ask()
    assert "serving another cluster failed" in caplog.text
    door.fault = None
    await door.ask()


async def test_without_the_clusters_key_nobody_is_answered(door: Door) -> None:
    door.key = None
    with pytest.raises(OSError):  # noqa: PT011 (as above)
        await door.ask()
