"""The inviter's side of a pairing. Pure, but for fresh keys and numbers."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from signal_bus.noise import Handshake, Pattern
from viscript.cluster.pairing.code import ID_BYTES
from viscript.cluster.pairing.messages import (
    PROLOGUE,
    Offer,
    Request,
    Reveal,
    Status,
    Taken,
    Welcome,
    answer,
    read_hello,
)
from viscript.cluster.pairing.side import Ended, Other, Output, Phase, Side, card_of, proved
from viscript.cluster.pairing.words import NONCE_BYTES, commit, words
from viscript.verbs.table import Role

REFUSALS: dict[Status, str] = {
    Status.UNKNOWN: "somebody came with a code of no invitation here",
    Status.EXPIRED: "somebody came with a code that has expired",
    Status.USED: "somebody came with a code that was used already",
    Status.BURNT: "somebody came with a code that was burnt",
    Status.BUSY: "a second host came with the same code",
    Status.WITHDRAWN: "somebody came with a code that was withdrawn",
}


@dataclass(frozen=True)
class Ticket:
    """What an open invitation stands for."""

    invitation: bytes
    psk: bytes = field(repr=False)
    cluster: PublicKey
    label: str
    card: bytes
    role: Role
    name: str = ""
    hosts: int = 1
    version: str = ""


Open = Callable[[bytes], Ticket | Status]  # the invitation with that id, or why there is none


class Inviter(Side):
    """Waits for a joiner's hello. `ticket` is set once it has named an open invitation."""

    def __init__(
        self, identity: Identity, opened: Open, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        super().__init__(identity, random, Phase.HELLO)
        self.ticket: Ticket | None = None
        self._opened = opened
        self._hashed = b""
        self._nonce = random(NONCE_BYTES)

    def welcome(self, records: tuple[bytes, ...]) -> list[Output]:
        """Both persons agreed, and these records make the joiner a member."""
        assert self.phase is Phase.AGREED, "nobody is welcomed before both persons said yes"
        self._say(Welcome(records))
        self.phase = Phase.TAKEN
        return self._outputs()

    def _take(self, payload: bytes) -> None:
        if self.phase is Phase.HELLO:
            self._hello(payload)
        elif self.phase is Phase.THIRD:
            self._third(payload)
        elif self.phase is Phase.REQUEST:
            self._request(payload)
        elif self._expect(payload, Taken) is not None:
            if self.phase is not Phase.TAKEN:
                self._fail("the other side keeps what it was not given")
            else:
                self._end()

    def _hello(self, payload: bytes) -> None:
        invitation, first = read_hello(payload)
        ticket = self._opened(invitation)
        if isinstance(ticket, Status):
            self._send(answer(ticket))
            self.phase = Phase.DEAD
            self._out.append(Ended(REFUSALS[ticket]))
            return
        self.ticket = ticket
        self.handshake = Handshake(
            Pattern.XXPSK3,
            initiator=False,
            prologue=prologue(invitation),
            static=self.identity.agreement_secret(),
            secret=ticket.psk,
        )
        self.handshake.read(first)
        self._send(answer(Status.OPEN, self.handshake.write(self.identity.public_key)))
        self.phase = Phase.THIRD

    def _third(self, payload: bytes) -> None:
        assert self.handshake is not None, "the hello was answered"
        assert self.ticket is not None, "and named an invitation"
        self._key = proved(self.handshake.read(payload), self.handshake)
        self._hashed = self._shaken(inviter=True)
        ticket = self.ticket
        self._say(
            Offer(
                commit=commit(self._hashed, self._nonce),
                cluster=ticket.cluster,
                label=ticket.label,
                card=ticket.card,
                role=ticket.role,
                name=ticket.name,
                hosts=ticket.hosts,
                version=ticket.version,
            )
        )
        self.phase = Phase.REQUEST

    def _request(self, payload: bytes) -> None:
        request = self._expect(payload, Request)
        if not isinstance(request, Request):
            return
        assert self.ticket is not None, "the hello was answered"
        other = Other(
            key=self._key,
            label=request.label,
            card=card_of(request.card, self._key),
            version=request.version,
            role=self.ticket.role,
            name=self.ticket.name,
        )
        self._say(Reveal(self._nonce))
        self._compare(words(self._hashed, request.nonce, self._nonce), other)


def prologue(invitation: bytes) -> bytes:
    """What both sides must agree on before the first message."""
    assert len(invitation) == ID_BYTES, "the id has its length"
    return PROLOGUE + invitation
