"""The door's protocol. Pure: bytes in, requests out; answers in, bytes out.

A unix stream socket; one JSON object a line, UTF-8, at most `LINE_MAX` bytes.

    server  {"k":1}                                 at once: somebody is here (not to another host)
    client  {"v":1,"argv":[...],...}                one verb
            {"v":1,"script":"ping 7; ru 7",...}     several; `keep_going` goes on after errors
                                                    `called`: what the caller calls this host, if another;
                                                    `host`: where to run what names no host
            {"v":1,"complete":{"text","cursor"}}    candidates; more such lines may follow
            {"v":1,"subscribe":{"cursor":N|null}}   events and the state of the daemon
    client  {"i":1}                                 interrupt the running verb
            {"r":text|null}                         the answer to a question; null when no more comes
    server  {"o":text} {"e":text}                   stdout, stderr
            {"q":text|null}                         a question to the person there; null takes it back
            {"x":code}                              the exit code, last
            {"p":[argv]}                            last, in place of the code: run this, its code is yours
            {"a":{"id","tty","name","read_only"}}   attached: from here on both sides send frames

    frame   type u8 | length u32 big-endian | payload, at most FRAME_MAX
            1 data   2 resize (u16 columns, u16 rows)   3 detach   4 end (JSON {"code","text"})   5 note
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Annotated, Any, Final, Literal

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Terminal

VERSION: Final = 1
LINE_MAX: Final = 1024 * 1024
FAR_LINE_MAX: Final = 64 * 1024  # of a caller on another host
TYPED_MAX: Final = 8192
FRAME_MAX: Final = 64 * 1024
_HEAD: Final = struct.Struct(">BI")
_SIZE: Final = struct.Struct(">HH")
_LABEL: Final = r"^([A-Za-z0-9_][A-Za-z0-9_.\-]{0,62})?\Z"


class Frame(IntEnum):
    """What a frame carries."""

    DATA = 1
    RESIZE = 2
    DETACH = 3
    END = 4
    NOTE = 5


class Tty(msgspec.Struct, frozen=True, kw_only=True):
    """The client's terminal."""

    out: bool = False
    err: bool = False
    into: bool = msgspec.field(default=False, name="in")
    columns: int = 80
    colour: bool = False
    ascii: bool = True

    def terminal(self) -> Terminal:
        """The same as verbs see it."""
        return Terminal(
            out=self.out,
            err=self.err,
            into=self.into,
            columns=min(max(self.columns, 20), 1000),
            colour=self.colour,
            ascii=self.ascii,
        )


class Complete(msgspec.Struct, frozen=True, kw_only=True):
    """Text before and behind a cursor, and the host that is meant where none is named.

    A text longer than `TYPED_MAX` has no candidates: nobody types so much, and each character is looked at.
    """

    text: str
    cursor: int
    host: str = ""


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """From which event on; None means from now on. `far`: with what happens on other hosts."""

    cursor: int | None = None
    far: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a client; exactly one of the four kinds is there."""

    v: int = VERSION
    argv: tuple[str, ...] | None = None
    script: str | None = None
    complete: Complete | None = None
    subscribe: Subscribe | None = None
    keep_going: bool = False
    cwd: str = "/"
    tty: Tty = Tty()
    mode: Literal["repl", "oneshot", "script", "piped", "api"] = "oneshot"
    environ: dict[str, str] = {}
    called: Annotated[str, msgspec.Meta(pattern=_LABEL)] = ""
    host: str = ""


class Interrupt(msgspec.Struct, frozen=True):
    """The user pressed Ctrl-C."""

    i: int


class Reply(msgspec.Struct, frozen=True):
    """What the user typed when asked."""

    r: str | None


_REQUEST: Final = msgspec.json.Decoder(Request)
_INTERRUPT: Final = msgspec.json.Decoder(Interrupt)
_REPLY: Final = msgspec.json.Decoder(Reply)


def request(line: bytes) -> Request:
    """The request in a line. Raises `VerbError` USAGE."""
    try:
        found = _REQUEST.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise VerbError(ExitCode.USAGE, f"the client sent no valid request: {exc}") from exc
    if found.v != VERSION:
        raise VerbError(
            ExitCode.FAILED, f"the client speaks version {found.v}, the daemon {VERSION}; upgrade the older"
        )
    kinds = (found.argv, found.script, found.complete, found.subscribe)
    if sum(kind is not None for kind in kinds) != 1:
        raise VerbError(
            ExitCode.USAGE, "the client must ask for exactly one of argv, script, complete, subscribe"
        )
    return found


def is_interrupt(line: bytes) -> bool:
    """Whether a later line of the client asks to interrupt; all others mean nothing."""
    try:
        return _INTERRUPT.decode(line).i == 1
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def reply(line: bytes) -> Reply | None:
    """What the user typed; None for a line that is no answer."""
    try:
        return _REPLY.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def line(answer: dict[str, Any]) -> bytes:  # Any: JSON
    """An answer as a line."""
    return msgspec.json.encode(answer) + b"\n"


def frame(kind: Frame, payload: bytes = b"") -> bytes:
    """One frame."""
    return _HEAD.pack(kind, len(payload)) + payload


def end_frame(code: ExitCode, text: str) -> bytes:
    """The frame that ends an attachment."""
    return frame(Frame.END, msgspec.json.encode({"code": int(code), "text": text}))


def data_frames(data: bytes) -> bytes:
    """Any amount of data as frames."""
    return b"".join(frame(Frame.DATA, data[at : at + FRAME_MAX]) for at in range(0, len(data), FRAME_MAX))


def window(payload: bytes) -> tuple[int, int]:
    """Columns and rows of a resize frame. Raises `BadFrame`."""
    if len(payload) != _SIZE.size:
        raise BadFrame("a resize frame holds four bytes")
    columns, rows = _SIZE.unpack(payload)
    return columns, rows


class BadFrame(VerbError):
    """The client sent a frame that is none."""

    def __init__(self, reason: str) -> None:
        super().__init__(ExitCode.USAGE, reason)


class Frames:
    """Feed it what arrives; it gives whole frames. Frames of unknown types are passed over."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[tuple[Frame, bytes]]:
        """The frames that are complete by now. Raises `BadFrame` for one that is too long."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer)
            if length > FRAME_MAX:
                raise BadFrame(f"a frame of {length} bytes is longer than {FRAME_MAX}")
            if len(self._buffer) < _HEAD.size + length:
                return
            payload = self._buffer[_HEAD.size : _HEAD.size + length]
            self._buffer = self._buffer[_HEAD.size + length :]
            if kind in set(Frame):
                yield Frame(kind), payload
