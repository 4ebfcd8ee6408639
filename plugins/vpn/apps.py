"""The apps as the daemon knows them. Words in `argv` are defaults: those of `start` go before them."""

from __future__ import annotations

import sys
from typing import Final

from plugins.vpn.settings import Settings
from viscript.plugin import AppSpec, Argument, Check

SERVER: Final = "vpn-server"
CLIENT: Final = "vpn-client"
RESTORE: Final = "vpn-restore"
SEEDS: Final = "meshnet-"  # the prefix of the same apps in older configurations

SERVER_HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Mesh port it listens on; 44 when left out

Options: --allow KEY,KEY (only these nodes may use it), --allow-private (private addresses may be gone to),
--pool CIDR and --pool6 CIDR|off (addresses of clients), --dns ADDRESS,... (resolvers to ask), --mtu N.

Full Example Command:
    start meshnet-vpn-server vpnsrv0 127.0.0.1:5505
"""
CLIENT_HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Taken for the seeds' sake; unused

Options: --peer KEY (the exit: a key, its first digits, or a label), --exit-port N (its mesh port),
--kill-switch (nothing leaves past the tunnel), --split CIDR,... (only these networks go through it),
--direct CIDR,... (these never do), --own-dns (names are asked for as without the tunnel).

Full Example Command:
    start vpn-client --peer KEY
"""
_NAME: Final = Argument(name="name", help="of the instance")
_VISOR: Final = Argument(name="node-address", help="the visor of this host: a path, or host:port")


def apps(settings: Settings) -> tuple[AppSpec, ...]:
    """Server, client, and what cleans up after them, as these settings want them."""
    return (_server(settings), _client(settings), _restore())


def _server(settings: Settings) -> AppSpec:
    words = ["--allow", ",".join(settings.allow)] if settings.allow else []
    if settings.allow_private:
        words.append("--allow-private")
    return AppSpec(
        name=SERVER,
        aliases=(SEEDS + SERVER,),
        argv=(sys.executable, "-P", "-m", "plugins.vpn.server", *words),
        summary="lets packets of other nodes out to the network from here",
        help=SERVER_HELP,
        args=(_NAME, _VISOR, Argument(name="port", type="port", help="mesh port", default="44")),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
        role="admin",
    )


def _client(settings: Settings) -> AppSpec:
    words = ["--peer", settings.peer] if settings.peer else []
    return AppSpec(
        name=CLIENT,
        aliases=(SEEDS + CLIENT,),
        argv=(sys.executable, "-P", "-m", "plugins.vpn.client", *words),
        summary="leads the packets of this host through the mesh to an exit",
        help=CLIENT_HELP,
        args=(_NAME, _VISOR, Argument(name="listen-port", type="port", help="unused", default="43")),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
        role="admin",
    )


def _restore() -> AppSpec:
    return AppSpec(
        name=RESTORE,
        argv=(sys.executable, "-P", "-m", "plugins.vpn.restore"),
        summary="takes back what vpn apps that were killed have changed on this host",
        role="admin",
    )
