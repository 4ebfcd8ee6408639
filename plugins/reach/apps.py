"""The app as the daemon knows it."""

from __future__ import annotations

import sys
from typing import Final

from viscript.plugin import AppSpec, Argument, Check

NAME: Final = "reach"
HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Mesh port, the same on all hosts; 50 when left out

The daemons of a cluster meet through it where no address of a host can be reached: it takes connections to
and from them over the mesh, by public key. It decides nothing: who may join is the daemons' affair.

Full Example Command:
    start reach
"""


def app() -> AppSpec:
    """One app serves the whole home."""
    return AppSpec(
        name=NAME,
        argv=(sys.executable, "-P", "-m", "plugins.reach.server"),
        summary="leads the daemons of a cluster to one another over the mesh",
        help=HELP,
        args=(
            Argument(name="name", help="of the instance"),
            Argument(name="node-address", help="the visor of this host: a path, or host:port"),
            Argument(name="port", type="port", help="mesh port", default="50"),
        ),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
    )
