"""Frames of the app pipe, and the JSON in them. Pure.

    u16 BE length of the rest | u8 type | u8 request id | body: JSON, but plain text in a Failure

Each frame that is no reply is answered by one Success or Failure with its id. Each side has ids of its own.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec

from components.mesh.errors import WireError

HEAD: Final = 2
LENGTH_MAX: Final = 0xFFFF
IDS: Final = 255
INIT_MAX: Final = 4096
PAYLOAD_MAX: Final = 48_984  # of a Send, so that its JSON fits into a frame
KEY_DIGITS: Final = 66
ZERO: Final = "0" * KEY_DIGITS
PROTOCOL: Final = "0.0.1"

Hex = Annotated[str, msgspec.Meta(pattern=f"^[0-9a-fA-F]{{{KEY_DIGITS}}}$")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
T = TypeVar("T")


class Type(IntEnum):
    """Of a frame."""

    INIT = 0x00
    CREATE_LOOP = 0x01
    CONFIRM_LOOP = 0x02
    SEND = 0x03
    CLOSE = 0x04
    FAILURE = 0xFE
    SUCCESS = 0xFF


class Init(msgspec.Struct, frozen=True):
    """Who the app is."""

    name: str = msgspec.field(name="app-name")
    version: str = msgspec.field(name="app-version")
    protocol: str = msgspec.field(name="protocol-version")


class Addr(msgspec.Struct, frozen=True):
    """A key, as those apps write it, and a port."""

    pk: Hex
    port: Port


class Loop(msgspec.Struct, frozen=True, rename="pascal"):
    """Both ends of a connection, as the app sees it."""

    local: Addr
    remote: Addr


class Packet(msgspec.Struct, frozen=True):
    """Data of a connection; base64 in JSON."""

    loop: Loop
    payload: bytes


class Frame(NamedTuple):
    """One frame."""

    type: int
    id: int
    body: bytes

    @property
    def is_reply(self) -> bool:
        """Whether it answers a frame of ours."""
        return self.type in (Type.SUCCESS, Type.FAILURE)


to_json: Final = msgspec.json.Encoder().encode
_BAD_INPUT: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def of_json(body: bytes, type: type[T]) -> T:
    """What the body of a frame holds. Raises `WireError`."""
    try:
        return msgspec.json.decode(body, type=type)
    except _BAD_INPUT as exc:
        raise WireError(f"{getattr(type, '__name__', type)}: {exc}") from exc


def encode(type: Type, id: int, body: bytes = b"null") -> bytes:
    """The bytes of a frame. Raises `WireError` for a body that is too long."""
    size = HEAD + len(body)
    if size > LENGTH_MAX:
        raise WireError(f"a frame of {size} bytes; {LENGTH_MAX} are the most its length can tell")
    return b"".join((size.to_bytes(HEAD, "big"), bytes((type, id)), body))


class Cutter:
    """Feed it what arrives; iterate over the whole frames."""

    def __init__(self, first_max: int = LENGTH_MAX) -> None:
        """The first frame has a bound of its own: what is no app of this protocol is not waited for."""
        self._buffer = bytearray()
        self._most = first_max

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._buffer += data

    def frames(self) -> Iterator[Frame]:
        """The next frames. Raises `WireError` for one without type and id."""
        while len(self._buffer) >= HEAD:
            size = int.from_bytes(self._buffer[:HEAD], "big")
            if size < 2:
                raise WireError(f"a frame of {size} bytes has no type and id")
            if size > self._most:
                raise WireError(f"a first frame of {size} bytes; an Init has at most {self._most}")
            if len(self._buffer) < HEAD + size:
                return
            frame = Frame(self._buffer[2], self._buffer[3], bytes(self._buffer[4 : HEAD + size]))
            del self._buffer[: HEAD + size]
            self._most = LENGTH_MAX
            yield frame
