"""The mesh's directory in a daemon: heard of, asked, told again and again."""

import time
from typing import Any

import pytest

from tests.support.fake_world import FakeWorld
from tests.support.rosters import host
from viscript.cluster.peering.finding import name_of, signed
from viscript.cluster.peering.ways import NoWay
from viscript.daemon.finding import AGAIN_S, DIRECTORY, RENEW_S, Finding
from viscript.errors import ExitCode, VerbError

A = host(1)
VISOR = b"\x01" * 32


class Directory:
    """The app, and the clock of the daemon."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = FakeWorld()
        self.now = 0.0
        self.asked: list[tuple[int, str, Any]] = []
        self.answer: object = []
        self.fault: VerbError | None = None
        monkeypatch.setattr(self.world.supervisor, "call", self.call)
        self.finding = Finding(self.world, self.world.events, clock=lambda: self.now)  # type: ignore[arg-type]  # enough

    async def call(self, seq: int, method: str, params: Any, timeout: float) -> object:
        self.asked.append((seq, method, params))
        if self.fault is not None:
            raise self.fault
        return self.answer

    def tell(self, type: str, seq: int, kind: str = DIRECTORY) -> None:
        self.world.events.tell(type, f"app/{seq}", now=1.0, seq=seq, name="d", type=kind, address="x")


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Directory:
    return Directory(monkeypatch)


async def test_a_cluster_is_looked_up_by_its_key(directory: Directory) -> None:
    directory.tell("service.offered", 7)
    info = signed(A, VISOR, time.time())
    directory.answer = [{"public_key": VISOR.hex(), "info": info}]
    assert await directory.finding.find(A.public_key) == [VISOR]
    assert directory.asked == [(7, "lookup", {"name": name_of(A.public_key)})]


async def test_without_the_app_or_its_answer_it_is_said(directory: Directory) -> None:
    with pytest.raises(NoWay, match="no visor"):
        await directory.finding.find(A.public_key)
    directory.tell("service.offered", 7)
    directory.fault = VerbError(ExitCode.FAILED, "no node manager is known")
    with pytest.raises(NoWay, match="no node manager is known"):
        await directory.finding.find(A.public_key)
    directory.tell("service.withdrawn", 7)
    with pytest.raises(NoWay, match="no visor"):
        await directory.finding.find(A.public_key)


async def test_it_is_published_once_and_renewed(directory: Directory) -> None:
    finding = directory.finding
    await finding.publish(A, VISOR)
    assert directory.asked == []
    directory.tell("service.offered", 7)
    directory.tell("service.offered", 9, "socks")
    await finding.publish(A, b"")
    for _ in range(3):
        await finding.publish(A, VISOR)
    ((seq, method, params),) = directory.asked
    assert (seq, method, params["name"]) == (7, "publish", name_of(A.public_key))
    assert set(params["info"]) == {"expires", "proof"}
    directory.now = RENEW_S
    await finding.publish(A, VISOR)
    assert len(directory.asked) == 2
    await finding.publish(A, b"\x02" * 32)
    directory.tell("service.offered", 8)
    await finding.publish(A, b"\x02" * 32)
    assert [seq for seq, *_ in directory.asked] == [7, 7, 7, 8]


async def test_what_was_not_taken_is_said_again_soon(directory: Directory) -> None:
    directory.tell("service.offered", 7)
    directory.fault = VerbError(ExitCode.FAILED, "away")
    for now in (0.0, AGAIN_S - 1, AGAIN_S):
        directory.now = now
        await directory.finding.publish(A, VISOR)
    assert len(directory.asked) == 2


async def test_after_its_end_it_hears_nothing(directory: Directory) -> None:
    directory.finding.close()
    directory.tell("service.offered", 7)
    with pytest.raises(NoWay):
        await directory.finding.find(A.public_key)
