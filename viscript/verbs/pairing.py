"""host invite, join, approve, refuse, pending, forget, leave: who belongs to the cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from viscript.errors import ExitCode, VerbError
from viscript.render.human import span
from viscript.verbs.consent import LEFT, decide, say, show
from viscript.verbs.reach import daemon
from viscript.verbs.results import HostRef, InviteRow, JoinRow, PendingRow
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Verb

if TYPE_CHECKING:
    from viscript.cluster.book import Book
    from viscript.cluster.pairing.invitations import Invitation
    from viscript.cluster.pairing.meeting import Meeting
    from viscript.cluster.pairing.pairing import Pairing


def _pairing(call: Call) -> Pairing:
    found: Pairing | None = daemon(call).pairing
    if found is None:
        raise VerbError(ExitCode.FAILED, "this daemon pairs with nobody")
    return found


def _book(call: Call) -> Book:
    return _pairing(call).book


# -- host invite


async def invite(call: Call) -> Outcome:
    """Print a code, wait for a host that has it, and let it in once both persons said yes."""
    from viscript.cluster.pairing.inviting import Wish

    pairing = _pairing(call)
    if pairing.joining.is_under_way:  # a cluster of its own would be in the way of that
        text = "this host is joining a cluster right now; `host pending` shows it, `host refuse` ends it"
        raise VerbError(ExitCode.FAILED, text)
    wish = Wish(
        role=Role(call.args["role"]),
        name=call.args["name"] or "",
        addresses=tuple(call.args["addresses"]),
        port=call.args["port"],
        mesh=call.args["mesh"],
    )
    made = await pairing.inviting.invite(wish)
    if call.args["no_wait"]:
        return Outcome(data=_invite_row(made), text=_code_text(made))
    try:
        await say(call, _picture(call, made) + _code_text(made))
        await say(call, "waiting for it; Ctrl-C takes the invitation back")
        host = await _joined(call, pairing, made)
    except BaseException:
        pairing.inviting.withdraw(made)
        raise
    return Outcome(data=_invite_row(made, host), text=f"{host.label} has joined, with the role {made.role}")


async def _joined(call: Call, pairing: Pairing, made: Invitation) -> HostRef:
    """Who joined by it, after any that failed. Raises `VerbError` when nobody can any more."""
    from viscript.cluster.pairing.invitations import BECAME, State

    while (meeting := await pairing.inviting.change_of(made)) is not None:
        await show(call, meeting)
        await decide(call, pairing, meeting)
        try:
            await meeting.result()
            break
        except VerbError as exc:
            if made.state is State.BURNT:
                raise
            if meeting.is_admitted:
                raise _unsure(meeting.label, exc) from exc
            await say(call, exc.text)
    if made.joined is not None:  # by this meeting, or by a later one that another command approved
        return HostRef(label=made.joined[0], public_key=made.joined[1].hex())
    why = f" (the last: {made.fault})" if made.fault else ""
    raise VerbError(ExitCode.FAILED, f"nobody joined by invitation {made.number}: {BECAME[made.state]}{why}")


def _unsure(label: str, exc: VerbError) -> VerbError:
    """It was given its record, and did not say that it kept it."""
    return VerbError(
        ExitCode.FAILED,
        f"{label} was let in and may not have joined: {exc.text}",
        detail=f"`hosts` shows whether it comes; `host forget {label}` takes it back",
    )


def _invite_row(made: Invitation, joined: HostRef | None = None) -> InviteRow:
    from viscript.cluster.pairing.invitations import LIFETIME_S

    return InviteRow(
        invitation=made.number,
        code=made.code.text(),
        role=made.role.value,
        label=made.name,
        addresses=tuple(str(address) for address in made.code.addresses),
        expires_seconds=LIFETIME_S,
        joined=joined,
    )


def _picture(call: Call, made: Invitation) -> str:
    """For a camera, on a screen that can show it."""
    if call.format != "table" or not call.terminal.out or call.terminal.ascii:
        return ""
    from viscript.cluster.pairing.qr import picture

    drawn = picture(made.code.text(), call.terminal.columns)
    return f"{drawn}\n\n" if drawn else ""


def _code_text(made: Invitation) -> str:
    from viscript.cluster.pairing.bymesh import shown
    from viscript.cluster.pairing.invitations import LIFETIME_S

    where = ", ".join(shown(address) for address in made.code.addresses)
    return (
        f"invitation {made.number}: role {made.role}, for {span(LIFETIME_S)}, at {where}\n"
        f"on the host that is to join:\n\n  viscript host join {made.code.text()}\n\n"
    )


# -- host join


async def join(call: Call) -> Outcome:
    """Pair with the host that made a code; this host is a member once both persons said yes."""
    from viscript.cluster.pairing.bymesh import shown
    from viscript.cluster.pairing.code import parse

    pairing, code = _pairing(call), parse(" ".join(call.args["code"]))
    if not call.args["no_wait"] and code.addresses:
        await say(call, f"looking for the host at {', '.join(map(shown, code.addresses))}")
    meeting = await pairing.joining.join(code)
    if call.args["no_wait"]:
        text = f"the words:  {meeting.words}\nif the other screen shows the same: viscript host approve WORDS"
        return Outcome(data=_join_row(meeting, call), text=text)
    async with _given_up(meeting):
        await show(call, meeting)
        await decide(call, pairing, meeting)
        await meeting.result()
    row = _join_row(meeting, call)
    text = f"this host is {row.label} in the cluster of {row.host.label}, with the role {row.role}"
    return Outcome(data=row, text=text)


@asynccontextmanager
async def _given_up(meeting: Meeting) -> AsyncIterator[None]:
    """Whoever interrupts before the end leaves the pairing."""
    try:
        yield
    except BaseException:
        meeting.no(LEFT)
        raise


def _join_row(meeting: Meeting, call: Call) -> JoinRow:
    other, me = meeting.other, _book(call).me
    return JoinRow(
        state="joined" if me is not None else "words",
        words=meeting.words,
        host=HostRef(label=other.label, public_key=other.key.hex()),
        cluster=other.cluster.hex() if other.cluster is not None else "",
        role=other.role.value,
        label=me.label if me is not None else "",
    )


# -- host approve, host refuse, host pending


async def approve(call: Call) -> Outcome:
    """Say yes to the pairing that shows these words, and wait for its end."""
    meeting = _pairing(call).approve(" ".join(call.args["words"]), call.args["label"] or "")
    invited = meeting.other.cluster is None
    label = meeting.label if invited else meeting.other.label
    row = HostRef(label=label, public_key=meeting.other.key.hex())
    if call.args["no_wait"]:
        return Outcome(data=row, text=f"yes to {label}; `host pending` shows how it stands")
    await meeting.result()
    what = f"{label} has joined" if invited else f"this host has joined the cluster of {label}"
    return Outcome(data=row, text=what)


async def refuse(call: Call) -> Outcome:
    """Take an invitation back, or end the pairing under way."""
    pairing, number = _pairing(call), call.args["invitation"]
    found = pairing.inviting.invitations
    if number is None:
        gone = [*found.live()]
        mine = pairing.joining.meeting
        if mine is not None and not mine.over.is_set():
            mine.no(LEFT)
            return Outcome(data=[], text="this host's joining was ended")
    else:
        one = found.numbered(number)
        if one is None:
            raise VerbError(ExitCode.NOT_FOUND, f"no invitation {number} is open; `host pending` lists them")
        gone = [one]
    for one in gone:
        pairing.inviting.withdraw(one)
    rows = [one.number for one in gone]
    many = "1 invitation was" if len(rows) == 1 else f"{len(rows)} invitations were"
    return Outcome(data=rows, text=f"{many} taken back" if rows else "none was open")


async def pending(call: Call) -> Outcome:
    """The open invitations, and the pairings that wait for words."""
    pairing = _pairing(call)
    rows = []
    for one in pairing.inviting.invitations.live():
        meeting = pairing.inviting.meetings.get(one.number)
        rows.append(
            PendingRow(
                invitation=one.number,
                role=one.role.value,
                label=one.name or (meeting.label if meeting is not None else ""),
                expires_seconds=pairing.inviting.left(one),
                failures=one.failures,
                words=meeting.words if meeting is not None else "",
                state=_state(meeting),
            )
        )
    mine = pairing.joining.meeting
    if mine is not None and not mine.over.is_set():
        other = mine.other
        rows.append(
            PendingRow(
                role=other.role.value, label=other.label, words=mine.words, state=_state(mine), joins=True
            )
        )
    return Outcome(data=rows)


def _state(meeting: Meeting | None) -> str:
    if meeting is None:
        return "open"
    if meeting.waits_for_us:
        return "waits for this host's yes"
    return "waits for the other side"


_NO_WAIT = Option(flags=("--no-wait",), name="no_wait", flag=True, help="do not wait; `host approve` goes on")

VERBS = (
    Verb(
        name="host invite",
        group="hosts",
        summary="let another host into the cluster: prints a code for `host join`",
        help=(
            "The code holds for 10 minutes and for one host. Both screens then show three words; each\n"
            "person says yes if they are the same. The first invitation of all begins a cluster.\n"
            "The role is what the other host's users may do on the hosts of the cluster.\n"
            "The code carries the addresses of this host; over the mesh, the key of its visor. Where no\n"
            "address leads here from everywhere and `reach` runs, it carries that too."
        ),
        examples=(
            "host invite",
            "host invite --role operate --for edge-7",
            "host invite --addr gate.example:7792",
            "host invite --mesh",
        ),
        options=(
            Option(
                flags=("--role",),
                name="role",
                default="view",
                choices=tuple(role.value for role in Role),
                help="what the new host may do on the others",
            ),
            Option(
                flags=("--for",),
                name="name",
                metavar="LABEL",
                help="what the new host is called; its own name",
            ),
            Option(
                flags=("--addr",),
                name="addresses",
                many=True,
                default=(),
                metavar="HOST[:PORT]",
                help="where the new host reaches this one; the addresses it has",
            ),
            Option(
                flags=("--port",),
                name="port",
                kind="int",
                at_least=1,
                metavar="N",
                help="listen there for the new host; 7792, or a free one",
            ),
            Option(
                flags=("--mesh",),
                name="mesh",
                flag=True,
                help="by the key of this host's visor, and no address but those of --addr; needs `s reach`",
            ),
            _NO_WAIT,
        ),
        result=InviteRow,
        name_of=lambda row: row.code,
        role=Role.ADMIN,
        handler=invite,
    ),
    Verb(
        name="host join",
        group="hosts",
        summary="join the cluster of the host that made a code",
        help=(
            "Both screens show three words; each person says yes if they are the same. Without a\n"
            "terminal, or with --no-wait, `host approve WORDS` says it, with the other screen's words."
        ),
        examples=("host join aebagbaf-...-qk4a",),
        args=(Arg(name="code", many=True, help="what `host invite` printed", private=True),),
        options=(_NO_WAIT,),
        result=JoinRow,
        name_of=lambda row: row.words,
        role=Role.ADMIN,
        handler=join,
    ),
    Verb(
        name="host approve",
        group="hosts",
        summary="say yes to a pairing, with the words that the other screen shows",
        help="Other words than this host's end the pairing, and burn its code: somebody may be in between.",
        examples=("host approve lusab babad gutih", "host approve lusab babad gutih --label edge-8"),
        args=(Arg(name="words", many=True, help="the three words on the other screen", private=True),),
        options=(
            Option(flags=("--label",), name="label", metavar="NAME", help="what it is called"),
            Option(flags=("--no-wait",), name="no_wait", flag=True, help="do not wait for the other side"),
        ),
        result=HostRef,
        name_of=lambda row: row.label,
        role=Role.ADMIN,
        handler=approve,
    ),
    Verb(
        name="host refuse",
        group="hosts",
        summary="take an invitation back, or end the pairing under way",
        examples=("host refuse", "host refuse 2"),
        args=(Arg(name="invitation", kind="int", required=False, help="its number; all of them"),),
        result=list[int],
        name_of=str,
        role=Role.ADMIN,
        handler=refuse,
    ),
    Verb(
        name="host pending",
        group="hosts",
        summary="open invitations, and pairings that wait for words",
        result=list[PendingRow],
        columns=(
            Column(
                title="invitation", text=lambda row: "" if row.invitation is None else str(row.invitation)
            ),
            Column(title="host", text=lambda row: row.label),
            Column(title="role", text=lambda row: row.role),
            Column(title="state", text=lambda row: row.state),
            Column(title="words", text=lambda row: row.words),
            Column(
                title="ends in",
                text=lambda row: "" if row.expires_seconds is None else span(row.expires_seconds),
                right=True,
            ),
        ),
        name_of=lambda row: row.label,
        handler=pending,
    ),
)
