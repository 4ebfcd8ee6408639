"""Carries out a command whose route leads to other hosts.

One host: what it writes is passed on as it comes. Several: they are asked at once, and their answers put
together; what follows for ever is shown row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from viscript.cluster.far.asking import Heard, Here, Manner, Many, plain
from viscript.cluster.far.deadlines import CHANGING_S, deadline_of
from viscript.cluster.far.following import Following
from viscript.cluster.far.merging import form_of, merged
from viscript.cluster.far.passing import pass_on
from viscript.cluster.far.route import Leg, Route, in_form
from viscript.cluster.far.silence import told_when_silent
from viscript.cluster.links.api import HostState
from viscript.errors import ExitCode, VerbError
from viscript.render.writer import Sink
from viscript.verbs.parse import Parsed
from viscript.verbs.roles import needed_role
from viscript.verbs.run import Context, Ran, call_of, done_here, run
from viscript.verbs.table import Outcome, Role

if TYPE_CHECKING:
    from viscript.cluster.far.far import Far


async def carry(way: Route, parsed: Parsed, context: Context, far: Far, argv: Sequence[str]) -> Ran | Outcome:
    """Have it done there. Raises `VerbError`."""
    order = parsed.verb.ordered_here
    if way.single and order and not way.legs[0].host.local and context.world.desired is not None:
        end = End(far, way.legs[0].host, context)
        return await done_here(argv, parsed, context, lambda call: order(call, end))
    if way.single:
        return await _one(in_form(way.legs[0], parsed.format, reads=parsed.verb.reads), parsed, context, far)
    if parsed.verb.name == "attach" or parsed.args.get("attach"):
        raise VerbError(ExitCode.USAGE, f"{parsed.verb.name} shows one app of one host; name one host")
    here = local(context)
    if deadline_of(parsed) is None:
        code = await Following(far.links(), parsed, context, here).run(way.legs)
        return Ran(code)
    return await _several(way, parsed, context, far)


async def _one(leg: Leg, parsed: Parsed, context: Context, far: Far) -> Ran | Outcome:
    if leg.host.local:
        return await run(leg.argv, replace(context, default_host=""))
    try:
        async with told_when_silent(far.links(), [leg], context):
            found = await pass_on(far.links(), leg, context, deadline_of(parsed))
    except VerbError as exc:
        known = await _instead(leg, parsed, context, exc)
        if known is None:
            raise
        return known
    if isinstance(found, int):
        return Ran(ExitCode(found) if found in set(ExitCode) else ExitCode.FAILED)
    return Ran(ExitCode.DONE, view=found)


class End:
    """One other host: implements `viscript.verbs.table.FarEnd`."""

    def __init__(self, far: Far, host: HostState, context: Context) -> None:
        self._far = far
        self._host = host
        self._context = context

    @property
    def label(self) -> str:
        """What it is called."""
        return self._host.label

    async def ask(self, *argv: str) -> tuple[int, str, str]:
        """Have a command run there."""
        manner = Manner(terminal=plain(self._context.terminal), deadline=CHANGING_S, looks=False)
        (heard,) = await self._far.asking().ask([Leg(self._host, argv)], manner, local(self._context))
        return heard.code, heard.out, heard.err


async def _instead(leg: Leg, parsed: Parsed, context: Context, exc: VerbError) -> Outcome | None:
    """What is known here, where the host is away and the verb has an answer to that."""
    if exc.code != ExitCode.UNREACHABLE or parsed.verb.instead is None:
        return None
    call = call_of(parsed, context, covered=context.covered)
    return await parsed.verb.instead(call, leg.host.key, leg.host.label, exc.text)


async def _several(way: Route, parsed: Parsed, context: Context, far: Far) -> Outcome:
    verb = parsed.verb
    form = form_of(verb, parsed.format)
    legs = [in_form(leg, form, reads=verb.reads) for leg in way.legs]
    manner = Manner(
        terminal=plain(context.terminal),
        deadline=deadline_of(parsed) or CHANGING_S,
        looks=needed_role(verb, parsed.args) is Role.VIEW,
    )
    asking, here = far.asking(), local(context)
    async with told_when_silent(far.links(), legs, context):
        if parsed.args.get("rolling"):
            heard = await one_by_one(asking, legs, manner, here)
        else:
            heard = await asking.ask(legs, manner, here)
    outcome = merged(verb, heard, parsed.format, context.terminal)
    if left := len(legs) - len(heard):
        outcome = replace(outcome, notes=(*outcome.notes, f"left as they are: {left} of {len(legs)} hosts"))
    if parsed.format == "name":  # names as the hosts gave them
        await context.sink.out(outcome.text or "")
        return replace(outcome, text=None)
    return outcome


async def one_by_one(asking: Many, legs: Sequence[Leg], manner: Manner, here: Here) -> list[Heard]:
    """Host after host, until one fails: those behind it are left as they are."""
    heard: list[Heard] = []
    for leg in legs:
        heard += await asking.ask([leg], manner, here)
        if heard[-1].status != "ok":
            break
    return heard


def local(context: Context) -> Here:
    """Runs a leg on this host, as its caller would."""

    async def here(leg: Leg, sink: Sink) -> int:
        ran = await run(
            leg.argv,
            replace(
                context,
                sink=sink,
                terminal=plain(context.terminal),
                mode="api",
                default_host="",
                called=leg.host.label,
            ),
        )
        return int(ran.code)

    return here
