"""The program `scp`: what goes where, and how faults are told."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.terminal.copying import Plan, WrongPlaces, plan
from tests.support.shells import ran, shells

DATA = os.urandom(700_000)


@pytest.mark.parametrize(
    "places, meant",
    [
        (["a", "b", "mike:c"], Plan("mike", ("a", "b"), "c", True)),
        (["a", "mike:"], Plan("mike", ("a",), ".", True)),
        (["mike:a", "mike:b", "c"], Plan("mike", ("a", "b"), "c", False)),
        (["./a:b", "mike:/c:d"], Plan("mike", ("./a:b",), "/c:d", True)),
    ],
)
def test_the_side_with_a_colon_is_the_peers(places: list[str], meant: Plan) -> None:
    assert plan(places[:-1], places[-1]) == meant


@pytest.mark.parametrize(
    "places", [["a", "b"], ["mike:a", "joe:b"], ["a", "mike:b", "c"], ["mike:a", "joe:b", "c"]]
)
def test_all_else_is_refused(places: list[str]) -> None:
    with pytest.raises(WrongPlaces, match="the other PEER:PATH"):
        plan(places[:-1], places[-1])


@given(st.lists(st.text(), min_size=1), st.text())
def test_whatever_is_said_is_a_plan_or_refused(sources: list[str], target: str) -> None:
    try:
        made = plan(sources, target)
    except WrongPlaces:
        return
    assert len(made.sources) == len(sources)
    assert made.peer


async def test_files_and_folders_go_there_and_come_back(short_tmp: Path) -> None:
    (short_tmp / "d" / "e").mkdir(parents=True)
    (short_tmp / "d" / "e" / "file").write_bytes(DATA)
    async with shells(short_tmp / "m") as made:

        async def copy(*words: str) -> None:
            done = await ran(made.client(*words, module="copying"))
            assert (done.code, done.err) == (0, "")

        await copy(str(short_tmp / "d" / "e" / "file"), f"{made.peer}:{short_tmp}/one")
        await copy("-r", str(short_tmp / "d"), f"{made.peer}:{short_tmp}/there")
        await copy("-r", f"{made.peer}:{short_tmp}/there", str(short_tmp / "back"))
        await copy(f"{made.peer}:{short_tmp}/o*", str(short_tmp / "two"))
    for path in ("one", "there/e/file", "back/e/file", "two"):
        assert (short_tmp / path).read_bytes() == DATA


async def test_faults_are_one_sentence_and_a_code(short_tmp: Path) -> None:
    (short_tmp / "file").write_bytes(DATA)
    file = str(short_tmp / "file")
    async with shells(short_tmp / "m", "--no-files") as made:
        done = await ran(made.client(file, f"{made.peer}:x", module="copying"))
        assert (done.code, done.err) == (1, "scp: the terminal there copies no files\n")
        done = await ran(made.client(file, "nobody:x", module="copying"))
        assert done.code == 255
        assert "nobody" in done.err
        done = await ran(made.client(file, "x", module="copying"))
        assert (done.code, done.err) == (2, "scp: one side is a path here, the other PEER:PATH of one peer\n")
    async with shells(short_tmp / "n") as made:
        done = await ran(made.client(file, f"{made.peer}:/nonexistent/x", module="copying"))
        assert (done.code, done.err) == (1, f"scp: {file} to /nonexistent/x: No such file or directory\n")
        done = await ran(made.client(f"{made.peer}:/nonexistent", file, module="copying"))
        assert (done.code, done.err) == (1, "scp: /nonexistent: No matches found\n")
    assert Path(file).read_bytes() == DATA
