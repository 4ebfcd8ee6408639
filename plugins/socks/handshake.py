"""What a program says first at the SOCKS port: greeting and password of SOCKS5, then the request. Pure.

    SOCKS5     05 | n | n methods             answer 05 | method, ff for none
    password   01 | n | user | n | password   answer 01 | 00, or 01 for a wrong one

The connection goes to the exit with its request unread, so this looks at bytes that stay where they are:
`look` gets all that wait, and says what to take of them. It is called again for the rest.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from plugins.socks.request import BadRequest, Code, Request, parse, reply

OPEN: Final = 0
PASSWORD: Final = 2
NO_METHOD: Final = 0xFF
_ACCEPTED: Final = b"\x01\x00"
_WRONG: Final = b"\x01\x01"


class Credentials(NamedTuple):
    """What a program has to show."""

    user: str
    password: str

    def match(self, user: bytes, password: bytes) -> bool:
        """Whether these are the ones, in a time that tells nothing."""
        right_user = hmac.compare_digest(user, self.user.encode())
        return hmac.compare_digest(password, self.password.encode()) and right_user


@dataclass(frozen=True)
class Reply:
    """Take so many bytes, send these, and look again."""

    take: int
    send: bytes


@dataclass(frozen=True)
class Wanted:
    """The request; its bytes are still there."""

    request: Request


@dataclass(frozen=True)
class Refuse:
    """Send these and hang up."""

    send: bytes
    why: str


Step = Reply | Wanted | Refuse | None  # None: too few bytes yet


class Phase(Enum):
    """How far it came."""

    GREETING = auto()
    PASSWORD = auto()
    REQUEST = auto()


class Handshake:
    """One connection; `credentials` if a password is asked for."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._phase = Phase.GREETING

    def look(self, waiting: bytes) -> Step:
        """What to do about the bytes that wait."""
        try:
            return {
                Phase.GREETING: self._greeting,
                Phase.PASSWORD: self._password,
                Phase.REQUEST: self._request,
            }[self._phase](waiting)
        except BadRequest as exc:
            return Refuse(exc.reply, str(exc))

    def _greeting(self, data: bytes) -> Step:
        if data[:1] == b"\x04":
            return self._four(data)
        if data and data[0] != 5:
            return Refuse(b"", f"it does not speak SOCKS: its first byte is {data[0]}")
        if len(data) < 2 or len(data) < 2 + data[1]:
            return None
        end = 2 + data[1]
        method = OPEN if self._credentials is None else PASSWORD
        if method not in data[2:end]:
            return Refuse(bytes([5, NO_METHOD]), "it offers no way to log in that is asked for")
        self._phase = Phase.REQUEST if method == OPEN else Phase.PASSWORD
        return Reply(end, bytes([5, method]))

    def _four(self, data: bytes) -> Step:
        if self._credentials is not None:
            return Refuse(reply(4, Code.NOT_ALLOWED), "SOCKS4 has no password, and one is asked for")
        return self._request(data)

    def _password(self, data: bytes) -> Step:
        if data and data[0] != 1:
            return Refuse(_WRONG, f"a log-in of version {data[0]}")
        if len(data) < 2 or len(data) < 3 + data[1]:
            return None
        middle = 2 + data[1]
        end = middle + 1 + data[middle]
        if len(data) < end:
            return None
        assert self._credentials is not None  # or this phase is never reached
        if not self._credentials.match(data[2:middle], data[middle + 1 : end]):
            return Refuse(_WRONG, "a wrong user or password")
        self._phase = Phase.REQUEST
        return Reply(end, _ACCEPTED)

    def _request(self, data: bytes) -> Step:
        request = parse(data)
        return None if request is None else Wanted(request)
