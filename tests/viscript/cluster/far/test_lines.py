from tests.support.fake_world import NOW
from tests.support.verbs import SCREEN
from viscript.cluster.far.lines import far_line
from viscript.events import Event
from viscript.verbs.core import builtin
from viscript.verbs.results import LogRow
from viscript.verbs.table import Terminal, Verb

TABLE = builtin()


def verb(name: str) -> Verb:
    found = TABLE.get(name)
    assert found is not None
    return found


def test_a_line_of_a_log_says_whose_it_is() -> None:
    row = LogRow(id=7, name="web", stream="out", time=1.0, text="h\xe9llo \x1b[2J")
    assert far_line(verb("log"), "m2", row, SCREEN) == "[m2/7] web | h\xe9llo \n"
    assert far_line(verb("log"), "m2", row, Terminal(ascii=True)) == "[m2/7] web | h\\xe9llo \n"


def test_an_event_has_its_host_in_front() -> None:
    event = Event(cursor=1, time=NOW, host="x", object="app/7", type="app.fatal", reason="exit 1\x1b[2J")
    line = far_line(verb("events"), "m2", event, SCREEN)
    assert line.startswith("m2  ")
    assert "app/7  app.fatal: exit 1\\x1b[2J" in line


def test_what_another_version_says_is_shown_as_it_came() -> None:
    assert far_line(verb("events"), "m2", {"odd": "\x07"}, SCREEN) == "m2  {'odd': '\\x07'}\n"
