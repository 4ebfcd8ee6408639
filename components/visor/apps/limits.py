"""All bounds and times of the app server and its protocol."""

from dataclasses import dataclass
from typing import Final

from components.mesh.mail_ports import MAX_TO_APP

VERSION: Final = 1
KIB: Final = 1024
MAX_FRAME: Final = 64 * KIB  # one message of the protocol
MESSAGE_MAX: Final = 32 * KIB  # the body of a datagram-like message
READ_BYTES: Final = 64 * KIB
FDS_AT_ONCE: Final = 16  # descriptors taken by one read
MAX_WAITING: Final = 512  # messages to one peer that it did not read yet
MAX_OWED: Final = 8192  # with answers and ends of streams
MAX_WAITING_BYTES: Final = 1024 * KIB
LETTER_MAX: Final = MAX_TO_APP
MAX_NAME: Final = 64
MAX_CALLED: Final = 128  # a name, or a key in any of its forms
MAX_HOPS: Final = 14
FIRST_MAX: Final = 4 * KIB  # bytes of an app that go along with a dial; as `EARLY_MAX` of streams
MAX_TEXT: Final = 512


@dataclass(frozen=True)
class Bounds:
    """What one server lets its apps have."""

    apps: int = 64
    ports: int = 64  # an app
    streams: int = 4096  # an app
    dials: int = 64  # under way, an app
    hello_s: float = 5.0
    dial_s: float = 30.0
