"""The facts about an instance, out of what a host knows."""

import pytest

from tests.support.rosters import host
from viscript.cluster.desired.keys import Observed
from viscript.cluster.desired.record import Deployment
from viscript.cluster.desired.slots import ANOTHERS, UNCLAIMED, Assigned, Local, Step, step
from viscript.cluster.desired.view import Held, View, local_of
from viscript.config.model import App
from viscript.supervisor.api import AppEntry, Deployed
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

ME, OTHER, BY = (host(number).public_key for number in range(3))
WEB = Deployment(cluster=ME, app="web", count=3, by=BY)
SLOT = ("web", 2)


def managed(
    phase: Phase = Phase.READY, *, fence: int = 7, what: str = WEB.what, cause: str = "", lease: str = "5"
) -> Managed:
    told = Deployed(app="web", number=2, version=1, what=what, fence=fence, lease=lease)
    entry = AppEntry(name="web", source="deployed", spec=App(), argv=("x",), deployed=told)
    return Managed(seq=4, name="web", entry=entry, since=0.0, phase=phase, cause=cause)


def view(**more: object) -> View:
    given = {
        "me": ME,
        "label": "h1",
        "lease": 5,
        "kept": True,
        "deployments": {"web": WEB},
        "believed": frozenset({BY}),
        "assigned": {SLOT: ME},
        "claims_at": 100,
    }
    return View(**{**given, **more})  # type: ignore[arg-type]  # a test's own fields


@pytest.mark.parametrize(
    "more,assigned",
    [
        ({}, Assigned.MINE),
        ({"assigned": {SLOT: OTHER}}, Assigned.OTHERS),
        ({"assigned": {}}, Assigned.NOBODY),
        ({"deployments": {}}, Assigned.GONE),
        ({"deployments": {"web": Deployment(cluster=ME, app="web", count=1, by=BY)}}, Assigned.GONE),
    ],
)
def test_whose_an_instance_is(more: dict[str, object], assigned: Assigned) -> None:
    assert view(**more).facts(SLOT, None).assigned is assigned


@pytest.mark.parametrize(
    "more,claim",
    [
        ({}, UNCLAIMED),
        ({"claims": {SLOT: Held(5, 40)}}, 40),
        ({"claims": {SLOT: Held(6, 40)}}, ANOTHERS),
        ({"claims": {SLOT: Held(0, 40)}, "lease": 0}, ANOTHERS),
    ],
)
def test_whose_a_claim_is(more: dict[str, object], claim: int) -> None:
    assert view(**more).facts(SLOT, None).claim == claim


def test_a_claim_that_was_just_made_counts_before_it_is_seen() -> None:
    assert view(claims_at=6).facts(SLOT, managed()).claim == 7
    assert view(claims_at=7).facts(SLOT, managed()).claim == UNCLAIMED


def test_a_claim_that_was_never_seen_is_gone_with_the_lease_it_was_made_under() -> None:
    """Its number may be above all that is seen for long: the store is not followed, or has begun anew."""
    ended = managed(Phase.FATAL, lease="4", cause="lease-lost")
    facts = view(claims_at=6).facts(SLOT, ended)
    assert facts.claim == UNCLAIMED
    assert step(facts) is Step.CLAIM
    other = view(claims_at=6, claims={SLOT: Held(9, 6)}).facts(SLOT, managed(lease="4"))
    assert step(other) is Step.STOP


@pytest.mark.parametrize(
    "more,able",
    [
        ({}, True),
        ({"believed": frozenset()}, False),
        ({"deployments": {"web": Deployment(cluster=ME, app="web", count=3, place="h2", by=BY)}}, False),
        ({"deployments": {}}, False),
    ],
)
def test_what_may_begin_here(more: dict[str, object], able: bool) -> None:
    assert view(**more).facts(SLOT, None).may_start is able


@pytest.mark.parametrize(
    "what,state,able", [("old", "ready", False), (WEB.what, "starting", False), (WEB.what, "ready", True)]
)
def test_a_lower_number_is_replaced_first(what: str, state: str, able: bool) -> None:
    first = Observed(app="web", number=1, what=what, seq=1, state=state)
    seen = view(observed={("web", 1): first})
    assert seen.facts(SLOT, managed(what="older")).may_start is able
    assert seen.facts(SLOT, None).may_start, "what does not run waits for nobody"


def test_what_still_has_a_fence_is_held_by_it_though_the_order_is_another() -> None:
    free = Deployment(cluster=ME, app="web", count=3, exclusive=False, by=BY)
    assert view(deployments={"web": free}).facts(SLOT, managed()).exclusive
    assert not view(deployments={"web": free}).facts(SLOT, None).exclusive
    assert view(deployments={}).facts(SLOT, managed()).exclusive


def test_all_that_concerns_this_host_is_looked_at() -> None:
    seen = view(assigned={("a", 1): ME, ("b", 1): OTHER}, claims={("c", 1): Held(5, 1), ("d", 1): Held(6, 1)})
    assert seen.slots([("e", 1)]) == [("a", 1), ("c", 1), ("e", 1)]


@pytest.mark.parametrize(
    "one,local",
    [
        (None, Local.NONE),
        (managed(Phase.BACKOFF), Local.UP),
        (managed(Phase.CYCLING), Local.UP),
        (managed(Phase.STOPPING), Local.ENDING),
        (managed(Phase.STOPPED), Local.ENDED),
        (managed(Phase.FATAL, cause="lost"), Local.ENDED),
        (managed(Phase.DONE), Local.ENDED),
        (managed(Phase.STOPPED, cause="lease-lost"), Local.LOST),
        (managed(Phase.STOPPED, cause="host-restarted"), Local.LOST),
        (managed(Phase.FATAL, cause="lease-lost"), Local.LOST),  # the keeper may not start it again
    ],
)
def test_what_we_have_of_it(one: Managed | None, local: Local) -> None:
    assert local_of(one) is local
