"""Sockets here: made once, replaced, and what is said where one cannot be."""

from pathlib import Path

from plugins.reach.places import Place
from tests.support.reaching import hosts, led, shouting, talk


async def test_a_way_is_made_once_and_a_dead_socket_is_replaced(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far), shouting(short_tmp / "s"):
        far.server.serve({"peers": Place(str(short_tmp / "s"))})
        (near.folder / "peers.sock").write_text("")
        path = await led(near, far)
        async with talk(path) as line:
            assert await line.says(b"x") == b"X"
            assert await led(near, far) == path
            assert await line.says(b"still") == b"STILL"
            assert await near.server.lead(far.key, "other", str(path)) == {}
            assert await line.ended()


async def test_a_way_that_takes_anothers_place_stays_when_that_one_has_ended(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far), shouting(short_tmp / "s"):
        far.server.serve({"peers": Place(str(short_tmp / "s"))})
        path = await led(near, far)
        async with talk(path) as line:
            assert await line.says(b"x") == b"X"
            assert await near.server.lead(far.key, "other", str(path)) == {}
            assert await led(near, far) == path
            assert await line.ended()
        async with talk(path) as line:
            assert await line.says(b"again") == b"AGAIN"


async def test_what_cannot_be_is_one_sentence(short_tmp: Path) -> None:
    async with hosts(short_tmp) as (near, far):
        answer = await near.server.lead(far.key, "peers", str(short_tmp / "no" / "where"))
        assert answer["error"].startswith("cannot listen at ")
        assert "nobody" in (await near.server.lead("nobody", "peers", str(short_tmp / "x")))["error"]
