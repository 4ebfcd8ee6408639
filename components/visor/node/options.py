"""The visor's command line, Skywire's positional arguments included, and its defaults."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.mesh import keys
from components.mesh.errors import BadKey
from components.mesh.ports import TcpPort
from components.mesh.reach import Address, parse_address
from components.mesh.roster import Messenger
from components.visor.apps import place
from signal_bus.ids import PublicKey

DEFAULT_LISTEN: Final = f"0.0.0.0:{TcpPort.LINKS.value}"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How one visor is to run. What is empty is asked of the bus of the home: the services there offer it."""

    listen: Address
    state: Path
    identity: Path
    app_socket: Path
    app_beside: Path | None = None  # where apps look for it, when it is elsewhere
    app_port: int | None
    managers: tuple[str, ...]
    setup_nodes: tuple[PublicKey, ...]
    setup_addresses: Mapping[PublicKey, Address]
    messengers: tuple[Messenger, ...]
    advertise: tuple[str, ...]
    alias: str
    app_allow: frozenset[PublicKey]
    direct: bool
    alone: bool


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The options in `words`. Exits with 2 and a sentence where they are wrong, as argparse does."""
    parser = _parser()
    given = parser.parse_args(words)
    state = Path(given.state) if given.state else default_state(environ)
    identity = given.identity or environ.get("VISCRIPT_IDENTITY") or state / "identity"
    try:
        listen = parse_address(given.address or given.listen)
        setup = [_setup_node(text) for text in given.setup_node]
        messengers = tuple(_messenger(text) for text in given.messenger)
        managers = tuple(_url(text) for text in [*given.manager, *filter(None, [given.node_manager])])
        app_allow = frozenset(keys.parse(text) for text in given.app_allow)
        app_port = int(given.app_port) if given.app_port else None
    except (ValueError, BadKey) as exc:
        parser.error(str(exc))
    return Options(
        listen=listen,
        state=state,
        identity=Path(identity),
        app_socket=Path(given.app_socket) if given.app_socket else state / "app.sock",
        app_beside=place.name_in_home(environ),
        app_port=app_port,
        managers=managers,
        setup_nodes=tuple(key for key, _ in setup),
        setup_addresses={key: address for key, address in setup if address is not None},
        messengers=messengers,
        advertise=tuple(given.advertise),
        alias=given.name or given.alias,
        app_allow=app_allow,
        direct=given.setup == "direct",
        alone=given.alone,
    )


def default_state(environ: Mapping[str, str]) -> Path:
    """Where a visor keeps its files when it is not told: where its daemon says, else in the user's home."""
    given = environ.get("VISCRIPT_STATE")
    if given:
        return Path(given)
    states = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '.')}/.local/state"
    return Path(states) / "viscript" / "visor"


def _setup_node(text: str) -> tuple[PublicKey, Address | None]:
    key, at, address = text.partition("@")
    return keys.parse(key), parse_address(address) if at else None


def _messenger(text: str) -> Messenger:
    key, at, address = text.partition("@")
    if not at:
        raise ValueError(f"--messenger: {text!r} is not KEY@HOST:PORT")
    return Messenger(keys.parse(key), parse_address(address))


def _url(text: str) -> str:
    if text.startswith(("http://", "https://")):
        return text
    host, port = parse_address(text)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="visor", allow_abbrev=False, description="A node of the mesh.")
    parser.add_argument("address", nargs="?", help="[1] where links are taken, host:port")
    parser.add_argument("node_manager", nargs="?", help="[2] the node manager, host:port or a URL")
    parser.add_argument("connect_randomly", nargs="?", help="[3] taken for Skywire's sake; unused")
    parser.add_argument("app_port", nargs="?", help="[4] apps may name the visor as host:PORT")
    parser.add_argument("name", nargs="?", help="[5] what this node calls itself in the directory")
    parser.add_argument("--listen", default=DEFAULT_LISTEN, help="the same as [1]; default %(default)s")
    parser.add_argument("--state", metavar="DIR", help="default $VISCRIPT_STATE")
    parser.add_argument("--identity", metavar="FILE", help="default: the host's; another for a second visor")
    parser.add_argument("--app-socket", metavar="PATH", help="where apps connect; default STATE/app.sock")
    parser.add_argument(
        "--app-allow", metavar="KEY", action="append", default=[], help="whose apps may come from other hosts"
    )
    parser.add_argument("--manager", metavar="URL", action="append", default=[], help="a node manager")
    parser.add_argument(
        "--setup-node", metavar="KEY[@HOST:PORT]", action="append", default=[], help="who may set up routes"
    )
    parser.add_argument(
        "--messenger", metavar="KEY@HOST:PORT", action="append", default=[], help="reaches nodes behind NAT"
    )
    parser.add_argument(
        "--advertise", metavar="HOST:PORT", action="append", default=[], help="where others reach this node"
    )
    parser.add_argument("--alias", default="", help="what this node calls itself in the directory")
    parser.add_argument(
        "--setup",
        choices=("node", "direct"),
        default="node",
        help="direct: order rules oneself; every hop then knows who we are",
    )
    parser.add_argument("--alone", action="store_true", help="do not ask the bus for services of this home")
    return parser
