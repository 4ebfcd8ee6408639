import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.errors import MeshError
from components.mesh.ports import AppPort
from components.mesh.writer import StoreError
from components.visor.app import Stream
from components.visor.groups.path import Policy
from components.visor.meter.check import Standing
from components.visor.meter.limits import FROM_A_PEER
from components.visor.meter.meter import HEARD_MOST, Meter
from components.visor.meter.receipt import Kind, Message, Receipt, day_of, encode
from components.visor.meter.store import FILE, Kept, Store
from components.visor.meter.sums import Line
from components.visor.node.node import Node
from components.visor.plane.joint import Joint
from tests.support.mesh import ALICE, BOB
from tests.support.nodes import Mesh, mesh, row, until

TODAY = day_of(time.time())
PORT = 700
SIZE = 300_000


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def carried(made: Mesh, one: Node, other: Node, size: int = SIZE) -> None:
    """So many bytes there, and a tenth of it back, over one stream that ends."""
    near, far = await made.app(one), await made.app(other)
    async with far.listen(PORT) as listener:
        here = await near.dial(other.key, PORT)
        await exchanged(here, await listener.accept(), size)


async def exchanged(here: Stream, there: Stream, size: int) -> None:
    here.write(bytes(size))
    here.write_eof()
    assert len(await there.read()) == size
    there.write(bytes(size // 10))
    there.write_eof()
    assert len(await here.read()) == size // 10
    here.close()
    there.close()


async def standings(node: Node) -> list[Standing]:
    return [finding.standing for finding in await node.meter.findings(verify=True)]


async def test_both_ends_count_the_same_and_sign_it(made: Mesh) -> None:
    one, other = await row(made, 2)
    await carried(made, one, other)
    await one.meter.settle(15)
    (here,), (there,) = [await node.meter.findings(verify=True) for node in (one, other)]
    assert (here.lined.sent, here.lined.received) == (SIZE, SIZE // 10)
    assert (there.lined.sent, there.lined.received) == (SIZE // 10, SIZE)
    assert (here.standing, there.standing) == (Standing.SIGNED, Standing.SIGNED)
    assert here.signed == there.signed


async def test_without_being_asked_a_line_at_rest_is_signed(made: Mesh) -> None:
    one, other = await row(made, 2)
    await carried(made, one, other)
    await until(lambda: [each.signed for each in other.meter.sums.rows.values() if each.signed])
    assert other.meter.sums.rows.keys() != one.meter.sums.rows.keys()


async def test_an_app_that_breaks_off_leaves_no_difference(made: Mesh) -> None:
    one, other = await row(made, 2)
    near, far = await made.app(one), await made.app(other)
    async with far.listen(PORT) as listener:
        here = await near.dial(other.key, PORT)
        there = await listener.accept()
        here.write(bytes(SIZE))
        assert await there.read(1000)
        await there.abort()
        await until(lambda: not other.groups.joints()[0].streams)
    await one.meter.settle(15)
    assert await standings(one) == await standings(other) == [Standing.SIGNED]
    (here_row,), (there_row,) = one.meter.sums.rows.values(), other.meter.sums.rows.values()
    assert here_row.sent == there_row.received > 0


async def test_the_end_of_a_node_is_signed_for(made: Mesh) -> None:
    one, other = await row(made, 2)
    await carried(made, one, other)
    await one.drain()
    assert await standings(other) == [Standing.SIGNED]


async def test_figures_are_there_after_a_restart(made: Mesh) -> None:
    one, other = await row(made, 2)
    await carried(made, one, other)
    state = one.options.state
    await made.end(one.key)
    async with Meter(ALICE, state, list) as meter:
        (finding,) = await meter.findings(verify=False)
        assert (finding.lined.sent, finding.lined.received) == (SIZE, SIZE // 10)
        assert meter._exchange._killed_by is None


async def test_an_altered_receipt_in_the_file_is_found(made: Mesh) -> None:
    one, other = await row(made, 2)
    await carried(made, one, other)
    await one.meter.settle(15)
    file = sqlite3.connect(one.options.state / FILE)
    with file:
        (receipt,) = file.execute("SELECT receipt FROM receipts").fetchone()
        altered = receipt[:-16] + (SIZE * 2).to_bytes(8, "big") + receipt[-8:]
        file.execute("UPDATE receipts SET receipt = ?", (altered,))
    file.close()
    assert await standings(one) == [Standing.FORGED]
    assert await standings(other) == [Standing.SIGNED]


async def test_a_receipt_that_cannot_be_read_stops_nothing(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Meter(ALICE, short_tmp, list) as meter:
        receipt = Receipt(ALICE.public_key, ALICE.public_key, 1, meter.today, 1, 0, 0)
        del receipt
    file = sqlite3.connect(short_tmp / FILE)
    with file:
        file.execute("INSERT INTO receipts VALUES (unixepoch() / 86400, zeroblob(32), 1, 1, x'', x'', x'')")
    file.close()
    async with Meter(ALICE, short_tmp, list) as meter:
        assert await standings_of(meter) == [Standing.FORGED]
    assert "cannot be read" in caplog.text


async def standings_of(meter: Meter) -> list[Standing]:
    return [finding.standing for finding in await meter.findings(verify=True)]


async def linked(made: Mesh) -> tuple[Node, Joint]:
    one, other = await row(made, 2)
    return one, await one.mesh.group(other.key, Policy())


async def test_nonsense_of_a_peer_is_counted_and_answered_by_nothing(made: Mesh) -> None:
    one, joint = await linked(made)
    stranger = Receipt(ALICE.public_key, one.key, PORT, one.meter.today, 1, 1, 1)
    for body in (b"", b"nonsense", encode(Message(Kind.DIFFER, stranger))):
        one.meter.heard(joint, memoryview(body))
    await one.meter.turn(look=False)
    assert one.meter.counts == {"refused": 3}


class Clock:
    """One that is set."""

    def __init__(self, day: int) -> None:
        self.day = day

    def __call__(self) -> float:
        return self.day * 86_400.0


@pytest.mark.parametrize("wrong", [TODAY + 3000, TODAY - 3000, 0])
async def test_a_clock_that_leaps_and_is_put_right_loses_no_figures_of_the_day(
    short_tmp: Path, wrong: int
) -> None:
    clock, line = Clock(TODAY), Line(ALICE.public_key, 3, dialled=True)

    async def counted(meter: Meter, sent: int) -> None:
        meter.sums.add(meter.today, line, "app", sent, 0)
        await meter.turn(look=True)

    async with Meter(BOB, short_tmp, list, wall=clock) as meter:
        await counted(meter, 100)
    clock.day = wrong
    async with Meter(BOB, short_tmp, list, wall=clock) as meter:
        await counted(meter, 1)
        clock.day = TODAY
        await meter.turn(look=True)
        await counted(meter, 10)
        clock.day = wrong
        await meter.turn(look=True)
        assert {day for day, _ in meter.sums.rows} == {wrong}
        await counted(meter, 2)
        clock.day = TODAY
        await meter.turn(look=True)
        assert {day for day, _ in meter.sums.rows} == {TODAY}
        found = {each.lined.day: each.lined.sent for each in await meter.findings(verify=False)}
    assert found == {TODAY: 110, wrong: 3}


async def test_after_a_kill_under_a_clock_ahead_the_days_to_come_are_not_restored(short_tmp: Path) -> None:
    clock = Clock(TODAY)
    async with Store(short_tmp, clock):
        pass  # killed
    clock.day = TODAY + 3000
    async with Meter(BOB, short_tmp, list, wall=clock) as meter:
        assert meter._exchange._killed_by == TODAY + 3000
        clock.day = TODAY
        await meter.turn(look=True)
        assert meter._exchange._killed_by == TODAY


async def test_a_file_that_cannot_be_read_signs_nothing_and_says_so(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*given: object) -> list[Kept]:
        raise StoreError("the disk is gone")

    clock = Clock(TODAY)
    async with Meter(BOB, short_tmp, list, wall=clock) as meter:
        clock.day += 2
        with monkeypatch.context() as patch:
            patch.setattr(meter._store, "receipts", broken)
            await meter.settle(0)
    assert "nothing new is signed: the disk is gone" in caplog.text


async def test_too_many_messages_of_one_peer_are_dropped(made: Mesh) -> None:
    one, joint = await linked(made)
    one.meter._heard.clear()
    for _ in range(FROM_A_PEER + 5):
        one.meter.heard(joint, memoryview(b"nonsense"))
    assert one.meter.counts["dropped"] == 5
    await one.meter.turn(look=True)
    assert one.meter.counts["refused"] == FROM_A_PEER
    one.meter.heard(joint, memoryview(b"nonsense"))
    await one.meter.turn(look=False)
    assert one.meter.counts["refused"] == FROM_A_PEER + 1
    assert HEARD_MOST > FROM_A_PEER


async def test_an_app_cannot_speak_for_the_meter(made: Mesh) -> None:
    one, other = await row(made, 2)
    assert not one.mesh.message(other.key, AppPort.METER, 1, Policy(), b"x")


async def test_a_disk_that_is_full_loses_nothing_later(
    made: Mesh, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await row(made, 2)
    store = one.meter._store

    async def full(*given: object, **more: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", full)
        await carried(made, one, other)
        await one.meter.turn(look=True)
        assert one.meter.counts["unwritten"] >= 1
        with pytest.raises(MeshError, match="full"):
            await one.meter.findings(verify=False)
    (finding,) = await one.meter.findings(verify=False)
    assert finding.lined.sent == SIZE
    assert "the disk is full" in caplog.text


async def test_who_is_not_there_is_not_waited_for(made: Mesh) -> None:
    one, other = await row(made, 2)
    await carried(made, one, other)
    await made.end(other.key)
    await until(lambda: not one.meter._is_open(other.key))
    await one.meter.settle(60)
    assert await standings(one) in ([Standing.SIGNED], [Standing.NONE])


async def test_a_fault_in_the_figures_ends_neither_them_nor_the_node(
    made: Mesh, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await row(made, 2)
    with monkeypatch.context() as patch:
        patch.setattr(one.meter.sums, "take_changed", lambda: 1 / 0)
        await until(lambda: one.meter.counts["failed"])
    assert "ZeroDivisionError" in caplog.text
    await carried(made, one, other)
    await one.meter.settle(15)
    assert await standings(one) == [Standing.SIGNED]


async def test_an_end_on_a_full_disk_is_an_end(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*given: object, **more: object) -> None:
        raise StoreError("the disk is full")

    async with Meter(ALICE, short_tmp, list) as meter:
        monkeypatch.setattr(meter._store, "write", full)
    assert "the last figures are lost: the disk is full" in caplog.text
