"""Letters: to apps on nodes that may be away, kept by the visors and messengers until they are signed for.

    state = await app.mail.post(key, 1, b"...", letter=id)   # the same id is never a second letter
    id, state = await app.mail.fate()                        # how far one of them came since
    async for letter in app.mail.collect(1):                 # at a port this app listens on
        ...                                                  # keep it, then
        await app.mail.took(letter)                          # or it comes again to the next who collects
        await app.mail.later(letter)                         # no place for it now: let it hold up no other

They come at least once, and in the order of their sender.
"""

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final

from components.mesh.envelope import ID_BYTES
from components.visor.apps.letters import WINDOW
from components.visor.apps.limits import LETTER_MAX
from components.visor.apps.messages import Collect, Done, Fate, Later, Letter, Post, Posted, Took
from components.visor.sdk.connection import Connection
from components.visor.sdk.errors import Misuse
from components.visor.sdk.listener import Inbox

FATES: Final = 4096  # not taken yet; of more the oldest are dropped: `post` tells them again


class Mail:
    """Of one app."""

    def __init__(self, visor: Callable[[], Connection], key_of: Callable[[str | bytes], bytes]) -> None:
        """`visor` and `key_of` raise `Misuse` when there is none."""
        self._visor = visor
        self._key_of = key_of
        self._fates: Inbox[Fate] = Inbox(FATES)
        self._came: dict[int, Inbox[Letter]] = {}

    async def post(self, pk: str | bytes, port: int, data: bytes, *, letter: bytes = b"") -> str:
        """Give the visor a letter to the app at a port of a node; how far it came, "queued" at first.

        Others are sent, relayed, delivered, read (taken by the app there), expired. `letter` is its id.
        """
        if len(data) > LETTER_MAX:
            raise Misuse(f"a letter of {len(data)} bytes; at most {LETTER_MAX} go")
        id_ = letter or secrets.token_bytes(ID_BYTES)
        if len(id_) != ID_BYTES:
            raise Misuse(f"a letter's id has {ID_BYTES} bytes, not {len(id_)}")
        visor = self._visor()
        question = Post(visor.next_id(), self._key_of(pk), port, id_, bytes(data))
        return (await visor.ask(question, Posted)).state

    async def fate(self) -> Fate:
        """The next change of a letter that was posted on this connection. Raises `VisorGone`."""
        return await self._fates.get()

    async def collect(self, port: int) -> AsyncIterator[Letter]:
        """The letters for a port that this app listens on. Raises `VisorGone` when the visor goes."""
        inbox: Inbox[Letter] = Inbox(2 * WINDOW)
        visor = self._visor()
        self._came.pop(port, None)  # what was given before comes again

        def begun(done: Done, sock: socket.socket | None) -> None:
            self._came[port] = inbox

        await visor.ask(Collect(visor.next_id(), port), Done, opened=begun)
        while True:
            yield await inbox.get()

    async def took(self, letter: Letter) -> None:
        """This one and all before it at its port, but for those put off, are in good hands."""
        visor = self._visor()
        await visor.ask(Took(visor.next_id(), letter.port, letter.turn), Done)

    async def later(self, letter: Letter) -> None:
        """This one is not taken: it comes again after the next `collect`."""
        visor = self._visor()
        await visor.ask(Later(visor.next_id(), letter.port, letter.turn), Done)

    # -- what the app's connection tells

    def told(self, note: Letter | Fate) -> None:
        """A letter came, or one of ours came further."""
        if isinstance(note, Letter):
            if note.port in self._came:
                self._came[note.port].put(note)
        elif not self._fates.put(note):
            self._fates.drop_oldest()
            self._fates.put(note)

    def end(self, why: str) -> None:
        """The visor is gone."""
        self._fates.end(why)
        for inbox in self._came.values():
            inbox.end(why)
