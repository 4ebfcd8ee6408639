"""Why there is no way to a peer, in words for people: names for keys, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from components.mesh.errors import MeshError, RemoteError, Unreachable
from signal_bus.ids import PublicKey

NO_LINK: Final = "`tp ls` shows its links, `tp add KEY@HOST:PORT` makes one"
LINK_IT: Final = "`tp add KEY@HOST:PORT` links it to this node"
_UNLINKED: Final = "has no transport that is up"  # as route finders say it
_KEY: Final = re.compile(r"\b(?:0[23])?([0-9a-f]{64})\b")


class Labels(Protocol):
    """An address book."""

    def label(self, key: PublicKey) -> str:
        """What this key is called here; nothing where it has no name."""


class Wayless:
    """Of one node: what it calls a key, and whether it has a link that is up."""

    def __init__(self, own: PublicKey, book: Labels, is_linked: Callable[[], bool]) -> None:
        self._own = own
        self._book = book
        self._is_linked = is_linked

    @contextmanager
    def told(self, peer: PublicKey) -> Iterator[None]:
        """What was wrong on the way to a peer, told for people. Raises `Unreachable`, or what it was."""
        try:
            yield
        except Unreachable as exc:
            raise self._error(peer, exc.why) from exc
        except RemoteError as exc:
            if _UNLINKED not in exc.text:
                raise
            raise self._error(peer, exc.text) from exc

    def _error(self, peer: PublicKey, why: str) -> MeshError:
        return Unreachable(self._name(peer), self.sentence(peer, why))

    def sentence(self, peer: PublicKey, why: str) -> str:
        """What is wrong, and what to do."""
        text = _KEY.sub(lambda found: self._word(found[1], peer), why.removeprefix("route: "))
        if not self._is_linked():
            plain = f"this node {_UNLINKED}"
            return f"{plain if _UNLINKED in text else f'{text}; {plain}'}: {NO_LINK}"
        return f"{text}: {LINK_IT}" if _UNLINKED in text else text

    def _name(self, key: PublicKey) -> str:
        return "this node" if key == self._own else self._book.label(key) or key.hex()[:12]

    def _word(self, digits: str, peer: PublicKey) -> str:
        key = PublicKey(bytes.fromhex(digits))
        return "it" if key == peer else self._name(key)
