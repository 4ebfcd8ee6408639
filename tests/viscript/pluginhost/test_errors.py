"""Faults of plugins as one sentence."""

from viscript.pluginhost.errors import BrokenPluginsError, PluginError, sentence


def test_an_exception_is_one_line_with_its_type() -> None:
    assert sentence(ValueError("a\n  b")) == "ValueError: a b"
    assert sentence(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_a_raised_fault_keeps_the_traceback() -> None:
    try:
        raise ValueError("x")
    except ValueError as exc:
        fault = PluginError.raised("import", exc)
    assert fault.text == "import: ValueError: x"
    assert "Traceback" in fault.traceback


def test_all_broken_plugins_are_told() -> None:
    assert str(BrokenPluginsError(("a", "b"))) == "a; b"
