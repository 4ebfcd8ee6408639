"""`on CLUSTER/HOSTS COMMAND`: a command for hosts of another cluster, by the gateways of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viscript.errors import ExitCode, VerbError
from viscript.verbs.clusters import gateway
from viscript.verbs.parse import Parsed
from viscript.verbs.reach import daemon
from viscript.verbs.roles import needed_role
from viscript.verbs.table import Call, Format, Outcome, Role

if TYPE_CHECKING:
    from viscript.cluster.far.asking import Heard, Manner
    from viscript.cluster.peering.standing import Peering
    from viscript.cluster.peering.terms import Answer, Ask, Row


def is_abroad(selector: str) -> bool:
    """Whether it means hosts of another cluster."""
    return "/" in selector


def text_abroad(parsed: Parsed, heard: Sequence[Heard], form: Format, call: Call) -> Outcome:
    """For people: one table, ids with cluster and host in front."""
    from viscript.cluster.far.merging import merged

    return merged(parsed.verb, heard, form, call.terminal)


async def heard_abroad(call: Call, parsed: Parsed | None, argv: Sequence[str], manner: Manner) -> list[Heard]:
    """What the hosts there made of it, as JSON. Raises `VerbError`: 7 for what is not shared."""
    from viscript.cluster.peering.terms import ASK_S, Ask

    if parsed is None:
        raise VerbError(ExitCode.NOT_PERMITTED, f"{argv[0]} is not for another cluster")
    cluster, _, hosts = call.args["selector"].partition("/")
    one = gateway(call).register.find(cluster)
    asked = Ask(
        selector=hosts or "@all",
        argv=tuple(argv),
        timeout=min(manner.deadline, ASK_S),
        columns=max(20, min(manner.terminal.columns, 1000)),
        ascii=manner.terminal.ascii,
    )
    answer = await _answered(call, one, asked, parsed)
    if answer.code and not answer.rows:
        code = ExitCode(answer.code) if answer.code in set(ExitCode) else ExitCode.FAILED
        raise VerbError(code, f"{one.called}: {answer.text or 'it did not say why'}")
    return [_heard(one, row) for row in answer.rows]


async def _answered(call: Call, one: Peering, asked: Ask, parsed: Parsed) -> Answer:
    """The answer; what changes something there is written down here too, with their key as its target."""
    audit = daemon(call).audit
    if audit is None or needed_role(parsed.verb, parsed.args) is Role.VIEW:
        return await gateway(call).ask(one, asked)
    from viscript.cluster.audit.recording import recorded_abroad

    words = ("on", call.args["selector"], *asked.argv)
    async with recorded_abroad(
        audit, words, parsed, target=one.key.hex(), host=daemon(call).facts().label
    ) as note:
        answer = await gateway(call).ask(one, asked)
        note.code = answer.code
        return answer


def _heard(one: Peering, row: Row) -> Heard:
    """A row as if a host of ours had answered, named with its cluster."""
    from viscript.cluster.far.asking import Heard
    from viscript.cluster.links.api import HostState, Reach

    host = HostState(label=f"{one.called}/{row.host}", key=one.key, state=Reach.UP)
    age = None if row.status == "unreachable" else 0.0
    return Heard(host=host, status=row.status, code=row.code, out=row.out, err=row.err, age_seconds=age)
