"""Where this host's own connections come from, as far as it can tell without sending anything."""

from __future__ import annotations

import socket
from typing import Final

_FAR: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # nobody's: nothing is sent


def outward() -> list[str]:
    """The source address of a connection to the internet, in each family that has a way there."""
    found = []
    for family, far in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((far, 9))
                found.append(str(sock.getsockname()[0]))
        except OSError:  # no such family here, or no way out by it
            continue
    return found
