"""Asking the daemon something for our own use: the answer is kept, not shown."""

import json
from dataclasses import dataclass
from typing import Any

from viscript.errors import ExitCode
from viscript.local.client import Client
from viscript.local.door import Door, DoorError


@dataclass(frozen=True)
class Answer:
    """What a verb printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # Any: the shape is that of the verb asked
        """The one document on standard output; None when there is none."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None


def ask(client: Client, argv: list[str]) -> Answer:
    """Let the daemon run a verb and keep what it says. Raises `DoorError` when it cannot be reached."""
    door = Door(client.home.verbs_socket)
    out: list[str] = []
    err: list[str] = []
    try:
        door.ask(client.request({"argv": argv}))
        for answer in door.lines():
            out.append(str(answer.get("o", "")))
            err.append(str(answer.get("e", "")))
            if "p" in answer or "a" in answer:
                raise DoorError(ExitCode.USAGE, f"{' '.join(argv[:2])} needs a command of its own")
            if "x" in answer:
                return Answer(int(str(answer["x"])), "".join(out), "".join(err))
    finally:
        door.close()
    raise DoorError(ExitCode.UNREACHABLE, "the daemon went away before it had answered")
