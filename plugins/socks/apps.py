"""The two apps as the daemon knows them. Words in `argv` are defaults: those of `start` go before them."""

from __future__ import annotations

import sys
from typing import Final

from plugins.socks.settings import Settings
from viscript.plugin import AppSpec, Argument, Check

SERVER: Final = "socks-server"
CLIENT: Final = "socks-client"
SEEDS: Final = "meshnet-"  # the prefix of the same apps in older configurations

SERVER_HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Mesh port it listens on. ex 8001; 3 when left out

Options: --allow KEY,KEY (only these nodes may use it), --allow-private (private addresses may be gone to).

Full Example Command:
    start meshnet-socks-server sockssrv0 127.0.0.1:5505 8001
"""
CLIENT_HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Local port for SOCKS. ex 1080

Options: --peer PEER,PEER (the exits: keys or labels, best first), --exit-port N (their mesh port),
--listen HOST:PORT, --http HOST:PORT|off (for HTTP CONNECT; 127.0.0.1:1081), --login FILE (USER:PASSWORD).

Full Example Command:
    start socks-client --peer PEER
"""
_NAME: Final = Argument(name="name", type="name", help="of the instance")
_VISOR: Final = Argument(name="node-address", help="the visor of this host: a path, or host:port")


def apps(settings: Settings) -> tuple[AppSpec, ...]:
    """Server and client as these settings want them."""
    return (_server(settings), _client(settings))


def _server(settings: Settings) -> AppSpec:
    words = ["--allow", ",".join(settings.allow)] if settings.allow else []
    if settings.allow_private:
        words.append("--allow-private")
    return AppSpec(
        name=SERVER,
        aliases=(SEEDS + SERVER,),
        argv=(sys.executable, "-P", "-m", "plugins.socks.server", *words),
        summary="lets other nodes out to the network from here",
        help=SERVER_HELP,
        args=(_NAME, _VISOR, Argument(name="port", type="port", help="mesh port", default="3")),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
    )


def _client(settings: Settings) -> AppSpec:
    words = ["--peer", ",".join(settings.peers)] if settings.peers else []
    return AppSpec(
        name=CLIENT,
        aliases=(SEEDS + CLIENT,),
        argv=(sys.executable, "-P", "-m", "plugins.socks.client", *words),
        summary="a local SOCKS and HTTP proxy that leaves the mesh at another node",
        help=CLIENT_HELP,
        args=(_NAME, _VISOR, Argument(name="listen-port", type="port", help="for SOCKS", default="1080")),
        needs=("visor",),
        daemon=True,
        ready=Check(signal=True),
    )
