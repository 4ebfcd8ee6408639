"""The bodies of the messages between hosts. Their tags stand in signal_bus/kinds.py."""

from typing import Annotated, Final

import msgspec

from signal_bus.envelope import Count, Sentence, ShortText
from signal_bus.messages import Body

KEY_BYTES: Final = 32
PREFIX_BYTES: Final = 8  # of a record's hash, in `have`
WINDOW_BYTES: Final = 256 << 10  # what may be under way on one stream in one direction
CHUNK_BYTES: Final = 32 << 10
RECORDS_BYTES: Final = 128 << 10  # of records in one `peer.roster`, when it is cut into pages
RECORD_BYTES: Final = 4096
KNOWN_MAX: Final = 32_768  # records one host can say that it has

_Key = Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
_Record = Annotated[bytes, msgspec.Meta(max_length=RECORD_BYTES)]
_Records = Annotated[tuple[_Record, ...], msgspec.Meta(max_length=1024)]
_Known = Annotated[bytes, msgspec.Meta(max_length=KNOWN_MAX * PREFIX_BYTES)]
_StreamId = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
_Bytes = Annotated[int, msgspec.Meta(ge=1, le=WINDOW_BYTES)]
_Chunk = Annotated[bytes, msgspec.Meta(min_length=1, max_length=CHUNK_BYTES)]
_Labels = Annotated[dict[ShortText, ShortText], msgspec.Meta(max_length=16)]
_Time = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Percent = Annotated[float, msgspec.Meta(ge=0, le=1e6)]  # of one processor
_Apps = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Meta = Annotated[dict[ShortText, Sentence], msgspec.Meta(max_length=16)]


class PeerHello(Body, frozen=True, kw_only=True):
    """First message of both sides: of which cluster I am a member, by which key, and what roster I hold.

    The connection's CURVE key proves `key`. `roster` is the digest of all records I hold.
    """

    cluster: _Key
    key: _Key
    label: ShortText
    version: ShortText = ""
    roster: _Key


class PeerState(Body, frozen=True, kw_only=True):
    """How I am, each second. `time` is my clock; `echo` is the `time` last had from you, `held_s` ago.

    `roster` is the digest of the records I hold now.
    """

    time: _Time
    echo: _Time = 0.0
    held_s: _Time = 0.0
    started_at: _Time = 0.0
    apps_up: _Apps = 0
    apps_total: _Apps = 0
    cpu_percent: _Percent | None = None
    memory_bytes: Count | None = None
    memory_total: Count | None = None
    draining: bool = False
    paused: bool = False
    roster: Annotated[bytes, msgspec.Meta(max_length=KEY_BYTES)] = b""
    labels: _Labels = msgspec.field(default_factory=dict)


class PeerRoster(Body, frozen=True, kw_only=True):
    """Records you may lack. With `have`, send me what is not in it: the first 8 bytes of each hash I hold."""

    members: _Records = ()
    cards: _Records = ()
    have: _Known | None = None


class PeerOpen(Body, frozen=True, kw_only=True):
    """A stream begins. The host with the smaller key numbers its own 1, 3, 5, the other 2, 4, 6."""

    stream: _StreamId
    kind: ShortText
    meta: _Meta = msgspec.field(default_factory=dict)


class PeerData(Body, frozen=True, kw_only=True):
    """Bytes of a stream, never more than the credit there is."""

    stream: _StreamId
    data: _Chunk


class PeerCredit(Body, frozen=True, kw_only=True):
    """So many bytes of the stream were taken: as many more may come."""

    stream: _StreamId
    bytes: _Bytes


class PeerClose(Body, frozen=True, kw_only=True):
    """No more comes from me on this stream. With a code it is over both ways; `closed` is an orderly end."""

    stream: _StreamId
    code: ShortText = ""
    text: Sentence = ""


class PeerBye(Body, frozen=True, kw_only=True):
    """I do not use this connection any more, and why."""

    code: ShortText
    text: Sentence = ""


FromPeer = PeerHello | PeerState | PeerRoster | PeerOpen | PeerData | PeerCredit | PeerClose | PeerBye
StreamBody = PeerOpen | PeerData | PeerCredit | PeerClose
