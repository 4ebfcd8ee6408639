"""The apps as specs."""

from plugins.vpn import options
from plugins.vpn.apps import apps
from plugins.vpn.settings import Settings

KEY = 32 * "0a"


def test_both_go_by_the_seeds_names_too_and_need_a_visor() -> None:
    server, client, restore = apps(Settings())
    assert server.aliases == ("meshnet-vpn-server",)
    assert client.aliases == ("meshnet-vpn-client",)
    assert server.needs == client.needs == ("visor",)
    assert [spec.argv[1:] for spec in (server, client, restore)] == [
        ("-P", "-m", f"plugins.vpn.{name}") for name in ("server", "client", "restore")
    ]


def test_the_settings_are_words_that_the_programs_take() -> None:
    server, client, _ = apps(Settings(peer="mike", allow=(KEY, KEY), allow_private=True))
    given = options.server([*server.argv[4:], "vpnsrv0", "127.0.0.1:5505"])
    assert (given.allow, given.allow_private, given.name) == ((KEY, KEY), True, "vpnsrv0")
    assert options.client(client.argv[4:]).peer == "mike"
    assert options.client([*client.argv[4:], "--peer", KEY]).peer == KEY
