"""What an app asks of its visor, checked before it is sent: keys, ports, dials. Pure."""

from collections.abc import Sequence
from typing import Final

from components.mesh import keys
from components.mesh.errors import BadKey
from components.visor.apps.limits import FIRST_MAX
from components.visor.apps.messages import Dial
from components.visor.sdk.errors import Misuse

LAST_PORT: Final = 65535

Key = str | bytes


def parse_key(key: Key) -> bytes:
    """The 32 bytes of a key in any of its forms. Raises `Misuse`."""
    try:
        return keys.parse(key) if isinstance(key, str) else keys.check(key)
    except BadKey as exc:
        raise Misuse(str(exc)) from exc


def port_of(port: int, *, least: int = 1) -> int:
    """A port, if it is one. Raises `Misuse`."""
    if not least <= port <= LAST_PORT:
        raise Misuse(f"{port} is no port: a number from {least} to {LAST_PORT} is expected")
    return port


def dial(
    number: int,
    pk: Key,
    port: int,
    min_hops: int,
    hops: Sequence[Key],
    group: str,
    *,
    handing: bool = False,
    first: bytes = b"",
    link: bool = False,
) -> Dial:
    """The question for a stream. Raises `Misuse`."""
    if len(first) > FIRST_MAX:
        raise Misuse(f"{len(first)} first bytes; at most {FIRST_MAX} go along with a dial, so write the rest")
    way = tuple(parse_key(hop) for hop in hops)
    return Dial(number, parse_key(pk), port_of(port), min_hops, way, group, handing, bytes(first), link)
