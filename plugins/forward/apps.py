"""The app as the daemon knows it."""

from __future__ import annotations

import sys
from typing import Final

from viscript.plugin import AppSpec, Argument, Check

NAME: Final = "forward"
HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Mesh port, the same at all peers; 47 when left out

Options: --state FOLDER (where rules are kept; the app's own folder when left out), --rule RULE (one more,
written as its verb is).

Full Example Command:
    start forward
"""


def app() -> AppSpec:
    """One app carries all rules of a home."""
    return AppSpec(
        name=NAME,
        argv=(sys.executable, "-P", "-m", "plugins.forward.server"),
        summary="ports here that lead to peers, and ports at peers that lead here",
        help=HELP,
        args=(
            Argument(name="name", help="of the instance"),
            Argument(name="node-address", help="the visor of this host: a path, or host:port"),
            Argument(name="port", type="port", help="mesh port", default="47"),
        ),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
    )
