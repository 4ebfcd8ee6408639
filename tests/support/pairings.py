"""Two sides of a pairing, joined in memory: what one sends, the other is fed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from signal_bus.identity import Identity
from tests.support.rosters import card_of, host
from viscript.cluster.model import sign_card
from viscript.cluster.pairing.code import SECRET_BYTES, Address, Code, key_prefix
from viscript.cluster.pairing.inviter import Inviter, Open, Ticket
from viscript.cluster.pairing.joiner import Joiner
from viscript.cluster.pairing.messages import Status
from viscript.cluster.pairing.side import Agreed, Compare, Ended, Output, Send, Side, Welcomed
from viscript.verbs.table import Role

CLUSTER, INVITER, JOINER, STRANGER = (host(number) for number in range(4))
SECRET = b"\x05" * SECRET_BYTES


def code_of(identity: Identity = INVITER, secret: bytes = SECRET) -> Code:
    """The code that `identity` would print."""
    return Code(secret, key_prefix(identity.public_key), (Address("127.0.0.1", 7792),))


def ticket_of(code: Code | None = None, identity: Identity = INVITER, role: Role = Role.VIEW) -> Ticket:
    """An open invitation of `identity`."""
    code = code or code_of(identity)
    return Ticket(
        invitation=code.invitation,
        psk=code.psk,
        cluster=CLUSTER.public_key,
        label="alpha",
        card=own_card(identity),
        role=role,
    )


def opened(*tickets: Ticket) -> Open:
    """Answers for these invitations, and for no others."""
    known = {ticket.invitation: ticket for ticket in tickets}
    return lambda invitation: known.get(invitation, Status.UNKNOWN)


def own_card(identity: Identity) -> bytes:
    """The signed card of a host."""
    return sign_card(card_of(identity, addresses=("tcp://127.0.0.1:7791",)), identity).record


def inviter(identity: Identity = INVITER, *tickets: Ticket) -> Inviter:
    """A side that waits for a joiner."""
    return Inviter(identity, opened(*(tickets or (ticket_of(identity=identity),))))


def joiner(code: Code | None = None, identity: Identity = JOINER) -> Joiner:
    """A side that has a code."""
    return Joiner(identity, code or code_of(), label="beta", card=own_card(identity), version="1")


@dataclass
class Talk:
    """Carries bytes between two sides, and keeps whatever else they put out."""

    inviter: Side
    joiner: Joiner
    change: Callable[[bytes], bytes] = lambda data: data  # what somebody in between does
    said: dict[str, list[Output]] = field(default_factory=lambda: {"inviter": [], "joiner": []})
    sent: list[bytes] = field(default_factory=list)

    def begin(self) -> None:
        """The joiner speaks first; goes on until both wait."""
        self.carry(self.joiner, self.joiner.begin())

    def carry(self, side: Side, outputs: list[Output]) -> None:
        """Carry out what a side puts out."""
        other = self.joiner if side is self.inviter else self.inviter
        for output in outputs:
            if isinstance(output, Send):
                self.sent.append(output.data)
                self.carry(other, other.feed(self.change(output.data)))
            else:
                self.said["joiner" if side is self.joiner else "inviter"].append(output)

    def words(self) -> tuple[str, str]:
        """What both screens show."""
        shown = [
            output.words for each in self.said.values() for output in each if isinstance(output, Compare)
        ]
        assert len(shown) == 2, self.said
        return shown[0], shown[1]

    def end_of(self, name: str) -> Ended:
        """How it ended for one of them."""
        return next(output for output in self.said[name] if isinstance(output, Ended))

    def agree(self) -> None:
        """Both persons say yes; the inviter first."""
        self.carry(self.inviter, self.inviter.yes())
        self.carry(self.joiner, self.joiner.yes())

    def has(self, name: str, kind: type[Agreed] | type[Welcomed]) -> bool:
        """Whether a side has put that out."""
        return any(isinstance(output, kind) for output in self.said[name])
