"""`top`: who uses most, again and again until Ctrl-C; once where nobody watches."""

from viscript import oneshot
from viscript.local import watch
from viscript.local.client import Client
from viscript.local.launch import exit_code
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """The resources of the targets, the biggest first."""
    words = ["res_usage", "--sort", call.args["sort"], *call.args["targets"]]
    if not client.screen.out:
        return Outcome(code=exit_code(oneshot.run_verb(client, words)))
    return watch.again(client, words, call.args["seconds"])
