"""Whether and when an app that ended by itself is started again. Pure: time and chance are arguments.

The first failure after a stable run is answered at once when that run had reached running; each further
one doubles the pause up to a cap, with jitter. A run as long as the window is stable and clears the record.
"""

import os
from typing import Final, NamedTuple

from viscript.keeper.spec import Policy

RESTART: Final = "restart"
ENDED: Final = "ended"  # it had done its work
FATAL: Final = "fatal"  # it failed and is not started again

CONDEMNED: Final = "failed"
LAST: Final = "last"

_LARGEST_EXPONENT: Final = 60


class Exit(NamedTuple):
    """How the leader ended; both None when nobody could tell."""

    code: int | None = None
    signal: int | None = None
    core: bool = False


def exit_from_status(status: int) -> Exit:
    """The exit that a wait status tells."""
    if os.WIFSIGNALED(status):
        return Exit(signal=os.WTERMSIG(status), core=os.WCOREDUMP(status))
    return Exit(code=os.WEXITSTATUS(status))


class History(NamedTuple):
    """What earlier ends left behind."""

    exits: tuple[float, ...] = ()  # monotonic, within the window
    streak: int = 0  # ends since the last stable run
    delayed: int = 0  # how many of them were answered with a pause


class Verdict(NamedTuple):
    """What to do now; `delay` in seconds counts only for a restart."""

    next: str
    delay: float
    history: History


def succeeded(policy: Policy, end: Exit) -> bool:
    """Whether the app says by its exit code that its work is done."""
    codes = policy.success_codes
    if codes is None:
        codes = () if policy.daemon else (0,)
    return end.code is not None and end.code in codes


def reached_running(policy: Policy, *, told: bool, runtime: float) -> bool:
    """Whether a run counts as one that had come up."""
    return told or runtime >= policy.settle


def decide(
    policy: Policy,
    history: History,
    end: Exit,
    *,
    reached: bool,
    runtime: float,
    now: float,
    chance: float,
    condemned: str = "",
) -> Verdict:
    """The verdict on one end; `chance` is a random number from 0 to 1.

    A `condemned` run was ended for what it did: it failed, whatever its code, or was the last.
    """
    if runtime >= policy.window:
        history = History()
    success = succeeded(policy, end) and not condemned
    if condemned == LAST:
        return Verdict(FATAL, 0.0, history)
    if policy.policy == "never" or (policy.policy == "on-failure" and success):
        return Verdict(ENDED if success else FATAL, 0.0, history)
    exits = (*(at for at in history.exits if at > now - policy.window), now)[-(policy.burst + 1) :]
    if policy.give_up == "after burst" and len(exits) >= policy.burst:
        return Verdict(FATAL, 0.0, history)
    streak = history.streak + 1
    if reached and history.streak == 0:
        return Verdict(RESTART, 0.0, History(exits, streak, history.delayed))
    delay = next_delay(policy, history.delayed, chance)
    return Verdict(RESTART, delay, History(exits, streak, history.delayed + 1))


def next_delay(policy: Policy, delayed: int, chance: float) -> float:
    """The pause after `delayed` earlier pauses: doubled each time, jittered, never above the cap."""
    delay = min(policy.delay * 2.0 ** min(delayed, _LARGEST_EXPONENT), policy.max_delay)
    return min(delay * (1 + policy.jitter * (2 * chance - 1)), policy.max_delay)
