"""What apps left behind, among our own children."""

from typing import cast

from viscript.keeper.host import Host
from viscript.keeper.orphans import Orphans


class FakeHost:
    """Tells children and tags as the test wants; counts the questions."""

    def __init__(self) -> None:
        self.tags = {10: 7, 11: 7, 12: 8}
        self.now: set[int] | None = {10, 11, 12, 50, 60}
        self.asked: list[int] = []

    def children(self) -> set[int] | None:
        return self.now

    def tag_of(self, pid: int) -> int | None:
        self.asked.append(pid)
        return self.tags.get(pid)


def made() -> tuple[Orphans, FakeHost]:
    host = FakeHost()
    orphans = Orphans(cast(Host, host))
    orphans.spawned(50)
    return orphans, host


def test_a_child_that_nobody_spawned_is_an_orphan_of_its_tag() -> None:
    orphans, _ = made()
    assert orphans.of(7) == [10, 11]
    assert orphans.of(8) == [12]
    assert orphans.of(9) == []


def test_each_is_asked_once_and_what_we_spawned_never() -> None:
    orphans, host = made()
    orphans.of(7)
    orphans.of(8)
    assert sorted(host.asked) == [10, 11, 12, 60]


def test_one_that_is_reaped_counts_no_more_even_if_its_pid_comes_again() -> None:
    orphans, host = made()
    orphans.of(7)
    assert orphans.reaped(10) == 7
    assert orphans.reaped(50) is None
    assert orphans.reaped(99) is None
    host.now = {11, 12}
    assert orphans.of(7) == [11]
    host.now, host.tags = {10, 11, 12}, {10: 8, 11: 7, 12: 8}
    assert orphans.of(8) == [10, 12]


def test_an_orphan_that_leads_is_no_orphan() -> None:
    orphans, _ = made()
    orphans.of(7)
    orphans.adopt_leader(10)
    assert orphans.of(7) == [11]


def test_a_host_that_does_not_tell_makes_it_unusable() -> None:
    orphans, host = made()
    host.now = None
    assert orphans.of(7) == []
    assert not orphans.usable
