import pytest

from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey
from signal_bus.peers.stream import Stream as Bytes
from signal_bus.testing import until
from tests.support.peering import joined, read_all
from tests.support.rosters import host
from viscript.cluster.links.api import Caller, HostAway, Stream
from viscript.cluster.links.serving import Serving, by_door
from viscript.verbs.table import Role

A, B = host(1), host(2)
CALLER = Caller(key=PublicKey(A.public_key), label="a", role=Role.VIEW)


async def connected(kind: str = "door") -> tuple[Bytes, Bytes]:
    left, right = await joined(A, B)
    mine = left.link.open(kind, {})
    await until(lambda: right.ears.streams)
    return mine, right.ears.streams[0]


async def test_a_stream_goes_to_whoever_serves_its_kind_and_is_closed_after() -> None:
    mine, theirs = await connected()
    serving, callers = Serving(), list[Caller]()

    async def handler(stream: Stream, caller: Caller) -> None:
        callers.append(caller)
        await stream.write(b"hello")

    serving.register("door", handler)
    await serving.carry(theirs, CALLER)
    assert await read_all(mine) == b"hello"
    assert callers == [CALLER]


async def test_a_kind_that_nobody_serves_is_said() -> None:
    mine, theirs = await connected("tea")
    await Serving().carry(theirs, CALLER)
    with pytest.raises(RemoteError, match='unsupported: streams of the kind "tea"'):
        await mine.read()


async def test_who_belongs_no_more_is_not_served() -> None:
    mine, theirs = await connected()
    await Serving().carry(theirs, None)
    with pytest.raises(RemoteError, match="not-permitted"):
        await mine.read()


async def test_a_fault_in_one_stream_is_told_and_stays_there() -> None:
    mine, theirs = await connected()

    async def broken(stream: Stream, caller: Caller) -> None:
        raise LookupError("a bug")

    serving = Serving()
    serving.register("door", broken)
    await serving.carry(theirs, CALLER)
    with pytest.raises(RemoteError, match="failed: a fault at the other end"):
        await mine.read()


async def test_a_way_that_breaks_is_no_fault_of_ours() -> None:
    _, theirs = await connected()

    async def lost(stream: Stream, caller: Caller) -> None:
        raise HostAway(caller.label, caller.key, "gone")

    serving = Serving()
    serving.register("door", lost)
    await serving.carry(theirs, CALLER)


async def test_a_door_hears_who_speaks_and_in_what_role() -> None:
    mine, theirs = await connected()
    heard: list[tuple[str, Role]] = []

    async def serve(stream: Stream, *, actor: str, role: Role) -> None:
        heard.append((actor, role))
        await stream.write((await stream.read()).upper())

    serving = Serving()
    serving.register("door", by_door(serve))
    await mine.write(b"hello")
    await serving.carry(theirs, CALLER)
    assert await read_all(mine) == b"HELLO"
    assert heard == [(A.name, Role.VIEW)]
