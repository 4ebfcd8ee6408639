"""The SDK of apps: streams and messages over the mesh, through the visor of this host.

    async with App.connect() as app:
        stream = await app.dial(key, 3)                     # and at the other side:
        async for stream in app.listen(3): ...

The visor is found by `VISCRIPT_VISOR`, or by its place in the home. Everything an app needs of it is here.
`Config`, `Setup` and `Addr` are the names of the original's library.
"""

from components.visor.apps.messages import Description, Fate, Letter, Meaning
from components.visor.sdk.client import App
from components.visor.sdk.errors import (
    AppError,
    DialError,
    DialTimeout,
    Misuse,
    NoAnswer,
    NoVisor,
    PeerRefused,
    PortTaken,
    Refused,
    StreamReset,
    TooMany,
    UnknownName,
    Unreachable,
    VisorGone,
)
from components.visor.sdk.handed import Handed
from components.visor.sdk.listener import Listener, Message
from components.visor.sdk.original import Addr, Config, OriginalApp, Setup
from components.visor.sdk.question import parse_key
from components.visor.sdk.stream import Stream

__all__ = [
    "Addr",
    "App",
    "AppError",
    "Config",
    "Description",
    "DialError",
    "DialTimeout",
    "Fate",
    "Handed",
    "Letter",
    "Listener",
    "Meaning",
    "Message",
    "Misuse",
    "NoAnswer",
    "NoVisor",
    "OriginalApp",
    "PeerRefused",
    "PortTaken",
    "Refused",
    "Setup",
    "Stream",
    "StreamReset",
    "TooMany",
    "UnknownName",
    "Unreachable",
    "VisorGone",
    "parse_key",
]
