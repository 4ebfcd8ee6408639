"""Configurations made of test programs, and what a home says of the apps that run by them."""

import json
import sys
from pathlib import Path
from typing import Any

from bench.ports import free_port as free_port
from tests.support.home import ScratchHome

FOLDER = Path(__file__).resolve().parents[1] / "e2e"
SLEEP = {"command": ["sleep", "1000"]}


def program(name: str, *args: object, **keys: Any) -> dict[str, Any]:  # Any: keys of an app
    """An app that runs `tests/e2e/programs/NAME.py ARGS`."""
    return {"command": _python("programs", name, *args), **keys}


def animal(name: str, **keys: Any) -> dict[str, Any]:  # Any: keys of an app
    """An app that runs `tests/e2e/zoo/NAME.py`."""
    return {"command": _python("zoo", name), **keys}


def config(apps: dict[str, dict[str, Any]], **sections: Any) -> str:  # Any: whatever a section holds
    """The text of a config.yaml. JSON is YAML."""
    return json.dumps({"apps": apps, **sections}, indent=1)


def rows(home: ScratchHome) -> dict[int, dict[str, Any]]:
    """What `la -a` says, by id."""
    return {row["id"]: row for row in home.viscript("la", "-a", "-o", "json").ok().json()}


def row(home: ScratchHome, seq: int = 1) -> dict[str, Any]:
    """What `la -a` says of one id."""
    return rows(home)[seq]


def pids(home: ScratchHome) -> dict[int, int]:
    """The pids of all that run, by id."""
    return {seq: one["pid"] for seq, one in rows(home).items() if one["pid"]}


def events(home: ScratchHome, kind: str = "") -> list[dict[str, Any]]:
    """All events so far, of one type if given."""
    told = home.viscript("events", "-n", "10000", "-o", "jsonl").ok().out.splitlines()
    return [one for one in map(json.loads, told) if kind in ("", one["type"])]


def _python(folder: str, name: str, *args: object) -> list[str]:
    return [sys.executable, "-S", str(FOLDER / folder / f"{name}.py"), *map(str, args)]
