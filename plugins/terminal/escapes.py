"""The way out of a session whose far end does not answer: Enter, then `~.`, as with ssh. Pure."""

from __future__ import annotations

from typing import Final

_ENTER: Final = b"\r\n"
_TILDE: Final = ord("~")
_DOT: Final = ord(".")


class Escapes:
    """Feed it what is typed; it gives what goes on to the peer."""

    def __init__(self) -> None:
        self.is_leaving = False
        self._at_start = True  # of a line
        self._held = False  # a tilde, until what follows is known

    def feed(self, typed: bytes) -> bytes:
        """What goes on. After `is_leaving` nothing does."""
        made = bytearray()
        for byte in b"" if self.is_leaving else typed:
            if self._held:
                self._held = False
                if byte == _DOT:
                    self.is_leaving = True
                    break
                made.append(_TILDE)
                if byte == _TILDE:  # two of them are one
                    self._at_start = False
                    continue
            elif self._at_start and byte == _TILDE:
                self._held = True
                continue
            made.append(byte)
            self._at_start = byte in _ENTER
        return bytes(made)
