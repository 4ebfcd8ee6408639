"""The command line."""

from collections.abc import Callable, Sequence

import pytest

from bench import command
from bench.command import arguments
from bench.plan import ROWS


def test_all_rows_peers_and_counts_unless_told() -> None:
    given = arguments([])
    assert given.only == ROWS
    assert given.n == [0, 100, 1000]
    assert given.peer[0] == "viscript"
    assert not given.quick


def test_rows_counts_and_peers_are_chosen() -> None:
    given = arguments(["--only", "spawn,respawn", "--n", "100,10", "--quick", "--peer", "viscript,s6"])
    assert given.only == ("spawn", "respawn")
    assert given.n == [10, 100]
    assert given.peer == ["viscript", "s6"]


@pytest.mark.parametrize("words", [["--only", "fly"], ["--peer", "nobody"], ["--n", "many"]])
def test_what_is_not_understood_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_all_is_every_part_with_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, list[str]]] = []

    def part(name: str, code: int) -> Callable[[Sequence[str]], int]:
        def run(words: Sequence[str]) -> int:
            heard.append((name, list(words)))
            return code

        return run

    parts = {"mesh": part("mesh", 0), "cluster": part("cluster", 1)}
    monkeypatch.setattr(command, "PARTS", parts)
    monkeypatch.setattr(command, "supervisors", part("", 0))
    assert command.main(["all", "--quick"]) == 1
    assert heard == [("", ["--quick"]), ("mesh", ["--quick"]), ("cluster", ["--quick"])]
