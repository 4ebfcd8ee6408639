"""What one app's letters come to, with a mailbox that the test plays."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from components.mesh.errors import BadKey, Busy
from components.mesh.inbox import Message
from components.visor.apps.errors import Refusal
from components.visor.apps.letters import MOST, WINDOW, AppLetters, Heard
from components.visor.apps.messages import (
    Collect,
    Done,
    Failed,
    Fate,
    Fault,
    Later,
    Letter,
    Post,
    Posted,
    Took,
)
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB

A, B = ALICE.public_key, BOB.public_key
ID = bytes(16)


class Box:
    """A mailbox of one port, whose letters have turns from 1 on."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Message] = asyncio.Queue(1000)
        self.taken: list[int] = []
        self.heard: list[Heard] = []
        self.rewound = 0
        self.fault: Exception | None = None
        self.blocked = asyncio.Event()

    def put(self, *turns: int) -> None:
        for turn in turns:
            self.waiting.put_nowait(Message(A, ID, 5, b"%d" % turn, turn))

    async def post(self, receiver: PublicKey, port: int, id: bytes, data: bytes, heard: Heard) -> str:
        if self.fault is not None:
            raise self.fault
        if data == b"wait":
            await self.blocked.wait()
        self.heard.append(heard)
        return "queued"

    async def next(self, port: int) -> Message:
        return await self.waiting.get()

    def rewind(self, port: int) -> None:
        self.rewound += 1

    async def took(self, message: Message) -> None:
        if self.fault is not None:
            raise self.fault
        self.taken.append(message.turn)

    def forget(self, heard: Heard) -> None:
        self.heard.remove(heard)


class Told:
    """What the app was told, by kind."""

    def __init__(self) -> None:
        self.all: dict[type, list[Any]] = defaultdict(list)  # Any: messages
        self.came = asyncio.Event()

    def say(self, message: msgspec.Struct) -> None:
        self.all[type(message)].append(message)
        self.came.set()

    async def until(self, kind: type, count: int) -> list[Any]:  # Any: as above
        async with asyncio.timeout(10):
            while len(self.all[kind]) < count:
                self.came.clear()
                await self.came.wait()
        return self.all[kind]


@asynccontextmanager
async def letters(box: Box) -> AsyncIterator[tuple[AppLetters, Told]]:
    told = Told()
    async with asyncio.TaskGroup() as tasks:
        made = AppLetters(box, tasks, told.say)
        try:
            yield made, told
        finally:
            made.close()


async def test_a_letter_is_posted_and_its_fate_told() -> None:
    box = Box()
    async with letters(box) as (made, told):
        made.begin(Post(1, B, 1, ID, b"hello"))
        assert await told.until(Posted, 1) == [Posted(1, "queued")]
        box.heard[0](ID, "relayed")
        assert told.all[Fate] == [Fate(ID, "relayed")]
        box.heard *= 2
    assert len(box.heard) == 1  # the app is gone, and so is who heard for it


async def test_only_so_many_are_given_ahead_of_what_was_taken() -> None:
    box = Box()
    async with letters(box) as (made, told):
        box.put(*range(1, WINDOW + 3))
        made.begin(Collect(1, 1))
        given = await told.until(Letter, WINDOW)
        assert [letter.turn for letter in given] == list(range(1, WINDOW + 1))
        made.begin(Took(2, 1, 2))
        await told.until(Letter, WINDOW + 2)
        assert box.taken == [1, 2]
        assert told.all[Done] == [Done(1, port=1), Done(2)]
        box.heard.append(made._heard)


async def test_who_collects_anew_begins_with_what_was_not_taken() -> None:
    box = Box()
    async with letters(box) as (made, told):
        box.put(1)
        made.begin(Collect(1, 1))
        await told.until(Letter, 1)
        made.leave(1)
        made.leave(1)
        made.begin(Took(2, 1, 9))
        await told.until(Done, 2)
        assert box.taken == []
        made.begin(Collect(3, 1))
        await told.until(Done, 3)
        assert box.rewound == 2
        box.heard.append(made._heard)


async def test_what_is_put_off_holds_up_none_behind_it_and_is_not_taken_with_them() -> None:
    box = Box()
    async with letters(box) as (made, told):
        box.put(*range(1, WINDOW + 3))
        made.begin(Collect(1, 1))
        await told.until(Letter, WINDOW)
        for number in (1, 3):
            made.begin(Later(1 + number, 1, number))
        await told.until(Letter, WINDOW + 2)
        made.begin(Took(9, 1, 4))
        await told.until(Done, 4)
        assert box.taken == [2, 4]
        made.begin(Later(10, 2, 1))
        await told.until(Done, 5)  # nothing is collected there
        assert not told.all[Failed]
        box.heard.append(made._heard)


@pytest.mark.parametrize(
    "fault, code", [(Busy("letters", 5), Fault.BUSY), (ValueError("a bug"), Fault.INTERNAL)]
)
async def test_what_goes_wrong_is_answered(fault: Exception, code: Fault) -> None:
    box = Box()
    async with letters(box) as (made, told):
        box.fault = fault
        made.begin(Post(1, B, 1, ID, b"hello"))
        (failed,) = await told.until(Failed, 1)
        assert (failed.re, failed.code) == (1, code)
        box.heard.append(made._heard)


async def test_a_key_that_is_none_and_too_many_at_once_are_refused() -> None:
    box = Box()
    async with letters(box) as (made, _):
        with pytest.raises(BadKey):
            made.begin(Post(1, b"\xff" * 32, 1, ID, b""))
        for number in range(MOST):
            made.begin(Post(number, B, 1, ID, b"wait"))
        with pytest.raises(Refusal, match="are under way"):
            made.begin(Post(99, B, 1, ID, b"wait"))
        box.heard.append(made._heard)


async def test_a_visor_without_a_mailbox_says_so() -> None:
    async with asyncio.TaskGroup() as tasks:
        made = AppLetters(None, tasks, lambda message: None)
        with pytest.raises(Refusal, match="keeps no letters"):
            made.begin(Collect(1, 1))
        made.close()


async def test_letters_that_are_taken_at_the_same_time_are_each_taken_once() -> None:
    class Slow(Box):
        async def took(self, message: Message) -> None:
            await asyncio.sleep(0)  # the others have their turn
            await super().took(message)

        def forget(self, heard: Heard) -> None:
            """This app posted nothing."""

    box = Slow()
    async with letters(box) as (made, told):
        box.put(1, 2, 3)
        made.begin(Collect(1, 1))
        await told.until(Letter, 3)
        for turn in (1, 2, 3):
            made.begin(Took(1 + turn, 1, turn))
        await told.until(Done, 4)
        assert box.taken == [1, 2, 3]
        assert not told.all[Failed]
