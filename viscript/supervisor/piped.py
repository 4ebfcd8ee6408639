"""Apps of the pipe protocol: what stands before their command line. Pure.

Such an app is the child of a host that joins it to the visor: `components.visor.pipe`. The host is the
program that the keeper starts; it ends with the app, and with the app's exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from viscript.config.model import App, Check, Config, pipe_of

HOST: Final = "components.visor.pipe"
VISOR: Final = "visor"
VARIABLE: Final = "VISCRIPT_VISOR"


def command(app: App, argv: Sequence[str]) -> list[str]:
    """The command line that is run for `argv`."""
    pipe = pipe_of(app)
    if pipe is None:
        return [*argv]
    words = [sys.executable, "-P", "-m", HOST, "--port", str(pipe.port)]
    for option, value in (("--name", pipe.name), ("--version", pipe.version)):
        words += [option, value] if value else []
    words += ["--raw"] if pipe.raw else []
    words += [] if pipe.log_arg else ["--no-log-arg"]
    return [*words, "--", *argv]


def all_meant(config: Config) -> Config:
    """The configuration with what goes without saying, as the instances have it that were started by it."""
    if not any(app.pipe for app in config.apps.values()):
        return config
    return msgspec.structs.replace(config, apps={name: meant(app) for name, app in config.apps.items()})


def meant(app: App) -> App:
    """What goes without saying: it needs the visor of this host, unless it is told of another one, and it has
    started when it has said who it is, upon which its host joins the bus."""
    if pipe_of(app) is None:
        return app
    told = VISOR in app.needs or VARIABLE in app.env
    return msgspec.structs.replace(
        app, needs=app.needs if told else (VISOR, *app.needs), ready=app.ready or Check(signal=True)
    )
