"""`vpn up PEER`, `vpn confirm`, `vpn down`, `vpn status`, `vpn check`."""

from __future__ import annotations

from typing import Any, Final

from plugins.vpn.apps import CLIENT, RESTORE, SEEDS, SERVER
from viscript.plugin import Answer, Arg, ExitCode, Handler, Option, Role, VerbCall, VerbError, VerbSpec

_CLIENTS: Final = (CLIENT, SEEDS + CLIENT)
_SERVERS: Final = (SERVER, SEEDS + SERVER)
_TRIAL: Final = "up, not confirmed"
_UP: Final = (_TRIAL, "up")
UP_S: Final = 25.0
CHECK_S: Final = 30.0


async def up(call: VerbCall) -> Any:  # Any: rows of several kinds
    """Start a client, and tell how far it came. Raises `VerbError` when one runs already."""
    words = _words(call)
    if call.args["dry_run"]:
        from plugins.vpn.dryrun import answer

        return answer(words)
    for row in await _running(call, _CLIENTS):
        if not await _gave_up(call, row):
            raise VerbError(
                ExitCode.FAILED,
                f"{row['name']} ({row['id']}) runs already",
                suggestions=("vpn status", "vpn down"),
            )
        await call.run("stop", str(row["id"]))
    started = await call.run("start", CLIENT, "--", *words)
    figures = await call.rpc(str(started["id"]), "until_up", {"seconds": UP_S}, timeout_s=UP_S + 5)
    rows = [{"id": started["id"], "app": CLIENT, **figures}]
    code = 0 if figures["state"] in _UP else ExitCode.FAILED
    return Answer(data=rows, code=code, notes=_notes(figures))


def _words(call: VerbCall) -> list[str]:
    """The words of the client. Raises `VerbError` for a network that is none."""
    from argparse import ArgumentTypeError

    from plugins.vpn.options import networks

    args = call.args
    words = ["--peer", args["peer"]]
    if args["kill_switch"]:
        words.append("--kill-switch")
    for name in ("split", "direct"):
        if args[name]:
            words += [f"--{name}", ",".join(args[name])]
            try:
                networks(words[-1])
            except ArgumentTypeError as exc:
                raise VerbError(ExitCode.USAGE, f"--{name}: {exc}; 10.20.0.0/16 would be one") from exc
    return words


def _notes(figures: dict[str, Any]) -> tuple[str, ...]:  # Any: plain data of several types
    if figures["state"] == _TRIAL:
        return (
            "keep it: `vpn confirm`, or a `vpn check` that passes; until then 30 s of a dead path undo all",
        )
    if figures["state"] in _UP:
        return ()
    return (f"no tunnel yet: {figures['why'] or figures['state']}; it is tried again until `vpn down`",)


async def _gave_up(call: VerbCall, row: dict[str, Any]) -> bool:  # Any: as above
    try:
        figures = await call.rpc(str(row["id"]), "status", {})
    except VerbError:  # one that cannot start is as good
        return True
    return bool(figures["state"] == "given up")


async def confirm(call: VerbCall) -> list[dict[str, Any]]:  # Any: as above
    """This host can be reached: keep the tunnel. Raises `VerbError` when there is none."""
    row = await _the_client(call)
    return [{"id": row["id"], "app": row["app"], **await call.rpc(str(row["id"]), "confirm", {})}]


async def down(call: VerbCall) -> Any:  # Any: what the restorer said
    """Stop the clients, and take back what is left of them. Raises `VerbError` if that fails."""
    running = await _running(call, _CLIENTS)
    if running:
        await call.run("stop", *(str(row["id"]) for row in running))
    started = await call.run("start", "--wait-for", "done", RESTORE)
    return Answer(data=started, text="the tunnel is down, and this host as it was before\n")


async def check(call: VerbCall) -> Answer:
    """The leak test. Raises `VerbError` when there is no tunnel."""
    row = await _the_client(call)
    found = await call.rpc(str(row["id"]), "check", {}, timeout_s=CHECK_S)
    if found["passed"]:
        return Answer(data=found["rows"], notes=("passed: the tunnel is confirmed",))
    return Answer(
        data=found["rows"], code=ExitCode.FAILED, notes=("not passed: see the rows that are not ok",)
    )


async def status(call: VerbCall) -> list[dict[str, Any]]:  # Any: as above
    """A row for each app that runs; `-o json` has each client of an exit too."""
    rows = []
    for row in await _running(call, _CLIENTS + _SERVERS):
        try:
            figures = await call.rpc(str(row["id"]), "status", {})
        except VerbError as exc:  # one that is just starting hides no other
            figures = {"state": exc.text}
        rows.append({"id": row["id"], "app": row["app"], **figures})
    return rows


async def _the_client(call: VerbCall) -> dict[str, Any]:  # Any: as above
    running = await _running(call, _CLIENTS)
    if not running:
        raise VerbError(ExitCode.NOT_FOUND, "no vpn-client runs", suggestions=("vpn up PEER",))
    return next((row for row in running if row["state"] in ("ready", "running")), running[0])


async def _running(call: VerbCall, apps: tuple[str, ...]) -> list[dict[str, Any]]:  # Any: as above
    return [row for row in await call.run("la") if row["app"] in apps]


_COLUMNS: Final = (
    "id",
    "app",
    "state",
    "peer",
    "ipv4",
    "ipv6",
    "kill_switch",
    "sent_bytes",
    "received_bytes",
    "why",
)
_SPLIT: Final = Option(
    flags=("--split",), name="split", metavar="CIDR", many=True, help="only this goes through it; repeatable"
)
_DIRECT: Final = Option(
    flags=("--direct",), name="direct", metavar="CIDR", many=True, help="this never does; repeatable"
)
_KILL: Final = Option(
    flags=("--kill-switch",), name="kill_switch", flag=True, help="nothing leaves past the tunnel"
)
_DRY: Final = Option(flags=("--dry-run",), name="dry_run", flag=True, help="show what would be changed only")
_CHANGES: Final[dict[str, Any]] = {"group": "mesh", "role": Role.ADMIN}  # Any: of VerbSpec
VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    (
        VerbSpec(
            name="vpn up",
            summary="lead the packets of this host through the mesh to an exit",
            help="""\
Packets of this host leave at the exit, names are asked for there. Without --kill-switch nothing holds
packets back while the tunnel is away. Until `vpn confirm`, or a `vpn check` that passes, everything is
taken back when the exit is away for 30 s.""",
            examples=("vpn up mike --kill-switch", "vpn up mike --split 10.20.0.0/16 --dry-run"),
            args=(Arg(name="peer", help="the exit: a key, its first digits, or a label"),),
            options=(_KILL, _SPLIT, _DIRECT, _DRY),
            columns=_COLUMNS,
            **_CHANGES,
        ),
        up,
    ),
    (VerbSpec(name="vpn confirm", summary="keep the tunnel", columns=_COLUMNS, **_CHANGES), confirm),
    (VerbSpec(name="vpn down", summary="stop it, and undo all it changed", **_CHANGES, reads=False), down),
    (
        VerbSpec(
            name="vpn status",
            summary="the tunnel, and who uses the exit here",
            group="mesh",
            aliases=("vpn",),
            columns=_COLUMNS,
        ),
        status,
    ),
    (
        VerbSpec(
            name="vpn check",
            summary="the leak test: does all go through the tunnel?",
            help="Passed, it confirms the tunnel as `vpn confirm` does.",
            columns=("check", "ok", "text"),
            **_CHANGES,
        ),
        check,
    ),
)
