"""The app as the daemon knows it. Words in `argv` are defaults: those of `start` go before them."""

from __future__ import annotations

import sys
from typing import Final

from plugins.terminal.settings import Settings
from viscript.plugin import AppSpec, Argument, Check

TERMINAL: Final = "terminal"
SEED: Final = "SSH"

HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Mesh port it listens on; 2 and 22 when left out

Options: --allow PEER,PEER (keys or labels: who comes in beside this node itself; nobody when left out),
--no-files (no SFTP), --host-key FILE (its SSH host key; made there when it is missing).

Full Example Command:
    start terminal --allow PEER
"""


def app(settings: Settings) -> AppSpec:
    """The terminal as these settings want it."""
    words = ["--allow", ",".join(settings.allow)] if settings.allow else []
    if not settings.files:
        words.append("--no-files")
    return AppSpec(
        name=TERMINAL,
        aliases=(SEED,),
        argv=(sys.executable, "-P", "-m", "plugins.terminal.server", *words),
        summary="a shell on this host, and its files, for nodes on a list",
        help=HELP,
        args=(
            Argument(name="name", type="name", help="of the instance"),
            Argument(name="node-address", help="the visor of this host: a path, or host:port"),
            Argument(name="port", type="port", help="mesh port", default="2"),
        ),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
        role="admin",
    )
