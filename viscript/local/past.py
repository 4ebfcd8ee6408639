"""`history`: the lines typed at the prompt, newest last."""

from pathlib import Path

from viscript.local.client import Client
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """All lines, or those that hold a text."""
    from viscript.repl.history import read_lines

    pattern = (call.args["pattern"] or "").lower()
    lines = read_lines(Path(client.home.history))
    numbered = [f"{number:5}  {line}" for number, line in enumerate(lines, 1) if pattern in line.lower()]
    return Outcome(text="\n".join(numbered) or None)
