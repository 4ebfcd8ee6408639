"""The table of messages: tag, body, who may send it, its size limit and what answers it.

The tag travels in the envelope (`t`), not in the body, because the size limit of a tag is checked before
the body is decoded. `KINDS` is the one list; the codec, the doors and the reference page are driven by it.
A tag is never used again for something else.
"""

from dataclasses import dataclass, replace
from enum import Flag, auto
from typing import Final

from signal_bus import limits
from signal_bus.messages import (
    Beat,
    Body,
    Bye,
    Call,
    Cancel,
    Closing,
    Describe,
    Described,
    Drained,
    Error,
    EventNote,
    Events,
    Exited,
    Fence,
    Find,
    Found,
    Hello,
    Lease,
    Offer,
    Ok,
    Ping,
    Pong,
    Prepare,
    Progress,
    Ready,
    Refuse,
    Reload,
    Reloaded,
    Replay,
    Result,
    Shutdown,
    StateNote,
    UsageNote,
    VerbReply,
    VerbRequest,
    Welcome,
    Withdraw,
)
from signal_bus.peers.messages import (
    CHUNK_BYTES,
    PeerBye,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerHello,
    PeerOpen,
    PeerRoster,
    PeerState,
)


class Role(Flag):
    """Who may send a message."""

    CLIENT = auto()
    OPERATOR = auto()
    SERVER = auto()
    PEER = auto()


@dataclass(frozen=True)
class Kind:
    """One row of the table of messages. `noise` is limited in rate; `mutates` is answered once only.

    `client_cap` is the limit for a client where that is smaller: what clients tell is kept for others.
    """

    tag: str
    body: type[Body]
    sender: Role
    cap: int = limits.SMALL_BYTES
    client_cap: int = 0
    answers: tuple[str, ...] = ()
    noise: bool = False
    mutates: bool = False


_C, _O, _S, _P = Role.CLIENT, Role.OPERATOR, Role.SERVER, Role.PEER
_TEXT, _FULL = limits.TEXT_BYTES, limits.MESSAGE_BYTES

_ROWS: Final = (
    Kind("hello", Hello, _C, answers=("welcome", "refuse")),
    Kind("welcome", Welcome, _S),
    Kind("refuse", Refuse, _S),
    Kind("bye", Bye, _C),
    Kind("ready", Ready, _C, cap=_TEXT, answers=("ok",), noise=True, mutates=True),
    Kind("state", StateNote, _C, answers=("ok",), noise=True, mutates=True),
    Kind("beat", Beat, _C, noise=True),
    Kind("usage", UsageNote, _C, cap=limits.USAGE_BYTES, noise=True),
    Kind("ping", Ping, _C | _O | _S, answers=("pong",)),
    Kind("pong", Pong, _C | _S),
    Kind("prepare", Prepare, _S, answers=("drained",)),
    Kind("drained", Drained, _C),
    Kind("shutdown", Shutdown, _S, answers=("closing",)),
    Kind("closing", Closing, _C),
    Kind("reload", Reload, _S, cap=_TEXT, answers=("reloaded",)),
    Kind("reloaded", Reloaded, _C),
    Kind("call", Call, _S, cap=_FULL, answers=("progress", "result")),
    Kind("progress", Progress, _C | _S, noise=True),
    Kind("result", Result, _C, cap=_FULL),
    Kind("cancel", Cancel, _O | _S),
    Kind("describe", Describe, _S, answers=("described",)),
    Kind("described", Described, _C, cap=_FULL),
    Kind("offer", Offer, _C, cap=_TEXT, answers=("ok",), noise=True, mutates=True),
    Kind("withdraw", Withdraw, _C, answers=("ok",), noise=True, mutates=True),
    Kind("lease", Lease, _C, answers=("fence",), noise=True),
    Kind("fence", Fence, _S),
    Kind("find", Find, _C | _O, answers=("found",), noise=True),
    Kind("found", Found, _S, cap=_FULL),
    Kind(
        "event",
        EventNote,
        _C | _S,
        cap=_TEXT,
        client_cap=limits.SMALL_BYTES,
        answers=("ok",),
        noise=True,
        mutates=True,
    ),
    Kind("exited", Exited, _S, cap=_TEXT),
    Kind("replay", Replay, _O, answers=("events",)),
    Kind("events", Events, _S, cap=_FULL),
    Kind("verb", VerbRequest, _O, cap=_FULL, answers=("progress", "done"), mutates=True),
    Kind("done", VerbReply, _S, cap=_FULL),
    Kind("ok", Ok, _S),
    Kind("error", Error, _C | _S | _P),
    Kind("peer.hello", PeerHello, _P),
    Kind("peer.state", PeerState, _P),
    Kind("peer.roster", PeerRoster, _P, cap=_FULL),
    Kind("peer.open", PeerOpen, _P, cap=_TEXT),
    Kind("peer.data", PeerData, _P, cap=CHUNK_BYTES + limits.USAGE_BYTES),
    Kind("peer.credit", PeerCredit, _P),
    Kind("peer.close", PeerClose, _P),
    Kind("peer.bye", PeerBye, _P),
)
KINDS: Final = {row.tag: row for row in _ROWS}
KIND_OF: Final = {row.body: row for row in _ROWS}
CLIENT_KINDS: Final = {
    row.tag: replace(row, cap=row.client_cap or row.cap) for row in _ROWS if row.sender & Role.CLIENT
}
OPERATOR_KINDS: Final = {row.tag: row for row in _ROWS if row.sender & Role.OPERATOR}
SERVER_KINDS: Final = {row.tag: row for row in _ROWS if row.sender & Role.SERVER}
PEER_KINDS: Final = {row.tag: row for row in _ROWS if row.sender & Role.PEER}

# Kept free for what is not built yet; a peer that sends one is told `unsupported`.
RESERVED: Final = (
    "stdin", "stdout", "stderr", "tty", "peer.forward",
)  # fmt: skip

ERROR_CODES: Final = {
    "bad-message": "the bytes are not a valid message",
    "too-large": "the message is larger than its kind may be",
    "unsupported": "the server does not know this kind of message, or this version",
    "not-permitted": "the sender may not send this kind of message here",
    "not-yours": "the message speaks for an id that is not the sender's",
    "not-joined": "say hello first; after a restart of the server, again",
    "no-version": "no version of the protocol in common",
    "wrong-process": "the sender is not a process of that app",
    "no-token": "over tcp, the app that was launched proves itself by its token",
    "wrong-token": "that is not the token of this launch",
    "used-token": "another program has joined with this token already",
    "wrong-home": "the sender belongs to another home",
    "unknown-id": "nothing was launched under that id",
    "stale": "a newer launch of that id exists",
    "duplicate": "another process speaks for that id",
    "not-allowed": "programs nobody launched may not join here",
    "rate-limited": "too many messages that nobody asked for",
    "busy": "a bound was reached; try again later",
    "timed-out": "the deadline passed before there was an answer",
    "cancelled": "the asker gave the request up",
    "ended": "the program is ending and takes no more requests",
    "no-method": "the program offers no such method",
    "bad-params": "the parameters do not fit the method's schema",
    "failed": "the work was tried and failed",
    "internal": "a bug in the answering program; its log has more",
}
