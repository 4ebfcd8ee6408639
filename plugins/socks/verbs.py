"""`socks up PEER`, `socks down`, `socks check`, `socks status`."""

from __future__ import annotations

from typing import Any, Final

from plugins.socks.apps import CLIENT, SEEDS, SERVER
from plugins.socks.mirror import URL
from viscript.plugin import Answer, Arg, ExitCode, Handler, Option, Role, VerbCall, VerbError, VerbSpec

TEST_S: Final = 25.0  # more than the app takes for it
Row = dict[str, Any]  # Any: plain data of several types
_CLIENTS: Final = (CLIENT, SEEDS + CLIENT)
_SERVERS: Final = (SERVER, SEEDS + SERVER)


async def up(call: VerbCall) -> Answer:
    """Start a client, and try it; one that could not start gives way to it.

    Raises `VerbError` when one runs already and no other port is named.
    """
    clients = await _running(call, _CLIENTS)
    failed = [str(row["id"]) for row in clients if row["state"] == "backoff"]
    if failed:
        await call.run("stop", *failed)
    running = [row for row in clients if row["state"] != "backoff"]
    if running and not call.args["listen"]:
        raise VerbError(
            ExitCode.FAILED,
            f"{running[0]['name']} ({running[0]['id']}) runs already",
            suggestions=("socks down", "socks up PEER --listen 127.0.0.1:1180 --http off"),
        )
    words = ["--peer", call.args["peer"]]
    for option in ("listen", "http"):
        if call.args[option]:
            words += [f"--{option}", call.args[option]]
    row = await _started(call, *words)
    return tried(row, await call.rpc(str(row["id"]), "status", {}), await _tested(call, row))


async def _started(call: VerbCall, *words: str) -> Row:
    """A new client. Raises `VerbError`; what could not start then is not tried again behind one's back."""
    try:
        row: Row = await call.run("start", CLIENT, "--", *words)
    except VerbError as exc:
        if not isinstance(exc.data, dict):
            raise
        seq = str(exc.data["id"])
        await call.run("stop", seq)
        why = exc.text.partition("; retrying")[0]
        raise VerbError(exc.code, why, suggestions=(f"log {seq}",), data=exc.data) from exc
    return row


async def down(call: VerbCall) -> Answer:
    """Stop the clients. Raises `VerbError` when there are none."""
    running = await _clients(call)
    rows = await call.run("stop", *(str(row["id"]) for row in running))
    return Answer(data=rows, text="".join(f"{row['name']} ({row['id']}) is stopped\n" for row in running))


async def check(call: VerbCall) -> Answer:
    """The leak test of each client. Raises `VerbError` when there are none."""
    rows = [
        {"id": row["id"], "name": row["name"], **found}
        for row in await _clients(call)
        for found in await _tested(call, row)
    ]
    return Answer(data=rows, code=ExitCode.NOT_HEALTHY if _fails(rows) else 0)


async def status(call: VerbCall) -> list[Row]:
    """A row for each app that runs; `-o json` has each connection too."""
    rows = []
    for row in await _running(call, _CLIENTS + _SERVERS):
        try:
            figures = await call.rpc(str(row["id"]), "status", {})
        except VerbError as exc:  # one that is just starting hides no other
            figures = {"error": exc.text}
        rows.append({**figures, "id": row["id"], "app": row["app"], "name": row["name"]})
    return rows


async def _running(call: VerbCall, apps: tuple[str, ...]) -> list[Row]:
    return [row for row in await call.run("la") if row["app"] in apps]


async def _clients(call: VerbCall) -> list[Row]:
    running = await _running(call, _CLIENTS)
    if not running:
        raise VerbError(ExitCode.NOT_FOUND, "no socks-client runs", suggestions=("socks up PEER",))
    return running


async def _tested(call: VerbCall, row: Row) -> list[Row]:
    found: list[Row] = await call.rpc(str(row["id"]), "leak_test", {}, timeout_s=TEST_S)
    return found


def tried(row: Row, status: Row, found: list[Row]) -> Answer:
    """What a new client is, how to try it, and what trying it came to."""
    command = f"curl -x socks5h://{status['socks']} {URL}"
    web = f", HTTP CONNECT at {status['http']}" if "http" in status else ""
    exits = ", ".join(key[:8] for key in status["exits"])
    text = f"{row['name']} ({row['id']}) is {row['state']}: SOCKS at {status['socks']}{web}; exit {exits}\n"
    text += f"{findings_text(found)}try it: {command}\n"
    data = {**row, "socks": status["socks"], "http": status.get("http"), "test": command, "findings": found}
    return Answer(data=data, text=text, code=ExitCode.NOT_HEALTHY if _fails(found) else 0)


def findings_text(found: list[Row]) -> str:
    """A line for each."""
    return "".join(f"  {one['status'].upper():4}  {one['check']:7}  {one['text']}\n" for one in found)


def _fails(found: list[Row]) -> bool:
    return any(one["status"] == "fail" for one in found)


VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    (
        VerbSpec(
            name="socks up",
            summary="a local SOCKS and HTTP proxy that leaves the mesh at a peer",
            group="mesh",
            examples=("socks up 2f6c... --listen 127.0.0.1:1080",),
            args=(
                Arg(
                    name="peer",
                    help="the exit: key, its first digits, or label; several with commas, the best first",
                ),
            ),
            options=(
                Option(flags=("--listen",), name="listen", metavar="HOST:PORT", help="127.0.0.1:1080"),
                Option(flags=("--http",), name="http", metavar="HOST:PORT", help="127.0.0.1:1081, or off"),
            ),
            reads=False,
            role=Role.OPERATE,
        ),
        up,
    ),
    (VerbSpec(name="socks down", summary="stop it", group="mesh", reads=False, role=Role.OPERATE), down),
    (
        VerbSpec(
            name="socks check",
            summary="whether programs come out at the exit",
            group="mesh",
            columns=("id", "name", "check", "status", "text"),
        ),
        check,
    ),
    (
        VerbSpec(
            name="socks status",
            summary="who uses SOCKS here, and how much went through it",
            group="mesh",
            aliases=("socks",),
            columns=(
                "id",
                "name",
                "app",
                "open",
                "served",
                "refused",
                "crowded",
                "sent_bytes",
                "received_bytes",
            ),
        ),
        status,
    ),
)
