"""mv of what runs on another host: that host says what it is, this one signs the order.

A host's key counts for what its role allows on the others, which may be less than the caller's. So the order
to run an app elsewhere is given by the host it is typed on, and the host that has the app only ends it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.verbs.reach import daemon, pick_one, title
from viscript.verbs.results import DraftRow
from viscript.verbs.table import Arg, Call, FarEnd, Outcome, Role, Verb
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

EXTERNAL = "external"


async def draft(call: Call) -> Outcome:
    """What an order about an app of this host would say."""
    from viscript.cluster.desired.filed import travelling

    item = pick_one(call, call.args["target"])
    told = item.entry.deployed
    if told is None:
        check_is_known_there(item)
    entry = travelling(item.entry) if call.role is Role.ADMIN and told is None else b""
    row = DraftRow(
        app=item.name.replace("#", "-") if told is None else told.app,
        id=item.seq,
        name=title(item),
        host=daemon(call).facts().label,
        source=item.entry.source,
        deployed=told is not None,
        number=0 if told is None else told.number,
        args=item.args,
        entry=base64.b64encode(entry).decode(),
    )
    return Outcome(data=row, text=f"{row.name}: an order would call it {row.app}")


async def move_from(call: Call, end: FarEnd) -> Outcome:
    """Have an instance of another host run on a third, or here."""
    word = call.args["target"]
    side, ordering = desired(call)
    host = find_host(side, call.args["host"])
    check_takes_work(host)
    found = await _draft_of(end, word.partition("/")[2] or word)
    if found.deployed:
        body = await ordered(ordering.move(found.app, found.number, host.key))
        return order_given(body, f"{found.app}/{found.number} goes to {host.label}")
    if found.source == EXTERNAL:
        raise VerbError(ExitCode.FAILED, f"{found.name} joined by itself; nobody can start it elsewhere")
    if (known := side.mirror.deployments().get(found.app)) is not None:
        raise VerbError(ExitCode.FAILED, f"{found.app} is deployed already (version {known.version})")
    await ordered(ordering.check(program=found.source == "run"))
    body = await call.desk.carry(_handed_over(end, found, ordering, host))
    return order_given(body, f"{end.label}/{found.id} is stopped there and ordered on {host.label}")


async def _draft_of(end: FarEnd, word: str) -> DraftRow:
    """What an order would say. Raises `VerbError`: before anything is ended there."""
    said = await _told(end, "-o", "json", "deploy", "draft", word)
    try:
        found = msgspec.json.decode(said, type=DraftRow)
        base64.b64decode(found.entry, validate=True)
    except (msgspec.MsgspecError, ValueError) as exc:
        text = f"{end.label} answers otherwise than this version understands: {exc}"
        raise VerbError(ExitCode.FAILED, text) from exc
    return found


async def _handed_over(end: FarEnd, found: DraftRow, ordering: Ordering, host: PlanHost) -> Deployment:
    """Ended there, ordered by us; where the order is not given, it is started there again."""
    from viscript.statestore.errors import Unclear

    await _told(end, "shutdown", str(found.id))
    order = ordering.deploy(
        found.app,
        entry=base64.b64decode(found.entry),
        args=found.args,
        place=host.label,
        exclusive=False,
        came_from=f"{found.host}/{found.id}",
    )
    try:
        return await ordered(order)
    except VerbError as exc:
        if not isinstance(exc.__cause__, Unclear):  # else it may come up there
            await end.ask("restart", str(found.id))
        raise


async def _told(end: FarEnd, *argv: str) -> str:
    """What that host answers. Raises `VerbError` when it is not done."""
    code, out, err = await end.ask(*argv)
    if code == ExitCode.DONE:
        return out
    text = err.strip() or f"`{' '.join(argv)}` failed with exit code {code}"
    known = ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED
    raise VerbError(known, text if text.startswith(end.label) else f"{end.label}: {text}")


VERBS = (
    Verb(
        name="deploy draft",
        group="hosts",
        role=Role.OPERATE,
        summary="what an order about an app of this host would say; for `mv` from another",
        args=(Arg(name="target", kind="target", help="the instance"),),
        result=DraftRow,
        name_of=lambda row: row.app,
        handler=draft,
    ),
)
