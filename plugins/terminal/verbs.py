"""`ssh PEER`, `scp SOURCE... TARGET`, `terminal known_hosts PEER`, `terminal status`.

All but the last are programs that the caller runs in his own place, with his own terminal and files.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from plugins.terminal.apps import SEED, TERMINAL
from viscript.plugin import Answer, Arg, Handler, Option, Role, VerbCall, VerbError, VerbSpec

_PORT: Final = Option(flags=("-p", "--port"), name="port", kind="int", metavar="N", help="mesh port; 2")
_PEER: Final = Arg(name="peer", help="a key, its first digits, or a label")


async def ssh(call: VerbCall) -> Answer:
    """A shell, or a command."""
    words = _port(call)
    for option in ("tty", "no_tty"):
        if call.args[option]:
            words.append("--" + option.replace("_", "-"))
    return _program("client", *words, call.args["peer"], *(call.args["command"] or ()))


async def scp(call: VerbCall) -> Answer:
    """Copy files."""
    words = [*_port(call), *(["--recurse"] if call.args["recurse"] else [])]
    return _program("copying", *words, "--", *call.args["places"])


async def known_hosts(call: VerbCall) -> Answer:
    """The line for ordinary ssh."""
    return _program("known", *_port(call), call.args["peer"])


async def status(call: VerbCall) -> list[dict[str, Any]]:  # Any: plain data of several types
    """A row for each terminal of this host; `-o json` has each session too."""
    rows = []
    for row in await call.run("la"):
        if row["app"] not in (TERMINAL, SEED):
            continue
        try:
            figures = await call.rpc(str(row["id"]), "status", {})
        except VerbError as exc:  # one that is just starting hides no other
            figures = {"error": exc.text}
        rows.append({"id": row["id"], **figures})
    return rows


def _port(call: VerbCall) -> list[str]:
    return ["--port", str(call.args["port"])] if call.args["port"] else []


def _program(module: str, *words: str) -> Answer:
    return Answer(program=(sys.executable, "-P", "-m", f"plugins.terminal.{module}", *words))


VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    (
        VerbSpec(
            name="ssh",
            summary="a shell, or a command, at the terminal of a peer",
            help="The exit code is the command's, 128 and its number for a signal, 255 where the peer could\n"
            "not be asked. Enter and ~. leave a shell that does not answer.",
            group="mesh",
            examples=("ssh mike", "ssh mike uname -a"),
            args=(_PEER, Arg(name="command", rest=True, required=False, help="what is run there")),
            options=(
                _PORT,
                Option(flags=("-t", "--tty"), name="tty", flag=True, help="the command has a terminal"),
                Option(flags=("-T", "--no-tty"), name="no_tty", flag=True, help="the shell has none"),
            ),
            reads=False,
            options_first=True,
            role=Role.OPERATE,
        ),
        ssh,
    ),
    (
        VerbSpec(
            name="scp",
            summary="copy files to the terminal of a peer, or from it",
            help="One side is a path here, the other PEER:PATH, which begins in the home there without a /",
            group="mesh",
            examples=("scp notes.txt mike:", "scp -r mike:photos ."),
            args=(Arg(name="places", many=True, help="SOURCE... TARGET"),),
            options=(_PORT, Option(flags=("-r", "--recurse"), name="recurse", flag=True, help="folders too")),
            reads=False,
            role=Role.OPERATE,
        ),
        scp,
    ),
    (
        VerbSpec(
            name="terminal known_hosts",
            summary="the line of ~/.ssh/known_hosts for the terminal of a peer",
            group="mesh",
            examples=("terminal known_hosts mike >> ~/.ssh/known_hosts",),
            args=(_PEER,),
            options=(_PORT,),
            reads=False,
            role=Role.OPERATE,
        ),
        known_hosts,
    ),
    (
        VerbSpec(
            name="terminal status",
            summary="who uses the terminal of this host, and who did",
            group="mesh",
            columns=("id", "name", "user", "open", "served", "refused", "connections"),
        ),
        status,
    ),
)
