from viscript.cluster.peering.allowed import ALLOWED
from viscript.cluster.peering.answers import limited
from viscript.verbs.core import builtin
from viscript.verbs.table import Table


def test_the_table_of_a_guest_has_the_allowed_verbs_and_no_other() -> None:
    whole = builtin()
    table = limited(whole)
    assert {verb.name for verb in table} == set(ALLOWED)
    for verb in table:
        same = verb.handler is getattr(whole.get(verb.name), "handler", None)
        assert same is (verb.name not in ("why", "restart"))
    assert table.get("start") is None


def test_verbs_that_are_not_there_are_left_out() -> None:
    assert not list(limited(Table()))
