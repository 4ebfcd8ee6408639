"""A question of a verb to the person at this terminal: shown, answered, or taken back by the daemon."""

import json
import os
import select
import termios

from viscript.local.door import Door
from viscript.local.screen import Screen

LONGEST = 4096


def answer(screen: Screen, door: Door, text: object) -> None:
    """Ask, and send what was typed; whatever the daemon says meanwhile ends the question."""
    if not isinstance(text, str) or door.more:
        return
    _forget_typed()  # what was typed before the question is no answer to it
    screen.complain(text)
    ready, _, _ = select.select([0, door.socket.fileno()], [], [])
    if 0 not in ready:
        screen.complain("\n")
        _forget_typed()
        return
    typed = os.read(0, LONGEST)  # a terminal gives a line at a time
    said = typed.decode("utf-8", "replace").strip() if typed else None
    try:
        door.socket.sendall(json.dumps({"r": said}).encode() + b"\n")
    except BrokenPipeError:
        pass  # the daemon hung up; what it said is still to be read


def _forget_typed() -> None:
    """Nor is half an answer for the shell."""
    try:
        termios.tcflush(0, termios.TCIFLUSH)
    except termios.error:
        pass  # no terminal
