"""What the keeper knows of one app, through the journal and back."""

import json

import pytest

from viscript.keeper.instance import EXITS_KEPT, Instance, StopPlan, instance_from
from viscript.keeper.journal import line_of, picture_of
from viscript.keeper.policy import Exit, History
from viscript.keeper.protocol import Json
from viscript.keeper.spec import Log, Policy, Spec
from viscript.keeper.table import Phase

SECRET = "hunter2"


def instance() -> Instance:
    made = Instance(7, 3, "app", Spec(("x",), env={"TOKEN": SECRET}, log=Log("/logs/7")), Policy(burst=9))
    made.phase = Phase.TERMING
    made.pid, made.start, made.session, made.began = 99, 1234, 99, 5.5
    made.reached, made.restarts, made.history = True, 2, History((), 4, 3)
    made.plan = StopPlan(ask=0.0, signum=2, grace=3.5, tree=False, began=1.0)
    made.relaunch = 9
    for code in range(EXITS_KEPT + 2):
        made.ended(Exit(code), 10.0 + code, None)
    made.pid, made.start = 99, 1234
    return made


def through_the_journal(made: Instance) -> Json:
    line = line_of({"seq": 7, "set": made.unsaved({})})
    return picture_of(line).apps[7]


def test_it_comes_back_as_it_was() -> None:
    before = instance()
    fields = through_the_journal(before)
    after = instance_from(7, fields, now=50.0)
    for name in (
        "gen",
        "name",
        "phase",
        "pid",
        "start",
        "session",
        "began",
        "reached",
        "restarts",
        "relaunch",
    ):
        assert getattr(after, name) == getattr(before, name), name
    assert after.exits == before.exits
    assert after.history == before.history
    assert after.record() == before.record()
    assert after.plan is not None
    assert (after.plan.signum, after.plan.grace, after.plan.tree) == (2, 3.5, False)
    assert not after.ours
    assert after.unsaved(fields) == {}
    assert fields["spec"] is after.spec


def test_only_what_changed_is_journalled() -> None:
    made = instance()
    known = made.unsaved({})
    assert made.unsaved(known) == {}
    made.phase = Phase.KILLING
    assert made.unsaved(known) == {"phase": "killing"}
    known["phase"] = "killing"
    made.spec = made.spec._replace(cols=100)
    assert list(made.unsaved(known)) == ["spec"]


def test_few_exits_are_kept() -> None:
    assert [end.exit.code for end in instance().exits] == list(range(2, EXITS_KEPT + 2))


def test_what_is_told_holds_no_secret() -> None:
    assert SECRET not in json.dumps(instance().record())


def test_a_record_that_makes_no_sense_is_refused() -> None:
    fields = through_the_journal(instance())
    del fields["gen"]
    with pytest.raises(KeyError):
        instance_from(7, fields, now=0.0)
