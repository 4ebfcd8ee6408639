"""`chat` and what begins with it."""

from __future__ import annotations

from typing import Any, Final

from plugins.skychat import shown
from plugins.skychat.apps import CHAT, SEED
from viscript.plugin import Answer, Arg, ExitCode, Handler, Option, Role, VerbCall, VerbError, VerbSpec

PATIENCE_S: Final = 30.0
_UP: Final = ("ready", "running")  # the states in which an app answers
_COLUMNS: Final = ("time", "name", "sender", "talk", "state", "text")


async def chat(call: VerbCall) -> Answer:
    """Write, show a talk, or list all."""
    peer, words = call.args["peer"], call.args["text"] or ()
    if words:
        row = await _ask(call, "say", to=peer, text=" ".join(words))
        return Answer(data=row, text=f"{row['state']}\n")
    rows = await _ask(call, "talks")
    if not peer:
        key = "" if rows else (await _ask(call, "status"))["key"]
        return Answer(data=rows, text=shown.talks(rows) or f"nobody yet: chat PEER TEXT; your key is {key}\n")
    texts = await _ask(call, "history", talk=peer, limit=call.args["limit"])
    return Answer(data=texts, text=shown.texts(texts, {}) or "no text yet\n")


async def unread(call: VerbCall) -> Answer:
    """What nobody read; it stays unread."""
    rows = await _ask(call, "unread")
    return Answer(data=rows, text=shown.texts(rows, await _rooms(call)) or "nothing unread\n")


async def follow(call: VerbCall) -> None:
    """Each text as it comes, until the caller ends it."""
    turn = (await _ask(call, "since"))["turn"]
    while True:
        answer = await _ask(call, "since", turn=turn)
        turn = answer["turn"]
        rooms = await _rooms(call) if answer["rows"] else {}
        for row in answer["rows"]:
            if call.format in ("table", "wide"):
                await call.out(shown.line(row, rooms))
            else:
                await call.row(row)


async def page(call: VerbCall) -> Answer:
    """A link for a browser."""
    found = await _ask(call, "page")
    body = """'{"recipient":"KEY", "message":"Hello"}'"""
    text = (
        f"{found['link']}\n\nIt signs a browser of yours in, once, within ten minutes. For programs:\n"
        f"curl -K {found['curl']} --data {body} {found['address']}/message\n"
    )
    return Answer(data=found, text=text)


async def room(call: VerbCall) -> Answer:
    """A room of us and these peers."""
    made = await _ask(call, "room", name=call.args["name"], members=list(call.args["peers"]))
    return Answer(data=made, text=f"room:{made['talk'][:12]} with {len(made['members'])} members\n")


async def leave(call: VerbCall) -> Answer:
    """Out of a room."""
    row = await _ask(call, "leave", room=call.args["room"])
    return Answer(data=row, text="left\n")


async def _rooms(call: VerbCall) -> dict[str, str]:
    return {row["talk"]: row["name"] for row in await _ask(call, "talks") if row["kind"] == "room"}


async def _ask(call: VerbCall, method: str, **params: object) -> Any:  # Any: what the method answers
    """Call a method of the chat that runs. Raises `VerbError`."""
    rows = [row for row in await call.run("la") if row["app"] in (CHAT, SEED)]
    if not rows:
        raise VerbError(ExitCode.NOT_HEALTHY, "no chat runs", suggestions=(f"start {CHAT}",))
    chosen = next((row for row in rows if row["state"] in _UP), rows[0])
    try:
        return await call.rpc(str(chosen["id"]), method, params, timeout_s=PATIENCE_S)
    except VerbError as exc:
        if isinstance(exc.data, dict) and "text" in exc.data:
            raise VerbError(exc.code, str(exc.data["text"]), data=exc.data) from exc
        raise


_PEER: Final = "key, its first digits, or label; or a room"


def _spec(name: str, summary: str, **rest: Any) -> VerbSpec:  # Any: fields of a VerbSpec
    return VerbSpec(name=name, summary=summary, group="mesh", **rest)


VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    (
        _spec(
            "chat",
            "write to a peer; without words its texts, which are read then; alone all talks",
            examples=('chat mike "Hello Mike!"', "chat mike", "chat"),
            args=(
                Arg(name="peer", required=False, help=_PEER),
                Arg(name="text", required=False, many=True, private=True, help="what to say"),
            ),
            options=(
                Option(
                    flags=("--limit",),
                    name="limit",
                    kind="int",
                    metavar="N",
                    default=50,
                    at_least=1,
                    help="how many texts",
                ),
            ),
            columns=_COLUMNS,
            role=Role.OPERATE,
        ),
        chat,
    ),
    (_spec("chat unread", "texts that nobody read; they stay unread", columns=_COLUMNS), unread),
    (
        _spec("chat follow", "each text as it comes", columns=_COLUMNS, streams=True, role=Role.OPERATE),
        follow,
    ),
    (
        _spec(
            "chat page",
            "a link that signs a browser in to the chat's page",
            columns=("address", "link", "curl"),
            role=Role.OPERATE,
        ),
        page,
    ),
    (
        _spec(
            "chat room",
            "a room of you and some peers; each text goes to all of them",
            examples=("chat room tea mike joe",),
            args=(Arg(name="name"), Arg(name="peers", many=True, help="keys or labels")),
            columns=("talk", "name", "members"),
            role=Role.OPERATE,
        ),
        room,
    ),
    (
        _spec(
            "chat leave",
            "take no more of a room; its members are told",
            args=(Arg(name="room", help="its name or id"),),
            columns=_COLUMNS,
            role=Role.OPERATE,
        ),
        leave,
    ),
)
