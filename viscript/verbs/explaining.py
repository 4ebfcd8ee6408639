"""why: one screen that tells why an app is in its state."""

from viscript.diagnose.why import WhyReport, investigate
from viscript.render.text import clean, paint
from viscript.verbs.naming import shown_id, tag
from viscript.verbs.reach import daemon, pick
from viscript.verbs.table import Arg, Call, Column, Outcome, Terminal, Verb

LINES = 10  # last lines that fit one screen


async def why(call: Call) -> Outcome:
    """The cause of each target's state, what happens next, and what the app wrote last."""
    world = daemon(call)
    selection = pick(call, [call.args["target"]], ended=True)
    reports = [await investigate(item, world) for item in selection.instances]
    if not selection.single:
        return Outcome(data=reports)
    return Outcome(data=reports[0], text=screen(reports[0], selection.instances[0].name, call.terminal))


def screen(row: WhyReport, name: str, terminal: Terminal) -> str:
    """The report for people."""

    def bold(text: str) -> str:
        return paint(text, "bold", colour=terminal.colour)

    lines = [bold(f"{tag(row.id)} {clean(name)} is {row.state}"), *_wrapped("because", row.text)]
    lines += _wrapped("next", row.next)
    lines += _wrapped("cause", row.cause)
    if row.last_lines:
        lines.append(bold("last lines"))
        lines += [f"  {clean(line)}" for line in row.last_lines[-LINES:]]
    return "\n".join(lines)


def _wrapped(name: str, text: str) -> list[str]:
    parts = [clean(part) for part in text.splitlines()]
    return [f"  {(name if at == 0 else '').ljust(8)}  {part}" for at, part in enumerate(parts)]


VERBS = (
    Verb(
        name="why",
        group="look",
        summary="why an app is in its state, and what happens next",
        examples=("why 7", "why web -o json"),
        args=(Arg(name="target", kind="target", help="which app"),),
        result=WhyReport | list[WhyReport],
        columns=(
            Column(title="id", text=lambda row: shown_id(row.id), right=True),
            Column(title="state", text=lambda row: row.state),
            Column(title="cause", text=lambda row: row.cause),
            Column(title="because", text=lambda row: row.text.replace("\n", " "), shrink=True),
        ),
        handler=why,
    ),
)
