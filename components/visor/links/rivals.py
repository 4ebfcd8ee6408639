"""The links of one transport, when both ends dialled at once or one end lost a link unseen. Pure.

One rule, so that never both are dropped: **only the end with the smaller key judges.** It holds one link: of
two, the one it dialled itself. The other end takes every link, uses the one the smaller dialled, and hangs up
none but those the peer says have ended there, and those that are still beside a better one after a while.

Each link has a token, drawn by whoever dials. A request names the link of this transport that ended last on
its side:

    smaller, holds nothing                      take
    smaller, holds a link, and it is named      hang that up (it is a ghost), take
    smaller, holds a link, another is named     refuse as `duplicate`, naming its token
    larger                                      hang up what is named, take

Who is refused so and holds that link is content. Who does not hold it dials again at once and names it: the
peer had not noticed that it ended, for instance because this node was started anew.
"""

from dataclasses import dataclass
from typing import Final

from components.visor.links.limits import HELD_MOST

TOKEN_BYTES: Final = 8
NO_TOKEN: Final = b""
DUPLICATE: Final = "duplicate"


@dataclass(frozen=True)
class Verdict:
    """What to do with a visitor: `duplicate_of` is empty when it is taken; `ghosts` are hung up before."""

    ghosts: tuple[bytes, ...] = ()
    duplicate_of: bytes = NO_TOKEN


class Rivals:
    """Which links of one transport are held here, by token, and which of them is in use."""

    def __init__(self, *, smaller: bool) -> None:
        """`smaller` says whether our key is the smaller one."""
        self._smaller = smaller
        self._held: dict[bytes, bool] = {}  # token: dialled by the smaller key; in the order of joining
        self.ended = NO_TOKEN  # the link that ended last

    def __contains__(self, token: object) -> bool:
        return token in self._held

    def __len__(self) -> int:
        return len(self._held)

    def visit(self, token: bytes, ended: bytes) -> Verdict:
        """What to do with a visitor whose link would have this token, and who names `ended`."""
        if token in self._held:
            return Verdict(duplicate_of=token)
        ghosts = (ended,) if ended in self._held else ()
        others = [each for each in self._held if each != ended]
        if self._smaller and others:
            return Verdict(ghosts, others[-1])
        return Verdict(ghosts)

    def joined(self, token: bytes, *, dialled: bool) -> tuple[bytes, ...]:
        """A link stands, which we `dialled` or took: the links that are to be hung up now."""
        self._held[token] = dialled == self._smaller
        best = self.best()
        others = [each for each in self._held if each != best]
        return tuple(others if self._smaller else others[: max(len(self._held) - HELD_MOST, 0)])

    def left(self, token: bytes) -> None:
        """A link ended."""
        if self._held.pop(token, None) is not None:
            self.ended = token

    def told_duplicate(self, token: bytes) -> bool:
        """The peer refused us because it holds `token`; whether to dial again, naming that one as ended."""
        if token in self._held:
            return False
        self.ended = token
        return True

    def best(self) -> bytes:
        """The link in use: one the smaller key dialled before others, the latest; empty when none stands."""
        by_smaller = [token for token, smaller in self._held.items() if smaller]
        return (by_smaller or [NO_TOKEN, *self._held])[-1]

    def retired(self, token: bytes) -> tuple[bytes, ...]:
        """A link has stood for a while: those to be hung up beside it, if it is the one in use."""
        return tuple(each for each in self._held if each != token) if token == self.best() else ()
