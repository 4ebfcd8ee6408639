"""Frames: what the records of a link hold, one behind the other.

offset  size  field
0       1     type in the low nibble; hops left in the high one, 15 at the start, one less at each hop, gone
              at 0
1       4     route id, big endian; the receiver of the frame chose or was told it, and it changes at each hop
5       2     n, bytes of payload, big endian; of a large frame 65536 less than those
7       n     payload

type  name        payload
0     data        one sealed unit of the two ends, at least 24 bytes
1     close       1 byte: why (CloseCode)
2     keep-alive  nothing
3     handshake   a message of the ends' handshake
4     ping        8 to 64 bytes the sender likes to see again
5     pong        the same bytes
6     error       text, at most 1024 bytes of UTF-8
7     credit      u64 big endian: the limit of data payload bytes, counted from the start of the route
8     want        u64: the limit a waiting frame needs; who can promise that much answers by credit
9     recall      u64: the sender of data should not go further than this limit
10    return      u64, the answer to a recall: how far it goes, that limit or what it sent already
11    large       as data, 65536 bytes or more: one that fills a record nearly

Route id 0 is the link itself: ping, pong, handshake with a message between neighbours, and error, whose
payload then is the u32 route id that the receiver sent on and its neighbour knows nothing of.
"""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from components.mesh.errors import WireError

HEADER: Final = Struct(">BIH")
HEADER_BYTES: Final = HEADER.size
MAX_PAYLOAD: Final = 0xFFFF
MAX_LARGE: Final = 128 * 1024 - HEADER_BYTES  # what a record holds
LARGE_FROM: Final = 0x10000
HOPS: Final = 15
CREDIT: Final = Struct(">Q")
_pack_into: Final = HEADER.pack_into
_unpack_from: Final = HEADER.unpack_from
_ROUTE_PACK: Final = Struct(">BI").pack_into


class FrameType(IntEnum):
    """What a frame is; the low nibble of its first byte."""

    DATA = 0
    CLOSE = 1
    KEEP_ALIVE = 2
    HANDSHAKE = 3
    PING = 4
    PONG = 5
    ERROR = 6
    CREDIT = 7
    WANT = 8
    RECALL = 9
    RETURN = 10
    LARGE = 11


class CloseCode(IntEnum):
    """Why a route was closed; an unknown code counts as `NORMAL`."""

    NORMAL = 0
    NO_ROUTE = 1  # no rule for this id
    LINK_LOST = 2  # a link further on is gone
    EXPIRED = 3  # nothing passed for the time of a lease
    OVERRUN = 4  # more was sent than the credit allowed
    AUTH = 5  # a tag or a handshake did not hold
    BUSY = 6  # a quota was reached
    SHUTDOWN = 7  # the node ends


# The payload sizes of each type, from and to.
SIZES: Final[dict[int, tuple[int, int]]] = {
    FrameType.DATA: (24, MAX_PAYLOAD),
    FrameType.CLOSE: (1, 1),
    FrameType.KEEP_ALIVE: (0, 0),
    FrameType.HANDSHAKE: (1, 1024),
    FrameType.PING: (8, 64),
    FrameType.PONG: (8, 64),
    FrameType.ERROR: (0, 1024),
    FrameType.CREDIT: (CREDIT.size, CREDIT.size),
    FrameType.WANT: (CREDIT.size, CREDIT.size),
    FrameType.RECALL: (CREDIT.size, CREDIT.size),
    FrameType.RETURN: (CREDIT.size, CREDIT.size),
    FrameType.LARGE: (LARGE_FROM, MAX_LARGE),
}
_LARGE: Final = int(FrameType.LARGE)
_BOUNDS: Final = tuple(SIZES.get(kind, (0, MAX_PAYLOAD)) for kind in range(16))


class Frame(NamedTuple):
    """Where a frame lies in its record: header from `start - HEADER_BYTES`, payload from `start` to `end`.

    `type` may be one that does not exist yet (12 to 15): such a frame is dropped.
    """

    type: int
    hops: int
    route: int
    start: int
    end: int


def write_header(into: bytearray | memoryview, at: int, type: FrameType, route: int, size: int) -> None:
    """Write the header of a new frame whose payload of `size` bytes stands at `at + HEADER_BYTES`."""
    _pack_into(into, at, HOPS << 4 | type, route, _length(type, size))


def write_data(into: memoryview, at: int, route: int, size: int) -> None:
    """The same for new data, large or not by its size."""
    _pack_into(into, at, _data_first(HOPS, size), route, size & MAX_PAYLOAD)


def data_frame(hops: int, route: int, payload: memoryview) -> bytes:
    """A whole frame of data with `hops` left, large or not by its size."""
    size = len(payload)
    return b"".join((HEADER.pack(_data_first(hops, size), route, size & MAX_PAYLOAD), payload))


def _data_first(hops: int, size: int) -> int:
    return hops << 4 if size <= MAX_PAYLOAD else hops << 4 | _LARGE


def readdress(into: bytearray | memoryview, at: int, type: int, hops: int, route: int) -> None:
    """Write over the header at `at`: the frame goes on under `route`, with `hops` left."""
    _ROUTE_PACK(into, at, hops << 4 | type, route)


def frames(plain: memoryview) -> Iterator[Frame]:
    """The frames of one record, in order. Raises `WireError` where they do not fill it exactly."""
    at, size = 0, len(plain)
    while at < size:
        found = frame_at(plain, at)
        at = found[4]
        yield Frame._make(found)


def frame_at(plain: memoryview, at: int) -> tuple[int, int, int, int, int]:
    """The fields of the `Frame` whose header is at `at`, without its names: the router takes each frame so.

    Raises `WireError` where none fits there.
    """
    start, size = at + HEADER_BYTES, len(plain)
    if start > size:
        raise WireError(f"a record ends within a frame's header, {size - at} bytes from its end")
    first, route, length = _unpack_from(plain, at)
    kind = first & 15
    if kind == _LARGE:
        length += LARGE_FROM
    end = start + length
    if end > size:
        raise WireError(f"a frame of {length} bytes where {size - start} are left")
    least, most = _BOUNDS[kind]
    if not least <= length <= most:
        raise WireError(f"a frame of type {kind} with {length} bytes ({least} to {most} are allowed)")
    return kind, first >> 4, route, start, end


def frame(type: FrameType, route: int, payload: bytes = b"") -> bytes:
    """A whole new frame as bytes, for the small ones."""
    return HEADER.pack(HOPS << 4 | type, route, _length(type, len(payload))) + payload


def _length(type: FrameType, size: int) -> int:
    return size - LARGE_FROM if type is FrameType.LARGE else size
