import pytest

from tests.support.fake_world import FakeWorld
from viscript.verbs.core import builtin
from viscript.verbs.table import Role

ORIGINAL = "help h ? apps start s list_apps la ps list_tasks ping p res_usage ru shutdown sd stop"
SESSIONS = (
    "attach at detach dt clear c cls list_terms lt new_term nt close_term ct focus foc rpc r quit q exit"
)


@pytest.mark.parametrize("spelling", f"{ORIGINAL} {SESSIONS}".split())
def test_every_spelling_of_the_original_is_there(spelling: str) -> None:
    assert builtin().get(spelling) is not None


def test_every_verb_can_be_done_somewhere() -> None:
    assert all(verb.handler is not None or verb.where == "client" for verb in builtin())


def test_what_changes_something_is_not_open_to_viewers() -> None:
    looking = {verb.name for verb in builtin() if verb.role is Role.VIEW}
    changing = {
        "start",
        "shutdown",
        "kill",
        "restart",
        "signal",
        "send",
        "rpc",
        "apply",
        "daemon stop",
        "attach",
    }
    assert not looking & changing


def test_two_tables_share_nothing() -> None:
    one, two = builtin(), builtin()
    one.remove("ping")
    assert two.get("ping") is not None
    assert FakeWorld().table.get("ping") is not None


def test_summaries_are_short_and_argument_names_are_plain() -> None:
    for verb in builtin():
        assert 5 <= len(verb.summary) <= 80, verb.name
        assert not verb.summary.endswith("."), verb.name
        names = [arg.name for arg in verb.args] + [option.name for option in verb.options]
        assert len(names) == len(set(names)), verb.name
        assert all(name.isidentifier() for name in names), verb.name
        assert not any(arg.rest or arg.many for arg in verb.args[:-2]), verb.name
