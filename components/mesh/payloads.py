"""msgpack between peers: one way in, one way out. What is decoded here came from somebody else.

Each type is a msgspec `Struct`: a map by field name, unknown fields are ignored, a new field has a default.
A field of type `Raw` holds a map whose form only the user of the port or method knows: see `decode`.
"""

from typing import Final, TypeVar

import msgspec

from components.mesh.errors import WireError

Body = TypeVar("Body", bound=msgspec.Struct)

EMPTY: Final = msgspec.Raw(b"\x80")  # a map without fields
# What msgspec raises for bytes of others: its own errors, bad UTF-8 (a ValueError), nesting too deep.
_BAD_INPUT: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_MAP_HEADERS: Final = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}
encode: Final = msgspec.msgpack.Encoder().encode


def raw(body: msgspec.Struct | None) -> msgspec.Raw:
    """A body as a field of another message; None is a map without fields."""
    return EMPTY if body is None else msgspec.Raw(encode(body))


def decode(data: bytes | bytearray | memoryview | msgspec.Raw, type: type[Body]) -> Body:
    """The `type` in `data`. Raises `WireError` for anything else."""
    copied = bytes(data)  # a `Raw` in what is decoded goes on referring to it, and buffers are used again
    if not copied or copied[0] not in _MAP_HEADERS:
        raise WireError(f"{type.__name__}: not a map of msgpack")
    try:
        return msgspec.msgpack.decode(copied, type=type)
    except _BAD_INPUT as exc:
        raise WireError(f"{type.__name__}: {exc}") from exc
