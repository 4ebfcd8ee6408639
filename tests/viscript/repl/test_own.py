"""What one's own command has told is not told again, and nothing else is lost."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from viscript.repl.own import MOST_HELD, Own, failed_ids


def failure(seq: int, at: float = 5.0, type: str = "app.fatal") -> dict[str, Any]:
    return {"type": type, "object": f"app/{seq}", "time": at}


def test_the_failure_that_the_command_tells_is_told_once() -> None:
    own = Own()
    own.begins("start")
    assert own.sift(failure(3, type="app.backoff"), "[3] web died") is None
    assert own.ended({"3"}, 6.0) == []
    assert own.sift(failure(3, at=5.5), "[3] web died") is None  # it came late
    assert own.sift(failure(3, at=7.0), "[3] web failed") == "[3] web failed"  # that is new


def test_the_failure_of_another_waits_for_the_answer() -> None:
    own = Own()
    own.begins("start")
    assert own.sift(failure(4), "[4] db failed") is None
    assert own.ended({"3"}, 6.0) == ["[4] db failed"]
    assert own.ended((), 7.0) == []


def test_a_command_that_starts_nothing_keeps_nothing_back() -> None:
    own = Own()
    own.begins("log")
    assert own.sift(failure(3), "[3] web failed") == "[3] web failed"
    own.begins("start")
    assert own.sift(failure(3, type="app.running"), "[3] web runs again") == "[3] web runs again"


def test_so_many_are_kept_back_and_no_more() -> None:
    own = Own()
    own.begins("restart")
    told = [own.sift(failure(seq), f"[{seq}]") for seq in range(MOST_HELD + 1)]
    assert [each for each in told if each] == [f"[{MOST_HELD}]"]


def test_the_ids_of_an_answer_are_those_that_did_not_start() -> None:
    text = "\x1b[31m[3] web did not start: exit 1\x1b[0m\n[12] a b did not start: x\n[5] c is up\n"
    assert failed_ids(text) == {"3", "12"}
    assert failed_ids("[m2/7] web did not start: exit 1\n") == {"m2/7"}


@given(st.text())
def test_any_text_may_be_an_answer(text: str) -> None:
    assert all(each.rpartition("/")[2].isdigit() for each in failed_ids(text))
