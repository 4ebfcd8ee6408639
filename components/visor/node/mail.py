"""The letters of a node's apps: through the mailbox, and how far each came told to who posted it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from components.mesh.delivery import State
from components.mesh.inbox import Message
from components.mesh.mailbox import Mailbox
from components.visor.apps.letters import Heard
from signal_bus.ids import PublicKey

WATCHED: Final = 50_000  # letters whose poster is told; of more the oldest are not
_LAST: Final = frozenset({State.READ, State.EXPIRED})


class Mail:
    """`also` hears of every letter of the node."""

    _mailbox: Mailbox

    def __init__(self, also: Callable[[bytes, State], None]) -> None:
        self._also = also
        self._watched: OrderedDict[bytes, Heard] = OrderedDict()

    def use(self, mailbox: Mailbox) -> None:
        """The mailbox that `changed` hears of."""
        self._mailbox = mailbox

    def changed(self, id: bytes, state: State) -> None:
        """A letter of ours came further."""
        self._also(id, state)
        heard = self._watched.get(id)
        if heard is not None:
            if state in _LAST:
                del self._watched[id]
            heard(id, state.name.lower())

    async def post(self, receiver: PublicKey, port: int, id: bytes, data: bytes, heard: Heard) -> str:
        """Keep a letter until it is signed for; how far it came by now. Raises `MeshError`."""
        self._watched[id] = heard  # before it is on its way
        while len(self._watched) > WATCHED:
            self._watched.popitem(last=False)
        state = State.EXPIRED
        try:
            await self._mailbox.send(receiver, data, port=port, id=id)
            state = await self._mailbox.state(id) or State.QUEUED
        finally:
            if state in _LAST:
                self._watched.pop(id, None)
        return state.name.lower()

    async def next(self, port: int) -> Message:
        """The next letter for a port."""
        return await self._mailbox.receive(port)

    def rewind(self, port: int) -> None:
        """Begin with the first that was not taken."""
        self._mailbox.rewind(port)

    async def took(self, message: Message) -> None:
        """It is not given again. Raises `MeshError`."""
        await self._mailbox.read(message)

    def forget(self, heard: Heard) -> None:
        """Nobody listens there any more."""
        for id in [id for id, other in self._watched.items() if other == heard]:
            del self._watched[id]
