"""Words on a screen: shown to the person, and the answer taken from the terminal, or from another command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from viscript.errors import VerbError
from viscript.fingerprint import fingerprint
from viscript.render.text import clean
from viscript.verbs.roles import is_far
from viscript.verbs.table import Call

if TYPE_CHECKING:
    from viscript.cluster.pairing.meeting import Meeting
    from viscript.cluster.pairing.pairing import Pairing

LEFT = "the person there left"
_QUESTION = "Does the other screen show the same three words? yes or no: "
_AGAIN = "Type yes or no, the whole word: does the other screen show the same three words? "


async def say(call: Call, text: str) -> None:
    """A line for people: beside a table it is the output, beside data it is not."""
    write = call.writer.out if call.format == "table" else call.writer.err
    await write("".join(f"{clean(line)}\n" for line in text.splitlines()))


def can_ask(call: Call) -> bool:
    """Whether a person of this home sits at the caller's terminal."""
    return call.terminal.into and call.terminal.err and not is_far(call.actor)


async def show(call: Call, meeting: Meeting) -> None:
    """Who it is, and the words to compare."""
    other = meeting.other
    print_of_key = await asyncio.to_thread(fingerprint, other.key.hex())
    lines = [f"{other.label}, whose key is {print_of_key}"]
    if other.cluster is None:
        lines.append(f"wants to join, with the role {other.role}")
    else:
        hosts = "1 host" if other.hosts == 1 else f"{other.hosts} hosts"
        lines.append(f"lets this host into its cluster of {hosts}, with the role {other.role} on them")
        lines.append("once it has joined, the admins of that cluster are admins on this host")
    lines.append(f"the words:  {meeting.words}")
    await say(call, "\n".join(lines))


async def decide(call: Call, pairing: Pairing, meeting: Meeting) -> None:
    """Wait until this host's person has answered, here or by another command, or it is over."""
    if not can_ask(call):
        await say(call, "if the other screen shows the same: viscript host approve WORDS")
        await meeting.decided.wait()
    else:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_asked(call, pairing, meeting))
            await meeting.decided.wait()
            asking.cancel()
    if not meeting.over.is_set():
        await say(call, "waiting for the other side")


async def _asked(call: Call, pairing: Pairing, meeting: Meeting) -> None:
    """Ask until there is an answer: for the words first, then for a label where the joiner's is taken."""
    same, question = False, _QUESTION
    while meeting.waits_for_us:
        fault = pairing.label_fault(meeting) if same else ""
        if same and not fault:
            await _confirmed(call, pairing, meeting)
            continue
        typed = await call.desk.ask(f"{fault}; a name for the new one: " if fault else question)
        if typed is None:
            meeting.no(LEFT)
        elif fault:
            await _name(call, meeting, typed.strip())
        elif typed.strip().lower() == "no":
            meeting.no()
        else:
            same, question = typed.strip().lower() == "yes", _AGAIN


async def _name(call: Call, meeting: Meeting, typed: str) -> None:
    from viscript.cluster.pairing.membership import check_label

    try:
        meeting.label = check_label(typed)
    except VerbError as exc:
        await say(call, exc.text)


async def _confirmed(call: Call, pairing: Pairing, meeting: Meeting) -> None:
    try:
        pairing.confirm(meeting, meeting.label if meeting.other.cluster is None else "")
    except VerbError as exc:
        await say(call, exc.text)
        meeting.label = meeting.other.label
