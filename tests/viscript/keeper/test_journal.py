"""What survives a kill -9 of the keeper."""

import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.journal import Journal, line_of, picture_of


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal")


def filled(path: str) -> Journal:
    journal = Journal(path)
    journal.write({"life": 3, "world": "boot ns"})
    journal.write({"base": {"PATH": "/bin"}})
    journal.write({"seq": 7, "set": {"phase": "spawning", "gen": 1}})
    journal.write({"seq": 7, "set": {"phase": "running", "pid": 99}})
    journal.write({"seq": 8, "set": {"phase": "ended"}})
    journal.write({"seq": 8, "del": True})
    return journal


def test_deltas_add_up(path: str) -> None:
    filled(path).close()
    picture = Journal(path).picture
    assert picture.apps == {7: {"phase": "running", "gen": 1, "pid": 99}}
    assert (picture.life, picture.world, picture.base) == (3, "boot ns", {"PATH": "/bin"})


def test_a_torn_last_line_is_passed_over(path: str) -> None:
    filled(path).close()
    whole = Path(path).read_bytes()
    for cut in range(len(whole)):
        picture = picture_of(whole[:cut])
        assert picture.apps.keys() <= {7, 8}


def test_writing_goes_on_after_a_torn_line(path: str) -> None:
    filled(path).close()
    with Path(path).open("ab") as file:
        file.write(b'{"seq":7,"set":{"pha')
    journal = Journal(path)
    journal.write({"seq": 9, "set": {"gen": 1}})
    journal.close()
    assert Journal(path).picture.apps.keys() == {7, 9}


def test_a_journal_that_was_removed_is_whole_again_with_the_next_line(path: str) -> None:
    journal = filled(path)
    Path(path).unlink()
    journal.write({"seq": 9, "set": {"gen": 1}})
    journal.close()
    picture = Journal(path).picture
    assert picture.apps == {7: {"phase": "running", "gen": 1, "pid": 99}, 9: {"gen": 1}}
    assert picture.life == 3


@given(st.binary(max_size=300))
def test_random_bytes_never_stop_a_keeper_from_starting(data: bytes) -> None:
    picture_of(data)
    picture_of(line_of({"seq": 7, "set": {"gen": 1}}) + data + b"\n" + line_of({"life": 2}))


@pytest.mark.parametrize("line", [b"[]", b"7", b'{"seq":"7"}', b'{"seq":7}', b'{"life":"x"}', b'{"base":[]}'])
def test_foreign_lines_say_nothing(line: bytes) -> None:
    picture = picture_of(line)
    assert (picture.apps, picture.life, picture.base) == ({}, 0, {})


def test_a_grown_journal_is_rewritten_small(path: str) -> None:
    journal = Journal(path)
    for number in range(20_000):
        journal.write({"seq": 7, "set": {"gen": number, "name": "x" * 100}})
    journal.close()
    assert Path(path).stat().st_size < 1_200_000
    assert Journal(path).picture.apps[7]["gen"] == 19_999


def test_it_is_for_its_owner_only(path: str) -> None:
    filled(path).close()
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_made_up_for_later(path: str) -> None:
    journal = filled(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (Path(path).stat().st_size, before[1]))
        journal.write({"seq": 9, "set": {"gen": 1}})
        assert journal.failed is not None
        journal.write({"seq": 10, "set": {"gen": 1}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    journal.write({"seq": 11, "set": {"gen": 1}})
    journal.close()
    assert Journal(path).picture.apps.keys() == {7, 9, 10, 11}
