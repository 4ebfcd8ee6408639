"""What is done about an app of a file, case by case; what a daemon does of it is in test_placing."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from signal_bus.ids import PublicKey
from tests.support.rosters import host
from viscript.cluster.desired.filed import (
    Act,
    Around,
    Verdict,
    decide,
    differences,
    judge,
    judged,
    travelling,
    wish_of,
    wishes,
)
from viscript.cluster.desired.record import Deployment
from viscript.config.model import App, Placement
from viscript.supervisor.api import AppEntry

ME, OTHER = host(1).public_key, host(2).public_key


def entry(name: str = "web", source: str = "config.yaml", folder: str = "/etc", **spec: object) -> AppEntry:
    return AppEntry(
        name=name,
        source=source,
        spec=App(**{"host": "any", "autostart": True, **spec}),  # type: ignore[arg-type]  # fields of an App
        argv=("/bin/web",),
        folder=folder,
        file="/etc/config.yaml",
    )


def around(held: Deployment | None = None, **more: object) -> Around:
    given: dict[str, object] = {
        "me": ME,
        "held": {} if held is None else {held.app: held},
        "now": 100.0,
        "believed": lambda signer: True,
        "name_of": lambda key: "h2",
        **more,
    }
    return Around(**given)  # type: ignore[arg-type]  # as above


def order(made: AppEntry, file: bytes = bytes(OTHER), by: PublicKey = OTHER, **more: object) -> Deployment:
    wish = wish_of(made)
    fields = {
        "cluster": host(200).public_key,
        "app": wish.app,
        "entry": wish.entry,
        "place": wish.place,
        "count": wish.count,
        "spread": wish.spread,
        "exclusive": wish.exclusive,
        "file": file,
        "by": by,
        **more,
    }
    return Deployment(**fields)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    "spec, place, count, exclusive",
    [
        ({"host": "h2"}, "h2", 1, False),
        ({"host": "role=edge"}, "role=edge", 1, True),
        ({"host": None, "placement": Placement(count=3)}, "any", 3, True),
        ({"host": "h2", "placement": Placement(exclusive=True)}, "h2", 1, True),
        ({"host": "any", "placement": Placement(exclusive=False)}, "any", 1, False),
    ],
)
def test_a_block_is_read(spec: dict[str, Any], place: str, count: int, exclusive: bool) -> None:
    wish = wish_of(entry(**spec))
    assert (wish.place, wish.count, wish.exclusive) == (place, count, exclusive)


def test_only_apps_with_a_place_are_the_clusters() -> None:
    apps = {"web": entry(), "own": entry("own", host=None)}
    assert [wish.app for wish in wishes(apps)] == ["web"]


def test_where_and_how_often_it_runs_is_not_of_the_app() -> None:
    assert travelling(entry(host="h2")) == travelling(entry(host=None, placement=Placement(count=2)))
    assert travelling(entry(host=None)) != travelling(entry(host=None, autostart=False))
    assert travelling(entry(source="plugin socks")) == b""


def test_another_hosts_file_may_lie_elsewhere_and_ones_own_may_not() -> None:
    there = order(entry(folder="/home/x", source="other.yaml"))
    assert differences(wish_of(entry()), there, exact=False) == []
    assert differences(wish_of(entry()), there, exact=True) == ["program"]


def test_an_order_that_is_not_understood_differs() -> None:
    odd = order(entry(), entry=b"\xc1")
    assert differences(wish_of(entry()), odd, exact=False) == ["program"]


def test_what_an_order_by_hand_has_besides_is_a_difference() -> None:
    odd = order(entry(), file=b"", args=("x",), env={"A": "b"}, expires=200.0)
    verdict = judged(wish_of(entry()), around(odd))
    assert verdict.contested
    assert "another arguments, environment, expiry" in verdict.reason


def test_what_has_expired_is_ordered() -> None:
    assert judged(wish_of(entry()), around(order(entry(), expires=50.0))).act is Act.ORDER


def test_what_another_file_took_away_is_ordered_and_what_a_hand_did_only_for_the_first_time() -> None:
    gone = order(entry(), gone=True)
    assert judged(wish_of(entry()), around(gone, filed=["web"])).act is Act.ORDER
    by_hand = order(entry(), file=b"", gone=True)
    assert judged(wish_of(entry()), around(by_hand, filed=["web"])).act is Act.LEAVE
    assert judged(wish_of(entry()), around(by_hand)).act is Act.ORDER
    assert judged(wish_of(entry()), around(by_hand, filed=["web"], again=True)).act is Act.ORDER


def test_only_what_this_file_ordered_is_withdrawn() -> None:
    held = {
        "mine": order(entry("mine"), file=bytes(ME)),
        "theirs": order(entry("theirs")),
        "hand": order(entry("hand"), file=b""),
        "gone": order(entry("gone"), file=bytes(ME), gone=True),
    }
    known = replace(around(), held=held)
    verdicts = judge([], known, may_withdraw=True)
    assert [(one.app, one.act) for one in verdicts] == [("mine", Act.WITHDRAW)]
    assert judge([], known, may_withdraw=False) == []


def test_the_last_word_is_what_is_held_when_it_is_written() -> None:
    wish, new = wish_of(entry()), Verdict("web", Act.ORDER, "new")
    verdict, fields = decide(new, wish, order(entry()), around())
    assert (verdict.act, fields) == (Act.LEAVE, None)
    verdict, fields = decide(new, wish, None, around())
    assert verdict.act is Act.ORDER
    assert fields is not None
    assert fields["file"] == ME
    taken = Verdict("web", Act.WITHDRAW, "removed")
    for held in (None, order(entry()), order(entry(), file=bytes(ME), gone=True)):
        assert decide(taken, None, held, around())[1] is None
    _, fields = decide(taken, None, order(entry(), file=bytes(ME)), around())
    assert fields is not None
    assert (fields["gone"], fields["file"], fields["entry"]) == (True, ME, b"")


def test_a_change_keeps_how_often_it_was_started_anew() -> None:
    held = order(entry(), file=bytes(ME), restarts=3, pins={1: OTHER}, args=("x",))
    _, fields = decide(Verdict("web", Act.CHANGE, ""), wish_of(entry()), held, around())
    assert fields is not None
    assert (fields["restarts"], fields["pins"]) == (3, {1: OTHER})
    assert "args" not in fields


def test_what_is_ordered_is_what_a_record_takes() -> None:
    _, fields = decide(Verdict("web", Act.ORDER, ""), wish_of(entry()), None, around())
    assert fields is not None
    assert set(fields) <= set(msgspec.structs.asdict(order(entry())))
