"""Each trial of output finds out a line that is missing, doubled or torn."""

from pathlib import Path

import pytest

from tests.support.prove import SMALL, PlayedStage, row, said
from viscript.prove import output
from viscript.prove.verdict import BrokenPromise

LINES = [b"%08d\n" % number for number in range(SMALL.lines)]


@pytest.fixture
def stage(tmp_path: Path) -> PlayedStage:
    return PlayedStage(tmp_path / "h")


def test_all_lines_are_counted_and_one_under_way_is_left_out() -> None:
    assert output.complete(b"".join(LINES) + b"000") == SMALL.lines
    assert output.complete(b"") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        b"".join(LINES[:50] + LINES[51:]),
        b"".join(LINES[:50] + LINES[49:]),
        b"".join(LINES[:49])[:-1] + b"".join(LINES[49:]),
    ],
    ids=["missing", "doubled", "torn"],
)
def test_a_wrong_line_is_found_out(wrong: bytes) -> None:
    with pytest.raises(BrokenPromise, match=r"line (48|50) of \d+ reads"):
        output.complete(wrong)


def test_too_few_lines_are_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.listed = [row(state="done")]
    stage.written = b"".join(LINES)
    monkeypatch.setattr(output, "complete", lambda data: len(LINES) - 1)
    with pytest.raises(BrokenPromise, match="99 of 100 lines"):
        output.rotation(stage)


def test_lines_that_were_never_rotated_prove_nothing(stage: PlayedStage) -> None:
    stage.listed = [row(state="done")]
    stage.written = b"".join(LINES)
    with pytest.raises(BrokenPromise, match="went into 0 files only"):
        output.rotation(stage)


def test_a_stalled_neighbour_is_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.listed = [row(7, state="done")]
    stage.answers_to["s flood --no-wait -o json"] = said({"id": 7})
    monkeypatch.setattr(output, "_memory", lambda stage: 0)
    monkeypatch.setattr(output, "tallied", lambda tally: (100, 2.5))
    with pytest.raises(BrokenPromise, match=r"a neighbour's write took 2.50 s"):
        output.flood(stage)


def test_memory_that_grows_is_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.listed = [row(7, state="done")]
    stage.answers_to["s flood --no-wait -o json"] = said({"id": 7})
    sizes = iter([10 << 20, 90 << 20])
    monkeypatch.setattr(output, "_memory", lambda stage: next(sizes))
    monkeypatch.setattr(output, "tallied", lambda tally: (100, 0.001))
    with pytest.raises(BrokenPromise, match="grew by 80 MiB") as caught:
        output.flood(stage)
    assert caught.value.figures["growth_bytes"] == 80 << 20


def test_a_tally_that_is_not_there_yet_counts_nothing(tmp_path: Path) -> None:
    assert output.tallied(tmp_path / "tally") == (0, 0.0)
    (tmp_path / "tally").write_text("00000012 00000.250000\n")
    assert output.tallied(tmp_path / "tally") == (12, 0.25)
