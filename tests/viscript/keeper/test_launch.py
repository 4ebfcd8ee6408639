"""A home gets its keeper, once, whoever asks."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.keeper import ROOT, end_tree
from viscript.keeper.client import KeeperClient
from viscript.keeper.launch import Finder, KeeperStartError, connect, ensure_keeper
from viscript.keeper.places import Places


@pytest.fixture
def places(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    monkeypatch.setenv("VISCRIPT_HOME", str(short_tmp))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("run", "keeper"):
        (short_tmp / name).mkdir()
    yield Places(str(short_tmp), str(short_tmp / "run"), str(short_tmp / "keeper"))
    end_tree(short_tmp)


def test_it_is_started_when_there_is_none_and_found_when_there_is(places: Places) -> None:
    log = f"{places.root}/keeper.log"
    ensure_keeper(places, log).close()
    with KeeperClient(places.socket) as client:
        pid = client.hello(1)["keeper_pid"]
        ensure_keeper(places, log).close()
        assert client.request("stats")["pid"] == pid
        assert os.getsid(pid) == pid
        client.request("shutdown")
    os.waitpid(pid, 0)


def children() -> set[int]:
    """Our own, zombies too; other tests of this process may have left some."""
    return {child.pid for child in psutil.Process().children()}


def test_one_that_was_started_ahead_is_the_one_that_is_found(places: Places) -> None:
    before = children()
    finder = Finder(places, f"{places.root}/keeper.log")
    finder.start_ahead()
    finder.find().close()
    finder.close()  # it was found: it stays
    finder.start_ahead()  # one is there: nothing is started
    finder.close()
    with KeeperClient(places.socket) as client:
        pid = client.hello(1)["keeper_pid"]
        client.request("shutdown")
    os.waitpid(pid, 0)
    assert children() <= before


def test_one_that_was_started_ahead_and_never_asked_for_goes(places: Places) -> None:
    before = children()
    finder = Finder(places, f"{places.root}/keeper.log")
    finder.start_ahead()
    finder.close()
    assert connect(places.socket) is None
    assert children() <= before


def test_one_that_cannot_be_started_ahead_is_told_when_it_is_asked_for(places: Places) -> None:
    finder = Finder(places._replace(state="/dev/null/nowhere"), f"{places.root}/keeper.log")
    finder.start_ahead()
    with pytest.raises(KeeperStartError, match=r"keeper.log ends with: .*nowhere"):
        finder.find()


def test_many_who_ask_at_once_get_the_same(places: Places) -> None:
    log = f"{places.root}/keeper.log"
    threads = [threading.Thread(target=lambda: ensure_keeper(places, log).close()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with KeeperClient(places.socket) as client:
        client.hello(1)
        client.request("shutdown")


def test_one_that_cannot_start_is_told_with_its_last_words(places: Places) -> None:
    broken = places._replace(state="/dev/null/nowhere")
    with pytest.raises(KeeperStartError, match=r"keeper.log ends with: .*nowhere"):
        ensure_keeper(broken, f"{places.root}/keeper.log", timeout=10)


def test_nobody_listens_where_there_is_nothing(places: Places) -> None:
    assert connect(places.socket) is None
