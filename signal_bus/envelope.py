"""The envelope every message travels in: who asks whom, what answers what, and an undecoded body."""

from typing import Annotated

import msgspec

from signal_bus.limits import ID_CHARACTERS, VERSION

ShortText = Annotated[str, msgspec.Meta(max_length=ID_CHARACTERS)]
Sentence = Annotated[str, msgspec.Meta(max_length=1024)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # every language can hold it exactly

NO_BODY = msgspec.Raw(b"")


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something was not done; `code` is for programs, `text` for people."""

    code: ShortText
    text: Sentence = ""
    retry: bool = False
    detail: Sentence = ""


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One message. A field at its default is left off the wire; unknown fields are ignored."""

    t: ShortText
    v: Annotated[int, msgspec.Meta(ge=1, le=255)] = VERSION
    id: ShortText = ""  # the asker's name for this request
    re: ShortText = ""  # the request this answers
    src: ShortText = ""  # "seq.generation" of the sender, or an operator's session
    dst: ShortText = ""  # whom it is for; empty is the peer itself
    dl: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 0  # time left, in ms; 0 is the peer's own bound
    ts: Count = 0  # the sender's wall clock in ms since 1970; for people only
    n: Count = 0  # counts what is sent without being asked for, so that a gap shows
    body: msgspec.Raw = NO_BODY
    err: Fault | None = None
