"""Changes done with a journal before them, and undone exactly, wherever a process was killed."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn.changes import Change, Rule, Step, Sysctl, Table, Write
from plugins.vpn.host import Host, HostError
from plugins.vpn.journal import Journal
from plugins.vpn.undo import Undoable

KILL = Table("kill", "    a\n")
CHANGES: tuple[Change, ...] = (Sysctl("s", "1"), Table("t", ""), Rule(4, ("x",)), Rule(6, ("y",)))


class Killed(Exception):
    """The process ends here."""


class Toy(Host):
    """A host that remembers what is there; it kills its process before or after a step."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {"s": "0"}
        self.until = -1
        self.refuses = ""

    def before(self, change: Sysctl) -> Mapping[str, str]:
        return {change.name: self.there[change.name]}

    def do(self, step: Step) -> None:
        self._count()
        text = str(step)
        if self.refuses and self.refuses in text:
            raise HostError(step, "no")
        if isinstance(step, Write):
            self.there[step.name] = step.value
        elif step.argv[0] == "nft":
            lines = step.stdin.splitlines()
            self.there.pop(lines[1], None)
            if len(lines) > 2:
                self.there[lines[1]] = step.stdin
        elif step.argv[3] == "add":
            self.there[" ".join(step.argv[4:])] = ""
        else:
            self.there.pop(" ".join(step.argv[4:]), None)
        self._count()

    def _count(self) -> None:
        if self.until == 0:
            raise Killed
        self.until -= 1


def undoable(folder: Path, host: Host) -> Undoable:
    return Undoable(Journal(folder), host)


@given(st.integers(0, 30), st.integers(0, 30))
def test_wherever_two_processes_are_killed_the_third_undoes_all(first: int, second: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder, host = Path(name), Toy()
        for until in (first, second):
            host.until = until
            try:
                tunnel = undoable(folder, host)
                tunnel.start("wish", [KILL])
                tunnel.apply(CHANGES)
                tunnel.undo()
            except Killed:
                continue
        host.until = -1
        last = undoable(folder, host)
        last.start("wish", ())
        last.undo()
        assert host.there == {"s": "0"}
        assert list(folder.iterdir()) == []


def test_the_guard_is_never_away_at_the_next_start(tmp_path: Path) -> None:
    host = Toy()
    tunnel = undoable(tmp_path, host)
    assert tunnel.start("wish", [KILL]) is False
    tunnel.apply(CHANGES)
    tunnel.confirm()
    tunnel.confirm()
    gone = list[bool]()

    class Watching(Toy):
        def do(self, step: Step) -> None:
            super().do(step)
            gone.append("delete table inet kill" not in self.there)

    watching = Watching()
    watching.there = host.there
    again = undoable(tmp_path, watching)
    assert again.start("wish", [Table("kill", "    b\n")]) is True
    assert not any(gone)
    assert [entry.change for entry in again.entries] == [KILL]
    assert "    b" in host.there["delete table inet kill"]
    assert undoable(tmp_path, host).start("another", [KILL]) is False
    last = undoable(tmp_path, host)
    last.start("another", ())
    assert host.there == {"s": "0"}
    assert last.entries == ()


def test_what_cannot_be_undone_stays_in_the_journal_and_stops_no_other(tmp_path: Path) -> None:
    host = Toy()
    tunnel = undoable(tmp_path, host)
    tunnel.start("wish", ())
    tunnel.apply(CHANGES)
    host.refuses = "del x"
    with pytest.raises(HostError, match="rule del x"):
        tunnel.undo()
    assert [entry.change for entry in tunnel.entries] == [Rule(4, ("x",))]
    host.refuses = ""
    undoable(tmp_path, host).start("wish", ())
    assert host.there == {"s": "0"}


def test_a_full_disk_stops_no_undo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Toy()
    tunnel = undoable(tmp_path, host)
    tunnel.start("wish", [KILL])
    tunnel.apply(CHANGES)
    monkeypatch.setattr("os.write", lambda descriptor, data: 0)
    with pytest.raises(OSError, match="the disk is full"):
        tunnel.back_to({"kill"})
    assert set(host.there) == {"s", "delete table inet kill"}
    tunnel.undo()
    assert host.there == {"s": "0"}
    assert list(tmp_path.iterdir()) == []


def test_a_failure_beside_a_full_disk_is_the_one_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Toy()
    tunnel = undoable(tmp_path, host)
    tunnel.start("wish", ())
    tunnel.apply(CHANGES)
    monkeypatch.setattr("os.write", lambda descriptor, data: 0)
    host.refuses = "del y"
    with pytest.raises(HostError, match="rule del y"):
        tunnel.undo()
    assert undoable(tmp_path, host)._journal.open() is not None


def test_a_change_that_is_refused_is_in_the_journal(tmp_path: Path) -> None:
    host = Toy()
    tunnel = undoable(tmp_path, host)
    assert tunnel.entries == ()
    tunnel.start("wish", ())
    host.refuses = "add x"
    with pytest.raises(HostError):
        tunnel.apply(CHANGES)
    tunnel.undo()
    assert host.there == {"s": "0"}
