"""What an app and its visor say to each other. Each message is a map of msgpack, `t` its kind.

A message with `fd` set comes with one descriptor: a stream's socket, or the app's own that it hands over.
An app asks with an `id` that it is not using; the answer names it as `re`. docs/reference/app-protocol.md
describes all of it.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from components.mesh.envelope import ID_BYTES
from components.visor.apps.limits import (
    FIRST_MAX,
    LETTER_MAX,
    MAX_CALLED,
    MAX_HOPS,
    MAX_NAME,
    MAX_TEXT,
    MESSAGE_MAX,
)

NUMBER_MAX: Final = 2**32 - 1
Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
Port = Annotated[int, msgspec.Meta(ge=0, le=2**16 - 1)]
Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Called = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CALLED)]
Word = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Data = Annotated[bytes, msgspec.Meta(max_length=MESSAGE_MAX)]
First = Annotated[bytes, msgspec.Meta(max_length=FIRST_MAX)]
AppPort = Annotated[int, msgspec.Meta(ge=1, le=2**16 - 1)]
LetterId = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
LetterData = Annotated[bytes, msgspec.Meta(max_length=LETTER_MAX)]
Turn = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Hops = Annotated[tuple[Key, ...], msgspec.Meta(max_length=MAX_HOPS)]
MinHops = Annotated[int, msgspec.Meta(ge=1, le=MAX_HOPS)]


class Fault(StrEnum):
    """Why a request was refused."""

    HELLO_FIRST = "hello-first"
    BAD_VERSION = "bad-version"
    BAD_KEY = "bad-key"
    BAD_DESCRIPTOR = "bad-descriptor"
    PORT_TAKEN = "port-taken"
    NOT_FOUND = "not-found"
    NOT_LISTENING = "not-listening"
    NO_STREAM = "no-such-stream"
    NOT_HELD = "not-held"
    TOO_MANY = "too-many"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BUSY = "busy"
    FAILED = "failed"
    DROPPED = "dropped"
    INTERNAL = "internal"


class _Message(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True):
    """What all have in common."""


# From an app.


class Hello(_Message, frozen=True, tag="hello"):
    """First of all: who I am. `seq` and `generation` are those of the bus, 0 for an app without."""

    id: Number
    name: Name
    version: Number
    seq: Number = 0
    generation: Number = 0


class Listen(_Message, frozen=True, tag="listen"):
    """Give me the streams and messages for this port; 0 asks for a free one. Answer: `done`."""

    id: Number
    port: Port


class Unlisten(_Message, frozen=True, tag="unlisten"):
    """No more of them. Answer: `done`."""

    id: Number
    port: Port


class Dial(_Message, frozen=True, tag="dial"):
    """Open a stream. Answer: `done` with the stream's socket, or, if one was handed over, without.

    `first` is as if written to the stream's socket; of one handed over, what waits in it counts so. With
    `link`, a peer to which no path is known is linked with first.
    """

    id: Number
    pk: Key
    port: Port
    min_hops: MinHops = 1  # links: 1 is a direct neighbour
    hops: Hops = ()
    group: Word = ""
    fd: bool = False
    first: First = b""
    link: bool = False


class Send(_Message, frozen=True, tag="send"):
    """Deliver a message, at most once. Answer: `done`, or `failed` when it was dropped at once."""

    id: Number
    pk: Key
    port: Port
    data: Data
    source: Port = 0


class Reset(_Message, frozen=True, tag="reset"):
    """Break a stream off. Answer: `done`; `ended` follows."""

    id: Number
    stream: Number
    code: Number = 3


class Hold(_Message, frozen=True, tag="hold"):
    """I will give another socket for this stream: write nothing more to its first. Answer: `done`."""

    id: Number
    stream: Number


class Give(_Message, frozen=True, tag="give"):
    """Here is the other socket of a stream that is held. Answer: `done`."""

    id: Number
    stream: Number
    fd: bool = True


class Post(_Message, frozen=True, tag="post"):
    """Keep a letter for an app until it is signed for; one whose id is known is kept. Answer: `posted`."""

    id: Number
    pk: Key
    port: AppPort
    letter: LetterId
    data: LetterData


class Collect(_Message, frozen=True, tag="collect"):
    """Give me the letters for a port I listen on. Answer: `done`; letters follow."""

    id: Number
    port: AppPort


class Took(_Message, frozen=True, tag="took"):
    """I have the letters for a port up to this turn; do not give them again. Answer: `done`."""

    id: Number
    port: AppPort
    turn: Turn


class Later(_Message, frozen=True, tag="later"):
    """I cannot keep this letter now: give me others, and it again when I collect anew. Answer: `done`."""

    id: Number
    port: AppPort
    turn: Turn


class Describe(_Message, frozen=True, tag="describe"):
    """Tell me what I have. Answer: `description`."""

    id: Number


class Resolve(_Message, frozen=True, tag="resolve"):
    """Whose key does this text mean: a key, the first digits of one, a label? Answer: `meaning`."""

    id: Number
    text: Called


# From the visor.


class Joined(_Message, frozen=True, tag="joined"):
    """Answer to `hello`: the visor's key, what an app may have, and the mark of its packets (0: none)."""

    re: Number
    pk: Key
    version: Number
    ports: Number
    streams: Number
    dials: Number
    mark: Number = 0


class Done(_Message, frozen=True, tag="done"):
    """It is done. `local` tells of a stream that the visor no longer sees: no `ended` follows."""

    re: Number
    port: Port = 0
    stream: Number = 0
    local: bool = False
    fd: bool = False


class Failed(_Message, frozen=True, tag="failed"):
    """It is not; `code` for programs, `text` for people."""

    re: Number
    code: Word
    text: Text = ""


class StreamFacts(msgspec.Struct, frozen=True):
    """One stream; bytes as the app sees them."""

    stream: Number
    pk: Key
    port: Port
    rport: Port
    dialled: bool
    sent: int
    received: int
    age_ms: Number = 0  # since it was opened
    rtt_us: Number | None = None  # of the route that its group uses now


class Description(_Message, frozen=True, tag="description"):
    """Answer to `describe`: the first streams of all, as many as one message holds."""

    re: Number
    name: Name
    pk: Key
    ports: tuple[Port, ...]
    dials: Number
    count: Number
    streams: tuple[StreamFacts, ...]


class Posted(_Message, frozen=True, tag="posted"):
    """Answer to `post`: how far the letter came by now."""

    re: Number
    state: Word


class Meaning(_Message, frozen=True, tag="meaning"):
    """Answer to `resolve`: a key, and what it is called here, if anything."""

    re: Number
    pk: Key
    label: Word = ""


class Incoming(_Message, frozen=True, tag="incoming"):
    """Somebody opened a stream to a port of yours; its socket comes with this."""

    stream: Number
    port: Port
    pk: Key
    rport: Port
    local: bool = False
    fd: bool = True


class Datagram(_Message, frozen=True, tag="message"):
    """Somebody sent a message to a port of yours."""

    port: Port
    pk: Key
    rport: Port
    data: Data


class Letter(_Message, frozen=True, tag="letter"):
    """A letter for a port of yours. It comes again to who collects there next, until it is taken."""

    port: AppPort
    pk: Key
    letter: LetterId
    time_ms: Turn
    turn: Turn
    data: LetterData


class Fate(_Message, frozen=True, tag="fate"):
    """A letter you posted came further."""

    letter: LetterId
    state: Word


class Ended(_Message, frozen=True, tag="ended"):
    """A stream is over: `code` null when both sides ended it, else why it was broken off."""

    stream: Number
    code: Number | None
    sent: int = 0
    received: int = 0


Plain = Hello | Listen | Unlisten | Send | Reset | Hold | Describe | Resolve  # come without a descriptor
ForLetters = Post | Collect | Took | Later
FromApp = Plain | ForLetters | Dial | Give
Answer = Joined | Done | Failed | Description | Meaning | Posted
Note = Incoming | Datagram | Letter | Fate | Ended
FromVisor = Answer | Note
