"""Inviting: the codes of this home, the port they lead to, and the meetings there."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from signal_bus.errors import KeyFileError
from viscript import __version__
from viscript.cluster.book import Book
from viscript.cluster.model import SignedCard
from viscript.cluster.pairing.addresses import lead_from_anywhere
from viscript.cluster.pairing.bymesh import Mesh, MeshDoor
from viscript.cluster.pairing.code import (
    MOST_ADDRESSES,
    SECRET_BYTES,
    Address,
    AnyAddress,
    Code,
    MeshAddress,
    key_prefix,
    parse_address,
)
from viscript.cluster.pairing.invitations import Happens, Invitation, Invitations
from viscript.cluster.pairing.inviter import Inviter, Ticket
from viscript.cluster.pairing.listener import PORT, Listener
from viscript.cluster.pairing.meeting import Meeting
from viscript.cluster.pairing.membership import admit, check_label, label_fault, may_invite
from viscript.cluster.pairing.messages import Status
from viscript.errors import ExitCode, VerbError, ViscriptError
from viscript.verbs.table import Role

log = logging.getLogger(__name__)

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What `host invite` was told."""

    role: Role = Role.VIEW
    name: str = ""
    addresses: tuple[str, ...] = ()
    port: int | None = None
    mesh: bool = False  # by nothing else, but for `addresses` and `port`

    @property
    def by_tcp(self) -> bool:
        """Whether a port is opened for it."""
        return not self.mesh or bool(self.addresses) or self.port is not None


class Inviting:
    """All invitations of one home. A meeting that shows words stands in `meetings` until it is over."""

    def __init__(
        self,
        book: Book,
        *,
        label: Callable[[], str],
        own_card: Callable[[], SignedCard],
        run: Run,
        now: Callable[[], float],
        reached_at: Callable[[], list[str]],
        mesh: Callable[[], Mesh],
        door: str,
    ) -> None:
        self.meetings: dict[int, Meeting] = {}  # by the number of the invitation
        self.invitations = Invitations()
        self._book, self._label, self._own_card, self._now, self._run = book, label, own_card, now, run
        self._reached_at = reached_at
        self._listener = Listener(run, self._serve)
        self._mesh = MeshDoor(run, self._serve, mesh, door)
        self._changed: dict[int, asyncio.Event] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()

    async def invite(self, wish: Wish) -> Invitation:
        """Open an invitation; the first one of all founds a cluster. Raises `VerbError`, `StoreError`."""
        if wish.name:
            check_label(wish.name)
        for text in wish.addresses:
            parse_address(text, PORT)  # before anything is founded or opened
        async with self._turn:
            if self._book.roster is None:
                await self._found()
        may_invite(self._book)
        assert self._book.roster is not None, "who may invite has a cluster"
        taken = label_fault(self._book.roster, None, wish.name) if wish.name else ""
        if taken:
            hint = "for that very host leave --for out, it keeps its label; or `host forget` it first"
            raise VerbError(ExitCode.FAILED, taken, detail=hint)
        try:
            async with self._turn:  # what is opened for this one is not closed by the end of another
                made = await self._opened(wish)
                self._changed[made.number] = asyncio.Event()
        finally:
            self._look()
        log.info("invitation=%d is open role=%s", made.number, made.role)
        return made

    def left(self, invitation: Invitation) -> float:
        """For how many seconds its code holds."""
        return max(invitation.ends - self._now(), 0.0)

    async def change_of(self, invitation: Invitation) -> Meeting | None:
        """The next meeting by it that shows words; None once it has ended without."""
        while True:
            meeting = self.meetings.get(invitation.number)
            if meeting is not None and not meeting.over.is_set():
                return meeting
            changed = self._changed.get(invitation.number)
            if changed is None:
                return None
            changed.clear()
            await changed.wait()

    def withdraw(self, invitation: Invitation, text: str = "the invitation was withdrawn") -> None:
        """Take one back; whoever is pairing by it is told."""
        self.invitations.happens(invitation, Happens.WITHDRAWS)
        meeting = self.meetings.get(invitation.number)
        if meeting is not None:
            meeting.no(text)
        self._look()

    def close(self) -> None:
        """Listen no more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._listener.close()
        self._mesh.close()

    # -- opening

    async def _found(self) -> None:
        try:
            await self._book.found(self._own_card().body, self._label())
        except KeyFileError as exc:
            raise VerbError(ExitCode.FAILED, f"no cluster can be founded: {exc}") from exc

    async def _opened(self, wish: Wish) -> Invitation:
        addresses: list[AnyAddress] = [*self._by_tcp(wish)] if wish.by_tcp else []
        if await self._placed(wish, addresses):
            addresses = [*addresses[: MOST_ADDRESSES - 1], MeshAddress(self._mesh.visor)]
        own = self._book.identity.public_key
        code = Code(secrets.token_bytes(SECRET_BYTES), key_prefix(own), tuple(addresses))
        return self.invitations.add(code, role=wish.role, name=wish.name, now=self._now())

    def _by_tcp(self, wish: Wish) -> list[Address]:
        port = self._listener.open(wish.port)
        told = [parse_address(text, port) for text in wish.addresses[:MOST_ADDRESSES]]
        return told or [Address(host, port) for host in self._reached_at()]

    async def _placed(self, wish: Wish, addresses: list[AnyAddress]) -> bool:
        """Be found over the mesh, if that is wished, or where nothing else leads here from everywhere."""
        if not wish.mesh:
            plain = [one.host for one in addresses if isinstance(one, Address)]
            if wish.addresses or not self._mesh.visor or lead_from_anywhere(plain):
                return False
        try:
            await self._mesh.open_place()
        except VerbError as exc:
            if wish.mesh:
                raise
            log.info("the code has no address of the mesh: %s", exc)
            return False
        return True

    def _look(self) -> None:
        """After any change: the port is open while an invitation is, and whoever waits is told."""
        self.invitations.expire(self._now())
        live = {one.number for one in self.invitations.live()}
        if not live and not self._turn.locked():
            self._listener.close()
            self._mesh.close()
        for number in tuple(self._changed):
            self._changed[number].set()
            if number not in live:
                del self._changed[number]
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        ends = self.invitations.next_end()
        loop = asyncio.get_running_loop()
        self._alarm = None if ends is None else loop.call_later(max(ends - self._now(), 0.05), self._look)

    # -- meeting

    async def _serve(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=sock)
        named: list[Invitation] = []
        task = asyncio.current_task()

        def opened(name: bytes) -> Ticket | Status:
            found = self.invitations.asked(name, self._now())
            if isinstance(found, Status):
                return found
            self._listener.known(task)
            self._mesh.known(task)
            named.append(found)
            return self._ticket(found)

        side = Inviter(self._book.identity, opened)
        meeting = Meeting(side, reader, writer, agreed=self._agreed(named), welcomed=_never)
        watch = self._run(self._watch(meeting, named))
        try:
            await meeting.run()
        finally:
            watch.cancel()
            if named:
                self._over(meeting, named[0])

    def _ticket(self, invitation: Invitation) -> Ticket:
        roster = self._book.roster
        assert roster is not None, "who invites has a cluster"
        return Ticket(
            invitation=invitation.code.invitation,
            psk=invitation.code.psk,
            cluster=roster.cluster,
            label=self._book.me.label if self._book.me is not None else self._label(),
            card=self._own_card().record,
            role=invitation.role,
            name=invitation.name,
            hosts=max(len(roster.present), 1),
            version=__version__,
        )

    async def _watch(self, meeting: Meeting, named: list[Invitation]) -> None:
        """Show the meeting to whoever waits for one, once it has words; count it as soon as it is over."""
        await meeting.shown.wait()
        if named and meeting.words:
            meeting.label = named[0].name or meeting.other.label
            self.meetings[named[0].number] = meeting
            self._look()
        await meeting.over.wait()
        if named:
            self._over(meeting, named[0])

    def _over(self, meeting: Meeting, invitation: Invitation) -> None:
        ended = meeting.ended
        if meeting.is_counted:
            return
        meeting.is_counted = True
        if ended is not None and ended.text:
            log.warning("invitation=%d: %s", invitation.number, ended.text)
            self.invitations.failed(invitation, ended.text, words=ended.words)
        self.meetings.pop(invitation.number, None)
        self._look()

    def _agreed(self, named: list[Invitation]) -> Callable[[Meeting], None]:
        """Both said yes: the record is made by a task of its own, since this may be called from a verb."""
        return lambda meeting: _forget(self._run(self._admit(meeting, named[0])))

    async def _admit(self, meeting: Meeting, invitation: Invitation) -> None:
        side = meeting.side
        assert isinstance(side, Inviter), "who invites admits"
        if not invitation.is_live:
            meeting.no("the invitation was withdrawn")
            return
        try:
            records = await admit(self._book, meeting.other, meeting.label)
        except ViscriptError as exc:
            meeting.no(str(exc))
            return
        meeting.is_admitted = True
        invitation.joined = meeting.label, meeting.other.key
        self.invitations.happens(invitation, Happens.JOINS)
        log.info("host=%s joined label=%s", meeting.other.key.hex()[:16], meeting.label)
        if not meeting.over.is_set():
            meeting.carry(side.welcome(records))


def _never(meeting: Meeting, records: tuple[bytes, ...]) -> None:
    raise AssertionError("an inviter is never welcomed")


def _forget(task: asyncio.Task[None]) -> None:
    """The task has an owner, which is not us."""
