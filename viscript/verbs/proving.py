"""`prove`: the promises, tried on the user's own machine. The work is done in viscript/prove."""

from typing import Any, Final

from viscript.render.human import span
from viscript.verbs.results import TrialRow
from viscript.verbs.table import Arg, Column, Option, Style, Verb

# Name of each trial and what it tries. Named here, so that help and completion load none of them.
TRIALS: Final = {
    "started": "a start on a taken port is refused, with the port and its holder",
    "crash-loop": "an app that crashes again and again is never shown as running",
    "backoff": "pauses between restarts double up to a cap and never end",
    "dependencies": "what needs another waits until it is ready, and is stopped before it",
    "pending-ping": "an app killed while it is pinged ends the ping at once",
    "stop": "a stop of stubborn programs leaves no process",
    "zombies": "many short lives leave no zombie",
    "slow-stops": "many slow stops at once hold up no other verb",
    "flood": "an app that writes without end stalls nobody and costs no memory",
    "rotation": "numbered lines through rotations are complete",
    "cut": "clients that never read or are cut off cost others nothing",
    "fill": "a full disk pauses logging, which says so and resumes",
    "kill-daemon": "the daemon is killed again and again: no app notices",
    "kill-keeper": "the keeper is killed again and again: no app notices",
    "kill-both": "both are killed together: nothing is lost, nothing doubled",
    "freeze": "a frozen daemon holds up no app; thawed, it is refused by the keeper",
}

_STYLES: Final[dict[str, Style]] = {"pass": "good", "fail": "bad", "not tried": "busy"}
_WORDS: Final = {"pass": "PASS", "fail": "FAIL", "not tried": "NOT TRIED"}


def line_of(row: Any) -> str:  # Any: rows reach columns untyped
    """One trial on one line."""
    return f"{_WORDS[row.status]:<9}  {row.trial:<12}  {span(row.seconds):>6}  {row.text}"


VERBS = (
    Verb(
        name="prove",
        group="daemon",
        summary="try the promises on this machine, in a scratch home of its own",
        help=(
            "Starts daemons, keepers and apps of its own in a temporary home, kills, freezes, floods and cuts"
            " them, and removes all of it. Your own daemon and apps are not touched. Ends with 1 when a"
            " trial fails. A trial this machine cannot run is `not tried`, which is no pass.\n\nTrials:\n"
            + "\n".join(f"  {name:<12}  {text}" for name, text in TRIALS.items())
        ),
        examples=("viscript prove --quick", "viscript prove kill-both stop"),
        args=(Arg(name="trials", required=False, many=True, choices=tuple(TRIALS), help="these only"),),
        options=(Option(flags=("--quick",), name="quick", flag=True, help="a few of each: about a minute"),),
        result=list[TrialRow],
        columns=(
            Column(
                title="status", text=lambda row: _WORDS[row.status], style=lambda row: _STYLES[row.status]
            ),
            Column(title="trial", text=lambda row: row.trial),
            Column(title="time", text=lambda row: span(row.seconds), right=True),
            Column(title="text", text=lambda row: row.text, shrink=True),
        ),
        name_of=lambda row: row.trial,
        line_of=line_of,
        streams=True,
        where="client",
    ),
)
