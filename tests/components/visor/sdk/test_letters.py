"""Letters of apps, through two visors and a messenger."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from components.visor.app import App, Fate, Letter, Misuse, Refused, VisorGone
from components.visor.apps.limits import LETTER_MAX
from components.visor.apps.messages import Collect, Done
from components.visor.sdk.connection import Connection, Opened
from components.visor.sdk.letters import FATES, Mail
from tests.support.mesh import ALICE
from tests.support.nodes import Mesh, mesh, until

ID = bytes(range(16))


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        await whole.serve_manager()
        await whole.serve_messenger()
        yield whole


async def collected(app: App, count: int) -> list[Letter]:
    found: list[Letter] = []
    async with asyncio.timeout(20):
        async for letter in app.mail.collect(1):
            found.append(letter)
            if len(found) == count:
                break
    return found


async def test_a_letter_waits_for_the_app_and_its_sender_hears_how_far_it_came(made: Mesh) -> None:
    mike, joe = await made.node(), await made.node()
    await until(lambda: mike.relay.present and joe.relay.present)
    sender, first = await made.app(mike), await made.app(joe)
    assert await sender.mail.post(joe.key, 1, b"one", letter=ID) in ("queued", "sent", "relayed")
    await sender.mail.post(joe.key.hex(), 1, b"two")
    async with first.listen(1):
        letters = await collected(first, 2)
    assert [(each.pk, each.port, each.data) for each in letters] == [
        (mike.key, 1, b"one"),
        (mike.key, 1, b"two"),
    ]
    assert letters[0].letter == ID
    first.close()
    second = await made.app(joe)
    async with second.listen(1):
        (again,) = await collected(second, 1)
        assert again == letters[0]
        await second.mail.took(again)
    heard: list[str] = []
    async with asyncio.timeout(20):
        while not heard or heard[-1] != "read":
            fate = await sender.mail.fate()
            heard += [fate.state] if fate.letter == ID else []
    assert set(heard) <= {"queued", "sent", "relayed", "delivered", "read"}
    assert await sender.mail.post(joe.key, 1, b"one", letter=ID) == "read"


async def test_what_is_put_off_comes_again_with_the_next_collect(made: Mesh) -> None:
    mike, joe = await made.node(), await made.node()
    await until(lambda: mike.relay.present and joe.relay.present)
    sender, receiver = await made.app(mike), await made.app(joe)
    for data in (b"one", b"two", b"three"):
        await sender.mail.post(joe.key, 1, data)
    async with receiver.listen(1):
        one, two, three = await collected(receiver, 3)
        await receiver.mail.later(one)
        await receiver.mail.took(two)
        assert await collected(receiver, 2) == [one, three]


async def test_what_was_given_before_is_not_mixed_into_a_new_collection() -> None:
    class Played:
        """A visor that gives a letter of the old collection before it begins the new one."""

        def next_id(self) -> int:
            return 1

        async def ask(self, question: object, answer: object, *, opened: Opened | None = None) -> object:
            if isinstance(question, Collect):
                assert opened is not None
                mail.told(letter(9))
                opened(Done(1), None)
                mail.told(letter(1))
            return Done(1)

    def letter(turn: int) -> Letter:
        return Letter(1, ALICE.public_key, ID, 0, turn, b"")

    mail = Mail(lambda: cast(Connection, Played()), lambda text: b"")
    for _ in range(2):
        assert (await anext(mail.collect(1))).turn == 1


async def test_what_cannot_be_is_refused(made: Mesh) -> None:
    app = await made.app(await made.node())
    with pytest.raises(Misuse, match="at most"):
        await app.mail.post(app.key, 1, bytes(LETTER_MAX + 1))
    with pytest.raises(Misuse, match="16 bytes, not 3"):
        await app.mail.post(app.key, 1, b"", letter=b"abc")
    with pytest.raises(Refused, match="port 1 is not yours"):
        await anext(app.mail.collect(1))


async def test_who_collects_hears_that_the_visor_went(made: Mesh) -> None:
    node = await made.node()
    app = await made.app(node)
    async with app.listen(1):
        letters = app.mail.collect(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(made.end(node.key))
            with pytest.raises(VisorGone):
                await anext(letters)
        with pytest.raises(VisorGone):
            await app.mail.fate()


async def test_fates_that_nobody_takes_are_bounded() -> None:
    mail = Mail(lambda: pytest.fail("nobody is asked"), lambda text: b"")
    for number in range(FATES + 1):
        mail.told(Fate(number.to_bytes(16, "big"), "sent"))
    mail.told(Letter(1, ALICE.public_key, ID, 0, 1, b"for no port of ours"))
    assert (await mail.fate()).letter == (1).to_bytes(16, "big")
