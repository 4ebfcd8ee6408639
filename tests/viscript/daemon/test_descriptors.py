"""Spare descriptors: fetched for what runs, let go with it, given to the next keeper."""

import asyncio
import os
import resource
from typing import Any, cast

import pytest

from tests.support.supervision import Bench
from viscript.daemon.descriptors import Descriptors, raise_file_limit
from viscript.keeper.places import APP_NOFILE
from viscript.supervisor.keeper_link import KeeperLink
from viscript.supervisor.keeper_port import KeeperError


class Link:
    """Gives a pipe's end for each ask, when it is let."""

    def __init__(self) -> None:
        self.pipes: list[int] = []
        self.given: list[tuple[int, list[int]]] = []
        self.names = ["master"]
        self.fault: KeeperError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self, op: str, *, seq: int) -> dict[str, Any]:
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        fds = []
        for _ in self.names:
            read, write = os.pipe()
            os.set_blocking(read, False)
            self.pipes.append(read)
            fds.append(write)
        return {"names": self.names, "fds": fds}

    def give(self, fields: dict[str, Any], fds: list[int]) -> None:
        self.given.append((fields["seq"], fds))

    def held(self) -> list[bool]:
        """Whether each descriptor that was given out is still open."""
        return [not _at_end(read) for read in self.pipes]

    def close(self) -> None:
        for read in self.pipes:
            os.close(read)


def _at_end(fd: int) -> bool:
    try:
        return os.read(fd, 1) == b""
    except BlockingIOError:
        return False


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def descriptors(bench: Bench, link: Link) -> Descriptors:
    return Descriptors(bench.conductor, cast("KeeperLink", link))


async def running(bench: Bench) -> None:
    bench.app("web", tty=True)
    await bench.supervisor.start("web")


async def test_what_came_up_is_held_and_let_go_when_it_ends(
    bench: Bench, link: Link, descriptors: Descriptors
) -> None:
    await running(bench)
    await bench.until(lambda: link.held() == [True])
    bench.keeper.exited(1, 1)
    assert link.held() == [False]
    link.close()


async def test_the_next_run_has_its_own(bench: Bench, link: Link, descriptors: Descriptors) -> None:
    await running(bench)
    await bench.until(lambda: link.held() == [True])
    bench.keeper.spawned(1, 2, restart=True)
    await bench.until(lambda: link.held() == [False, True])
    descriptors.close()
    assert link.held() == [False, False]
    link.close()


async def test_what_comes_too_late_is_closed(bench: Bench, link: Link, descriptors: Descriptors) -> None:
    link.gate.clear()
    await running(bench)
    bench.keeper.exited(1, 1)
    link.gate.set()
    await bench.until(lambda: link.held() == [False])
    link.close()


async def test_terminals_are_given_to_the_next_keeper(
    bench: Bench, link: Link, descriptors: Descriptors
) -> None:
    await running(bench)
    await bench.until(lambda: link.pipes)
    await asyncio.sleep(0)
    descriptors.give_back()
    ((seq, fds),) = link.given
    assert seq == 1
    assert os.fstat(fds[0])
    descriptors.close()
    link.close()


async def test_pipes_are_held_and_not_given(bench: Bench, link: Link, descriptors: Descriptors) -> None:
    link.names = ["out", "err"]
    await running(bench)
    await bench.until(lambda: link.held() == [True, True])
    descriptors.give_back()
    assert link.given == []
    descriptors.close()
    link.close()


async def test_a_keeper_that_has_none_to_give_harms_nothing(
    bench: Bench, link: Link, descriptors: Descriptors, caplog: pytest.LogCaptureFixture
) -> None:
    link.fault = KeeperError("unknown", "there is no app 1")
    with caplog.at_level("INFO"):
        await running(bench)
        await bench.until(lambda: "descriptors not fetched" in caplog.text)
    descriptors.give_back()
    descriptors.close()
    assert link.given == []


def test_as_many_files_as_the_system_allows_and_the_keeper_is_told_what_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(APP_NOFILE, "")
    monkeypatch.delenv(APP_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
        assert os.environ[APP_NOFILE] == str(min(256, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
