"""The app as the daemon knows it. Words in `argv` are defaults: those of `start` go before them."""

from __future__ import annotations

import sys
from typing import Final

from plugins.skychat.settings import Settings
from viscript.plugin import AppSpec, Argument, Check

CHAT: Final = "skychat"
SEED: Final = "meshnet-skychat"

HELP: Final = """\
[1] Text name of app, must be unique
[2] Address of the visor of this host: a path, or host:port; this home's visor when left out
[3] Mesh port it listens on; 1 when left out

Options: -addr HOST:PORT (of the page; 127.0.0.1:8000, or off), --allow KEY,KEY (only these nodes may write),
--silent (senders do not hear when their texts are read), --state DIR.

Full Example Command:
    start skychat -- -addr :8001
"""


def apps(settings: Settings) -> tuple[AppSpec, ...]:
    """The chat as these settings want it."""
    words = ["--allow", ",".join(settings.allow)] if settings.allow else []
    if not settings.tell_reading:
        words.append("--silent")
    return (
        AppSpec(
            name=CHAT,
            aliases=(SEED,),
            argv=(sys.executable, "-P", "-m", "plugins.skychat.server", *words),
            summary="chat by key, with a page at 127.0.0.1:8000",
            help=HELP,
            args=(
                Argument(name="name", help="of the instance"),
                Argument(name="node-address", help="the visor of this host: a path, or host:port"),
                Argument(name="port", type="port", help="mesh port", default="1"),
            ),
            needs=("visor",),
            daemon=True,
            ready=Check(signal=True),
        ),
    )
