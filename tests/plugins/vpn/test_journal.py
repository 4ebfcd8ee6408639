"""The journal: its record, and its file."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn import journal
from plugins.vpn.changes import Rule, Sysctl
from plugins.vpn.journal import Confirmed, Entry, Head, Journal, JournalError, Undone, Wish

RULE = Entry(Rule(4, ("pref", "1")))
SETTING = Entry(Sysctl("net/a", "1", ("net/*",)), {"net/a": "0"})


@pytest.fixture
def opened(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "vpn")
    assert made.open() is None
    made.begin()
    return made


def reopened(opened: Journal) -> Journal:
    again = Journal(opened.path.parent)
    again.open()
    return again


def test_what_was_written_is_read_by_the_next_process(opened: Journal) -> None:
    for line in (Wish("one"), RULE, SETTING, Undone(0), Confirmed()):
        opened.write(line)
    record = reopened(opened).record
    assert record == opened.record
    assert record is not None
    assert (record.wish, record.entries, record.confirmed) == ("one", [SETTING], True)
    assert opened.path.stat().st_mode & 0o777 == 0o600


def test_another_wish_is_not_confirmed(opened: Journal) -> None:
    for line in (Wish("one"), Confirmed(), Wish("two")):
        opened.write(line)
    assert opened.record is not None
    assert not opened.record.confirmed


def test_a_line_that_was_cut_off_never_was(opened: Journal) -> None:
    opened.write(RULE)
    whole = opened.path.read_bytes()
    opened.write(SETTING)
    for size in range(len(whole), opened.path.stat().st_size):
        cut = opened.path.read_bytes()[:size]
        record = journal.parse(cut)
        assert record is not None
        assert record.entries == [RULE]
    opened.path.write_bytes(whole + b'{"type":')
    again = reopened(opened)
    again.write(SETTING)
    assert reopened(again).record == again.record


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    with contextlib.suppress(JournalError):
        journal.parse(data)


@pytest.mark.parametrize(
    "lines, why",
    [
        (b"x\n", "damaged"),
        (b'{"type":"confirmed"}\n', "does not begin"),
        (b'{"type":"head","boot":"","network":1}\n' * 2, "a second head"),
        (b'{"type":"head","boot":"","network":1}\n{"type":"undone","place":0}\n', "not there"),
    ],
)
def test_a_damaged_one_is_refused_with_its_path(tmp_path: Path, lines: bytes, why: str) -> None:
    (tmp_path / journal.NAME).write_bytes(lines)
    with pytest.raises(JournalError, match=rf"{tmp_path}.*{why}.*by hand"):
        Journal(tmp_path).open()


def test_one_of_an_earlier_boot_is_void(opened: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.write(RULE)
    now = journal.here()
    monkeypatch.setattr(journal, "here", lambda: Head("another", now.network))
    assert reopened(opened).record is None
    assert not opened.path.exists()


def test_one_of_another_network_is_refused(opened: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = journal.here()
    monkeypatch.setattr(journal, "here", lambda: Head(now.boot, 1))
    with pytest.raises(JournalError, match="another network namespace"):
        reopened(opened)
    assert opened.path.exists()


def test_the_end_leaves_no_file(opened: Journal) -> None:
    opened.end()
    opened.end()
    assert not opened.path.exists()
    Journal(opened.path.parent / "never").end()


def test_a_full_disk_is_told_before_anything_is_done(
    opened: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.write", lambda descriptor, data: 1)
    with pytest.raises(OSError, match="the disk is full"):
        opened.write(RULE)
    assert opened.record is not None
    assert opened.record.entries == []
