"""The one table of default ports: those of the mesh (in a session's request) and those of TCP.

Where Skywire has a number it is used. 1021 and 1022 are ours: its 22 is the terminal's.
"""

from enum import IntEnum
from typing import Final


class MeshPort(IntEnum):
    """What a session may be opened for, by the number in its request."""

    SETUP_NODE = 36  # a setup node takes requests for routes
    LINK = 45  # frames between neighbours
    CONTROL = 46  # apps on a remote host, by a whitelisted key
    HTTP_LOG = 80  # Skywire's log server; unused
    SETUP_HOP = 136  # a visor takes a setup node's commands
    PRESENCE = 1021  # a client stays known to a messenger
    RELAY = 1022  # one relayed connection through a messenger
    MAIL = 1023  # letters for somebody who may be away


class AppPort(IntEnum):
    """What an app listens on at a visor, where nothing else is configured."""

    SKYCHAT = 1
    TERMINAL = 2
    SOCKS = 3
    SOCKS_CLIENT = 13
    DMSGPTY = 22
    VPN_CLIENT = 43
    VPN = 44
    FORWARD = 47
    PING = 48
    METER = 49  # the visor's own, as PING: receipts for what went by
    REACH = 50


class TcpPort(IntEnum):
    """What a process listens on by default."""

    SOCKS_PROXY = 1080
    APP_SERVER = 5505
    LINKS = 7777
    SKYCHAT_PAGE = 8000
    MESSENGER = 8081
    DIRECTORY = 9090
    TRANSPORT_DISCOVERY = 9091
    ROUTE_FINDER = 9092
    SETUP_NODE = 9093


FIRST_EPHEMERAL: Final = 49152  # ports an app gets when it asks for none: from here to 65535
