"""What a host does next about one instance of a deployment. Pure: facts in, one step out.

    assigned   MINE, OTHERS, NOBODY (the leader says nothing: what runs stays, nothing begins)
    claim      of an exclusive instance: nobody's, ours with its fence, or another's
    local      what we have: nothing, up, ending, ended

An exclusive instance runs under the claim that it was started with, and no other: one whose claim is gone
is stopped, whoever holds the next. What a user stopped by hand, what failed for good or has done its work is
left as it is until its deployment changes, or until it has been another host's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Assigned(StrEnum):
    """Whose it is to run."""

    MINE = "mine"
    OTHERS = "others"
    NOBODY = "nobody"
    GONE = "gone"  # the deployment was taken away, or has fewer instances


class Local(StrEnum):
    """What we have of it."""

    NONE = "none"
    UP = "up"
    ENDING = "ending"
    ENDED = "ended"  # by itself or by a user, and settled
    LOST = "lost"  # not by its own will: its lease, its host


class Step(StrEnum):
    """What to do."""

    NOTHING = "nothing"
    CLAIM = "claim"
    START = "start"
    STOP = "stop"
    RELEASE = "release"
    REPLACE = "replace"  # stop it; it begins anew as the deployment says by then
    FORGET = "forget"  # it ended here and is another's now: when it comes back, it begins anew


UNCLAIMED: Final = 0
ANOTHERS: Final = -1


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a step depends on."""

    assigned: Assigned
    local: Local = Local.NONE
    exclusive: bool = False
    may_start: bool = True  # its signer belongs, this host takes work, and it is its turn
    kept: bool = True  # our lease is, and the store is being followed
    claim: int = UNCLAIMED  # our fence, or `ANOTHERS`
    fence: int = 0  # that the local one was started with
    same: bool = True  # the local one is what the deployment says now
    ordered: bool = True  # the local one is of an order, and was not given up yet


def step(facts: Facts) -> Step:
    """The next step."""
    if facts.assigned in (Assigned.OTHERS, Assigned.GONE):
        return _give_up(facts)
    if facts.local is Local.ENDING:
        return Step.NOTHING
    if facts.local is Local.UP:
        return _look_after(facts)
    if facts.assigned is Assigned.NOBODY or not facts.may_start:
        return Step.NOTHING
    if facts.local is Local.ENDED and facts.same:
        return Step.NOTHING
    return _begin(facts)


def _give_up(facts: Facts) -> Step:
    if facts.local is Local.UP:
        return Step.STOP
    if facts.local is Local.ENDING:
        return Step.NOTHING
    if facts.claim not in (UNCLAIMED, ANOTHERS) and facts.kept:
        return Step.RELEASE
    return Step.FORGET if facts.local is not Local.NONE and facts.ordered else Step.NOTHING


def _look_after(facts: Facts) -> Step:
    """It runs. While the store is away its claim is not judged: the keeper ends it in time."""
    if facts.exclusive and facts.kept and (facts.claim != facts.fence or facts.fence == UNCLAIMED):
        return Step.STOP
    able = facts.may_start and (facts.kept or not facts.exclusive)
    if able and not facts.same and facts.assigned is Assigned.MINE:
        return Step.REPLACE
    return Step.NOTHING


def _begin(facts: Facts) -> Step:
    if not facts.exclusive:
        return Step.START
    if not facts.kept or facts.claim == ANOTHERS:
        return Step.NOTHING
    return Step.CLAIM if facts.claim == UNCLAIMED else Step.START
