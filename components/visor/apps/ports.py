"""Which app has which port. Pure.

A port that an app listens on and the source port of a stream are of one kind: a source port is lent as long
as the stream lives, and belongs to no listener.
"""

from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

from components.mesh.ports import FIRST_EPHEMERAL
from components.visor.apps.errors import Refusal
from components.visor.apps.messages import Fault

LAST: Final = 65535
O = TypeVar("O", bound=Hashable)  # noqa: E741 (an owner)


class Ports(Generic[O]):
    """`owner` is whatever stands for an app."""

    def __init__(self) -> None:
        self._listeners: dict[int, O] = {}
        self._lent: set[int] = set()
        self._next = FIRST_EPHEMERAL

    def listener(self, port: int) -> O | None:
        """Who gets what comes for a port."""
        return self._listeners.get(port)

    def of(self, owner: O) -> tuple[int, ...]:
        """The ports an app listens on, in order."""
        return tuple(sorted(port for port, other in self._listeners.items() if other == owner))

    def listen(self, owner: O, port: int) -> int:
        """Give an app a port; 0 means a free one. Raises `Refusal`."""
        chosen = port or self._free()
        if chosen in self._listeners or chosen in self._lent:
            raise Refusal(
                Fault.PORT_TAKEN,
                f"mesh port {chosen} is in use by {self._listeners.get(chosen, 'a stream')}; "
                "choose another, or 0 for any that is free",
            )
        self._listeners[chosen] = owner
        return chosen

    def unlisten(self, owner: O, port: int) -> None:
        """Take it back. Raises `Refusal` when it is not the app's."""
        if port not in self._listeners or self._listeners[port] != owner:
            raise Refusal(Fault.NOT_LISTENING, f"you do not listen on port {port}")
        del self._listeners[port]

    def release(self, owner: O) -> None:
        """Take back all that an app listens on."""
        for port in self.of(owner):
            del self._listeners[port]

    def lend(self) -> int:
        """A source port for a stream. Raises `Refusal` when there is none."""
        port = self._free()
        self._lent.add(port)
        return port

    def give_back(self, port: int) -> None:
        """The stream is over."""
        self._lent.discard(port)

    def _free(self) -> int:
        for port in self._round():
            if port not in self._listeners and port not in self._lent:
                self._next = port + 1
                return port
        raise Refusal(Fault.TOO_MANY, "all ports of this visor are in use; close some streams first")

    def _round(self) -> Iterator[int]:
        """Each port once, from the one after the last given: a port is used again as late as possible."""
        yield from range(self._next, LAST + 1)
        yield from range(FIRST_EPHEMERAL, self._next)
