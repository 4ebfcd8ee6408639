"""host drain|pause|resume and mv: which hosts take work, and moving one thing by hand."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from viscript.errors import ExitCode, VerbError
from viscript.verbs.moving import move_from
from viscript.verbs.reach import daemon, pick_one, title
from viscript.verbs.results import DeployedRow, HostModeRow
from viscript.verbs.table import Arg, Call, Outcome, Role, Verb
from viscript.verbs.wishes import (
    check_is_known_there,
    check_takes_work,
    desired,
    find_host,
    order_given,
    ordered,
)

if TYPE_CHECKING:
    from viscript.cluster.desired.ordering import Ordering
    from viscript.cluster.desired.planner import PlanHost
    from viscript.cluster.desired.record import Deployment
    from viscript.cluster.desired.side import DesiredSide
    from viscript.supervisor.api import Instance


def _mode_verb(mode: str, said: str) -> Callable[[Call], Coroutine[Any, Any, Outcome]]:
    async def handler(call: Call) -> Outcome:
        from viscript.cluster.desired.record import Mode

        side, ordering = desired(call)
        host = find_host(side, call.args["host"])
        await ordered(ordering.host(host.key, Mode(mode)))
        text = said.format(host=host.label)
        return Outcome(data=HostModeRow(host=host.label, public_key=host.key.hex(), mode=mode), text=text)

    return handler


async def move(call: Call) -> Outcome:
    """Have an instance run on another host."""
    word = call.args["target"]
    alone = getattr(daemon(call), "desired", None) is None
    item = pick_one(call, word) if alone or word.isdecimal() else None  # what nobody has is said first
    side, ordering = desired(call)
    host = find_host(side, call.args["host"])
    check_takes_work(host)
    known = side.mirror.deployments().get(word)
    if known is not None and known.count == 1:  # wherever it is
        body = await ordered(ordering.move(known.app, 1, host.key))
        return order_given(body, f"{known.app} goes to {host.label}")
    item = item or pick_one(call, word)
    told = item.entry.deployed
    if told is None:
        return await _adopted(call, side, ordering, item, host)
    body = await ordered(ordering.move(told.app, told.number, host.key))
    return order_given(body, f"{told.app}/{told.number} goes to {host.label}")


async def _adopted(
    call: Call, side: DesiredSide, ordering: Ordering, item: Instance, host: PlanHost
) -> Outcome:
    """One that was started here by hand is from now on the cluster's: ended here, ordered there."""
    from viscript.cluster.desired.filed import travelling
    from viscript.statestore.errors import Unclear

    supervisor, here = daemon(call).supervisor, daemon(call).facts().label
    if item.entry.source == "external":
        raise VerbError(ExitCode.FAILED, f"{title(item)} joined by itself; nobody can start it elsewhere")
    check_is_known_there(item, host.label)
    app = item.name.replace("#", "-")
    known = side.mirror.deployments().get(app)
    if known is not None:
        raise VerbError(ExitCode.FAILED, f"{app} is deployed already (version {known.version})")

    await ordered(ordering.check(program=item.entry.source == "run"))

    async def handed_over() -> Deployment:
        await supervisor.stop(item.seq, actor=call.actor)
        order = ordering.deploy(
            app,
            entry=travelling(item.entry),
            args=item.args,
            place=host.label,
            exclusive=False,
            came_from=f"{here}/{item.seq}",
        )
        try:
            return await ordered(order)
        except VerbError as exc:
            if not isinstance(exc.__cause__, Unclear):  # else it may come up there
                await supervisor.start_again(item.seq, wait=None, actor=call.actor)
            raise

    body = await call.desk.carry(handed_over())  # all of it, whatever becomes of the caller
    return order_given(body, f"{title(item)} is stopped here and ordered on {host.label}")


_HOST = Arg(name="host", kind="host", help="its label, or the first 8 or more digits of its key")

VERBS = (
    Verb(
        name="host drain",
        group="hosts",
        role=Role.ADMIN,
        summary="have a host give up all of the cluster's apps that another may run",
        args=(_HOST,),
        result=HostModeRow,
        name_of=lambda row: row.host,
        handler=_mode_verb("drained", "{host} gives up what can run elsewhere; `host resume` ends that"),
    ),
    Verb(
        name="host pause",
        group="hosts",
        role=Role.ADMIN,
        summary="have a host keep what it runs for the cluster, and get nothing more",
        args=(_HOST,),
        result=HostModeRow,
        name_of=lambda row: row.host,
        handler=_mode_verb("paused", "{host} gets nothing more; `host resume` ends that"),
    ),
    Verb(
        name="host resume",
        group="hosts",
        role=Role.ADMIN,
        summary="have a drained or paused host take work again",
        args=(_HOST,),
        result=HostModeRow,
        name_of=lambda row: row.host,
        handler=_mode_verb("normal", "{host} takes work again; nothing moves back by itself"),
    ),
    Verb(
        name="mv",
        group="hosts",
        role=Role.OPERATE,
        summary="have an app of this host run on another one, under a new id there",
        help=(
            "One that was not deployed is stopped here and is the cluster's from then on (`deploy rm`).\n"
            "Of another host, as in `mv beta/7 gamma`, the order is signed by the host it is typed on."
        ),
        examples=("mv 7 host-2", "mv beta/7 gamma"),
        args=(Arg(name="target", kind="target", help="the instance"), _HOST),
        result=DeployedRow,
        name_of=lambda row: row.app,
        handler=move,
        ordered_here=move_from,
    ),
)  # fmt: skip
