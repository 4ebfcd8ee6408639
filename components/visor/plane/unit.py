"""The end-to-end unit: what one frame carries between the two ends of a route. Pure.

    0       1               4              8
    +-------+---------------+--------------+------------
    | kind  | stream u24    | aux u32      | body ...       all big-endian
    +-------+---------------+--------------+------------

    kind     stream  aux                        body
    OPEN     id      limit of the opener        u16 port asked for | u16 port it comes from
    OPENED   id      limit of the accepter      -
    DATA     id      offset, low 32 bits        1 byte or more
    FIN      id      0                          u64 final offset
    RESET    id      code                       -
    GONE     id      0, or as ACK               -       answers a RESET, or a FIN that came twice
    ACK      id      next byte expected, low    -       final offset + 1 when the FIN is taken too
    CREDIT   id      absolute limit, low        -
    MESSAGE  0       to port << 16 | from port  at most 32 KiB
    HELLO    0       0                          u64 incarnation of the sender | u64 of the receiver or 0
    RESUME   0       number of the route left   u8 flags | u32 count of moves | for each stream
                                                u32 id | u64 next byte expected | u64 limit
    PING     0       token                      -
    PONG     0       token of the PING          -

HELLO is the first unit of each route, both ways, and comes again when the peer was restarted.
Flags of RESUME: 1 the route left is dead, 2 this is the last part, 4 the peer was followed.

The frame adds the tag of the cipher; the largest one fits a record, so a body has at most `DATA_MAX` bytes.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from components.mesh.frame import MAX_LARGE
from components.visor.plane.streams.errors import UnitError

HEADER: Final = 8
TAG: Final = 16
DATA_MAX: Final = MAX_LARGE - TAG - HEADER
DATA_BEST: Final = 0xFF80 - TAG - HEADER  # two such frames fill a record, and leave room for a few small ones
DATA_LARGE: Final = 0x1FF80 - TAG - HEADER  # one does
ROOM_LEAST: Final = 64  # a pull with less room gets nothing: each unit without free text fits

_HEAD: Final = Struct("!II")
LOW: Final = 0xFFFFFFFF  # of an offset, what an aux holds
_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31


class Kind(IntEnum):
    """What a unit says."""

    OPEN = 1
    OPENED = 2
    DATA = 3
    FIN = 4
    RESET = 5
    GONE = 6
    ACK = 7
    CREDIT = 8
    MESSAGE = 9
    HELLO = 10
    RESUME = 11
    PING = 12
    PONG = 13


# Least and most bytes of a body, by kind; kinds begin at 1.
BODY: Final[tuple[tuple[int, int], ...]] = (
    (1, 0),
    (4, 4),
    (0, 0),
    (1, DATA_MAX),
    (8, 8),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 32 * 1024),
    (16, 16),
    (5, DATA_MAX),
    (0, 0),
    (0, 0),
)
OF_A_STREAM: Final = frozenset(
    {Kind.OPEN, Kind.OPENED, Kind.DATA, Kind.FIN, Kind.RESET, Kind.GONE, Kind.ACK, Kind.CREDIT}
)
_NEEDS_STREAM: Final = tuple(kind in OF_A_STREAM for kind in range(len(BODY)))


def write_head(into: memoryview, kind: int, stream: int, aux: int) -> None:
    """Write the 8 bytes before the body at the start of `into`."""
    _HEAD.pack_into(into, 0, kind << 24 | stream, aux)


def read_head(unit: memoryview) -> tuple[int, int, int]:
    """Kind, stream and aux of a unit whose form is valid; raises `UnitError` for any other."""
    size = len(unit) - HEADER
    if size < 0:
        raise UnitError(f"a unit of {len(unit)} bytes is shorter than its head")
    word, aux = _HEAD.unpack_from(unit)
    kind, stream = word >> 24, word & 0xFFFFFF
    if kind >= len(BODY):
        raise UnitError(f"no such kind of unit: {kind}")
    least, most = BODY[kind]
    if not least <= size <= most:
        raise UnitError(f"a body of {size} bytes does not fit a unit of kind {kind}")
    if _NEEDS_STREAM[kind] != (stream != 0):
        raise UnitError(f"stream {stream} in a unit of kind {kind}")
    return kind, stream, aux


def widen(low: int, near: int) -> int:
    """The number nearest to `near` whose low 32 bits are `low`; never below zero."""
    ahead = (low - near) & (_WRAP - 1)
    if ahead < _HALF or near + ahead < _WRAP:
        return near + ahead
    return near + ahead - _WRAP
