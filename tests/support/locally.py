"""Running a client verb in the test's own process, with a home of its own."""

from pathlib import Path

from viscript.local import dispatch
from viscript.local.client import Client
from viscript.repl.session import Session


def client(home: Path, *, session: bool = False, **environ: str) -> Client:
    """A client of a home; with `session`, one at a prompt."""
    made = Client({"VISCRIPT_HOME": str(home), "LANG": "C.UTF-8", **environ})
    made.session = Session() if session else None
    return made


def run(on: Client, *argv: str) -> int:
    """Run the verb; its exit code. What it prints goes to the descriptors (`capfd`)."""
    return dispatch.run(on, [*argv])
