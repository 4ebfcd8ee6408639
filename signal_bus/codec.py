"""The only door between bytes and messages: size first, then form, then meaning. Raises `WireError` only.

A frame is one map. Its first byte tells the form: `{` is JSON, a msgpack map header (0x80 to 0x8f, 0xde,
0xdf) is msgpack. An answer takes the form of its question.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec

from signal_bus import limits
from signal_bus.envelope import NO_BODY, Envelope, Fault
from signal_bus.errors import WireError
from signal_bus.kinds import KIND_OF, KINDS, Kind
from signal_bus.messages import Body


class Form(Enum):
    """How a message is written down."""

    MSGPACK = "msgpack"
    JSON = "json"


class Packet(NamedTuple):
    """A decoded message: its envelope, its kind, its body and the form to answer in."""

    envelope: Envelope
    kind: Kind
    body: Body
    form: Form


# What msgspec raises for bytes of others: its own errors, bad UTF-8 (a ValueError), nesting too deep.
_BAD_INPUT: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_MAP_HEADERS: Final = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}
_BRACE: Final = ord("{")

_pack: Final = msgspec.msgpack.Encoder().encode
_write: Final = msgspec.json.Encoder().encode
_open_pack: Final = msgspec.msgpack.Decoder(Envelope).decode
_open_json: Final = msgspec.json.Decoder(Envelope).decode
_PACKED: Final[dict[str, Any]] = {  # Any: each decoder gives its own body type
    tag: msgspec.msgpack.Decoder(kind.body).decode for tag, kind in KINDS.items()
}
_WRITTEN: Final[dict[str, Any]] = {tag: msgspec.json.Decoder(kind.body).decode for tag, kind in KINDS.items()}


def _empty_bodies() -> dict[str, Body]:
    """The bodies that may be left out: those whose fields all have defaults."""
    empty = {}
    for tag, kind in KINDS.items():
        if not any(field.required for field in msgspec.structs.fields(kind.body)):
            empty[tag] = kind.body()
    return empty


_EMPTY: Final = _empty_bodies()


def form_of(data: bytes) -> Form:
    """The form the sender meant; msgpack where it cannot be told."""
    return Form.JSON if data[:1] == b"{" else Form.MSGPACK


def decode(data: bytes, kinds: Mapping[str, Kind]) -> Packet:
    """The message in `data`, if it is one of `kinds`. Raises `WireError` with a code to answer with."""
    size = len(data)
    if size > limits.MESSAGE_BYTES:
        raise WireError("larger than any message", size=size, code="too-large")
    envelope, form = _open(data)
    kind = kinds.get(envelope.t)
    if kind is None or envelope.v != limits.VERSION:
        raise _unwelcome(envelope, size)
    if envelope.body is NO_BODY:  # most pings: nothing to look at
        body = _EMPTY.get(kind.tag)
        if body is not None and size <= limits.ENVELOPE_BYTES:
            return Packet(envelope, kind, body, form)
    return Packet(envelope, kind, _body(envelope, kind, form, size), form)


def encode(
    body: Body,
    form: Form = Form.MSGPACK,
    *,
    request: str = "",
    re: str = "",
    src: str = "",
    dl: int = 0,
    ts: int = 0,
    n: int = 0,
    err: Fault | None = None,
) -> bytes:
    """The bytes of one message."""
    kind = KIND_OF[type(body)]
    write = _pack if form is Form.MSGPACK else _write
    raw = NO_BODY if body == _EMPTY.get(kind.tag) else msgspec.Raw(write(body))
    return write(Envelope(t=kind.tag, id=request, re=re, src=src, dl=dl, ts=ts, n=n, body=raw, err=err))


def _open(data: bytes) -> tuple[Envelope, Form]:
    first = data[0] if data else 0
    try:
        if first in _MAP_HEADERS:
            return _open_pack(data), Form.MSGPACK
        if first == _BRACE:
            return _open_json(data), Form.JSON
    except _BAD_INPUT as exc:
        raise WireError(str(exc), size=len(data)) from exc
    raise WireError("neither msgpack nor JSON", size=len(data))


def _unwelcome(envelope: Envelope, size: int) -> WireError:
    if envelope.v != limits.VERSION:
        reason, code = f"version {envelope.v}", "unsupported"
    elif envelope.t in KINDS:
        reason, code = f"{envelope.t!r} may not come from this side", "not-permitted"
    else:
        reason, code = f"unknown kind {envelope.t!r}", "unsupported"
    return WireError(reason, size=size, code=code, request=envelope.id)


def _body(envelope: Envelope, kind: Kind, form: Form, size: int) -> Body:
    """Decode the body by its kind, once its size is known to be within the kind's limit."""
    raw = bytes(envelope.body)
    request = envelope.id
    if len(raw) > kind.cap or size - len(raw) > limits.ENVELOPE_BYTES:
        raise WireError(f"{kind.tag} over {kind.cap} bytes", size=size, code="too-large", request=request)
    if not raw:
        raw = b"\x80" if form is Form.MSGPACK else b"{}"
    try:
        body: Body = (_PACKED if form is Form.MSGPACK else _WRITTEN)[kind.tag](raw)
    except _BAD_INPUT as exc:
        raise WireError(f"{kind.tag}: {exc}", size=size, request=request) from exc
    return body
