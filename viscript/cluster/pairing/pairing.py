"""Pairing as verbs see it: invite, join, and the words that a person, or another screen, gives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from viscript.cluster.book import Book
from viscript.cluster.model import SignedCard
from viscript.cluster.pairing.addresses import own_addresses
from viscript.cluster.pairing.bymesh import Mesh, NoMesh
from viscript.cluster.pairing.inviter import Inviter
from viscript.cluster.pairing.inviting import Inviting
from viscript.cluster.pairing.joining import Joining
from viscript.cluster.pairing.meeting import Meeting
from viscript.cluster.pairing.membership import check_label, label_fault
from viscript.cluster.pairing.side import WORDS_DIFFER
from viscript.cluster.pairing.words import COUNT, are_same
from viscript.errors import ExitCode, VerbError

log = logging.getLogger(__name__)

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Pairing:
    """Both halves of one home."""

    def __init__(
        self,
        book: Book,
        *,
        label: Callable[[], str],
        own_card: Callable[[], SignedCard],
        run: Run,
        now: Callable[[], float],
        reached_at: Callable[[], list[str]] = own_addresses,
        mesh: Callable[[], Mesh] = NoMesh,
        door: str = "",
    ) -> None:
        """`door` is the unix socket where those come whom `mesh` leads here."""
        self.book = book

        def guarded(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            task = run(_guard(work))
            task.add_done_callback(lambda _: work.close())  # for one that is cancelled before it begins
            return task

        self.inviting = Inviting(
            book,
            label=label,
            own_card=own_card,
            run=guarded,
            now=now,
            reached_at=reached_at,
            mesh=mesh,
            door=door,
        )
        self.joining = Joining(book, label=label, own_card=own_card, run=guarded, mesh=mesh)

    def meetings(self) -> list[Meeting]:
        """Those that show words, this host's own joining last."""
        mine = [self.joining.meeting] if self.joining.meeting is not None else []
        return [one for one in (*self.inviting.meetings.values(), *mine) if not one.over.is_set()]

    def approve(self, words: str, label: str = "") -> Meeting:
        """Say yes to the pairing that shows these words; the words come from the other screen.

        Other words end the pairing, where there is one: somebody may be in between. Raises `VerbError`.
        """
        waiting = [one for one in self.meetings() if one.waits_for_us]
        if not waiting:
            raise VerbError(ExitCode.NOT_FOUND, "no pairing here waits for words; `host pending` lists them")
        if len(words.replace("-", " ").replace(",", " ").split()) != COUNT:
            raise VerbError(ExitCode.USAGE, f"say the {COUNT} words that the other screen shows")
        same = next((one for one in waiting if are_same(words, one.words)), None)
        if same is None:
            raise self._differ(waiting)
        self.confirm(same, label)
        return same

    def confirm(self, meeting: Meeting, label: str = "") -> None:
        """The person says yes. Raises `VerbError` when the label that the joiner would have is taken."""
        if label and not isinstance(meeting.side, Inviter):
            raise VerbError(ExitCode.USAGE, "the host that invites gives the label")
        if label:
            meeting.label = check_label(label)
        fault = self.label_fault(meeting)
        if fault:
            text = f"{fault}; give the new one another: host approve WORDS --label NAME"
            raise VerbError(ExitCode.FAILED, text)
        meeting.yes()

    def label_fault(self, meeting: Meeting) -> str:
        """Why the joiner cannot have its label; empty when it can, and for one's own joining."""
        if not isinstance(meeting.side, Inviter) or self.book.roster is None:
            return ""
        return label_fault(self.book.roster, meeting.other.key, meeting.label)

    def close(self) -> None:
        """Listen no more, end what is under way."""
        self.inviting.close()
        for meeting in self.meetings():
            meeting.no("the daemon there ends")

    def _differ(self, waiting: list[Meeting]) -> VerbError:
        if len(waiting) > 1:
            text = f"none of the {len(waiting)} pairings here shows these words; `host pending` lists them"
            return VerbError(ExitCode.NOT_FOUND, text)
        waiting[0].no()
        return VerbError(ExitCode.NOT_PERMITTED, f"{WORDS_DIFFER}; its code is burnt")


async def _guard(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # a bug in one pairing must not end the daemon
        log.exception("a pairing failed")
