"""What a fresh process takes back."""

from pathlib import Path

import pytest

from plugins.vpn import restore
from plugins.vpn.changes import Rule, Sysctl
from plugins.vpn.host import Host
from plugins.vpn.journal import NAME, Journal
from plugins.vpn.plan import EXIT_WISH
from plugins.vpn.undo import Undoable
from tests.support.vpn import looks, namespace


def left(folder: Path, wish: str) -> None:
    """The journal of a process that was killed."""
    changes = Undoable(Journal(folder), Host())
    changes.start(wish, ())
    changes.apply([Rule(4, ("pref", "30301", "lookup", "30313")), Sysctl("net/ipv4/ip_forward", "1")])


def test_all_journals_of_a_home_are_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with namespace() as host:
        before = looks(host)
        left(tmp_path / "vpn-client", "wish")
        assert looks(host) != before
        assert restore.main([], {"VISCRIPT_STATE": str(tmp_path / "vpn-restore")}) == 0
        assert looks(host) == before
        left(tmp_path / "vpn-server", EXIT_WISH)
        assert restore.main([str(tmp_path)], {}) == 0
        assert looks(host) == before
        assert restore.main([str(tmp_path)], {}) == 0
    assert capsys.readouterr().out.splitlines() == [
        "vpn-client: took 2 changes back",
        "vpn-server: took 2 changes back",
    ]


def test_a_fault_is_told_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with namespace():
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / NAME).write_text("x\n")
        left(tmp_path / "b", "wish")
        assert restore.main([str(tmp_path)], {}) == 1
    told = capsys.readouterr()
    assert "b: took 2 changes back" in told.out
    assert "vpn-restore: a: " in told.err


def test_an_empty_journal_is_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("")
    assert restore.restored(tmp_path) == "nothing was left"
