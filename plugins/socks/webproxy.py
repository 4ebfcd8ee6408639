"""HTTP CONNECT: the head of the request, and the answers. Pure.

A head can hold a password, so unlike a SOCKS request it never leaves this host.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple

from plugins.socks.destination import BadDestination, Destination, name_of
from plugins.socks.handshake import Credentials
from plugins.socks.request import Code

HEAD_MAX: Final = 8192
_END: Final = b"\r\n\r\n"
_LINE: Final = re.compile(rb"CONNECT (?:\[([0-9A-Fa-f:.]+)\]|([^\s:]+)):([0-9]{1,5}) HTTP/1\.[01]")
_LOGIN: Final = b"proxy-authorization:"
_STATUS: Final = {
    Code.DONE: "200 Connection established",
    Code.NOT_ALLOWED: "403 Forbidden",
    Code.TOO_LATE: "504 Gateway Timeout",
}
_UNREACHED: Final = "502 Bad Gateway"


class BadHead(ValueError):
    """No CONNECT that is taken; `answer` is what the program is told."""

    def __init__(self, why: str, answer: bytes) -> None:
        super().__init__(why)
        self.answer = answer


class Head(NamedTuple):
    """`size` is how many bytes it took."""

    destination: Destination
    size: int


def answer(code: Code) -> bytes:
    """The answer to a CONNECT that came to this."""
    status = _STATUS.get(code, _UNREACHED)
    if code is Code.DONE:
        return _response(status)
    return _closing(status)


def parse(data: bytes, credentials: Credentials | None = None) -> Head | None:
    """The head these bytes begin with; None while it is not whole. Raises `BadHead`."""
    end = data.find(_END, 0, HEAD_MAX)
    if end < 0:
        if len(data) >= HEAD_MAX:
            raise BadHead("a head that is too long", _closing("431 Request Header Fields Too Large"))
        return None
    line, *fields = data[:end].split(b"\r\n")
    if not line.startswith(b"CONNECT "):
        raise BadHead("not a CONNECT: this is no proxy for plain HTTP", _closing("405 Method Not Allowed"))
    _check(fields, credentials)
    return Head(_destination(line), end + len(_END))


def _destination(line: bytes) -> Destination:
    found = _LINE.fullmatch(line)
    try:
        if found is None or not 0 < int(found[3]) < 65536:
            raise BadDestination("a CONNECT without HOST:PORT")
        return Destination(name_of(found[1] or found[2]), int(found[3]))
    except BadDestination as exc:
        raise BadHead(str(exc), _closing("400 Bad Request")) from exc


def _check(fields: list[bytes], credentials: Credentials | None) -> None:
    if credentials is None:
        return
    shown = [field[len(_LOGIN) :].strip() for field in fields if field.lower().startswith(_LOGIN)]
    if len(shown) != 1 or not _match(shown[0], credentials):
        wanted = 'Proxy-Authenticate: Basic realm="socks-client"'
        raise BadHead("a wrong user or password", _closing("407 Proxy Authentication Required", wanted))


def _match(shown: bytes, credentials: Credentials) -> bool:
    scheme, _, text = shown.partition(b" ")
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).partition(b":")
    except binascii.Error:
        return False
    return scheme.lower() == b"basic" and credentials.match(user, password)


def _response(status: str, *fields: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode("ascii")


def _closing(status: str, *fields: str) -> bytes:
    return _response(status, *fields, "Content-Length: 0", "Connection: close")
