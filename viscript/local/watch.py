"""`watch SECONDS VERB...`: the same command again and again until Ctrl-C."""

import time

from viscript import oneshot
from viscript.errors import ExitCode
from viscript.local.client import Client
from viscript.local.launch import exit_code
from viscript.verbs.table import Call, Outcome

SHORTEST_S = 0.1
_HOME = "\x1b[H\x1b[2J"


def answer(client: Client, call: Call) -> Outcome:
    """On a terminal each run has a fresh screen; the last code is the answer."""
    return again(client, list(call.args["words"]), call.args["seconds"])


def again(client: Client, words: list[str], pause_s: float) -> Outcome:
    """Run the command until it makes no more sense or Ctrl-C."""
    pause = max(pause_s, SHORTEST_S)
    while True:
        if client.screen.out:
            client.screen.say(f"{_HOME}every {pause:g} s: {' '.join(words)}\n\n")
        code = oneshot.run_verb(client, words)
        if code in (ExitCode.INTERRUPTED, ExitCode.USAGE, ExitCode.UNREACHABLE):
            return Outcome(code=exit_code(code))
        try:
            time.sleep(pause)
        except KeyboardInterrupt:
            return Outcome(code=ExitCode.INTERRUPTED)
