import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.app import App, Stream
from components.visor.groups.path import Policy
from components.visor.meter.sums import OTHERS
from components.visor.node.metering import UNNAMED, Metering
from components.visor.node.names import Names
from components.visor.node.node import Node
from signal_bus.errors import RemoteError
from tests.support.nodes import Mesh, mesh, row, until

PORT = 700
TODAY = dt.datetime.now(dt.UTC).date().isoformat()


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


def metering(node: Node) -> Metering:
    return Metering(node, Names(node))


async def opened(near: App, far: App, key: bytes) -> tuple[Stream, Stream]:
    async with far.listen(PORT) as listener:
        return await near.dial(key, PORT), await listener.accept()


async def test_a_stream_is_told_while_it_is_open_and_metered_for_good(made: Mesh) -> None:
    one, other = await row(made, 2)
    one.book.name(other.key, "joe")
    here, there = await opened(await made.app(one), await made.app(other), other.key)
    here.write(bytes(50_000))
    assert len(await there.readexactly(50_000)) == 50_000
    (connection,) = await metering(one).connections()
    assert (connection["label"], connection["port"], connection["dialled"]) == ("joe", PORT, True)
    assert connection["path"] == "direct"
    assert 0 < connection["rtt_seconds"] < 5
    (theirs,) = await metering(other).connections()
    assert (theirs["received_bytes"], theirs["dialled"], theirs["port"]) == (50_000, False, PORT)
    here.write_eof()
    there.write_eof()
    assert not await here.read()
    await until(lambda: not one.groups.joints()[0].streams)
    assert await metering(one).connections() == []
    (line,) = await metering(one).meter()
    assert line["app"] == connection["app"]
    del line["app"]
    assert line == {
        "day": TODAY, "peer": other.key.hex(), "label": "joe", "port": PORT, "dialled": True,
        "sent_bytes": 50_000, "received_bytes": 0, "restored_bytes": 0, "receipt": line["receipt"],
    }  # fmt: skip


async def test_verifying_has_signed_what_is_not_yet(made: Mesh) -> None:
    one, other = await row(made, 2)
    here, there = await opened(await made.app(one), await made.app(other), other.key)
    here.write(bytes(50_000))
    await there.readexactly(50_000)
    await here.abort()
    await until(lambda: not other.groups.joints()[0].streams)
    (line,) = await metering(one).meter_verify()
    assert (line["receipt"], line["signed_sent_bytes"], line["text"]) == ("signed", 50_000, "")
    (line,) = await metering(other).meter_verify()
    assert (line["receipt"], line["signed_received_bytes"]) == ("signed", 50_000)
    assert line["sequence"] >= 1


async def test_days_before_are_left_out(made: Mesh) -> None:
    (one,) = await row(made, 1)
    one.meter.sums.add(one.meter.today - 1, OTHERS, "app", 5, 5)
    (line,) = await metering(one).meter()
    assert (line["peer"], line["label"], line["receipt"]) == ("", UNNAMED, "none")
    assert await metering(one).meter(since=TODAY) == []
    assert await metering(one).meter_verify(since=TODAY) == []


async def test_a_day_that_is_none_is_said(made: Mesh) -> None:
    (one,) = await row(made, 1)
    for ask in (metering(one).meter, metering(one).meter_verify, metering(one).meter_links):
        with pytest.raises(RemoteError, match="'yesterday' is no day: one as 2030-12-31"):
            await ask(since="yesterday")


async def test_what_links_carried_is_told_by_neighbour(made: Mesh) -> None:
    one, other = await row(made, 2)
    one.book.name(other.key, "joe")
    await one.mesh.pinger.ping(await one.mesh.group(other.key, Policy()))
    (line,) = await metering(one).meter_links()
    assert (line["day"], line["label"], line["public_key"]) == (TODAY, "joe", other.key.hex())
    assert line["sent_bytes"] > 0
    assert await metering(one).meter_links(since="2099-01-01") == []
