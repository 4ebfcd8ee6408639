"""Bytes of a control connection, cut into messages. Pure.

message    u32 BE length | so many bytes of msgpack, at most 65536
"""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

import msgspec

from components.mesh.errors import CallerError, WireError
from components.visor.apps.limits import MAX_FRAME
from components.visor.apps.messages import FromApp, FromVisor

HEAD: Final = 4
M = TypeVar("M")
_encode: Final = msgspec.msgpack.Encoder().encode
_BAD_INPUT: Final = (msgspec.MsgspecError, ValueError, RecursionError)

of_app: Final[msgspec.msgpack.Decoder[FromApp]] = msgspec.msgpack.Decoder(FromApp)
of_visor: Final[msgspec.msgpack.Decoder[FromVisor]] = msgspec.msgpack.Decoder(FromVisor)


def encode(message: msgspec.Struct) -> bytes:
    """The bytes of a message. Raises `CallerError` for one that is too long, or whose text is no Unicode."""
    try:
        body = _encode(message)
    except UnicodeEncodeError as exc:
        raise CallerError("a text that is no Unicode: it holds half of a letter") from exc
    if len(body) > MAX_FRAME:
        raise CallerError(f"a message of {len(body)} bytes (at most {MAX_FRAME} are allowed)")
    return len(body).to_bytes(HEAD, "big") + body


class Cutter(Generic[M]):
    """Feed it what arrives, however it was split; iterate over what is complete."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[M]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray) -> None:
        """Take the next bytes."""
        self._buffer += data

    def messages(self) -> Iterator[M]:
        """The next messages, as long as there are whole ones. Raises `WireError`."""
        while (body := self._cut()) is not None:
            try:
                yield self._decoder.decode(body)
            except _BAD_INPUT as exc:
                raise WireError(f"a message of {len(body)} bytes: {exc}") from exc

    def _cut(self) -> bytes | None:
        if len(self._buffer) < HEAD:
            return None
        size = int.from_bytes(self._buffer[:HEAD], "big")
        if size > MAX_FRAME:
            raise WireError(f"a message of {size} bytes (at most {MAX_FRAME} are allowed)")
        if len(self._buffer) < HEAD + size:
            return None
        body = bytes(self._buffer[HEAD : HEAD + size])
        del self._buffer[: HEAD + size]
        return body
