"""The keeper's wire: one JSON object a line over a unix stream, file descriptors beside a line. Pure.

    request   {"id": 4, "op": "launch", ...}
    answer    {"re": 4, "ok": {...}}   or   {"re": 4, "err": {"code": "exists", "text": "..."}}
    event     {"ev": "exited", "cursor": 1000000017, "t": 1700000000.25, "seq": 7, "gen": 1, ...}

A line that carries descriptors says how many (`"fds": 2`); they travel by SCM_RIGHTS on its first byte.
The client speaks first, with `hello`. docs/reference/keeper.md lists every operation and event.
"""

import json
from typing import Any, Final

from viscript.errors import ViscriptError

LONGEST_LINE: Final = 8 * 1024 * 1024
MOST_FDS: Final = 16

_encoder: Final = json.JSONEncoder(separators=(",", ":"))  # made once: `dumps` makes one a call

Json = dict[str, Any]  # a JSON object as it came; its fields are checked where they are used


class KeeperError(ViscriptError):
    """Root of what the keeper and its client raise."""


class ProtocolError(KeeperError):
    """The peer sent bytes that are no message; the connection is of no more use."""


class Refusal(KeeperError):
    """A request that was understood and not carried out; `code` is part of the protocol."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Lines:
    """Cuts a byte stream into JSON objects, however it was split."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[Json]:
        """The objects that `data` completes. Raises `ProtocolError` on anything else."""
        self._rest += data
        found: list[Json] = []
        begin = 0
        while (end := self._rest.find(b"\n", max(begin, self._searched))) >= 0:
            found.append(decode(bytes(self._rest[begin:end]), self._longest))
            begin = end + 1
        del self._rest[:begin]
        self._searched = len(self._rest)
        if len(self._rest) > self._longest:
            raise ProtocolError(f"a line is longer than {self._longest} bytes")
        return found


def decode(line: bytes, longest: int = LONGEST_LINE) -> Json:
    """The object on one line. Raises `ProtocolError` when it is too long or not an object."""
    if len(line) > longest:
        raise ProtocolError(f"a line is longer than {longest} bytes")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"not a line of JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise ProtocolError("a line must be a JSON object")
    return value


def encode(message: Json) -> bytes:
    """One line for the wire."""
    return _encoder.encode(message).encode() + b"\n"


def answer(request: object, result: Json) -> Json:
    """The message that a request was carried out."""
    return {"re": request, "ok": result}


def refusal(request: object, code: str, text: str) -> Json:
    """The message that a request was not carried out."""
    return {"re": request, "err": {"code": code, "text": text}}
