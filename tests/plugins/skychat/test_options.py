"""The words of the command line."""

from pathlib import Path

import pytest

from plugins.skychat.options import Options, options


def test_without_words_all_is_usual() -> None:
    assert options([]) == Options("skychat", None, 1, ("127.0.0.1", 8000), None, (), tells_reading=True)


def test_the_seeds_words_and_ours() -> None:
    given = options(
        ["chat2", "127.0.0.1:5505", "7", "-addr", ":8001", "--allow", "aa,bb", "--silent", "--state", "x"]
    )
    page = ("127.0.0.1", 8001)
    assert given == Options("chat2", "127.0.0.1:5505", 7, page, Path("x"), ("aa", "bb"), tells_reading=False)
    assert options(["--listen", "off"]).page is None


@pytest.mark.parametrize("words", [["a", "b", "0"], ["-addr", "nowhere"], ["--unknown"]])
def test_wrong_words_end_it_with_code_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        options(words)
    assert caught.value.code == 2
