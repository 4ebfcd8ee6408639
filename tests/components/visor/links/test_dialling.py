import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from components.mesh.doors import Doors, bind
from components.mesh.errors import MeshError
from components.mesh.ports import MeshPort
from components.mesh.session import Visitor
from components.mesh.transport import Label, TransportType, check
from components.visor.links import dialling as module
from components.visor.links import terms
from components.visor.links.dialling import Content, NoLink, Target, dial
from components.visor.links.rivals import DUPLICATE, Rivals
from components.visor.links.terms import Agreed, Ask
from components.visor.links.ways import Direct
from tests.support.links import Book, silent_listener
from tests.support.mesh import ALICE, BOB, CAROL

TOKEN = b"12345678"
Say = Callable[[Visitor, Ask], Awaitable[None]]


def target(address: str | None) -> Target:
    return Target(BOB.public_key, TransportType.STCPR, Label.USER, address)


async def accept(visitor: Visitor, asked: Ask) -> None:
    (await visitor.accept(terms.agree(asked, BOB, visitor.peer)[0])).close()


@asynccontextmanager
async def bob(say: Say = accept) -> AsyncIterator[tuple[str, list[Ask]]]:
    """Bob answers at an address as he is told."""
    asked: list[Ask] = []

    async def door(visitor: Visitor) -> None:
        asked.append(terms.read_ask(visitor.args, BOB.public_key, visitor.peer, TransportType.STCPR))
        await say(visitor, asked[-1])

    listener = bind("127.0.0.1", 0)
    address = "{}:{}".format(*listener.getsockname())
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(Doors(listener, BOB, {MeshPort.LINK: door}).serve())
        yield address, asked
        serving.cancel()


async def test_a_dial_gives_a_session_and_the_entry_both_signed() -> None:
    rivals = Rivals(smaller=True)
    rivals.ended = TOKEN
    async with bob() as (address, asked):
        dialled = await dial(ALICE, Direct(None), target(address), rivals)
        dialled.session.close()
    assert set(check(dialled.entry)) == {ALICE.public_key, BOB.public_key}
    assert (asked[0].token, asked[0].ended) == (dialled.token, TOKEN)


async def test_every_place_is_tried_and_each_says_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANDSHAKE_S", 0.05)
    with silent_listener() as silent:
        book = Book({BOB.public_key: ("127.0.0.1:1", silent)})
        with pytest.raises(NoLink) as caught:
            await dial(ALICE, Direct(book), target(None), Rivals(smaller=True))
    refused, timed_out = str(caught.value).split("; ")
    assert refused == "127.0.0.1:1: Connection refused"
    assert timed_out == f"{silent}: no answer to the handshake within 0.05 s"


async def test_another_key_at_the_address_is_said() -> None:
    async with bob() as (address, asked):
        wrong = Target(CAROL.public_key, TransportType.STCPR, Label.USER, address)
        with pytest.raises(NoLink, match=f"{address}: .*it has another key than {CAROL.name}"):
            await dial(ALICE, Direct(None), wrong, Rivals(smaller=True))
    assert asked == []


async def test_a_refusal_keeps_its_words() -> None:
    async def refuse(visitor: Visitor, _: Ask) -> None:
        await visitor.refuse("not-allowed", "friends only")

    async with bob(refuse) as (address, _):
        with pytest.raises(NoLink, match="not-allowed: friends only"):
            await dial(ALICE, Direct(None), target(address), Rivals(smaller=True))


async def test_an_answer_with_a_false_signature_ends_the_session() -> None:
    async def forge(visitor: Visitor, _: Ask) -> None:
        (await visitor.accept(Agreed("00" * 64))).close()

    async with bob(forge) as (address, _):
        with pytest.raises(NoLink, match="signature"):
            await dial(ALICE, Direct(None), target(address), Rivals(smaller=True))


async def test_a_duplicate_that_stands_here_too_is_enough() -> None:
    async def refuse(visitor: Visitor, _: Ask) -> None:
        await visitor.refuse(DUPLICATE, TOKEN.hex())

    rivals = Rivals(smaller=False)
    rivals.joined(TOKEN, dialled=False)
    async with bob(refuse) as (address, asked):
        with pytest.raises(Content):
            await dial(ALICE, Direct(None), target(address), rivals)
    assert len(asked) == 1


async def test_a_duplicate_that_has_ended_here_is_named_in_a_second_dial() -> None:
    async def refuse_first(visitor: Visitor, ask: Ask) -> None:
        if ask.ended == TOKEN:
            await accept(visitor, ask)
        else:
            await visitor.refuse(DUPLICATE, TOKEN.hex())

    async with bob(refuse_first) as (address, asked):
        (await dial(ALICE, Direct(None), target(address), Rivals(smaller=False))).session.close()
    assert [each.ended for each in asked] == [b"", TOKEN]


@pytest.mark.parametrize("text", ["", "00", "no hexadecimal"])
async def test_a_duplicate_of_nothing_is_an_error_of_the_peer(text: str) -> None:
    async def refuse(visitor: Visitor, _: Ask) -> None:
        await visitor.refuse(DUPLICATE, text)

    async with bob(refuse) as (address, _):
        with pytest.raises(MeshError, match="duplicate of nothing"):
            await dial(ALICE, Direct(None), target(address), Rivals(smaller=True))
