"""What verbs about the cluster's wishes need first: who gives orders here, to which hosts, and why not."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from viscript.errors import ExitCode, VerbError, ViscriptError
from viscript.verbs.reach import daemon, title
from viscript.verbs.results import DeployedRow
from viscript.verbs.suggest import nearest
from viscript.verbs.table import Call, Outcome

if TYPE_CHECKING:
    from viscript.cluster.desired.ordering import Ordering
    from viscript.cluster.desired.planner import PlanHost
    from viscript.cluster.desired.record import Deployment
    from viscript.cluster.desired.side import DesiredSide
    from viscript.supervisor.api import Instance

T = TypeVar("T")
SHORTEST_KEY = 8  # digits that name a host


def desired(call: Call) -> tuple[DesiredSide, Ordering]:
    """What is wished for, and who signs for this caller. Raises `VerbError` where nothing can be ordered."""
    world = daemon(call)
    found: tuple[DesiredSide, Ordering] | None = getattr(world, "desired", None)
    if found is None:
        raise VerbError(ExitCode.FAILED, f"nothing can be ordered here: {why_not(world)}")
    side, ordering = found
    return side, ordering.asked_by(call.role)


def why_not(world: Any) -> str:  # Any: a World
    """What a host lacks that has nobody to order from."""
    from viscript.cluster.desired.ordering import ALONE

    book = getattr(world, "book", None)
    if book is None or book.roster is None:
        return ALONE
    return (
        "the state store of this host is its own; `store:` in config.yaml names one that all hosts share"
        " (etcd://..., or host://KEY for that of another host)"
    )


async def ordered(work: Coroutine[Any, Any, T]) -> T:
    """Give an order. Raises `VerbError` when it is not given."""
    from viscript.cluster.desired.ordering import CannotOrder
    from viscript.statestore.errors import StateStoreError, Unclear

    try:
        return await work
    except CannotOrder as exc:
        code = ExitCode.NOT_FOUND if exc.unknown else ExitCode.FAILED
        raise VerbError(ExitCode.NOT_PERMITTED if exc.denied else code, str(exc)) from exc
    except Unclear as exc:
        text = f"no answer came, the order may have been given or not: {exc}"
        hint = "once the store is back, `deploy ls` and `hosts` tell; to give it again does no harm"
        raise VerbError(ExitCode.UNREACHABLE, text, detail=hint) from exc
    except StateStoreError as exc:
        text = f"the order is not given, nothing has changed: {exc}"
        raise VerbError(ExitCode.UNREACHABLE, text) from exc
    except ViscriptError as exc:
        raise VerbError(ExitCode.USAGE, str(exc)) from exc


def order_given(body: Deployment, text: str) -> Outcome:
    """The answer to an order about an app."""
    row = DeployedRow(
        app=body.app,
        number=body.count,
        state="ordered",
        place=body.place,
        version=body.version,
        by=body.by.hex(),
    )
    return Outcome(data=row, text=f"{text} (version {body.version}); `deploy ls` shows how it stands")


def find_host(side: DesiredSide, wanted: str) -> PlanHost:
    """The host of that label, or whose key begins so. Raises `VerbError`."""
    hosts = side.hosts()
    found = [one for one in hosts if one.label == wanted]
    if not found and len(wanted) >= SHORTEST_KEY:
        found = [one for one in hosts if one.key.hex().startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise VerbError(ExitCode.USAGE, f'"{wanted}" means {len(found)} hosts; name one by its key')
    near = nearest(wanted, [one.label for one in hosts])
    raise VerbError(ExitCode.NOT_FOUND, f'no host "{wanted}" is known here', suggestions=near)


def check_takes_work(host: PlanHost) -> None:
    """What is moved to a host that takes nothing would run nowhere. Raises `VerbError`."""
    if not host.alive:
        text = f"{host.label} is away, so nothing can go there (`hosts` tells more)"
        raise VerbError(ExitCode.UNREACHABLE, text)
    if str(host.mode) != "normal":
        text = f"{host.label} takes no work now, it is {host.mode}: host resume {host.label}"
        raise VerbError(ExitCode.FAILED, text)


def check_is_known_there(item: Instance, host: str = "HOST") -> None:
    """An app of a plugin goes by its own name, so one under another cannot go. Raises `VerbError`."""
    entry, app = item.entry, item.name.replace("#", "-")
    if entry.source.startswith("plugin ") and app not in (entry.name, *entry.aliases):
        text = f"{title(item)} is {entry.name} of a plugin, which other hosts know by that name only"
        hint = f"start it there: start --host {host} {entry.name} -n {app}"
        raise VerbError(ExitCode.FAILED, text, detail=hint)
