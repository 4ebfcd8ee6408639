"""The setup node's command line: what is written there, checked."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from components.mesh import keys
from components.mesh.errors import BadKey
from components.mesh.ports import TcpPort
from components.mesh.reach import Address, parse_address
from signal_bus.ids import PublicKey

T = TypeVar("T")

DEFAULT_LISTEN: Final = f"0.0.0.0:{TcpPort.SETUP_NODE.value}"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How one setup node is to run. `allowed` None: everybody may ask."""

    host: str
    port: int
    identity: Path
    allowed: frozenset[PublicKey] | None
    nodes: Mapping[PublicKey, Address]
    directories: tuple[str, ...]


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The options in `words`. Exits with 2 and a sentence where they are wrong, as argparse does."""
    parser = _parser()
    given = parser.parse_args(words)
    try:
        ((host, port),) = _each("--listen", [given.listen], parse_address)
        allowed = frozenset(_each("--allow", given.allow, keys.parse))
        nodes = dict(_each("--node", given.node, _node))
        directories = tuple(_each("--directory", given.directory, _url))
    except ValueError as exc:
        parser.error(str(exc))
    return Options(
        host=host,
        port=port,
        identity=Path(given.identity) if given.identity else default_state(environ) / "identity",
        allowed=allowed or None,
        nodes=nodes,
        directories=directories,
    )


def default_state(environ: Mapping[str, str]) -> Path:
    """Where a setup node keeps its key when it is not told: where its daemon says, else at home."""
    given = environ.get("VISCRIPT_STATE")
    if given:
        return Path(given)
    states = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '.')}/.local/state"
    return Path(states) / "viscript" / "setup-node"


def _each(option: str, texts: Sequence[str], meaning: Callable[[str], T]) -> list[T]:
    """What each text means. Raises `ValueError` that names the option."""
    found = []
    for text in texts:
        try:
            found.append(meaning(text))
        except (ValueError, BadKey) as exc:
            raise ValueError(f"{option} {text}: {exc}") from exc
    return found


def _node(text: str) -> tuple[PublicKey, Address]:
    key, at, address = text.partition("@")
    if not at:
        raise ValueError("KEY@HOST:PORT is expected")
    return keys.parse(key), parse_address(address)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("http://host:port is expected")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="setup-node", allow_abbrev=False, description="Sets up routes for the nodes of a mesh."
    )
    parser.add_argument("--listen", default=DEFAULT_LISTEN, help=f"host:port, default {DEFAULT_LISTEN}")
    parser.add_argument("--identity", help="file with its key; made if there is none")
    parser.add_argument("--allow", metavar="KEY", action="append", default=[], help="serve these keys only")
    parser.add_argument(
        "--node", metavar="KEY@HOST:PORT", action="append", default=[], help="where a node is, for certain"
    )
    parser.add_argument(
        "--directory", metavar="URL", action="append", default=[], help="where nodes have their entries"
    )
    return parser
