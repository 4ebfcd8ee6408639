"""What two ends count agrees, whatever is killed between, and a forged receipt is found."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from components.visor.app import App, AppError, Stream
from tests.support.mesh_hosts import Visor, World, eventually, mesh_hosts

PORT = 7
PIECE = bytes(256 * 1024)
MIB = 1 << 20
UNTOLD = 4 * MIB  # what a killed receiver had and had not acknowledged: nobody knows of it


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[World]:
    async with mesh_hosts(short_tmp) as made:
        yield made


async def drank(stream: Stream) -> int:
    """What came until it ended, in order or not."""
    count = 0
    try:
        while data := await stream.read(1 << 16):
            count += len(data)
    except AppError:
        return count
    return count


async def poured(stream: Stream, size: int) -> None:
    """So much, or until it breaks."""
    try:
        for _ in range(size // len(PIECE)):
            stream.write(PIECE)
            await stream.drain()
        stream.write_eof()
    except (AppError, OSError):
        return


async def carry(one: Visor, other: Visor, size: int, *, kill: Visor | None = None) -> int:
    """Bytes over one stream; with `kill`, that visor is killed when some of them came, and begun again."""
    async with one.app() as near, other.app() as far, far.listen(PORT) as incoming:
        here = await dialled(near, other)
        async with here, await incoming.accept() as there, asyncio.TaskGroup() as tasks:
            counted = tasks.create_task(drank(there))
            tasks.create_task(poured(here, size))
            if kill is not None:
                await eventually(lambda: moved(other, size // 4), "bytes on their way")
                kill.signal(signal.SIGKILL)
                await kill.ended()
                kill.begin()
                await kill.ready()
            if kill is one:  # nobody will speak for its stream any more
                await there.abort()
    return counted.result()


async def dialled(near: App, other: Visor) -> Stream:
    """A stream, once there is a way."""
    made: list[Stream] = []

    async def one() -> bool:
        made.append(await near.dial(other.key, PORT))
        return True

    await eventually(one, f"a dial to {other.name}")
    return made[0]


async def moved(visor: Visor, size: int) -> bool:
    return any(row["received_bytes"] >= size for row in await visor.call("connections"))


async def verified(one: Visor, other: Visor) -> tuple[dict[str, Any], dict[str, Any]]:
    """What both ends say about the line from one to the other, once both signed for all of it."""
    found: list[dict[str, Any]] = []

    async def same() -> bool:
        (here,) = [row for row in await one.call("meter_verify") if row["peer"] == other.pk]
        (there,) = [row for row in await other.call("meter_verify") if row["peer"] == one.pk]
        found[:] = [here, there]
        assert (here["receipt"], there["receipt"]) == ("signed", "signed"), found
        return bool(here["sent_bytes"] == there["received_bytes"])

    await eventually(same, "figures that agree")
    return found[0], found[1]


@pytest.mark.timeout(300)
async def test_sums_agree_over_kills_of_either_end(world: World) -> None:
    ann, ben = await world.visors("ann", "ben")
    await world.link(ann, ben)
    came = await carry(ann, ben, 16 * MIB)
    assert came == 16 * MIB
    for kills, killed in enumerate((ben, ann, ben), 1):
        came += await carry(ann, ben, 64 * MIB, kill=killed)
        await world.linked(ann, ben)
        came += await carry(ann, ben, MIB)
        here, there = await verified(ann, ben)
        assert here["sent_bytes"] == there["received_bytes"] == here["signed_sent_bytes"]
        assert here["sent_bytes"] >= came - kills * UNTOLD
    for visor in (ann, ben):
        rows = await visor.call("meter")
        print(visor.name, [(row["sent_bytes"], row["received_bytes"], row["restored_bytes"]) for row in rows])


@pytest.mark.timeout(300)
async def test_sums_agree_over_a_relay_and_a_change_of_route(world: World) -> None:
    ann, ben, dan = await world.visors("ann", "ben", "dan")
    await world.relay(ann, dan)
    assert await carry(ann, dan, 8 * MIB) == 8 * MIB
    await world.link(ann, ben)
    await world.link(ben, dan)
    await world.path(ann, ben, dan)
    async with ann.app() as near, dan.app() as far, far.listen(PORT) as incoming:
        here = await near.dial(dan.key, PORT)
        async with here, await incoming.accept() as there, asyncio.TaskGroup() as tasks:
            counted = tasks.create_task(drank(there))
            tasks.create_task(poured(here, 64 * MIB))
            await eventually(lambda: moved(dan, 8 * MIB), "bytes on their way")
            (relayed,) = [row for row in await ann.call("transports") if row["public_key"] == dan.pk]
            await ann.call("remove_transport", transport=relayed["id"])
    assert counted.result() == 64 * MIB
    here_row, there_row = await verified(ann, dan)
    assert here_row["sent_bytes"] == there_row["received_bytes"] == 72 * MIB


async def test_a_forged_receipt_is_found_and_named(world: World) -> None:
    ann, ben = await world.visors("ann", "ben")
    await world.link(ann, ben)
    await carry(ann, ben, MIB)
    await verified(ann, ben)
    file = sqlite3.connect(ann.home / "meter.db")
    with file:
        (signature,) = file.execute("SELECT by_dialled FROM receipts").fetchone()
        file.execute("UPDATE receipts SET by_dialled = ?", (signature[:-1] + bytes((signature[-1] ^ 1,)),))
    file.close()
    (row,) = await ann.call("meter_verify")
    assert row["receipt"] == "forged"
    assert row["text"] == f"the signature of {ben.pk} does not fit the receipt"
    (row,) = await ben.call("meter_verify")
    assert row["receipt"] == "signed"
