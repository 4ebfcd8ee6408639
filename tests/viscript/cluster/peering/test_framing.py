"""Messages on a stream: whole, in pieces, and what is none."""

import asyncio
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import PublicKey
from tests.support.clusters import stream
from viscript.cluster.links.api import HostAway
from viscript.cluster.peering.framing import BadOrder, framed, message, unless_it_ends


class Word(msgspec.Struct, frozen=True):
    text: str


async def read(*pieces: bytes, most: int = 1000) -> Word:
    near, far = stream()
    for piece in pieces:
        await near.write(piece)
    near.end()
    return await message(far, Word, most)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
async def test_a_message_comes_in_any_pieces(size: int) -> None:
    data = framed(Word("hello"))
    assert await read(*(data[at : at + size] for at in range(0, len(data), size))) == Word("hello")


async def test_every_truncation_is_refused() -> None:
    data = framed(Word("hello"))
    for cut in range(len(data)):
        with pytest.raises(BadOrder, match="before all of it"):
            await read(*([data[:cut]] if cut else []))


@pytest.mark.parametrize(
    "data",
    [
        framed(Word("hello")) + b"x",
        struct.pack(">I", 1001),
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", 1) + b"\xc1",
        struct.pack(">I", 0),
        framed(Word("x" * 2000)),
    ],
)
async def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadOrder):
        await read(data)


@given(st.binary(min_size=1, max_size=60))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadOrder):
        asyncio.run(read(data))


async def test_work_is_given_up_when_the_other_end_hangs_up() -> None:
    held = asyncio.Event()
    for words in (("left", ""), ("", "")):
        near, far = stream()
        await near.close(*words)
        assert await unless_it_ends(far, _wait(held)) is None
    near, far = stream()
    far._inbox.put_nowait(HostAway("m", PublicKey(bytes(32)), "gone"))
    assert await unless_it_ends(far, _wait(held)) is None
    held.set()
    near, far = stream()
    assert await unless_it_ends(far, _wait(held)) == "done"


async def _wait(event: asyncio.Event) -> str:
    await event.wait()
    return "done"
