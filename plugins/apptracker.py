"""apptracker: the service registry of one host or a few."""

import sys

from viscript.plugin import AppSpec, Argument, Check, RegisterApp, hookimpl

HELP = """\
[1] Address to listen at, host:port. ex 127.0.0.1:20000

POST /services {"name", "type", "address", "ttl"}, GET /services?name=&type=, DELETE /services/NAME

Full Example Command:
    start apptracker 127.0.0.1:20000
"""


@hookimpl
def viscript_register_apps(register: RegisterApp) -> None:
    """Register the tracker; its code is not imported here."""
    register(
        AppSpec(
            name="apptracker",
            argv=(sys.executable, "-P", "-m", "components.node_manager.tracker"),
            summary="tracks the apps on a node",
            help=HELP,
            args=(
                Argument(
                    name="address",
                    type="address",
                    help="listen address, e.g. 127.0.0.1:20000",
                    default="127.0.0.1:20000",
                ),
            ),
            daemon=True,
            ready=Check(signal=True),
        )
    )
