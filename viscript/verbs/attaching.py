"""attach and detach: live input and output of an app, for several viewers."""

from viscript.errors import ExitCode, VerbError
from viscript.states import ENDED
from viscript.verbs.naming import shown_id
from viscript.verbs.reach import pick, pick_one, title
from viscript.verbs.results import StateRow
from viscript.verbs.table import Arg, Attach, Call, Option, Outcome, Role, Verb


async def attach(call: Call) -> Outcome:
    """Make the caller's connection a viewer of one app."""
    item = pick_one(call, call.args["target"])
    if call.mode == "script" or call.mode == "api":
        raise VerbError(ExitCode.USAGE, "attach needs a connection of its own: `viscript attach TARGET`")
    if item.state in ENDED:
        raise VerbError(
            ExitCode.NOT_HEALTHY,
            f"{title(item)} is not running ({item.state})",
            suggestions=(f"log {shown_id(item.seq)}", f"why {shown_id(item.seq)}"),
        )
    return Outcome(attach=Attach(seq=item.seq, read_only=call.args["read_only"]))


async def detach(call: Call) -> Outcome:
    """End all viewers of some apps; the apps notice nothing."""
    rows, lines = [], []
    for item in pick(call, call.args["targets"]).instances:
        ended = call.desk.detach(item.seq)
        rows.append(StateRow(id=item.seq, name=item.name, state=item.state.value))
        lines.append(f"{title(item)}: {ended} viewer{'s' * (ended != 1)} detached")
    return Outcome(data=rows, text="\n".join(lines))


VERBS = (
    Verb(
        name="attach",
        aliases=("at",),
        summary="live input and output of an app; Ctrl-Z leaves it",
        help="Shows its last lines first. Ctrl-C goes to the app, Ctrl-Z detaches. Several may attach.\n"
        "Who only looks (-r) needs the role view only.",
        examples=("attach 7", "attach -r web"),
        args=(Arg(name="target", kind="target", help="which app"),),
        options=(Option(flags=("-r", "--read-only"), name="read_only", flag=True, help="only look"),),
        reads=False,
        role=Role.OPERATE,
        role_of=lambda args: Role.VIEW if args["read_only"] else Role.OPERATE,
        handler=attach,
    ),
    Verb(
        name="detach",
        aliases=("dt",),
        summary="end all viewers of an app",
        args=(Arg(name="targets", kind="target", many=True, help="which apps"),),
        result=list[StateRow],
        role=Role.OPERATE,
        handler=detach,
    ),
)
