"""The two apps as specs."""

from plugins.socks import options
from plugins.socks.apps import apps
from plugins.socks.settings import Settings

KEY = 32 * "0a"


def test_both_go_by_the_seeds_names_too_and_need_a_visor() -> None:
    server, client = apps(Settings())
    assert server.aliases == ("meshnet-socks-server",)
    assert client.aliases == ("meshnet-socks-client",)
    assert server.needs == client.needs == ("visor",)
    assert server.argv[1:] == ("-P", "-m", "plugins.socks.server")
    assert client.argv[1:] == ("-P", "-m", "plugins.socks.client")


def test_the_settings_are_words_that_the_programs_take() -> None:
    server, client = apps(Settings(peers=(KEY, KEY), allow=(KEY,), allow_private=True))
    given = options.server([*server.argv[4:], "sockssrv0", "101.202.34.56:9000", "8001"])
    assert given == options.ServerOptions("sockssrv0", "101.202.34.56:9000", 8001, (KEY,), True)
    assert options.client(client.argv[4:]).peers == (KEY, KEY)
    assert options.client([*client.argv[4:], "--peer", KEY]).peers == (KEY,)
