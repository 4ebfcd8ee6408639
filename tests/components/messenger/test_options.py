from pathlib import Path

import pytest

from components.messenger.options import address, default_state, parse
from components.messenger.server import GIB


def test_nothing_said_is_a_whole_messenger() -> None:
    options = parse([], {"VISCRIPT_STATE": "/home"})
    assert (options.host, options.port) == ("0.0.0.0", 8081)
    assert options.identity == Path("/home/identity")
    assert options.limits.bytes_a_day == 100 * GIB
    assert options.allow is None


def test_all_can_be_said() -> None:
    words = ["--listen", "[::1]:0", "--state", "/s", "--identity", "/i", "--allow", "/a", "--quota", "0.5"]
    options = parse(words, {})
    assert (options.host, options.port, options.state, options.identity) == ("::1", 0, Path("/s"), Path("/i"))
    assert (options.allow, options.limits.bytes_a_day) == ("/a", GIB // 2)


@pytest.mark.parametrize(
    "words, told",
    [
        (["--listen", "box"], "'box' is no address"),
        (["--listen", "a:99999"], "no address"),
        (["--quota", "-1"], "--quota: a number of GiB"),
        (["--discovery", "http://m"], "--public HOST:PORT is needed"),
        (["--state"], "expected one argument"),
        (["--stat", "x"], "unrecognized arguments"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words, {})
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_others_are_told_where_it_is() -> None:
    options = parse(["--listen", "h:1", "--discovery", "http://m", "--discovery", "http://n"], {})
    assert (options.public, options.discovery) == ("", ("http://m", "http://n"))
    assert parse(["--discovery", "http://m", "--public", "me:2"], {}).public == "me:2"


def test_an_address_is_host_and_port() -> None:
    assert address("h:1") == ("h", 1)


def test_the_state_is_kept_with_other_state() -> None:
    assert default_state({"XDG_STATE_HOME": "/x"}) == Path("/x/viscript/messenger")
    assert default_state({"HOME": "/h"}) == Path("/h/.local/state/viscript/messenger")
