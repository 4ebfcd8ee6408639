"""`viscript daemon`: it becomes the daemon; with `--detach` it starts one and waits until it answers."""

from viscript.errors import ExitCode, VerbError
from viscript.local import launch
from viscript.local.client import Client
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """Start the daemon. Raises `VerbError` with what it said when it does not come up."""
    config: str | None = call.args["config"]
    try:
        if not call.args["detach"]:
            if client.session is not None:
                raise VerbError(ExitCode.USAGE, "daemon: at the prompt only --detach works")
            launch.replace(client, config)
        found = launch.start(client, config=config)
    except launch.LaunchError as exc:
        raise VerbError(launch.exit_code(exc.code), exc.text) from exc
    return Outcome(text=found.sentence(), notes=found.faults)
