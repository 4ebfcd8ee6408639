"""What a host does next about one instance: every combination, and what must never be."""

from itertools import product

import pytest

from viscript.cluster.desired.slots import ANOTHERS, UNCLAIMED, Assigned, Facts, Local, Step, step

FENCE, NEWER = 7, 9
ALL = [
    Facts(
        assigned=assigned,
        local=local,
        exclusive=exclusive,
        may_start=may_start,
        kept=kept,
        claim=claim,
        fence=FENCE,
        same=same,
    )
    for assigned, local, exclusive, may_start, kept, claim, same in product(
        Assigned,
        Local,
        (False, True),
        (False, True),
        (False, True),
        (UNCLAIMED, ANOTHERS, FENCE, NEWER),
        (False, True),
    )
]


def those(chosen: Step) -> list[Facts]:
    return [facts for facts in ALL if step(facts) is chosen]


def test_an_exclusive_instance_begins_only_under_a_kept_claim_of_ours() -> None:
    for facts in those(Step.START):
        assert not facts.exclusive or (facts.kept and facts.claim in (FENCE, NEWER))


def test_a_claim_is_made_only_where_there_is_none_and_for_what_is_ours() -> None:
    for facts in those(Step.CLAIM):
        assert facts.exclusive
        assert facts.kept
        assert facts.claim == UNCLAIMED
        assert facts.assigned is Assigned.MINE
        assert facts.may_start


def test_nothing_begins_that_is_not_ours_or_whose_order_does_not_count() -> None:
    for facts in those(Step.START) + those(Step.REPLACE):
        assert facts.assigned is Assigned.MINE
        assert facts.may_start


def test_nothing_begins_beside_what_runs_or_ends() -> None:
    for facts in those(Step.START) + those(Step.CLAIM):
        assert facts.local not in (Local.UP, Local.ENDING)


def test_a_claim_is_let_go_only_when_nothing_runs_under_it() -> None:
    for facts in those(Step.RELEASE):
        assert facts.local not in (Local.UP, Local.ENDING)
        assert facts.claim in (FENCE, NEWER)


@pytest.mark.parametrize("claim", [UNCLAIMED, ANOTHERS, NEWER])
def test_who_runs_without_its_claim_is_stopped(claim: int) -> None:
    facts = Facts(assigned=Assigned.MINE, local=Local.UP, exclusive=True, claim=claim, fence=FENCE)
    assert step(facts) is Step.STOP


def test_a_store_that_is_away_stops_nothing() -> None:
    for facts in ALL:
        if not facts.kept and facts.local is Local.UP and facts.assigned in (Assigned.MINE, Assigned.NOBODY):
            assert step(facts) is not Step.STOP


def test_a_leader_who_says_nothing_changes_nothing() -> None:
    for facts in ALL:
        if facts.assigned is Assigned.NOBODY and not facts.exclusive:
            assert step(facts) is Step.NOTHING


@pytest.mark.parametrize("assigned", [Assigned.OTHERS, Assigned.GONE])
def test_what_moved_or_was_taken_away_is_given_up(assigned: Assigned) -> None:
    facts = Facts(assigned=assigned, local=Local.UP, exclusive=True, claim=FENCE, fence=FENCE)
    assert step(facts) is Step.STOP
    assert step(Facts(assigned=assigned, local=Local.ENDING, exclusive=True, claim=FENCE)) is Step.NOTHING
    assert step(Facts(assigned=assigned, local=Local.ENDED, exclusive=True, claim=FENCE)) is Step.RELEASE


def test_what_ended_here_is_forgotten_once_it_is_anothers_and_begins_when_it_comes_back() -> None:
    for local in (Local.ENDED, Local.LOST):
        for assigned in (Assigned.OTHERS, Assigned.GONE):
            assert step(Facts(assigned=assigned, local=local)) is Step.FORGET
            assert step(Facts(assigned=assigned, local=local, ordered=False)) is Step.NOTHING
    for facts in those(Step.FORGET):
        assert facts.local in (Local.ENDED, Local.LOST)
        assert facts.assigned in (Assigned.OTHERS, Assigned.GONE)


def test_what_a_user_stopped_stays_stopped_until_the_deployment_changes() -> None:
    assert step(Facts(assigned=Assigned.MINE, local=Local.ENDED)) is Step.NOTHING
    assert step(Facts(assigned=Assigned.MINE, local=Local.ENDED, same=False)) is Step.START


def test_what_lost_its_lease_begins_again_where_it_is_still_placed() -> None:
    assert step(Facts(assigned=Assigned.MINE, local=Local.LOST, exclusive=True)) is Step.CLAIM
    assert step(Facts(assigned=Assigned.MINE, local=Local.LOST, exclusive=True, claim=NEWER)) is Step.START


def test_another_version_replaces_what_runs() -> None:
    facts = Facts(assigned=Assigned.MINE, local=Local.UP, same=False)
    assert step(facts) is Step.REPLACE
    assert step(Facts(assigned=Assigned.NOBODY, local=Local.UP, same=False)) is Step.NOTHING
