"""`demo`: brings a mesh up, shows it, and takes it away again."""

import signal

from viscript.errors import ExitCode
from viscript.local.client import Client
from viscript.local.gently import ended_gently, undisturbed
from viscript.verbs.results import DemoResult
from viscript.verbs.table import Call, Outcome


async def answer(client: Client, call: Call) -> Outcome:
    """All steps; exit 1 when one fails. Without `--once` it stays up until Ctrl-C."""
    from viscript.demo.show import show
    from viscript.prove.verdict import BrokenPromise

    people = call.format in ("table", "wide")

    def tell(text: str) -> None:
        if people:
            client.screen.say(text)

    try:
        with ended_gently():
            done = show(client.environ, tell, None if call.args["once"] else _stay, undisturbed)
    except BrokenPromise as exc:
        return Outcome(notes=(f"the demo failed: {exc.text}",), text="", code=ExitCode.FAILED)
    return Outcome(data=done, text=_told(done) if people else None, code=_code(done))


def _stay() -> None:
    while True:
        signal.pause()


def _told(done: DemoResult) -> str:
    left = done.left
    return f"\nleft behind: {left.processes} processes, {left.ports} ports, {left.files} files\n"


def _code(done: DemoResult) -> ExitCode:
    left = done.left
    return ExitCode.FAILED if left.processes or left.ports or left.files else ExitCode.DONE
