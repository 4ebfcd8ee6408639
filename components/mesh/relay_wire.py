"""What a messenger and its clients say to each other about presence and relayed connections.

session at port 1021, presence: no args; the answer's body is `Welcome`; then a control channel

method     from        body -> answer
ping       client      none -> none; each few seconds: a client that says nothing for LIVENESS_S is away
incoming   messenger   `Incoming` -> none: somebody wants a connection; come for it within TOKEN_S
replaced   messenger   none -> none: another session of the same key came, this one ends

session at port 1022, one relayed connection: args are `Through`, with `to` from who wants it and `token` from
who was told of it. Both are answered when both are there. What follows on both TCP connections is theirs: the
messenger copies bytes, which are a session between the two keys, and knows none of it.
"""

from typing import Annotated, Final

import msgspec

LIVENESS_S: Final = 20.0
TOKEN_S: Final = 10.0
TOKEN_BYTES: Final = 16

Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Token = Annotated[bytes, msgspec.Meta(min_length=TOKEN_BYTES, max_length=TOKEN_BYTES)]

# Codes of refusals.
NOT_ALLOWED: Final = "not-allowed"  # the key is not on this messenger's list
ABSENT: Final = "absent"  # who is wanted is not here
NO_ANSWER: Final = "no-answer"  # it is here, and did not come
NO_SUCH_CALL: Final = "no-such-call"  # its token was never given out, was used, is too old, or another's
BUSY: Final = "busy"  # a bound was reached
QUOTA: Final = "quota"  # no bytes left today
BAD_REQUEST: Final = "bad-request"


class Welcome(msgspec.Struct, frozen=True):
    """A client is known from now on."""

    liveness_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = LIVENESS_S


class Incoming(msgspec.Struct, frozen=True, rename={"caller": "from"}):
    """Somebody wants a connection. `caller` is the messenger's word; the session inside proves it."""

    token: Token
    caller: Key


class Through(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which connection is meant: one `to` a key, or the one of a `token`."""

    to: Key | None = None
    token: Token | None = None
