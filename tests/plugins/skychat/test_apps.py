"""The chat as the daemon starts it."""

from plugins.skychat.apps import apps
from plugins.skychat.settings import Settings


def test_it_has_both_names_and_the_seeds_words() -> None:
    (spec,) = apps(Settings())
    assert (spec.name, spec.aliases) == ("skychat", ("meshnet-skychat",))
    assert [argument.name for argument in spec.args] == ["name", "node-address", "port"]
    assert spec.argv[-1] == "plugins.skychat.server"
    assert spec.needs == ("visor",)


def test_settings_become_words() -> None:
    (spec,) = apps(Settings(allow=("aa", "bb"), tell_reading=False))
    assert spec.argv[-3:] == ("--allow", "aa,bb", "--silent")
