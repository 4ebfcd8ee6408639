"""`on CLUSTER/HOSTS COMMAND`: a command for hosts of another cluster, by the gateways of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viscript.errors import ExitCode, VerbError
from viscript.verbs.clusters import ALONE
from viscript.verbs.parse import Parsed
from viscript.verbs.reach import daemon
from viscript.verbs.roles import needed_role
from viscript.verbs.table import Call, Format, Outcome, Role

if TYPE_CHECKING:
    from viscript.cluster.far.asking import Heard, Manner
    from viscript.cluster.peering.errand import Came
    from viscript.cluster.peering.terms import Ask, Row


def is_abroad(selector: str) -> bool:
    """Whether it means hosts of another cluster."""
    return "/" in selector


def is_cluster(call: Call, text: str) -> bool:
    """Whether this host knows another cluster by that name or key."""
    side = daemon(call).peering
    if side is None or side.gateway is None:
        return False
    try:
        side.gateway.register.find(text)
    except VerbError:
        return False
    return True


def text_abroad(parsed: Parsed, heard: Sequence[Heard], form: Format, call: Call) -> Outcome:
    """For people: one table, ids with cluster and host in front."""
    from viscript.cluster.far.merging import merged

    return merged(parsed.verb, heard, form, call.terminal)


async def heard_abroad(call: Call, parsed: Parsed | None, argv: Sequence[str], manner: Manner) -> list[Heard]:
    """What the hosts there made of it, as JSON. Raises `VerbError`: 7 for what is not shared."""
    from viscript.cluster.peering.terms import Ask, timeout_of

    if parsed is None:
        raise VerbError(ExitCode.NOT_PERMITTED, f"{argv[0]} is not for another cluster")
    cluster, _, hosts = call.args["selector"].partition("/")
    asked = Ask(
        selector=hosts or "@all",
        argv=tuple(argv),
        timeout=timeout_of(manner.deadline),
        columns=max(20, min(manner.terminal.columns, 1000)),
        ascii=manner.terminal.ascii,
    )
    came = await _came(call, cluster, asked, parsed)
    if came.answer is None:
        raise VerbError(_code(came.code), came.text)
    if came.answer.code and not came.answer.rows:
        raise VerbError(_code(came.answer.code), f"{came.called}: {came.answer.text or 'it did not say why'}")
    return [_heard(came, row) for row in came.answer.rows]


def _code(code: int) -> ExitCode:
    return ExitCode(code) if code in set(ExitCode) and code else ExitCode.FAILED


async def _came(call: Call, cluster: str, asked: Ask, parsed: Parsed) -> Came:
    """The answer; what changes something there is written down here too, with that cluster as its target."""
    world = daemon(call)
    if world.peering is None:
        raise VerbError(ExitCode.FAILED, ALONE)
    if world.audit is None or needed_role(parsed.verb, parsed.args) is Role.VIEW:
        found: Came = await world.peering.ask(cluster, asked, call.role)
        return found
    from viscript.cluster.audit.recording import recorded_abroad

    words = ("on", call.args["selector"], *asked.argv)
    host = world.facts().label
    async with recorded_abroad(world.audit, words, parsed, target=_key(call, cluster), host=host) as note:
        found = await world.peering.ask(cluster, asked, call.role)
        note.code = found.code or (found.answer.code if found.answer is not None else 0)
        return found


def _key(call: Call, cluster: str) -> str:
    """The key of a cluster where it is known, else what was typed."""
    made = daemon(call).peering.gateway
    try:
        key: str = made.register.find(cluster).key.hex() if made is not None else cluster
    except VerbError:
        return cluster
    return key


def _heard(came: Came, row: Row) -> Heard:
    """A row as if a host of ours had answered, named with its cluster."""
    from signal_bus.ids import PublicKey
    from viscript.cluster.far.asking import Heard
    from viscript.cluster.links.api import HostState, Reach

    host = HostState(label=f"{came.called}/{row.host}", key=PublicKey(came.key), state=Reach.UP)
    age = None if row.status == "unreachable" else 0.0
    return Heard(host=host, status=row.status, code=row.code, out=row.out, err=row.err, age_seconds=age)
