"""What the shell brings to a group, and the words both use. Types and protocols only.

The group calls an `Endpoint` and the `Owner` from within its own methods. An endpoint's `read`, `write` and
`end`, and the owner's `wake`, must not call the group back; the others may.
"""

from enum import IntEnum
from typing import Final, Protocol

END: Final = 0  # read: the app will write no more
BLOCKED: Final = -1  # read: nothing now; `Group.readable` follows
BROKEN: Final = -2  # read, write: the app is gone


class Code(IntEnum):
    """Why a stream was reset; goes over the wire. An app's own codes begin at 256."""

    REFUSED = 1  # nobody listens on that port
    BUSY = 2  # too many streams, or no memory for its window
    GONE = 3  # the app closed its socket, or ended
    UNKNOWN = 4  # the other node knows nothing of this stream
    RESTARTED = 5  # the other node was started anew
    CLOSED = 6  # the group was closed


class Want(IntEnum):
    """What a route has to send."""

    NOTHING = 0
    BULK = 1
    URGENT = 2


class Left(IntEnum):
    """Why the group sends by another route now."""

    NONE = 0  # it is the first one
    DEAD = 1  # link error, no answer, or the peer says so
    STALLED = 2  # data went out and no acknowledgement came
    BETTER = 3  # a route of less cost is there
    FOLLOWED = 4  # the peer moved


class Endpoint(Protocol):
    """The local side of a stream: an app's socket."""

    @property
    def dry(self) -> bool:
        """Whether the last `read` took all there was, and `Group.readable` follows when there is more."""

    def read(self, into: memoryview) -> int:
        """Put the app's next bytes in `into`: how many, or `END`, `BLOCKED`, `BROKEN`."""

    def write(self, data: memoryview) -> int:
        """Give bytes to the app: how many it took, or `BROKEN`. If not all, `Group.writable` follows."""

    def end(self) -> None:
        """The peer's last byte was written: close the writing half."""

    def opened(self) -> None:
        """The peer accepted this stream; `read` may be called from now on."""

    def closed(self, code: int | None) -> None:
        """The stream is over: None when both sides ended it, else the code of the reset."""


class Owner(Protocol):
    """Who holds the group."""

    def wake(self, route: int, want: Want) -> None:
        """This route has more to send than it had when `next_unit` last returned."""

    def offered(self, stream: int, port: int, source: int) -> None:
        """The peer opens a stream to `port`: answer by `accept` or `reset`, now or later."""

    def message(self, port: int, source: int, body: memoryview) -> None:
        """A datagram-like message came; `body` is valid during the call only."""

    def switched(self, old: int | None, new: int | None, why: Left) -> None:
        """The group sends by `new` now; with None it has no route and waits for one."""

    def route_dead(self, route: int) -> None:
        """This route is of no use any more: close it and drop its keys."""
