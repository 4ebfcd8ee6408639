"""`viscript run -- COMMAND`: any program as an app, with a daemon started for it where none runs.

Such a daemon loads no configuration: the config.yaml in the folder of the caller may be somebody else's.
"""

from viscript.errors import VerbError
from viscript.local import launch
from viscript.local.client import Client
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """See to a daemon, then let it start the program."""
    try:
        found, started = launch.ensure(client, trust_folder=False)
    except launch.LaunchError as exc:
        raise VerbError(launch.exit_code(exc.code), exc.text) from exc
    if started:
        for line in (f"started {found.sentence()}", *found.faults):
            client.screen.complain(f"{line}\n")
    return Outcome(code=launch.exit_code(client.run_argv(_argv(call))))


def _argv(call: Call) -> list[str]:
    """The command as the daemon takes it, every option of ours before the program."""
    name = ["--name", call.args["name"]] if call.args["name"] else []
    env = [word for pair in call.args["env"] for word in ("--env", pair)]
    output = [] if call.format == "table" else ["--output", call.format]
    return ["run", *name, *env, *output, "--", *call.args["command"]]
