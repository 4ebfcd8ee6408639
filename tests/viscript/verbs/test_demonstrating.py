"""The row of `demo` in the table of verbs."""

from viscript.verbs import demonstrating


def test_the_demo_needs_no_daemon() -> None:
    (verb,) = demonstrating.VERBS
    assert (verb.name, verb.where) == ("demo", "client")
    assert [option.name for option in verb.options] == ["once"]
