"""What follows from the lines that apps wrote."""

from bench.cluster.faults.lines import (
    Line,
    Run,
    elsewhere_s,
    overlap_s,
    parsed,
    runs,
    stopped,
    two_with_one_fence,
)

NOBODY = frozenset[str]()


def run(
    host: str = "a", app: str = "solo", fence: int = 1, pid: int = 1, began: float = 0, last: float = 9
) -> Run:
    return Run(host, app, fence, pid, began, last)


def test_a_line_that_is_not_whole_yet_is_left() -> None:
    assert parsed("a solo 7 12 1.5\nb plain 0 13 2.") == [Line("a", "solo", 7, 12, 1.5)]
    assert parsed("") == []


def test_lines_of_one_process_are_one_run() -> None:
    lines = [Line("a", "solo", 7, 12, at) for at in (3.0, 1.0, 2.0)] + [Line("b", "solo", 9, 12, 0.5)]
    assert runs(lines) == [Run("b", "solo", 9, 12, 0.5, 0.5), Run("a", "solo", 7, 12, 1.0, 3.0)]


def test_two_processes_with_one_fence_at_once_are_counted() -> None:
    found = [
        run(),
        run(host="b", pid=2, began=5, last=12),
        run(pid=3, began=20, last=21),
        run(fence=2, pid=4),
    ]
    assert two_with_one_fence(found) == 1
    assert two_with_one_fence([run(fence=0), run(fence=0, pid=2)]) == 0


def test_an_older_fence_beside_a_newer_one_overlaps() -> None:
    found = [run(last=9), run(host="b", fence=2, began=6.5, last=20)]
    assert overlap_s(found, ["solo"]) == 2.5
    assert overlap_s(found, ["other"]) == 0
    assert overlap_s(found, ["solo"], awake=8.75) == 0.25
    assert overlap_s([run(last=6), run(fence=2, began=6.5)], ["solo"]) == 0


def test_ordinary_apps_that_ended_are_named_where_nobody_was_killed() -> None:
    found = [run(fence=0, app="plain", last=12), run(fence=0, host="b", app="plain", last=30), run(last=12)]
    assert stopped(found, since=10, at=30, silent_s=2, but=NOBODY) == ["a/plain"]
    assert stopped(found, since=10, at=30, silent_s=2, but=frozenset({"a"})) == []
    assert stopped(found, since=10, at=13, silent_s=2, but=NOBODY) == []


def test_how_long_it_took_until_an_app_ran_elsewhere() -> None:
    lost = run(last=10)
    assert elsewhere_s([lost, run(host="b", fence=2, began=18)], victim="a", at=10, until=30) == 8
    assert elsewhere_s([lost, run(host="a", fence=2, began=18)], victim="a", at=10, until=30) is None
    assert elsewhere_s([lost, run(host="b", fence=2, began=31)], victim="a", at=10, until=30) is None
    assert elsewhere_s([run(host="b")], victim="a", at=10, until=30) is None
