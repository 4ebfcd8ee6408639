"""Apps that a host's config.yaml has the cluster run: what is to be ordered, changed or taken away. Pure.

An order says whose file it came from (`file`, nothing for one by hand), and that holds against the others:

    nothing is held              the file orders it, if it starts by itself (`autostart`)
    it stands as the file says   nothing is done, whoever ordered it
    it stands otherwise          by this file: changed. By another's, or by hand: that one was first and holds
    it was taken away            by hand: stays away until `apply`. By the file that had it: this orders it
    the file has it no more      taken away, if it came from this file
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET

from signal_bus.ids import PublicKey
from viscript.cluster.desired.place import parse
from viscript.cluster.desired.record import Deployment
from viscript.cluster.desired.trust import is_gone
from viscript.config.model import App, Placement, is_placed
from viscript.config.placing import place_of
from viscript.supervisor.api import AppEntry

Fields = dict[str, Any]  # Any: the fields of a Deployment


class Act(StrEnum):
    """What is done about an app of the file; the words are those of an apply plan."""

    ORDER = "add"
    CHANGE = "update"
    WITHDRAW = "stop"
    LEAVE = "unchanged"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a file says of one app."""

    app: str
    entry: bytes
    place: str
    count: int
    spread: str
    exclusive: bool
    by_itself: bool = True  # ordered without being asked for

    @property
    def where(self) -> str:
        """For people: where, and how many."""
        return f"{self.count} on {self.place}" if self.count > 1 else f"on {self.place}"


@dataclass(frozen=True)
class Verdict:
    """What to do, and why."""

    app: str
    act: Act
    reason: str
    contested: bool = False  # another order holds, and says something else


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a file is judged by."""

    me: PublicKey
    held: Mapping[str, Deployment]  # the newest order of each app, also one that takes it away
    now: float
    believed: Callable[[PublicKey], bool]  # whether a signer may order
    name_of: Callable[[bytes], str]  # of a host
    filed: Collection[str] = ()  # the apps that this host's file ordered before
    again: bool = False  # what was taken away by hand is ordered again


def travelling(entry: AppEntry) -> bytes:
    """The app as other hosts can run it; one of a plugin each host has itself, by its name.

    Where and how often it runs is not of the app: a change of that starts nothing anew.
    """
    if entry.source.startswith("plugin "):
        return b""
    spec = entry.spec
    if is_placed(spec):
        spec = msgspec.structs.replace(spec, host=None, placement=None, autostart=False)
    return msgspec.msgpack.encode(msgspec.structs.replace(entry, spec=spec, file="", deployed=None))


def wish_of(entry: AppEntry) -> Wish:
    """What the block of an app with `host` or `placement` says."""
    spec: App = entry.spec
    placement, place = spec.placement or Placement(), place_of(spec)
    several = parse(place).host == ""
    return Wish(
        app=entry.name,
        entry=travelling(entry),
        place=place,
        count=placement.count,
        spread=placement.spread or "",
        exclusive=several if placement.exclusive is UNSET else placement.exclusive,
        by_itself=spec.autostart,
    )


def wishes(apps: Mapping[str, AppEntry]) -> list[Wish]:
    """Of all apps that a host knows, those that the cluster is to run."""
    return [wish_of(entry) for entry in apps.values() if is_placed(entry.spec)]


def judge(wanted: Iterable[Wish], around: Around, *, may_withdraw: bool) -> list[Verdict]:
    """What is to be done about each, and about those that the file has no more."""
    by_app = {wish.app: wish for wish in wanted}
    verdicts = [judged(wish, around) for wish in by_app.values()]
    for app, held in around.held.items():
        ours = held.file == around.me and not is_gone(held, around.now)
        if ours and app not in by_app and may_withdraw:
            verdicts.append(Verdict(app, Act.WITHDRAW, "removed from the file"))
    return verdicts


def judged(wish: Wish, around: Around) -> Verdict:
    """What is to be done about one."""
    held = around.held.get(wish.app)
    if held is None or is_gone(held, around.now):
        return _missing(wish, held, around)
    if not around.believed(held.by):
        return Verdict(wish.app, Act.ORDER, f"{wish.where}; who ordered it before may not operate any more")
    keys = differences(wish, held, exact=held.file == around.me)
    if not keys:
        return Verdict(wish.app, Act.LEAVE, f"ordered {wish.where}")
    changed = ", ".join(keys)
    if held.file == around.me:
        return Verdict(wish.app, Act.CHANGE, f"changed: {changed}")
    if held.file:
        text = f"the file of {around.name_of(held.file)} ordered it first, with another {changed}; that holds"
    else:
        text = f"it was deployed by hand, with another {changed}; that holds until `deploy rm {wish.app}`"
    return Verdict(wish.app, Act.LEAVE, text, contested=True)


def _missing(wish: Wish, held: Deployment | None, around: Around) -> Verdict:
    if not wish.by_itself:
        return Verdict(wish.app, Act.LEAVE, f"`start {wish.app}` orders it {wish.where}")
    by_hand = held is not None and not held.file
    if by_hand and wish.app in around.filed and not around.again:
        return Verdict(wish.app, Act.LEAVE, "it was taken away by hand; `apply` orders it again")
    return Verdict(wish.app, Act.ORDER, f"new; {wish.where}")


def differences(wish: Wish, held: Deployment, *, exact: bool) -> list[str]:
    """The keys in which what stands is not what the file says. Another host's file may lie elsewhere."""
    pairs: tuple[tuple[str, object, object], ...] = (
        ("host", wish.place, held.place),
        ("count", wish.count, held.count),
        ("spread", wish.spread, held.spread),
        ("exclusive", wish.exclusive, held.exclusive),
        ("program", _entry(wish.entry, exact), _entry(held.entry, exact)),
        ("arguments", (), held.args),
        ("environment", {}, held.env),
        ("expiry", 0.0, held.expires),
    )
    return [key for key, here, there in pairs if here != there]


def _entry(data: bytes, exact: bool) -> object:
    """What is compared of an app: its meaning, since other versions write it otherwise."""
    try:
        found = msgspec.msgpack.decode(data, type=AppEntry) if data else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return data
    return found if exact or found is None else msgspec.structs.replace(found, folder="", source="")


def decide(
    verdict: Verdict, wish: Wish | None, held: Deployment | None, around: Around
) -> tuple[Verdict, Fields | None]:
    """The verdict by what is held at the moment of writing, and the order's fields; None: none is given."""
    if wish is None:
        if held is None or held.file != around.me or is_gone(held, around.now):
            return Verdict(verdict.app, Act.LEAVE, "it is not this file's any more"), None
        return verdict, {**msgspec.structs.asdict(held), "entry": b"", "env": {}, "gone": True}
    now = judged(wish, replace(around, held={} if held is None else {wish.app: held}))
    return now, None if now.act is Act.LEAVE else _fields(wish, now, held, around.me)


def _fields(wish: Wish, verdict: Verdict, held: Deployment | None, me: PublicKey) -> Fields:
    """Of the order; what was moved or started anew by hand stays so through a change."""
    fields: Fields = {
        "entry": wish.entry,
        "place": wish.place,
        "count": wish.count,
        "spread": wish.spread,
        "exclusive": wish.exclusive,
        "file": bytes(me),
    }
    if verdict.act is Act.CHANGE and held is not None:
        fields["restarts"] = held.restarts
        if (held.place, held.count) == (wish.place, wish.count):
            fields["pins"] = held.pins
    return fields
