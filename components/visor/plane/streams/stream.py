"""One stream: its life, its two halves, and which units of it wait to be sent. Pure."""

from collections.abc import Iterator
from enum import IntFlag
from typing import Final

from components.visor.plane.streams.agenda import Place
from components.visor.plane.streams.api import Endpoint
from components.visor.plane.streams.life import Half, State
from components.visor.plane.streams.receiving import Receiver
from components.visor.plane.streams.sending import Sender


class Pending(IntFlag):
    """Units of a stream that wait; the lowest bit goes first."""

    OPEN = 1
    OPENED = 2
    ACK = 4  # before RESET: both ends then know the same of what arrived
    RESET = 8
    CREDIT = 16
    FIN = 32


OPEN: Final = int(Pending.OPEN)
OPENED: Final = int(Pending.OPENED)
RESET: Final = int(Pending.RESET)
ACK: Final = int(Pending.ACK)
CREDIT: Final = int(Pending.CREDIT)
FIN: Final = int(Pending.FIN)


class Stream:
    """What a group knows of one stream."""

    __slots__ = (
        "ack_late",
        "code",
        "deficit",
        "endpoint",
        "flagged",
        "id",
        "pending",
        "place",
        "port",
        "receiver",
        "sender",
        "source",
        "state",
    )

    def __init__(
        self, id: int, state: State, sender: Sender, receiver: Receiver, *, port: int, source: int
    ) -> None:
        self.id = id
        self.state = state
        self.sender = sender
        self.receiver = receiver
        self.port = port
        self.source = source
        self.endpoint: Endpoint | None = None
        self.code = 0
        self.pending = 0
        self.flagged = False
        self.ack_late = False  # an acknowledgement waits for its delay
        self.place = Place.OFF
        self.deficit = 0

    @property
    def ended(self) -> bool:
        """Whether both halves are complete."""
        return self.sender.half is Half.ENDED and self.receiver.half is Half.ENDED

    def unconfirmed(self) -> Iterator[int]:
        """The units whose arrival is not known: they are sent again after a change of route."""
        if self.state is State.OPENING:
            yield OPEN
        elif self.state is State.RESETTING:
            if self.receiver.expected:
                yield ACK
            yield RESET
        elif self.state is State.OPEN and self.sender.fin_sent and self.sender.half is not Half.ENDED:
            yield FIN
