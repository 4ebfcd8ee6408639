"""What the gateways of two clusters say to each other, and its form. Pure: values and bytes.

    Question   one, from the gateway that connects: its terms, perhaps a command
    Reply      one, from the other: its terms, what came of the command

Both are msgpack maps. Who speaks is proved by the channel (sealed.py), so nothing here is signed, and nothing
here is an order: what the other may do is decided by what this side shares, which it keeps itself.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

import msgspec

from viscript.cluster.model import ADDRESS, HOST_LABEL, VERSION_MAX
from viscript.errors import ViscriptError
from viscript.verbs.table import Role

APPS_MAX: Final = 64
QUESTION_BYTES: Final = 128 * 1024
REPLY_BYTES: Final = 8 * 1024 * 1024
ROW_CHARS: Final = 1024 * 1024  # of what one host writes
ROWS_MAX: Final = 1024
ASK_S: Final = 120.0  # a command may take so long
PATIENCE: Final = 1.25
APP: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.:+\-]{0,63}\Z"
VISOR: Final = r"^([0-9a-f]{64})?\Z"

ShareRole = Literal[Role.VIEW, Role.OPERATE]
_App = Annotated[str, msgspec.Meta(pattern=APP)]
_Apps = Annotated[tuple[_App, ...], msgspec.Meta(max_length=APPS_MAX)]
_Label = Annotated[str, msgspec.Meta(pattern=HOST_LABEL)]
_Address = Annotated[str, msgspec.Meta(pattern=ADDRESS)]
_Addresses = Annotated[tuple[_Address, ...], msgspec.Meta(max_length=8)]
_Version = Annotated[int, msgspec.Meta(ge=0, le=VERSION_MAX)]
_Word = Annotated[str, msgspec.Meta(max_length=4096)]
_Words = Annotated[tuple[_Word, ...], msgspec.Meta(min_length=1, max_length=256)]
_Sentence = Annotated[str, msgspec.Meta(max_length=2000)]
_Text = Annotated[str, msgspec.Meta(max_length=ROW_CHARS)]
_Code = Annotated[int, msgspec.Meta(ge=0, le=255)]

T = TypeVar("T", bound="_Said")


def patience_s(timeout: float) -> float:
    """How long who asks waits for a command that has `timeout` there: the answer has its way to go."""
    return PATIENCE * timeout + 0.5


def timeout_of(deadline: float) -> float:
    """What a command gets there, so that who asks has its answer by the deadline, whoever is away there."""
    return min(deadline / PATIENCE, ASK_S)


class BadTerms(ViscriptError):
    """The other side's message is none."""


class _Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all have in common: frozen, defaults left off the wire, unknown fields ignored."""


class Share(_Said, frozen=True, kw_only=True):
    """What one cluster lets the other see: these apps, and what may be done with them."""

    apps: _Apps = ()
    role: Role = Role.VIEW

    def __post_init__(self) -> None:
        if self.role is Role.ADMIN:
            raise ValueError("nobody is an admin of another cluster")


class Terms(_Said, frozen=True, kw_only=True):
    """How a cluster stands to the one it speaks to. `version` rises with each change of it.

    `share` is its yes; `holds` says that it knows of the other's yes; `no` is its refusal, or its end.
    """

    label: _Label
    version: _Version
    share: Share | None = None
    holds: bool = False
    no: bool = False
    addresses: _Addresses = ()
    visor: Annotated[str, msgspec.Meta(pattern=VISOR)] = ""


class Ask(_Said, frozen=True, kw_only=True):
    """A command for the hosts that `selector` means there, and for which screen its answer is."""

    selector: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    argv: _Words
    timeout: Annotated[float, msgspec.Meta(gt=0, le=ASK_S)]
    columns: Annotated[int, msgspec.Meta(ge=20, le=1000)] = 80
    ascii: bool = True


class Row(_Said, frozen=True, kw_only=True):
    """What one host there made of it."""

    host: _Label
    status: Literal["ok", "failed", "unreachable"]
    code: _Code
    out: _Text = ""
    err: _Text = ""


class Answer(_Said, frozen=True, kw_only=True):
    """What came of a command: a row for each host concerned, or why there is none."""

    code: _Code = 0
    text: _Sentence = ""
    rows: Annotated[tuple[Row, ...], msgspec.Meta(max_length=ROWS_MAX)] = ()


class Question(_Said, frozen=True, kw_only=True):
    """What the side says that connects."""

    terms: Terms
    ask: Ask | None = None


class Reply(_Said, frozen=True, kw_only=True):
    """What the other says to it."""

    terms: Terms
    answer: Answer | None = None


_pack: Final = msgspec.msgpack.Encoder(order="deterministic").encode


def encode(message: _Said) -> bytes:
    """The bytes of a message."""
    return _pack(message)


def decode(data: bytes, kind: type[T]) -> T:
    """The message in some bytes. Raises `BadTerms`."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadTerms(str(exc)) from exc
