"""What the daemon and a plugin's worker process say to each other: JSON lines over a socket pair.

    daemon -> worker   load, then any of: invoke, tell, answer, cancel
    worker -> daemon   loaded or broken, then: ask (inside an invoke), done (one for each invoke and tell)

A worker waits for the answer to each ask, so a slow reader holds up one verb and nothing else. The daemon
closing its end is the order to exit.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from viscript.errors import ViscriptError
from viscript.events import Event
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import Registration

MAX_LINE_BYTES: Final = 8 * 1024 * 1024


class WireError(ViscriptError):
    """The worker sent something that is no message."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="t"):
    """Tagged with `t`."""


class Load(_Message, frozen=True, kw_only=True, tag="load"):
    """First message: what to import."""

    source: Source
    settings: dict[str, Any] = {}  # Any: as config.yaml has it


class CallData(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a verb, without the daemon's side of it."""

    args: dict[str, Any]  # Any: values have the type the verb's arguments say
    format: str = "table"
    columns: int = 80
    cwd: str = "/"
    actor: str = "local"


class Invoke(_Message, frozen=True, kw_only=True, tag="invoke"):
    """Run a verb's handler or a hook; `text` is the hook's one argument."""

    id: int
    what: Literal["verb", "viscript_resolve_target", "viscript_state_store", "viscript_doctor"]
    text: str = ""
    call: CallData | None = None


class Tell(_Message, frozen=True, kw_only=True, tag="tell"):
    """Events, oldest first."""

    id: int
    events: tuple[Event, ...]


class Cancel(_Message, frozen=True, kw_only=True, tag="cancel"):
    """Nobody waits for this invoke any more."""

    id: int


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why something failed; `raised` tells a bug of the plugin from a refusal with an exit code."""

    text: str
    code: int = 1
    detail: str = ""
    suggestions: tuple[str, ...] = ()
    data: Any = None  # Any: what the error knows besides
    raised: bool = False
    traceback: str = ""


class Reply(_Message, frozen=True, kw_only=True, tag="answer"):
    """The answer to an ask."""

    re: int
    value: Any = None  # Any: plain data
    trouble: Trouble | None = None


class LoadedOk(_Message, frozen=True, kw_only=True, tag="loaded"):
    """The plugin is imported and registered."""

    registration: Registration


class Broken(_Message, frozen=True, kw_only=True, tag="broken"):
    """The plugin cannot be loaded; the worker exits."""

    trouble: Trouble


class Ask(_Message, frozen=True, kw_only=True, tag="ask"):
    """Inside invoke `re`: write text, hand over a row, run a verb, or call a method of an app."""

    re: int
    id: int
    what: Literal["out", "err", "row", "run", "rpc"]
    value: Any = None  # Any: text, a row, words of a command, or target, method and params


class Done(_Message, frozen=True, kw_only=True, tag="done"):
    """An invoke or tell is finished."""

    re: int
    value: Any = None  # Any: an Answer, Target, list of checks or text, as plain data
    trouble: Trouble | None = None


ToWorker = Load | Invoke | Tell | Cancel | Reply
FromWorker = LoadedOk | Broken | Ask | Done

_encoder = msgspec.json.Encoder()
_to_worker: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
_from_worker: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)


def encode(message: ToWorker | FromWorker) -> bytes:
    """One line. Raises `WireError` for data JSON cannot carry."""
    try:
        return _encoder.encode(message) + b"\n"
    except (TypeError, ValueError, OverflowError) as exc:
        raise WireError(f"not plain data: {exc}") from exc


def decode_to_worker(line: bytes) -> ToWorker:
    """A line from the daemon. Raises `WireError`."""
    try:
        return _to_worker.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise WireError(str(exc)) from exc


def decode_from_worker(line: bytes) -> FromWorker:
    """A line from a worker. Raises `WireError`."""
    try:
        return _from_worker.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise WireError(str(exc)) from exc
