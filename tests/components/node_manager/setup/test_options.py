from pathlib import Path

import pytest

from components.node_manager.setup.options import default_state, parse
from tests.support.mesh import ALICE, BOB

KEY = BOB.public_key.hex()


def test_everything_has_a_default() -> None:
    options = parse([], {"VISCRIPT_STATE": "h"})
    assert (options.host, options.port, options.allowed) == ("0.0.0.0", 9093, None)
    assert (options.identity, options.nodes, options.directories) == (Path("h/identity"), {}, ())


def test_what_is_written_is_taken() -> None:
    words = f"--listen [::1]:1 --identity k --allow {KEY} --allow {ALICE.public_key.hex()}".split()
    words += f"--node 02{KEY}@10.0.0.1:7777 --directory http://a:1 --directory https://b".split()
    options = parse(words, {})
    assert (options.host, options.port, options.identity) == ("::1", 1, Path("k"))
    assert options.allowed == frozenset({BOB.public_key, ALICE.public_key})
    assert options.nodes == {BOB.public_key: ("10.0.0.1", 7777)}
    assert options.directories == ("http://a:1", "https://b")


@pytest.mark.parametrize(
    "words",
    [
        ["--listen", "x"],
        ["--allow", "x"],
        ["--node", "x"],
        ["--node", f"{KEY}@x"],
        ["--node", "x@10.0.0.1:1"],
        ["--directory", "ftp://x"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(words, {})
    assert " ".join(words) in capsys.readouterr().err


def test_the_key_is_kept_in_the_home_or_among_the_users_states() -> None:
    assert default_state({"XDG_STATE_HOME": "s"}) == Path("s/viscript/setup-node")
    assert default_state({"HOME": "u"}) == Path("u/.local/state/viscript/setup-node")
