"""The processes of the mesh, as apps: the visor and the three services it needs on a host alone.

Words in `argv` are defaults: what is given to `start` stands behind them and goes before them.
"""

from __future__ import annotations

import sys
from typing import Final

from plugins.mesh.settings import LINKS, Settings
from viscript.plugin import AppSpec, Argument, Check

MANAGER_PORT: Final = 9091
SETUP_PORT: Final = 9093
MESSENGER_PORT: Final = 8081

VISOR_HELP: Final = """\
[1] Address where other nodes connect, host:port. ex 0.0.0.0:7777
[2] Node manager, host:port. ex 10.0.0.1:9091
[3] Whether to connect to random nodes, true or false; taken as Skywire has it, not used
[4] Port which apps may name to reach this node. ex 5505
[5] Name of this node, for eyes only. ex mike

Starts node-manager, setup-node and messenger of this host first, unless `plugins.settings.mesh` names
others: `node_manager`, `setup_nodes`, `messengers`; or `alone`.

Full Example Command:
    start visor 0.0.0.0:7777 10.0.0.1:9091 false 5505 mike
"""
MANAGER_HELP: Final = """\
Remembers nodes, transports and services, and finds routes. Options: --listen HOST:PORT, --allow FILE,
--only PART,PART, --name NAME.

Full Example Command:
    start node-manager --listen 10.0.0.1:9091
"""
SETUP_HELP: Final = """\
Sets up routes, so that no node on the way knows both ends. Options: --listen HOST:PORT, --allow KEY,
--directory URL, --node KEY@HOST:PORT.

Full Example Command:
    start setup-node --listen 10.0.0.1:9093
"""
MESSENGER_HELP: Final = """\
Reaches nodes behind NAT, and keeps messages for those who are away. Options: --listen HOST:PORT,
--public HOST:PORT, --discovery URL, --allow FILE-OR-KEYS, --quota GIB.

Full Example Command:
    start messenger --listen 10.0.0.1:8081
"""
VISOR_ARGS: Final = (
    Argument(name="listen", type="address", help="where other nodes connect", default=LINKS),
    Argument(name="node-manager", help="host:port of one elsewhere; this host's when left out"),
    Argument(name="connect-randomly", help="as Skywire has it; not used", choices=("true", "false")),
    Argument(name="app-port", type="port", help="apps may name this node as host:PORT"),
    Argument(name="name", help="of this node, for eyes only"),
)


def apps(settings: Settings) -> tuple[AppSpec, ...]:
    """Visor and services as these settings want them."""
    return (_visor(settings), _manager(settings), _setup_node(settings), _messenger(settings))


def _visor(settings: Settings) -> AppSpec:
    return AppSpec(
        name="visor",
        aliases=("meshnet-node",),
        argv=(*_module("components.visor"), *_visor_words(settings)),
        summary="a node of the mesh",
        help=VISOR_HELP,
        args=VISOR_ARGS,
        needs=_visor_needs(settings),
        daemon=True,
        ready=Check(signal=True),
    )


def _visor_words(settings: Settings) -> list[str]:
    words = ["--listen", settings.listen]
    if settings.node_manager:
        words += ["--manager", settings.node_manager]
    for option, values in (
        ("--setup-node", settings.setup_nodes),
        ("--messenger", settings.messengers),
        ("--advertise", settings.advertise),
    ):
        words += [word for value in values for word in (option, value)]
    if settings.alias:
        words += ["--alias", settings.alias]
    words += ["--setup", settings.setup]
    return [*words, "--alone"] if settings.alone else words


def _visor_needs(settings: Settings) -> tuple[str, ...]:
    """The services of this host that have to be ready first: those that are not elsewhere."""
    if settings.alone or settings.node_manager:
        return ()
    needs = ["node-manager"]
    if settings.setup == "node" and not settings.setup_nodes:
        needs.append("setup-node")
    return (*needs, "messenger") if not settings.messengers else tuple(needs)


def _manager(settings: Settings) -> AppSpec:
    return AppSpec(
        name="node-manager",
        argv=(*_module("components.node_manager"), "--listen", _at(settings, MANAGER_PORT)),
        summary="discovery, routes and services of a mesh",
        help=MANAGER_HELP,
        daemon=True,
        ready=Check(signal=True),
    )


def _setup_node(settings: Settings) -> AppSpec:
    elsewhere = ("--directory", _url(settings)) if settings.node_manager else ()
    return AppSpec(
        name="setup-node",
        argv=(
            *_module("components.node_manager.setup"),
            *("--listen", _at(settings, SETUP_PORT), *elsewhere),
        ),
        summary="sets up routes for the nodes of a mesh",
        help=SETUP_HELP,
        needs=_managed(settings),
        daemon=True,
        ready=Check(signal=True),
    )


def _messenger(settings: Settings) -> AppSpec:
    return AppSpec(
        name="messenger",
        argv=(
            *_module("components.messenger"),
            *("--listen", _at(settings, MESSENGER_PORT), "--discovery", _url(settings)),
        ),
        summary="reaches nodes behind NAT, keeps messages for those who are away",
        help=MESSENGER_HELP,
        needs=_managed(settings),
        daemon=True,
        ready=Check(signal=True),
    )


def _managed(settings: Settings) -> tuple[str, ...]:
    return () if settings.node_manager else ("node-manager",)


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", name)


def _at(settings: Settings, port: int) -> str:
    host = settings.serve
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _url(settings: Settings) -> str:
    """The node manager that this host's services use."""
    text = settings.node_manager or _at(settings, MANAGER_PORT)
    return text if text.startswith(("http://", "https://")) else f"http://{text}"
