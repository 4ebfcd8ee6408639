"""deploy: what the cluster is to run, and how it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import UNSET

from viscript.config.model import Placement
from viscript.config.placing import place_of
from viscript.errors import ExitCode, VerbError
from viscript.verbs.reach import broken_plugins, daemon, with_new_plugins
from viscript.verbs.results import DeployedRow
from viscript.verbs.roles import check_app
from viscript.verbs.starting import environment
from viscript.verbs.suggest import nearest
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Style, Verb
from viscript.verbs.wishes import desired, find_host, order_given, ordered

if TYPE_CHECKING:
    from viscript.cluster.desired.ordering import Ordering
    from viscript.cluster.desired.showing import Shown
    from viscript.cluster.desired.side import DesiredSide
    from viscript.supervisor.api import AppEntry

_STYLES: dict[str, Style] = {
    "ready": "good", "running": "good", "fatal": "bad", "refused": "bad", "homeless": "bad", "away": "bad",
    "stopped": "dim", "done": "dim", "unknown": "dim",
}  # fmt: skip


async def deploy(call: Call) -> Outcome:
    """Order an app; the answer does not wait for it to run."""
    from viscript.cluster.desired.filed import travelling
    from viscript.cluster.desired.place import BadPlace, parse

    world, args = await with_new_plugins(call), call.args
    entry = _entry(args["app"], world.supervisor.apps(), broken_plugins(world))
    check_app(entry, role=call.role, actor=call.actor)
    placement, place = entry.spec.placement or Placement(), args["place"] or place_of(entry.spec)
    try:
        one_host = parse(place).host != ""
    except BadPlace as exc:
        raise VerbError(ExitCode.USAGE, f"--place: {exc}") from exc
    side, ordering = desired(call)
    if one_host:
        find_host(side, place)
    exclusive = not one_host if placement.exclusive is UNSET else placement.exclusive
    expires = 0.0 if args["for"] is None else world.now() + args["for"]
    body = await ordered(
        ordering.deploy(
            entry.name,
            entry=travelling(entry),
            args=tuple(args["arguments"]),
            env=environment(args["env"]),
            place=place,
            count=args["count"] or placement.count,
            spread=args["spread"] or placement.spread or "",
            exclusive=args["exclusive"] or exclusive,
            expires=expires,
        )
    )
    given = order_given(body, f"{_many(body.count)} of {body.app} on {body.place} ordered")
    return replace(given, notes=_nowhere(side, body.place))


def _nowhere(side: DesiredSide, place: str) -> tuple[str, ...]:
    """A place that means no host is likely a slip; it may also be meant for hosts to come."""
    from viscript.cluster.desired.place import parse

    meant = parse(place)
    if any(meant.admits(one.label, one.labels) for one in side.hosts()):
        return ()
    return (f"no host is {place} now, so it runs nowhere yet; `hosts -o wide` shows the labels of each",)


def _entry(name: str, apps: dict[str, AppEntry], broken: str) -> AppEntry:
    for entry in apps.values():
        if name in (entry.name, *entry.aliases):
            return entry
    raise VerbError(
        ExitCode.NOT_FOUND,
        f'no app "{name}" is known here',
        detail=broken or "`apps` lists them; an order carries the app as this host has it",
        suggestions=nearest(name, [*apps]),
    )


def _many(count: int) -> str:
    return "1 instance" if count == 1 else f"{count} instances"


def _ordering(call: Call) -> Ordering:
    """Who signs; that nobody knows the app at all is said first. Raises `VerbError`."""
    world = daemon(call)
    if getattr(world, "desired", None) is None:
        _entry(call.args["app"], world.supervisor.apps(), "")
    return desired(call)[1]


async def remove(call: Call) -> Outcome:
    """Take an app away from the whole cluster."""
    ordering = _ordering(call)
    body = await ordered(ordering.remove(call.args["app"]))
    return order_given(body, f"{body.app} is taken away")


async def anew(call: Call) -> Outcome:
    """Start every instance anew, one after the other."""
    ordering = _ordering(call)
    body = await ordered(ordering.restart(call.args["app"]))
    return order_given(body, f"{body.app} is started anew, one instance after the other")


async def listed(call: Call) -> Outcome:
    """What is to run, and how it stands."""
    from viscript.cluster.desired.showing import shown

    side, _ = desired(call)
    wanted = call.args["app"]
    rows = [row_of(one) for one in shown(side) if wanted in (None, one.app)]
    fault = side.mirror.fault
    notes = (f"the state store is away, this is as it was seen last: {fault}",) if fault else ()
    placing = getattr(daemon(call), "placing", None)
    held_back = placing.withheld if placing is not None else {}
    lines = [f"{app} does not stand as config.yaml says: {why}" for app, why in sorted(held_back.items())]
    return Outcome(data=rows, notes=(*notes, *lines))


def row_of(one: Shown) -> DeployedRow:
    """One instance as it is shown."""
    return DeployedRow(
        app=one.app,
        number=one.number,
        id=f"{one.host}/{one.seq}" if one.seq else "",
        host=one.host,
        state=one.state,
        fence=one.fence,
        place=one.place,
        version=one.version,
        by=one.by,
        moved_from=one.moved_from,
        reason=one.reason,
    )


_DEPLOYED = Arg(name="app", kind="app", help="as `deploy ls` names it")

VERBS = (
    Verb(
        name="deploy",
        group="hosts",
        role=Role.OPERATE,
        role_of=lambda args: Role.ADMIN if args["env"] else Role.OPERATE,
        summary="have the cluster run an app, and go on running it",
        help=(
            "The order is signed with this host's key; every host checks that before it acts.\n"
            "An admin's goes with the app as config.yaml has it here, files at the same paths; by one\n"
            "who may operate, each host runs its own app of that name, and so it does with apps of plugins.\n"
            "Where several hosts may run it, it is exclusive: one at a time holds an instance, which ends\n"
            "within 8 s when that host loses the cluster's store. VISCRIPT_FENCE tells newer runs from older."
        ),
        examples=(
            "deploy web",
            "deploy web --place role=edge --count 3 --spread zone",
            "deploy web --place host-2 -e PORT=80",
        ),
        args=(
            Arg(name="app", kind="app", help="as `apps` names it"),
            Arg(
                name="arguments", many=True, rest=True, required=False, default=(),
                help="instead of its default arguments",
            ),
        ),
        options=(
            Option(
                flags=("--place",), name="place", kind="host", metavar="PLACE",
                help="any, a host, LABEL=VALUE, or a glob; `,` means and; as its `host` says, else any",
            ),
            Option(
                flags=("--count",), name="count", kind="int", at_least=1, metavar="N",
                help="how many instances; as its `placement` says, else 1",
            ),
            Option(
                flags=("--spread",), name="spread", metavar="LABEL",
                help="evenly over the values of this label of the hosts",
            ),
            Option(
                flags=("--exclusive",), name="exclusive", flag=True,
                help="also where only one host may run it",
            ),
            Option(
                flags=("--for",), name="for", kind="seconds", metavar="S",
                help="it is taken away by itself after S",
            ),
            Option(
                flags=("-e", "--env"), name="env", many=True, metavar="K=V",
                help="an environment variable of it",
            ),
        ),
        result=DeployedRow,
        name_of=lambda row: row.app,
        handler=deploy,
    ),
    Verb(
        name="deploy ls",
        group="hosts",
        summary="what the cluster is to run, and how each instance stands",
        args=(Arg(name="app", required=False, help="only this one"),),
        result=list[DeployedRow],
        columns=(
            Column(title="app", text=lambda row: f"{row.app}/{row.number}" if row.number else row.app),
            Column(title="id", text=lambda row: row.id or "-"),
            Column(title="state", text=lambda row: row.state, style=lambda row: _STYLES.get(row.state)),
            Column(title="host", text=lambda row: row.host or "-"),
            Column(title="place", text=lambda row: row.place),
            Column(title="from", text=lambda row: row.moved_from or "-"),
            Column(title="reason", text=lambda row: row.reason or "-", shrink=True),
            Column(title="version", text=lambda row: str(row.version), right=True, wide=True),
            Column(title="fence", text=lambda row: str(row.fence or "-"), right=True, wide=True),
            Column(title="by", text=lambda row: row.by[:8], wide=True),
        ),
        name_of=lambda row: f"{row.app}/{row.number}",
        handler=listed,
    ),
    Verb(
        name="deploy rm",
        group="hosts",
        role=Role.OPERATE,
        summary="take an app away from the cluster; its instances are stopped",
        args=(_DEPLOYED,),
        result=DeployedRow,
        name_of=lambda row: row.app,
        handler=remove,
    ),
    Verb(
        name="deploy restart",
        group="hosts",
        role=Role.OPERATE,
        summary="start all instances of an app anew, one after the other over all hosts",
        args=(_DEPLOYED,),
        result=DeployedRow,
        name_of=lambda row: row.app,
        handler=anew,
    ),
)  # fmt: skip
