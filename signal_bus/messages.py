"""The bodies of all messages, and the unions of what each side sends. Their tags stand in kinds.py.

A new field has a default. Unknown fields are ignored, defaults are left off the wire.
"""

from typing import Annotated, Any, Literal

import msgspec

from signal_bus import limits
from signal_bus.envelope import Count, Sentence, ShortText
from signal_bus.ids import Generation, SeqId, Session

Seconds = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
Name = Annotated[str, msgspec.Meta(max_length=limits.NAME_CHARACTERS)]
FilledName = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_CHARACTERS)]
Seq = Annotated[SeqId, msgspec.Meta(ge=0, le=2**53)]
Launch = Annotated[Generation, msgspec.Meta(ge=0, le=2**53)]


class Body(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What all bodies share: frozen, defaults left off the wire, unknown fields ignored."""


# Joining and leaving.


class Hello(Body, frozen=True, kw_only=True):
    """First message of a client: I am this launch of app `seq`. With `seq` 0 it asks for a new id.

    The same `session` marks the same client process when it joins again after a broken connection or a
    restarted server (`resume`). With `later` the app is not ready by having joined: it will say `ready`.
    """

    seq: Seq = SeqId(0)
    generation: Launch = Generation(0)
    pid: Count = 0
    start: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    session: Annotated[Session, msgspec.Meta(min_length=8, max_length=limits.ID_CHARACTERS)]
    name: Name = ""
    token: Annotated[str, msgspec.Meta(max_length=256)] = ""
    versions: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=16)] = (limits.VERSION,)
    library: Name = ""
    methods: ShortText = ""
    wants: Annotated[tuple[Literal["exited", "event"], ...], msgspec.Meta(max_length=8)] = ()
    resume: bool = False
    later: bool = False


class Welcome(Body, frozen=True):
    """You have joined, under this id; send a beat this often and stay within these limits."""

    seq: Seq
    generation: Launch
    home: ShortText = ""
    version: int = limits.VERSION
    beat_s: Seconds = limits.BEAT_MIN_S
    message_bytes: Count = limits.MESSAGE_BYTES
    noise_per_s: Seconds = limits.NOISE_PER_S
    resumed: bool = False


class Refuse(Body, frozen=True):
    """You may not join; the envelope's `err` says why and whether to try again."""


class Bye(Body, frozen=True):
    """I end now, on purpose: what follows is no crash."""

    reason: Sentence = ""


# What a client says of itself.


class Ready(Body, frozen=True):
    """I can be used, at these endpoints (name: address)."""

    endpoints: Annotated[dict[Name, Sentence], msgspec.Meta(max_length=64)] = {}


class StateNote(Body, frozen=True):
    """How I am."""

    word: Literal["starting", "ready", "degraded", "draining"]
    reason: Sentence = ""


class Beat(Body, frozen=True):
    """I live: how late my loop runs and how much work I have done, so that alive-but-stuck shows."""

    lag_s: Seconds = 0.0
    work: Count = 0


class UsageNote(Body, frozen=True):
    """Figures of my own, beside those the server samples."""

    figures: Annotated[dict[Name, float], msgspec.Meta(max_length=32)] = {}


# Liveness.


class Ping(Body, frozen=True):
    """Are you there? Timed by the asker."""


class Pong(Body, frozen=True):
    """I am."""


# Orders to a client and their answers.


class Prepare(Body, frozen=True):
    """Take no new work; say `drained` when what you have is done."""


class Drained(Body, frozen=True):
    """No work is left."""


class Shutdown(Body, frozen=True):
    """End within `deadline_s`; asking for more is possible up to `cap_s` in all."""

    deadline_s: Seconds = 0.0
    cap_s: Seconds = 0.0
    reason: Sentence = ""


class Closing(Body, frozen=True):
    """I am ending; `extend_s` asks for that much more time from now."""

    extend_s: Seconds = 0.0


class Reload(Body, frozen=True):
    """Your configuration changed: what is different."""

    changes: dict[Name, Any] = {}  # Any: configuration is free-form; capped by the size limit


class Reloaded(Body, frozen=True):
    """The change is in force."""


# Methods.


class Call(Body, frozen=True):
    """Call a method that you described."""

    method: FilledName
    params: Any = None  # Any: each method has its own parameters, given by its schema


class Progress(Body, frozen=True):
    """A call or verb goes on: this far."""

    done: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    total: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    text: Sentence = ""


class Result(Body, frozen=True):
    """What a call came to."""

    value: Any = None  # Any: each method has its own result


class Cancel(Body, frozen=True):
    """The request named in `request` need not be finished."""

    request: ShortText


class Describe(Body, frozen=True):
    """Which methods do you offer?"""


class Method(msgspec.Struct, frozen=True, omit_defaults=True):
    """One method: its parameters and result as JSON Schema."""

    name: FilledName
    summary: Sentence = ""
    params: dict[str, Any] = {}  # Any: a JSON Schema
    result: dict[str, Any] = {}  # Any: a JSON Schema


class Described(Body, frozen=True):
    """The methods I offer."""

    methods: Annotated[tuple[Method, ...], msgspec.Meta(max_length=256)] = ()


# Services.


class Service(msgspec.Struct, frozen=True, omit_defaults=True):
    """One service somebody offers now."""

    name: Name
    type: Name
    address: Sentence
    seq: Seq
    generation: Launch
    expires_s: Seconds = 0.0
    meta: dict[Name, Sentence] = {}


class Offer(Body, frozen=True, kw_only=True):
    """I offer a service; again before `ttl_s` is over keeps it. 0 lasts as long as I do."""

    name: FilledName
    type: Name = ""
    address: Sentence
    ttl_s: Annotated[float, msgspec.Meta(ge=0, le=limits.SERVICE_TTL_MAX_S)] = 0.0
    meta: Annotated[dict[Name, Sentence], msgspec.Meta(max_length=32)] = {}


class Withdraw(Body, frozen=True):
    """I no longer offer it."""

    name: FilledName
    type: Name = ""


class Lease(Body, frozen=True):
    """I want this lock of the whole cluster, and ask again until I have it; or I want it no more."""

    name: FilledName
    release: bool = False


class Fence(Body, frozen=True):
    """The lock's number if it is yours, higher than that of all who had it before; else 0 and who has it."""

    fence: Annotated[int, msgspec.Meta(ge=0)] = 0
    holder: Sentence = ""


class Find(Body, frozen=True):
    """Who offers this? An empty field matches all."""

    name: Name = ""
    type: Name = ""


class Found(Body, frozen=True):
    """Who offers it, oldest offer first."""

    services: tuple[Service, ...] = ()


# Events.


class EventNote(Body, frozen=True):
    """Something happened. `cursor` is set by the server: the next event has the next one."""

    topic: FilledName
    cursor: Count = 0
    data: dict[str, Any] = {}  # Any: each topic has its own fields


class Exited(Body, frozen=True):
    """A process ended, told by the kernel: one of `code` and `signal` is set."""

    seq: Seq
    generation: Launch
    code: int | None = None
    signal: int | None = None
    runtime_s: Seconds = 0.0
    planned: bool = False
    totals: dict[Name, float] = {}
    last_lines: tuple[Sentence, ...] = ()
    next: Sentence = ""


class Replay(Body, frozen=True):
    """Send me the events from `cursor` on."""

    cursor: Count = 0


class Events(Body, frozen=True):
    """Events from the cursor asked for; `gap` when some before `oldest` are gone. Ask again from `next`."""

    events: tuple[EventNote, ...] = ()
    oldest: Count = 0
    next: Count = 0
    gap: bool = False


# Verbs, on the operators' door.


class VerbRequest(Body, frozen=True):
    """Do what `argv` says, as if it were typed at the prompt."""

    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=4096)]
    cwd: Sentence = "/"
    format: ShortText = "json"
    environ: dict[Name, str] = {}


class VerbReply(Body, frozen=True):
    """What a verb came to: its exit code, text and data."""

    code: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    out: str = ""
    err: str = ""
    data: Any = None  # Any: each verb has its own result, given by its published schema


# Plain answers.


class Ok(Body, frozen=True):
    """Done."""


class Error(Body, frozen=True):
    """Not done; the envelope's `err` says why."""


FromClient = (
    Hello | Bye | Ready | StateNote | Beat | UsageNote | Ping | Pong | Drained | Closing | Reloaded
    | Progress | Result | Described | Offer | Withdraw | Lease | Find | EventNote | Error
)  # fmt: skip
FromOperator = Ping | VerbRequest | Cancel | Find | Replay
FromServer = (
    Welcome | Refuse | Ping | Pong | Prepare | Shutdown | Reload | Call | Cancel | Describe | Fence | Found
    | EventNote | Exited | Events | Progress | VerbReply | Ok | Error
)  # fmt: skip
