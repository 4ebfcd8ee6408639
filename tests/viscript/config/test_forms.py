from viscript.config.fault import Place
from viscript.config.forms import listed, long_form
from viscript.config.model import After, App, Check
from viscript.config.tree import plain, tree_of

HERE = Place("c.yaml", 1, 1)


def long(kind: type, data: object) -> object:
    return plain(long_form(kind, tree_of(data, HERE)))


def test_a_check_may_be_one_word() -> None:
    assert long(Check, "signal") == {"signal": True}
    assert long(Check, "notify") == {"notify": True}
    assert long(Check, "soon") == "soon"
    assert long(Check, {"tcp": 80}) == {"tcp": 80}


def test_after_may_be_a_name_or_one_pair() -> None:
    assert long(After, "db") == {"app": "db"}
    assert long(After, {"db": "ready"}) == {"app": "db", "condition": "ready"}
    assert long(After, {"app": "db"}) == {"app": "db"}
    assert long(After, {"condition": "ready"}) == {"condition": "ready"}
    assert long(After, 5) == 5


def test_after_may_be_a_mapping_of_pairs() -> None:
    pairs = plain(listed(After, tree_of({"a": "ready", "b": "started"}, HERE)))
    assert pairs == [{"app": "a", "condition": "ready"}, {"app": "b", "condition": "started"}]
    single = tree_of({"app": "a"}, HERE)
    assert listed(After, single) is single


def test_other_sections_have_no_short_form() -> None:
    node = tree_of("x", HERE)
    assert long_form(App, node) is node
    assert listed(App, node) is node
