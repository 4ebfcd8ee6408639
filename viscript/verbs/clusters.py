"""peer key, listen, cluster, accept, refuse, rm, ls: other clusters, and what each shares with the other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.fingerprint import fingerprint
from viscript.render.human import span
from viscript.verbs.reach import daemon
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Style, Verb

if TYPE_CHECKING:
    from signal_bus.ids import PublicKey
    from viscript.cluster.peering.gateway import Gateway
    from viscript.cluster.peering.standing import Peering
    from viscript.cluster.peering.terms import Share

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_STYLES: Final[dict[str, Style]] = {
    "peered": "good", "proposed": "busy", "asks": "busy", "refused": "bad", "barred": "dim",
}  # fmt: skip
_WORDED: Final = frozenset({"asks", "proposed"})
_WORDS_MAX: Final = 8  # keys whose words are shown in a list: each takes a moment to work out
TELL_S: Final = 10.0  # that a person waits for the other side to hear it
ALONE: Final = "this host is in no cluster; begin one with: host invite"
_NOT_HERE: Final = "the cluster's key is not on this host: peers are kept where the cluster was founded"


class OwnClusterRow(msgspec.Struct, frozen=True, kw_only=True):
    """The key of this cluster, and where other clusters reach it."""

    public_key: str
    words: str
    visor: str = ""  # the key of the visor that leads to it, in hexadecimal
    addresses: tuple[str, ...] = ()


class PeerClusterRow(msgspec.Struct, frozen=True, kw_only=True):
    """Another cluster: how this one stands with it, and what each shares."""

    name: str  # here; empty when it has none
    public_key: str
    standing: Literal["strangers", "proposed", "asks", "peered", "refused", "barred"]
    label: str = ""  # what it calls itself
    shared: tuple[str, ...] = ()
    role: str = "view"
    theirs: tuple[str, ...] = ()
    their_role: str = "view"
    since: float | None = None
    ways: tuple[str, ...] = ()
    words: str = ""


def gateway(call: Call) -> Gateway:
    """The gateway of this cluster. Raises `VerbError` where this host is not it."""
    world = daemon(call)
    found: Gateway | None = world.peering.gateway if world.peering is not None else None
    if found is not None:
        return found
    alone = world.book is None or world.book.roster is None
    raise VerbError(ExitCode.FAILED, ALONE if alone else _NOT_HERE)


# -- peer key, peer listen


async def key(call: Call) -> Outcome:
    """This cluster's own key, for the other side to type."""
    made = gateway(call)
    return await _own(call, made)


async def listen(call: Call) -> Outcome:
    """Open a TCP port to other clusters, or close it."""
    made, side = gateway(call), daemon(call).peering
    if call.args["off"]:
        await side.deaf(made)
    else:
        await side.listen(made, call.args["port"])
    return await _own(call, made)


async def _own(call: Call, made: Gateway) -> Outcome:
    own = made.own()
    assert own is not None, "a gateway has it"
    row = OwnClusterRow(
        public_key=own.name,
        words=await asyncio.to_thread(fingerprint, own.name),
        visor=made.ways.visor,
        addresses=daemon(call).peering.addresses(),
    )
    where = [f"tcp      {address}" for address in row.addresses]
    where += [f"mesh     by its key, through the visor {row.visor[:16]}"] if row.visor else []
    nowhere = "no other cluster can reach it: start `reach`, or `peer listen`"
    lines = [f"cluster  {row.public_key}", f"words    {row.words}", *(where or [nowhere])]
    return Outcome(data=row, text="\n".join(lines))


# -- peer cluster, peer accept


async def propose(call: Call) -> Outcome:
    """Say to another cluster what this one would share with it; to a peer, what it shares from now on."""
    made, wanted = gateway(call), _any_key(gateway(call), call.args["key"])
    before = made.register.get(wanted)
    after = await made.consent(wanted, _share(call, before), name=_name(call), at=_ways(call))
    return await _told(call, made, after)


async def accept(call: Call) -> Outcome:
    """Say yes to a cluster that asks."""
    made = gateway(call)
    before = made.register.find(call.args["key"])
    if before.standing not in ("asks", "peered"):
        text = f"{before.called} does not ask (it is {before.standing}); `peer cluster` proposes"
        raise VerbError(ExitCode.FAILED, text)
    after = await made.consent(before.key, _share(call, before), name=_name(call), at=_ways(call))
    return await _told(call, made, after)


async def _told(call: Call, made: Gateway, after: Peering) -> Outcome:
    """Have them hear it now, if they can be reached."""
    trouble = await made.tell(after, TELL_S)
    row = await _row(made.register.get(after.key), worded=True)
    notes = [f"they do not know yet: {trouble}; it is tried again and again"] if trouble else []
    if not made.ways.visor and not daemon(call).peering.addresses():
        notes.append("they cannot ask this cluster before it can be reached: start `reach`, or `peer listen`")
    notes += [f"this host knows no app {app}; another of yours may" for app in _strange(call, row.shared)]
    return Outcome(data=row, text=_sentence(row), notes=tuple(notes))


def _sentence(row: PeerClusterRow) -> str:
    ours = f"{', '.join(row.shared) or 'nothing'}{f' ({row.role})' if row.shared else ''}"
    theirs = f"{', '.join(row.theirs) or 'nothing'}{f' ({row.their_role})' if row.theirs else ''}"
    ask = f"on {row.name or row.public_key[:16]}/@all la"
    tail = {
        "peered": f"they share: {theirs}\nask them with: {ask}",
        "proposed": "they have not said yes yet; on the other side: peer accept",
    }.get(row.standing, "")
    head = f"{row.public_key}\nwords       {row.words}\nis          {row.standing}\nwe share    {ours}"
    return f"{head}\n{tail}".rstrip()


def _strange(call: Call, apps: Sequence[str]) -> list[str]:
    known = daemon(call).supervisor.apps()
    return [app for app in apps if app not in known]


def _share(call: Call, before: Peering) -> Share:
    """What is shared from now on; what was shared stays where nothing is said of it. Raises `VerbError`."""
    from viscript.cluster.peering.terms import Share

    apps = tuple(app for text in call.args["share"] for app in text.split(",") if app)
    role = Role(call.args["role"]) if call.args["role"] else before.mine.role
    try:
        return msgspec.convert({"apps": apps or before.mine.apps, "role": role}, Share)
    except msgspec.ValidationError as exc:
        raise VerbError(
            ExitCode.USAGE, f"--share takes up to 64 names of apps, parted by commas: {exc}"
        ) from exc


def _name(call: Call) -> str:
    from viscript.cluster.pairing.membership import check_label

    return check_label(call.args["name"]) if call.args["name"] else ""


def _ways(call: Call) -> tuple[str, ...]:
    """Where it is reached, as a person says: tcp://HOST:PORT, or a node of the mesh. Raises `VerbError`."""
    from viscript.cluster.model import ADDRESS

    found = tuple(call.args["at"])
    for text in found:
        if "://" in text and not re.match(ADDRESS, text):
            raise VerbError(ExitCode.USAGE, f"--at {text}: it is tcp://HOST:PORT, or a node of the mesh")
    if len(found) > 8:
        raise VerbError(ExitCode.USAGE, "--at: at most 8 ways")
    return found


def _any_key(made: Gateway, text: str) -> PublicKey:
    """A whole key, or a cluster that is known already. Raises `VerbError`."""
    from signal_bus.ids import PublicKey
    from viscript.cluster.peering.sealed import BadChannel, check_key

    if not _KEY.fullmatch(text.lower()):
        try:
            return made.register.find(text).key
        except VerbError as exc:
            hint = "a cluster is named by the 64 digits that `peer key` shows there"
            raise VerbError(exc.code, f"{exc.text}; {hint}", detail=exc.detail) from exc
    found = PublicKey(bytes.fromhex(text))
    try:
        check_key(found)
    except BadChannel as exc:
        raise VerbError(ExitCode.USAGE, f"{text} is no key: {exc}") from exc
    return found


# -- peer refuse, peer rm, peer ls


async def refuse(call: Call) -> Outcome:
    """Say no to a cluster that asks; it is not heard any more."""
    made = gateway(call)
    one = made.register.find(call.args["key"])
    if one.standing != "asks":
        raise VerbError(
            ExitCode.FAILED, f"{one.called} does not ask (it is {one.standing}); `peer rm` ends it"
        )
    await made.end(one)
    row = await _row(made.register.get(one.key))
    return Outcome(data=row, text=f"{one.called} is not heard any more (`peer rm` forgets that)")


async def remove(call: Call) -> Outcome:
    """End it in both directions; what they were being answered ends at once."""
    made = gateway(call)
    one = made.register.find(call.args["key"])
    if one.standing == "asks":
        raise VerbError(ExitCode.FAILED, f"{one.called} only asks: peer refuse {one.called}")
    heard = await made.end(one)
    row = await _row(made.register.get(one.key))
    note = () if heard else (f"{one.called} cannot be told now; it finds out when it asks",)
    return Outcome(data=row, text=f"{one.called} is a stranger again", notes=note)


async def ls(call: Call) -> Outcome:
    """The clusters this one knows, and how it stands with each."""
    found = gateway(call).register.all()
    worded = [one.key for one in found if one.standing in _WORDED][:_WORDS_MAX]
    rows = [await _row(one, worded=one.key in worded) for one in found]
    empty = "no other cluster is known; `peer key` shows the key of this one" if not rows else None
    return Outcome(data=rows, text=empty)


async def _row(one: Peering, *, worded: bool = False) -> PeerClusterRow:
    text = one.key.hex()
    return PeerClusterRow(
        name=one.name,
        public_key=text,
        standing=one.standing.value,
        label=one.label,
        shared=one.mine.apps,
        role=one.mine.role.value,
        theirs=one.theirs.apps,
        their_role=one.theirs.role.value,
        since=one.since or None,
        ways=(*one.at, *one.told, *filter(None, (one.visor,))),
        words=await asyncio.to_thread(fingerprint, text) if worded else "",
    )


def _apps(apps: Sequence[str], role: str) -> str:
    return f"{','.join(apps)} ({role})" if apps else ""


def _since(row: Any, now: float) -> str:  # Any: rows reach columns untyped
    return "" if row.since is None else span(max(0.0, now - row.since))


_SHARE: Final = (
    Option(
        flags=("--share",), name="share", many=True, metavar="APP[,APP]",
        help="apps of ours that they may see, on all our hosts",
    ),
    Option(
        flags=("--role",), name="role", choices=("view", "operate"),
        help="what they may do with these; view: look",
    ),
    Option(flags=("--as",), name="name", metavar="NAME", help="what it is called here"),
    Option(
        flags=("--at",), name="at", many=True, metavar="WAY",
        help="where it is reached: tcp://HOST:PORT, or a node of the mesh; by its key where left out",
    ),
)  # fmt: skip
_WHICH: Final = (Arg(name="key", help="the cluster: its name here, or its key (8 digits at least)"),)
_COLUMNS: Final = (
    Column(title="cluster", text=lambda row: row.name or row.public_key[:16]),
    Column(title="is", text=lambda row: row.standing, style=lambda row: _STYLES.get(row.standing)),
    Column(title="calls itself", text=lambda row: row.label),
    Column(title="we share", text=lambda row: _apps(row.shared, row.role), shrink=True),
    Column(title="they share", text=lambda row: _apps(row.theirs, row.their_role), shrink=True),
    Column(title="words", text=lambda row: row.words, shrink=True),
    Column(title="key", text=lambda row: row.public_key, wide=True),
    Column(title="ways", text=lambda row: " ".join(row.ways), wide=True, shrink=True),
)

VERBS = (
    Verb(
        name="peer key",
        group="hosts",
        summary="the key of this cluster, for another cluster to name it by",
        result=OwnClusterRow,
        name_of=lambda row: row.public_key,
        handler=key,
    ),
    Verb(
        name="peer listen",
        group="hosts",
        summary="open a TCP port to other clusters, also after a restart",
        help="The mesh needs none: there a cluster is found by its key, once `reach` runs.",
        examples=("peer listen", "peer listen --port 7793", "peer listen --off"),
        options=(
            Option(
                flags=("--port",), name="port", kind="int", at_least=1, metavar="N",
                help="7793, or a free one",
            ),
            Option(flags=("--off",), name="off", flag=True, help="close it"),
        ),
        result=OwnClusterRow,
        name_of=lambda row: row.public_key,
        role=Role.ADMIN,
        handler=listen,
    ),
    Verb(
        name="peer cluster",
        group="hosts",
        summary="propose to another cluster what this one shares with it",
        help=(
            "Nothing is shared until the other side has said `peer accept`. They then see the apps named\n"
            "here, on all hosts of this cluster, and nothing else: `on KEY/@all la` there. Said again, it\n"
            "changes what is shared, at once."
        ),
        examples=("peer cluster 3f2a...9c01 --share web", "peer cluster lab --share web,db --role operate"),
        args=(Arg(name="key", help="its key, as `peer key` shows it there, or its name here"),),
        options=_SHARE,
        result=PeerClusterRow,
        name_of=lambda row: row.public_key,
        role=Role.ADMIN,
        handler=propose,
    ),
    Verb(
        name="peer accept",
        group="hosts",
        summary="say yes to a cluster that asks; what this one shares in return is said here too",
        examples=("peer accept 3f2a9c01", "peer accept 3f2a9c01 --share mail --as lab"),
        args=_WHICH,
        options=_SHARE,
        result=PeerClusterRow,
        name_of=lambda row: row.public_key,
        role=Role.ADMIN,
        handler=accept,
    ),
    Verb(
        name="peer refuse",
        group="hosts",
        summary="say no to a cluster that asks",
        examples=("peer refuse 3f2a9c01",),
        args=_WHICH,
        result=PeerClusterRow,
        name_of=lambda row: row.public_key,
        role=Role.ADMIN,
        handler=refuse,
    ),
    Verb(
        name="peer rm",
        group="hosts",
        summary="end it with another cluster, at once and in both directions",
        examples=("peer rm lab",),
        args=_WHICH,
        result=PeerClusterRow,
        name_of=lambda row: row.public_key,
        role=Role.ADMIN,
        handler=remove,
    ),
    Verb(
        name="peer ls",
        aliases=("peer list",),
        group="hosts",
        summary="other clusters, how this one stands with them, and what is shared",
        examples=("peer ls", "peer ls -o wide"),
        result=list[PeerClusterRow],
        columns=_COLUMNS,
        name_of=lambda row: row.name or row.public_key,
        handler=ls,
    ),
)  # fmt: skip
