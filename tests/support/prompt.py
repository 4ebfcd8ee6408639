"""The prompt on a test's terminal, in front of a fake door."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.fake_door import FakeDoor, Line
from tests.support.terminal import Terminal

STATUS = '{"pid": 5, "config": "/etc/lab.yaml"}'


def environ(home: Path, **more: str) -> dict[str, str]:
    """What a person's shell would set."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "VISCRIPT_HOME": str(home), **more}


def command(*argv: str) -> list[str]:
    """The command line of `viscript ARGV`."""
    return [sys.executable, "-P", "-m", "viscript", *argv]


@contextmanager
def lab(home: Path) -> Iterator[FakeDoor]:
    """A door that answers what the prompt asks by itself, with one app to complete."""
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = [{"o": STATUS}, {"x": 0}]
        door.answers["config"] = [{"o": "{}"}, {"x": 0}]
        door.completions = _completions
        yield door


@contextmanager
def prompt(home: Path, **env: str) -> Iterator[Terminal]:
    """The prompt, once it takes keys."""
    with Terminal(command(), environ(home, **env)) as terminal:
        terminal.wait_for_input("viscript>")
        yield terminal


def _completions(text: str) -> Line:
    if text.startswith("ping "):
        items = [{"text": "7", "display": "7", "meta": "web running", "start": 5}]
        return {
            "items": items if "7".startswith(text[5:]) else [],
            "hint": "TARGET [-c N]" if text == "ping " else "",
        }
    items = [{"text": word, "display": word, "meta": "", "start": 0} for word in ("ping", "plugins")]
    return {"items": [item for item in items if text and str(item["text"]).startswith(text)], "hint": ""}
