"""Who is told of a letter, and who is not any more."""

from typing import cast

import pytest

from components.mesh.delivery import State
from components.mesh.mailbox import Mailbox
from components.visor.node import mail
from components.visor.node.mail import Mail
from signal_bus.ids import PublicKey
from tests.support.mesh import BOB

B = BOB.public_key


class Box:
    def __init__(self, state: State | None = State.QUEUED) -> None:
        self.answer = state

    async def send(self, receiver: PublicKey, message: bytes, *, port: int, id: bytes) -> bytes:
        return id

    async def state(self, id: bytes) -> State | None:
        return self.answer


async def test_the_poster_hears_until_the_letter_is_read() -> None:
    also: list[State] = []
    heard: list[str] = []
    made = Mail(lambda id, state: also.append(state))
    made.use(cast(Mailbox, Box(None)))
    told = lambda id, state: heard.append(state)  # noqa: E731
    assert await made.post(B, 1, b"a", b"hello", told) == "queued"
    for state in (State.SENT, State.READ, State.READ):
        made.changed(b"a", state)
    assert heard == ["sent", "read"]
    assert len(also) == 3


async def test_a_letter_that_was_read_and_a_poster_that_left_are_not_kept() -> None:
    made = Mail(lambda id, state: None)
    made.use(cast(Mailbox, Box(State.READ)))
    assert await made.post(B, 1, b"a", b"hello", lambda id, state: pytest.fail("told")) == "read"
    made.use(cast(Mailbox, Box()))
    gone = lambda id, state: pytest.fail("told")  # noqa: E731
    await made.post(B, 1, b"b", b"hello", gone)
    made.forget(gone)
    made.changed(b"a", State.READ)
    made.changed(b"b", State.SENT)


async def test_of_too_many_letters_the_oldest_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "WATCHED", 1)
    heard: list[bytes] = []
    made = Mail(lambda id, state: None)
    made.use(cast(Mailbox, Box()))
    for id in (b"a", b"b"):
        await made.post(B, 1, id, b"hello", lambda id, state: heard.append(id))
        made.changed(id, State.SENT)
    made.changed(b"a", State.RELAYED)
    assert heard == [b"a", b"b"]
