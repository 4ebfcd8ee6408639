"""Where a node is, as people write it: KEY or KEY@HOST:PORT. Pure."""

from typing import Final

from components.mesh import keys
from components.mesh.errors import CallerError
from signal_bus.ids import PublicKey

Address = tuple[str, int]
MAX_PORT: Final = 65535


def parse_target(text: str) -> tuple[PublicKey, str | None]:
    """The key and the address in `text`. Raises `BadKey` or `CallerError`."""
    key, mark, address = text.partition("@")
    peer = keys.parse(key)
    if not mark:
        return peer, None
    parse_address(address)
    return peer, address


def parse_address(text: str) -> Address:
    """Host and port of HOST:PORT or [IPV6]:PORT. Raises `CallerError`."""
    host, mark, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise CallerError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:7777")
    if not mark or not host or not (port.isascii() and port.isdigit()):
        raise CallerError(f"{text!r} is no address: HOST:PORT is expected")
    if len(port) > len(str(MAX_PORT)) or not 0 < int(port) <= MAX_PORT:
        raise CallerError(f"{text!r}: a port is a number from 1 to {MAX_PORT}")
    return host, int(port)
