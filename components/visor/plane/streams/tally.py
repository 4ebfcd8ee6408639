"""What went by one stream, as both ends know it: also when the stream is over. Pure.

An end knows of what it sent only what the peer acknowledged, and of what it received all that came in order,
whether the app took it or not. So of two ends the sender never knows more, and once a stream is settled both
know the same.
"""

from components.visor.plane.streams.life import State
from components.visor.plane.streams.stream import Stream


class Tally:
    """Of one stream; read at leisure."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    @property
    def acknowledged_bytes(self) -> int:
        """The peer has them."""
        return self._stream.sender.acknowledged

    @property
    def unsure_bytes(self) -> int:
        """The peer may have them too."""
        sender = self._stream.sender
        return 0 if sender.told else max(0, min(sender.highest, sender.store.end) - sender.acknowledged)

    @property
    def received_bytes(self) -> int:
        """They came from the peer."""
        return self._stream.receiver.expected

    @property
    def settled(self) -> bool:
        """Whether nothing more will change."""
        return self._stream.state in (State.PARTING, State.CLOSED)
