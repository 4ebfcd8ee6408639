"""The gate: who is let in how far, and how many."""

import asyncio
import logging
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.ids import PublicKey
from tests.support.paired import until
from tests.support.rosters import host
from viscript.cluster.peering import gate as module
from viscript.cluster.peering.channel import Asking
from viscript.cluster.peering.gate import Gate
from viscript.cluster.peering.terms import Question, Reply, Terms
from viscript.daemon.tasks import Tasks
from viscript.errors import VerbError

OWN, THEM, OTHERS = host(0), host(1), host(2)
TERMS = Terms(label="x", version=1)


class Door:
    """A gate, and what it was asked."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.path = str(folder / "g.sock")
        self.key = OWN
        self.heard: list[PublicKey] = []
        self.hold: asyncio.Event | None = None
        self.fault: Exception | None = None
        self.gate = Gate(tasks.run, lambda: self.key, self.reply)

    async def reply(self, key: PublicKey, question: Question) -> Reply:
        self.heard.append(key)
        if self.fault is not None:
            raise self.fault
        if self.hold is not None:
            await self.hold.wait()
        return Reply(terms=TERMS)

    async def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, self.path)
        return sock

    async def ask(self, by: int = 1) -> Reply:
        with await self.connect() as sock:
            asking = Asking(sock, host(by), OWN.public_key)
            await asking.shake(5)
            return await asking.say(Question(terms=TERMS), 5)


@pytest.fixture
async def door(short_tmp: Path) -> AsyncIterator[Door]:
    async with Tasks() as tasks:
        made = Door(short_tmp, tasks)
        made.gate.open(made.path)
        yield made
        made.gate.close()


async def test_it_answers_who_proves_a_key(door: Door) -> None:
    assert (await door.ask()).terms == TERMS
    assert door.heard == [THEM.public_key]
    assert stat.S_IMODE(Path(door.path).stat().st_mode) == 0o600
    door.gate.close()
    assert not Path(door.path).exists()
    door.gate.open(door.path)
    door.gate.open(door.path)
    assert (await door.ask()).terms == TERMS


async def test_a_socket_that_a_dead_daemon_left_is_replaced(short_tmp: Path, door: Door) -> None:
    door.gate.close()
    Path(door.path).touch()
    door.gate.open(door.path)
    await door.ask()


async def test_on_tcp_it_listens_when_it_is_told_to(door: Door) -> None:
    assert door.gate.port is None
    port = door.gate.listen()
    assert door.gate.port == port
    with pytest.raises(VerbError, match="peer clusters at port"):
        door.gate.listen(port + 1 if port < 65535 else 1024)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.setblocking(False)
        asking = Asking(sock, THEM, OWN.public_key)
        await asking.shake(5)
        assert (await asking.say(Question(terms=TERMS), 5)).terms == TERMS
    door.gate.deaf()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


async def test_strangers_that_say_nothing_are_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNPROVED_MAX", 2)
    silent = [await door.connect() for _ in range(2)]
    await until(lambda: door.gate._unproved == 2)
    with pytest.raises(OSError):  # noqa: PT011 (a reset or a broken pipe)
        await door.ask()
    for sock in silent:
        sock.close()
    await until(lambda: door.gate._unproved == 0)
    await door.ask()


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
    door.key = None  # type: ignore[assignment]  # as on a host that has left
    with pytest.raises(OSError):  # noqa: PT011 (as above)
        await door.ask()


async def test_when_the_system_has_no_descriptor_left_it_tries_again(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    real, faults = loop.sock_accept, [OSError(24, "Too many open files")]

    async def accept(sock: socket.socket) -> object:
        if faults:
            raise faults.pop()
        return await real(sock)

    monkeypatch.setattr(loop, "sock_accept", accept)
    door.gate.close()
    door.gate.open(door.path)
    await door.ask()
    assert "cannot accept another cluster" in caplog.text


async def test_a_path_that_cannot_be_bound_is_said(short_tmp: Path) -> None:
    async with Tasks() as tasks:
        with pytest.raises(OSError, match="No such file"):
            Door(short_tmp / "nowhere", tasks).gate.open(str(short_tmp / "nowhere" / "g.sock"))
