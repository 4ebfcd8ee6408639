"""The app as a spec."""

from plugins.terminal import options
from plugins.terminal.apps import app
from plugins.terminal.settings import Settings

KEY = 32 * "0a"


def test_it_goes_by_the_seeds_name_too_and_needs_a_visor() -> None:
    spec = app(Settings())
    assert (spec.name, spec.aliases, spec.needs) == ("terminal", ("SSH",), ("visor",))
    assert spec.argv[1:] == ("-P", "-m", "plugins.terminal.server")


def test_the_settings_are_words_that_the_program_takes() -> None:
    spec = app(Settings(allow=(KEY, KEY), files=False))
    given = options.server([*spec.argv[4:], "shell0", "101.202.34.56:9000", "8001"])
    assert (given.allow, given.files) == ((KEY, KEY), False)
    assert (given.name, given.visor, given.ports) == ("shell0", "101.202.34.56:9000", (8001,))
