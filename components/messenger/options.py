"""The messenger's command line: what is written there, checked."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.mesh.ports import TcpPort
from components.messenger.server import GIB, Limits

DEFAULT_LISTEN: Final = f"0.0.0.0:{TcpPort.MESSENGER.value}"
MAX_PORT: Final = 65535
_ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened at


@dataclass(frozen=True, kw_only=True)
class Options:
    """How one messenger is to run."""

    host: str
    port: int
    state: Path
    identity: Path
    allow: str | None
    discovery: tuple[str, ...] = ()
    public: str = ""
    limits: Limits


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The options in `words`. Exits with 2 and a sentence where they are wrong, as argparse does."""
    parser = _parser()
    given = parser.parse_args(words)
    try:
        host, port = address(given.listen)
    except ValueError as exc:
        parser.error(f"--listen: {exc}")
    if given.quota < 0:
        parser.error("--quota: a number of GiB, 0 for no limit")
    if given.discovery and host in _ANYWHERE and not given.public:
        parser.error("--discovery: --public HOST:PORT is needed too, others cannot reach " + given.listen)
    state = Path(given.state) if given.state else default_state(environ)
    return Options(
        host=host,
        port=port,
        state=state,
        identity=Path(given.identity) if given.identity else state / "identity",
        allow=given.allow,
        discovery=tuple(given.discovery),
        public=given.public,
        limits=Limits(bytes_a_day=int(given.quota * GIB)),
    )


def address(text: str) -> tuple[str, int]:
    """Host and port. Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
        raise ValueError(f"{text!r} is no address: host:port, ex {DEFAULT_LISTEN}")
    return host.strip("[]"), int(port)


def default_state(environ: Mapping[str, str]) -> Path:
    """Where a messenger keeps its files when it is not told: where its daemon says, else at home."""
    given = environ.get("VISCRIPT_STATE")
    if given:
        return Path(given)
    states = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '.')}/.local/state"
    return Path(states) / "viscript" / "messenger"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="messenger", allow_abbrev=False, description=__doc__)
    parser.description = "Reaches nodes by public key, also behind NAT; keeps letters for those who are away."
    parser.add_argument("--listen", default=DEFAULT_LISTEN, help=f"host:port, default {DEFAULT_LISTEN}")
    parser.add_argument("--state", help="folder for its files, default $VISCRIPT_STATE")
    parser.add_argument("--identity", help="file with its key, default STATE/identity; made if there is none")
    parser.add_argument("--allow", help="serve these keys only: a file with one a line, or keys with commas")
    parser.add_argument(
        "--quota", type=float, default=100.0, help="GiB relayed a key and day, default 100; 0: no limit"
    )
    parser.add_argument(
        "--discovery", action="append", default=[], help="URL of a node manager to be entered at; repeatable"
    )
    parser.add_argument(
        "--public", default="", help="host:port that others reach it at, where that is not --listen"
    )
    return parser
