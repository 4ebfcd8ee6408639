"""msg: messages that wait for an absent receiver."""

from __future__ import annotations

from typing import Final

from plugins.mesh.asking import ask
from plugins.mesh.shown import Column, answered, field
from viscript.plugin import Answer, VerbCall

COLUMNS: Final[tuple[Column, ...]] = (
    ("time", field("time")),
    ("from", field("from")),
    ("to", field("to")),
    ("state", field("state")),
    ("text", field("text")),
)


async def message(call: VerbCall) -> Answer:
    """Send a message, or list those that came and went."""
    peer, words = call.args["peer"], call.args["text"] or ()
    if not words:
        rows = await ask(call, "messages", peer=peer or None)
        return answered(call, rows, COLUMNS, empty="no message")
    row = await ask(call, "send_message", peer=peer, text=" ".join(words))
    return Answer(data=row, text=f"message {row['id']} is {row['state']}\n")
