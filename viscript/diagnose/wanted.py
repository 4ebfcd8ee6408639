"""Which addresses an app wants to listen on, judged by all it was given and all it said. Pure.

No single source is sure: the app's own words often lack the port, an address among its arguments may be one
it connects to. So each candidate has a weight, and a light one needs the app's own complaint to count.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from viscript.config.model import App, Argument, Check
from viscript.diagnose.evidence import address_in_use, ports_in

# Options and variables that name the other side of a connection.
_REMOTE: Final = re.compile(
    r"db|database|dsn|connect|upstream|backend|remote|peer|proxy|redis|broker|amqp|postgres|mysql|mongo|join|seed|"
    r"target|dest|url|from|to$|parent|master|leader|server$|client|smtp|mail",
    re.IGNORECASE,
)
_PORT_OPTION: Final = re.compile(
    r"-{1,2}[\w-]*port|-p|-l|--?(?:listen|bind|addr|address|host)", re.IGNORECASE
)
_SHORT: Final = re.compile(r"-[pP](\d{1,5})")
_ASSIGNMENT: Final = re.compile(r"(--?[\w.-]+|[A-Za-z_]\w*)=(.*)", re.DOTALL)
_PORT_VARIABLE: Final = re.compile(
    r"(?:\w+_)?(?:PORT|LISTEN|BIND|ADDR|ADDRESS|LISTEN_\w+|BIND_\w+)", re.IGNORECASE
)
_SERVER_SCHEMES: Final = frozenset({"", "tcp", "udp", "tls", "ssl", "unix", "ws", "wss"})


class Weight(IntEnum):
    """How likely a candidate is an address the app listens on."""

    LOOSE = 0  # looks like an address
    NAMED = 1  # named as a port or an address to listen on
    OWN = 2  # its own check goes there
    SAID = 3  # its own complaint names it


class Wanted(NamedTuple):
    """A candidate; no host means any."""

    port: int
    host: str | None
    weight: Weight


def wanted(
    spec: App, words: Sequence[str], args: Sequence[str], environ: Mapping[str, str], lines: Sequence[str]
) -> list[Wanted]:
    """Candidates, the likeliest first, each port once. `words` is the command line, `args` its given part."""
    found = [
        *_said(lines),
        *_held(spec),
        *_checked((spec.ready, spec.health)),
        *_typed(spec.args, args),
        *_options(words),
        *_variables(environ),
        *_loose(words[1:], lines),
    ]
    best: dict[int, Wanted] = {}
    for one in sorted(found, key=lambda one: -one.weight):
        best.setdefault(one.port, one)
    return list(best.values())


def _said(lines: Sequence[str]) -> Iterator[Wanted]:
    for line in reversed(address_in_use(lines)):
        for host, port in ports_in(line):
            yield Wanted(port, host, Weight.SAID)


def _held(spec: App) -> Iterator[Wanted]:
    for held in spec.sockets.values():
        if not held.listen.startswith("unix:"):
            yield from (Wanted(port, host, Weight.OWN) for host, port in _addresses(held.listen))


def _checked(checks: Iterable[Check | None]) -> Iterator[Wanted]:
    for check in checks:
        if check is None:
            continue
        for address in (check.tcp, check.http):
            if address is not None:
                # The check may go by any of the app's addresses: the host does not tell where it listens.
                yield from (Wanted(port, None, Weight.OWN) for _, port in _addresses(address))


def _typed(arguments: Sequence[Argument], values: Sequence[str]) -> Iterator[Wanted]:
    """Arguments whose schema says what they are."""
    for argument, value in zip(arguments, values, strict=False):
        if argument.type in ("port", "address") and not _REMOTE.search(argument.name):
            yield from (Wanted(port, host, Weight.NAMED) for host, port in _addresses(value))


def _options(words: Sequence[str]) -> Iterator[Wanted]:
    """`--port 80`, `--listen=:80`, `-p80`."""
    before = ""
    for word in words:
        name, value = before, word
        if assignment := _ASSIGNMENT.fullmatch(word):
            name, value = assignment.groups()
        elif short := _SHORT.fullmatch(word):
            name, value = "-p", short[1]
        if _PORT_OPTION.fullmatch(name) and not _REMOTE.search(name):
            yield from (Wanted(port, host, Weight.NAMED) for host, port in _addresses(value))
        before = word if word.startswith("-") else ""


def _variables(environ: Mapping[str, str]) -> Iterator[Wanted]:
    """PORT first, then others that end in it."""
    for name in sorted(environ, key=lambda name: (name != "PORT", name)):
        if _PORT_VARIABLE.fullmatch(name) and not _REMOTE.search(name):
            yield from (Wanted(port, host, Weight.NAMED) for host, port in _addresses(environ[name]))


def _loose(words: Sequence[str], lines: Sequence[str]) -> Iterator[Wanted]:
    before = ""
    for word in words:
        if not _REMOTE.search(before) and not (word.startswith("-") and _REMOTE.search(word)):
            value = word.partition("=")[2] or word
            yield from (Wanted(port, host, Weight.LOOSE) for host, port in _addresses(value))
        before = word if word.startswith("-") else ""
    for line in reversed(lines):
        yield from (Wanted(port, host, Weight.LOOSE) for host, port in ports_in(line))


def _addresses(text: str) -> Iterator[tuple[str | None, int]]:
    """The port of `80`, `:80`, `host:80`, `[::1]:80`, `tcp://host:80/path`."""
    if text.isascii() and text.isdigit():
        if 0 < int(text[:6]) < 65536:
            yield None, int(text)
        return
    if "://" not in text:
        text = f"//{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return
    if port is None and parts.scheme in ("http", "https"):
        port = 80 if parts.scheme == "http" else 443
    if port and parts.scheme in (*_SERVER_SCHEMES, "http", "https"):
        yield parts.hostname, port
