"""`fwd`, `rev`, and `forward offer|lend|ls|rm`: each asks the app, which is started where none runs."""

from __future__ import annotations

from typing import Any, Final

from plugins.forward.apps import NAME
from viscript.plugin import Answer, Arg, ExitCode, Handler, Option, Role, VerbCall, VerbError, VerbSpec

PATIENCE_S: Final = 30.0
GROUP: Final = "mesh"
COLUMNS: Final = (
    "id", "kind", "protocol", "listen", "target", "peer", "open", "served", "sent_bytes", "received_bytes",
    "trouble",
)  # fmt: skip
_CODES: Final = {
    "bad-rule": ExitCode.USAGE,
    "not-found": ExitCode.NOT_FOUND,
    "no-peer": ExitCode.NOT_FOUND,
}
UDP: Final = Option(flags=("--udp",), name="udp", flag=True, help="datagrams, not connections")
TO: Final = Option(
    flags=("--to",),
    name="to",
    many=True,
    metavar="PEER",
    help="who may, by key or label; `all`: everybody",
)

Row = dict[str, Any]  # Any: plain data of several types


async def fwd(call: VerbCall) -> Answer:
    """A port here leads to a target at, or behind, a peer."""
    return await _added(call, "fwd", call.args["listen"], call.args["target"])


async def rev(call: VerbCall) -> Answer:
    """A port at a peer leads to a target here."""
    return await _added(call, "rev", call.args["listen"], call.args["target"])


async def offer(call: VerbCall) -> Answer:
    """Peers may lead to a target of this host."""
    return await _added(call, "offer", call.args["target"], *_to(call))


async def lend(call: VerbCall) -> Answer:
    """Peers may have a port of this host lead to them."""
    return await _added(call, "lend", call.args["listen"], *_to(call))


async def listed(call: VerbCall) -> list[Row]:
    """A row for each rule; `-o json` has the connections too."""
    running = await _running(call)
    if running is None:
        return []
    told = await call.rpc(running, "status", {}, timeout_s=PATIENCE_S)
    return [_shown({**row, "labels": told["labels"]}) for row in told["rules"]]


async def removed(call: VerbCall) -> Answer:
    """End a rule, and what goes by it."""
    running = await _running(call)
    if running is None:
        raise VerbError(ExitCode.NOT_HEALTHY, "forwarding does not run", suggestions=(f"s {NAME}",))
    row = _checked(await call.rpc(running, "remove", {"number": call.args["id"]}, timeout_s=PATIENCE_S))
    return Answer(data=_shown(row), text=f"{row['id']}: {_sentence(row)}: removed\n")


async def _added(call: VerbCall, *words: str) -> Answer:
    line = " ".join([*map(_quoted, words), *(["--udp"] if call.args["udp"] else [])])
    running = await _running(call) or await _started(call)
    row = _checked(await call.rpc(running, "add", {"line": line}, timeout_s=PATIENCE_S))
    notes = (f"so far it does not work: {row['doubt']}", _advice(row)) if row["doubt"] else ()
    return Answer(data=_shown(row), text=f"{row['id']}: {_sentence(row)}\n", notes=notes)


def _quoted(word: str) -> str:
    if not word or any(char in word for char in " \t\n'\"\\"):
        raise VerbError(ExitCode.USAGE, f"{word!r}: blanks and quotes are in no name of a peer or host")
    return word


def _to(call: VerbCall) -> tuple[str, ...]:
    """Who may; it has to be said, since everybody is too many by mistake."""
    if not call.args["to"]:
        raise VerbError(ExitCode.USAGE, "say who may: --to PEER, once for each; --to all for everybody")
    return ("--to", *call.args["to"])


async def _running(call: VerbCall) -> str | None:
    """The id of the app, if it runs."""
    rows = [row for row in await call.run("la") if row["app"] == NAME]
    up = [row for row in rows if row["state"] in ("ready", "running")]
    return str((up or rows)[0]["id"]) if rows else None


async def _started(call: VerbCall) -> str:
    return str((await call.run("start", NAME))["id"])


def _checked(row: Row) -> Row:
    """What the app answered, unless it is an error."""
    error = row.get("error")
    if error:
        raise VerbError(_CODES.get(error["code"], ExitCode.FAILED), error["text"])
    return row


def _shown(row: Row) -> Row:
    """A row as it is told: `peer` for people, `peers` for programs."""
    kept = {name: value for name, value in row.items() if name not in ("labels", "key", "doubt")}
    return {**kept, "peer": _peers(row)}


def _peers(row: Row) -> str:
    return ", ".join(row["labels"].get(key, key[:12]) for key in row["peers"])


def _sentence(row: Row) -> str:
    peers = _peers(row)
    udp = " (udp)" if row["protocol"] == "udp" else ""
    return {
        "fwd": f"{row['listen']}{udp} leads to {row['target']} at {peers}",
        "rev": f"{row['listen']}{udp} at {peers} leads to {row['target']} here",
        "offer": f"{row['target']}{udp} here may be led to by {peers}",
        "lend": f"{row['listen']}{udp} here may be had by {peers}",
    }[row["kind"]]


def _advice(row: Row) -> str:
    """What the other side has to do, when it has not."""
    udp = " --udp" if row["protocol"] == "udp" else ""
    what = f"offer {row['target']}" if row["kind"] == "fwd" else f"lend {row['listen']}"
    return f"at the peer: viscript forward {what} --to {row['key']}{udp}"


def _verb(name: str, handler: Handler, summary: str, **more: Any) -> tuple[VerbSpec, Handler]:  # Any: its own
    return VerbSpec(name=name, summary=summary, group=GROUP, **more), handler


VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    _verb(
        "fwd",
        fwd,
        "a port here that leads to a port at, or behind, a peer",
        help="The peer has to offer the target: `forward offer`. Kept over restarts until `forward rm`.",
        examples=("fwd 8080 mike:80", "fwd 0.0.0.0:6379 mike:10.0.0.5:6379", "fwd 5353 mike:53 --udp"),
        args=(
            Arg(name="listen", help="PORT, or HOST:PORT; a port alone is of 127.0.0.1"),
            Arg(name="target", help="PEER:PORT, or PEER:HOST:PORT as the peer sees it"),
        ),
        options=(UDP,),
        role=Role.OPERATE,
        columns=COLUMNS,
    ),
    _verb(
        "rev",
        rev,
        "a port at a peer that leads here",
        help="The peer has to lend the port: `forward lend`. Kept over restarts until `forward rm`.",
        examples=("rev mike:9000 3000", "rev mike:0.0.0.0:80 127.0.0.1:8080"),
        args=(
            Arg(name="listen", help="PEER:PORT, or PEER:HOST:PORT; a port alone is of the peer's 127.0.0.1"),
            Arg(name="target", help="PORT, or HOST:PORT as this host sees it"),
        ),
        options=(UDP,),
        role=Role.OPERATE,
        columns=COLUMNS,
    ),
    _verb(
        "forward offer",
        offer,
        "let peers lead to a port of this host, or of one behind it",
        examples=("forward offer 80 --to mike", "forward offer 10.0.0.5:6379 --to mike --to joe"),
        args=(Arg(name="target", help="PORT, or HOST:PORT; exactly what the peers name in `fwd`"),),
        options=(TO, UDP),
        role=Role.OPERATE,
        columns=COLUMNS,
    ),
    _verb(
        "forward lend",
        lend,
        "let peers have a port of this host lead to them",
        examples=("forward lend 9000 --to mike",),
        args=(Arg(name="listen", help="PORT, or HOST:PORT; exactly what the peers name in `rev`"),),
        options=(TO, UDP),
        role=Role.OPERATE,
        columns=COLUMNS,
    ),
    _verb(
        "forward ls",
        listed,
        "what leads where, who may, and how much went by it",
        aliases=("forward",),
        columns=COLUMNS,
    ),
    _verb(
        "forward rm",
        removed,
        "end a rule, and what goes by it",
        args=(Arg(name="id", kind="int", at_least=1, help="as `forward ls` shows it"),),
        role=Role.OPERATE,
        columns=COLUMNS,
    ),
)
