"""A stage without a home behind it: what the daemon is said to answer is written down by the test."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from viscript.prove.asking import Said
from viscript.prove.programs import App
from viscript.prove.stage import Row, Stage
from viscript.prove.verdict import Pace

SMALL = Pace(
    patience=1,
    kills=1,
    apps=2,
    sampling_s=0.01,
    lives=10,
    flood_mib=1,
    lines=100,
    silent_clients=2,
    slow_stops=2,
)


class PlayedStage(Stage):
    """`answers` holds what each command line says; `la -a -o json` and events come from `rows` and `told`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, SMALL, 5.0, {})
        self.listed: list[Row] = []
        self.told: list[Row] = []
        self.answers_to: dict[str, Said | Callable[[], Said]] = {}
        self.asked: list[str] = []
        self.written = b""

    def open(self, apps: Mapping[str, App], **sections: object) -> None:
        self.configure(apps, **sections)

    def ask(self, *argv: str) -> Said:
        line = " ".join(argv)
        self.asked.append(line)
        if line == "la -a -o json":
            return said(self.listed)
        if line.startswith("events "):
            return Said(0, "".join(json.dumps(event) + "\n" for event in self.told), "")
        answer = self.answers_to.get(line, Said(0, "", ""))
        return answer if isinstance(answer, Said) else answer()

    def output(self, name: str) -> bytes:
        return self.written


def said(data: object, code: int = 0) -> Said:
    """A command that answers with JSON."""
    return Said(code, json.dumps(data), "")


def row(seq: int = 1, **more: object) -> Row:
    """A row of `la`."""
    return {
        "id": seq,
        "name": f"a{seq}",
        "app": f"a{seq}",
        "state": "running",
        "pid": 100 + seq,
        "restarts": 0,
        "generation": 1,
        "retry_seconds": None,
        "last_exit": None,
        **more,
    }


def event(kind: str, time: float, seq: int = 1, **data: object) -> Row:
    """An event of an app."""
    return {"type": kind, "time": time, "object": f"app/{seq}", "reason": "", "data": data}
