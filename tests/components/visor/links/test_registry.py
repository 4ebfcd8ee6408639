import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from components.mesh.transport import SignedEntry, TransportType, entry_of, sign, signed
from components.visor.links import registry as module
from components.visor.links.registry import Announcer
from signal_bus.testing import until
from tests.support.mesh import ALICE, BOB, CAROL


def both_signed(type: TransportType = TransportType.STCPR, other: object = BOB) -> SignedEntry:
    assert other in (BOB, CAROL)
    peer = BOB if other is BOB else CAROL
    entry = entry_of(ALICE.public_key, peer.public_key, type)
    return signed(entry, {each.public_key: sign(entry, each) for each in (ALICE, peer)})


ENTRY = both_signed()
ID = uuid.UUID(ENTRY.entry.t_id)


class Noting:
    """A registrar that fails as often as it is told."""

    def __init__(self, faults: int = 0, *, silent: bool = False) -> None:
        self.said: list[tuple[str, object]] = []
        self.faults = faults
        self.silent = silent
        self.rtt_us = 0

    def ended_with(self, word: tuple[str, object]) -> bool:
        return self.said[-1:] == [word]

    async def register(self, entry: SignedEntry) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.faults:
            self.faults -= 1
            raise ZeroDivisionError
        self.said.append(("register", uuid.UUID(entry.entry.t_id)))

    async def status(self, id: uuid.UUID, up: bool, rtt_us: int = 0) -> None:
        self.said.append(("status", (id, up)))
        self.rtt_us = rtt_us


@asynccontextmanager
async def announcing(registrar: Noting) -> AsyncIterator[Announcer]:
    announcer = Announcer(registrar, lambda: 1.0)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(announcer.run())
        yield announcer
        running.cancel()


async def test_what_is_up_is_registered_and_what_is_down_is_said() -> None:
    registrar = Noting()
    async with announcing(registrar) as announcer:
        for up in (True, False, True):
            announcer.note(ID, ENTRY, up=up)
            await until(partial(registrar.ended_with, ("status", (ID, up))))
    assert [word for word, _ in registrar.said] == ["register", "status", "status", "register", "status"]


async def test_the_round_trip_is_said_with_the_status() -> None:
    registrar = Noting()
    async with announcing(registrar) as announcer:
        announcer.note(ID, ENTRY, up=True, rtt_us=70)
        await until(lambda: registrar.rtt_us == 70)


async def test_only_the_latest_word_on_a_transport_is_said() -> None:
    registrar = Noting()
    async with announcing(registrar) as announcer:
        for up in (True, False, True, False):
            announcer.note(ID, ENTRY, up=up)
        await until(lambda: registrar.said)
    assert registrar.said == [("status", (ID, False))]


async def test_a_fault_is_tried_again_and_others_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.001)
    other = both_signed(other=CAROL)
    registrar = Noting(faults=1)
    async with announcing(registrar) as announcer:
        announcer.note(ID, ENTRY, up=True)
        announcer.note(uuid.UUID(other.entry.t_id), other, up=True)
        await until(lambda: len(registrar.said) == 4)
    assert registrar.said[0] == ("register", uuid.UUID(other.entry.t_id))


async def test_a_service_that_never_answers_is_left_after_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REGISTRAR_S", 0.001)
    registrar = Noting(silent=True)
    async with announcing(registrar) as announcer:
        announcer.note(ID, ENTRY, up=True)
        await asyncio.sleep(0)
        registrar.silent = False
        await until(lambda: registrar.said)


async def test_what_waits_is_bounded_and_the_oldest_goes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "NOTED_MOST", 1)
    other = both_signed(other=CAROL)
    registrar = Noting()
    announcer = Announcer(registrar, lambda: 1.0)
    announcer.note(ID, ENTRY, up=True)
    announcer.note(uuid.UUID(other.entry.t_id), other, up=True)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(announcer.run())
        await until(lambda: len(registrar.said) == 2)
        running.cancel()
    assert f"not registered id={ID}" in caplog.text
    assert registrar.said[0] == ("register", uuid.UUID(other.entry.t_id))
