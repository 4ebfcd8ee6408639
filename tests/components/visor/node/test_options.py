from pathlib import Path

import pytest

from components.mesh.ports import TcpPort
from components.visor.node.options import parse
from signal_bus.identity import Identity, draw

KEY = Identity(draw()).public_key


def test_nothing_needs_to_be_said() -> None:
    options = parse([], {"VISCRIPT_STATE": "/s", "VISCRIPT_IDENTITY": "/k"})
    assert options.listen == ("0.0.0.0", TcpPort.LINKS)
    assert (options.state, options.identity, options.app_socket) == (
        Path("/s"),
        Path("/k"),
        Path("/s/app.sock"),
    )
    assert (options.managers, options.setup_nodes, options.messengers) == ((), (), ())
    assert not options.direct
    assert not options.alone
    assert not options.app_allow


def test_a_visor_with_files_elsewhere_is_looked_for_in_its_home() -> None:
    options = parse(["--state", "/elsewhere"], {"VISCRIPT_STATE": "/h/state/visor"})
    assert options.app_socket == Path("/elsewhere/app.sock")
    assert options.app_beside == Path("/h/state/visor/app.sock")


def test_without_a_daemon_it_keeps_its_files_in_the_users_home() -> None:
    assert parse([], {"HOME": "/h"}).state == Path("/h/.local/state/viscript/visor")
    assert parse([], {"XDG_STATE_HOME": "/x"}).identity == Path("/x/viscript/visor/identity")


def test_the_seeds_positional_arguments_work() -> None:
    options = parse(["10.0.0.1:7000", "10.0.0.2:9091", "true", "5505", "mike"], {})
    assert options.listen == ("10.0.0.1", 7000)
    assert options.managers == ("http://10.0.0.2:9091",)
    assert (options.app_port, options.alias) == (5505, "mike")


def test_everything_can_be_said() -> None:
    options = parse(
        [
            *("--setup-node", f"{KEY.hex()}@[::1]:9093", "--setup-node", KEY.hex(), "--setup", "direct"),
            *("--messenger", f"02{KEY.hex()}@host:8081", "--manager", "https://m.example", "--alone"),
            *(
                "--app-allow",
                KEY.hex(),
                "--manager",
                "[::1]:9091",
                "--advertise",
                "1.2.3.4:7777",
                "--app-socket",
                "/a",
            ),
        ],
        {},
    )
    assert options.setup_nodes == (KEY, KEY)
    assert options.setup_addresses == {KEY: ("::1", 9093)}
    assert options.messengers == ((KEY, ("host", 8081)),)
    assert options.managers == ("https://m.example", "http://[::1]:9091")
    assert options.advertise == ("1.2.3.4:7777",)
    assert options.direct
    assert options.alone
    assert options.app_allow == {KEY}


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["nowhere"], "no address"),
        (["--messenger", KEY.hex()], "is not KEY@HOST:PORT"),
        (["--setup-node", "mike"], "key"),
        (["--manager", "x"], "no address"),
        (["a:1", "b:2", "c", "port"], "invalid literal"),
        (["--setup", "magic"], "invalid choice"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words, {})
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err
