"""Ports for programs that are started in a moment."""

import random
import socket
from typing import Final

_BELOW_THOSE_OF_CALLERS: Final = range(12_000, 32_000)  # Linux gives connections 32768 and more


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody has now, and that no connection is given before the program has it."""
    while True:
        port = random.choice(_BELOW_THOSE_OF_CALLERS)
        try:
            with socket.create_server((host, port)):
                return port
        except OSError:
            continue
