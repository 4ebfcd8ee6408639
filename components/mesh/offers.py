"""How the services of the mesh offer themselves on the bus of their home: name, kind and address. Pure.

kind            address
node-manager    http://HOST:PORT
setup-node      KEY@HOST:PORT, the key in 64 hexadecimal digits
messenger       KEY@HOST:PORT

Who finds them is on the same host, so one that listens everywhere is offered at the loopback address.
"""

from typing import Final

from signal_bus.ids import PublicKey

NODE_MANAGER: Final = "node-manager"
SETUP_NODE: Final = "setup-node"
MESSENGER: Final = "messenger"

_NEAREST: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 (read, not bound)


def url(listening: str) -> str:
    """What a service over HTTP offers that listens at HOST:PORT."""
    return f"http://{_nearest(listening)}"


def is_url(address: str) -> bool:
    """Whether this can be the address of a service over HTTP."""
    return address.startswith(("http://", "https://"))


def keyed(key: PublicKey, listening: str) -> str:
    """What a service with a key offers that listens at HOST:PORT."""
    return f"{key.hex()}@{_nearest(listening)}"


def _nearest(listening: str) -> str:
    host, _, port = listening.rpartition(":")
    return f"{_NEAREST.get(host, host)}:{port}"
