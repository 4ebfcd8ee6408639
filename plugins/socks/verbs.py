"""`socks up PEER`, `socks down`, `socks status`."""

from __future__ import annotations

from typing import Any, Final

from plugins.socks.apps import CLIENT, SEEDS, SERVER
from viscript.plugin import Arg, ExitCode, Handler, Option, Role, VerbCall, VerbError, VerbSpec

_CLIENTS: Final = (CLIENT, SEEDS + CLIENT)
_SERVERS: Final = (SERVER, SEEDS + SERVER)


async def up(call: VerbCall) -> Any:  # Any: what `start` answers
    """Start a client. Raises `VerbError` when one runs already."""
    running = await _running(call, _CLIENTS)
    if running:
        raise VerbError(
            ExitCode.FAILED,
            f"{running[0]['name']} ({running[0]['id']}) runs already",
            suggestions=("socks down", "start socks-client -n NAME -- --peer KEY --listen HOST:PORT"),
        )
    words = ["--peer", call.args["peer"]]
    for option in ("listen", "http"):
        if call.args[option]:
            words += [f"--{option}", call.args[option]]
    return await call.run("start", CLIENT, "--", *words)


async def down(call: VerbCall) -> Any:  # Any: what `stop` answers
    """Stop the clients. Raises `VerbError` when there are none."""
    running = await _running(call, _CLIENTS)
    if not running:
        raise VerbError(ExitCode.NOT_FOUND, "no socks-client runs", suggestions=("socks up PEER",))
    return await call.run("stop", *(str(row["id"]) for row in running))


async def status(call: VerbCall) -> list[dict[str, Any]]:  # Any: plain data of several types
    """A row for each app that runs; `-o json` has each connection too."""
    rows = []
    for row in await _running(call, _CLIENTS + _SERVERS):
        try:
            figures = await call.rpc(str(row["id"]), "status", {})
        except VerbError as exc:  # one that is just starting hides no other
            figures = {"error": exc.text}
        rows.append({"id": row["id"], "app": row["app"], **figures})
    return rows


async def _running(call: VerbCall, apps: tuple[str, ...]) -> list[dict[str, Any]]:  # Any: as above
    return [row for row in await call.run("la") if row["app"] in apps]


VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    (
        VerbSpec(
            name="socks up",
            summary="a local SOCKS and HTTP proxy that leaves the mesh at a peer",
            group="mesh",
            examples=("socks up 2f6c... --listen 127.0.0.1:1080",),
            args=(Arg(name="peer", help="the key of the exit; several with commas, the best first"),),
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
            name="socks status",
            summary="who uses SOCKS here, and how much went through it",
            group="mesh",
            aliases=("socks",),
            columns=("id", "app", "open", "served", "refused", "sent_bytes", "received_bytes"),
        ),
        status,
    ),
)
