import pytest

from signal_bus.testing import until
from tests.support.peering import Side, joined
from tests.support.rosters import host
from viscript.cluster.links.api import HostAway, StreamRefused
from viscript.cluster.links.stream import HostStream

A, B = host(1), host(2)


async def connected() -> tuple[HostStream, HostStream, Side]:
    left, right = await joined(A, B)
    mine = left.link.open("door", {"a": "b"})
    await until(lambda: right.ears.streams)
    theirs = HostStream(right.ears.streams[0], "a", A.public_key)
    return HostStream(mine, "b", B.public_key), theirs, right


async def test_bytes_and_ends_pass_as_they_are() -> None:
    mine, theirs, _ = await connected()
    assert theirs.meta == {"a": "b"}
    await mine.write(b"x")
    mine.end()
    assert (await theirs.read(), await theirs.read()) == (b"x", b"")
    await theirs.close()


async def test_a_lost_host_is_named() -> None:
    mine, _, right = await connected()
    right.link.end("stopped", "the daemon ends")
    with pytest.raises(HostAway, match="b: the daemon ends"):
        await mine.read()
    with pytest.raises(HostAway):
        await mine.write(b"x")


async def test_a_refusal_has_its_code() -> None:
    mine, theirs, _ = await connected()
    await theirs.close("busy", "64 streams")
    with pytest.raises(StreamRefused, match="busy: 64 streams"):
        await mine.read()
    with pytest.raises(StreamRefused):
        await mine.write(b"x")


async def test_who_writes_where_nobody_reads_is_told() -> None:
    mine, theirs, _ = await connected()
    await theirs.close()
    assert await mine.read() == b""
    with pytest.raises(StreamRefused, match="closed"):
        await mine.write(b"x")
