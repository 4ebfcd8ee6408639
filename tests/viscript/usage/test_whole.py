"""What whole trees use: real processes, with a group and without."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.groups import groups_of, remove_groups
from tests.support.wait import eventually
from viscript.config.model import CountLimit, CpuLimit, Limits, MemoryLimit
from viscript.keeper.host import home_number
from viscript.usage import whole as whole_module
from viscript.usage.linux import LinuxProbe
from viscript.usage.portable import PortableProbe
from viscript.usage.probe import Probe
from viscript.usage.process import Process
from viscript.usage.whole import Whole

MIB = 1 << 20
TREE = """
import os, threading, time
held = bytearray(b"\\1") * (30 << 20)
if os.fork() == 0:
    print("up", flush=True)
    time.sleep(1000)
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
os.wait()
"""
ALL = Limits(memory=MemoryLimit(max=1), fds=CountLimit(max=1), threads=CountLimit(max=1))


@pytest.fixture
def tree() -> Iterator[int]:
    """A parent of two threads and a child that shares its memory."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", TREE], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process.pid
        end_group(process.pid)


def end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, 9)


@pytest.fixture(params=[LinuxProbe, PortableProbe])
def probe(request: pytest.FixtureRequest) -> Probe:
    made: Probe = request.param()
    return made


async def test_a_tree_is_summed_up(tree: int, probe: Probe) -> None:
    whole = Whole(lambda: {7: tree, 8: 1 << 22}, time.monotonic, probe, None)
    found = await whole.measure({7: ALL, 8: ALL})
    assert list(found) == [7]  # the other has ended
    figures = found[7]
    assert figures.threads in (2, 3)  # the second thread of the parent may still begin
    assert figures.fds is not None
    assert figures.fds >= 6
    assert figures.cpu is not None
    assert figures.cpu >= 0
    assert figures.memory is not None
    assert 30 * MIB < figures.memory < 60 * MIB  # what both hold is counted once


async def test_what_is_shared_counts_for_each_while_that_is_not_too_much(tree: int) -> None:
    whole = Whole(lambda: {7: tree}, time.monotonic, LinuxProbe(), None)
    roomy = Limits(memory=MemoryLimit(max=1 << 40))
    figures = (await whole.measure({7: roomy}))[7]
    assert figures.memory is not None
    assert figures.memory > 60 * MIB
    assert figures.fds is None  # nobody asked


async def test_a_group_tells_the_processes_of_its_app(tree: int, tmp_path: Path) -> None:
    groups = groups_of(tmp_path)
    folder = groups.put(7, tree)
    probe = LinuxProbe()
    whole = Whole(lambda: {7: tree}, time.monotonic, probe, home_number(str(tmp_path)))
    figures = (await whole.measure({7: ALL}))[7]
    assert figures.threads in (2, 3)
    end_group(tree)
    eventually(lambda: not groups.pids(folder))
    remove_groups(tmp_path)


async def test_what_lives_between_two_looks_only_is_counted_by_the_group(
    tree: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{tree}\n")
    stat = tmp_path / "cpu.stat"
    stat.write_text("usage_usec 90000000\nuser_usec 0\n")
    monkeypatch.setattr(whole_module, "group_of", lambda pid, seq, home: str(tmp_path))
    now = time.monotonic()
    whole = Whole(lambda: {7: tree}, lambda: now, LinuxProbe(), 1)
    limits = {7: Limits(cpu=CpuLimit(max=50))}
    first = (await whole.measure(limits))[7].cpu
    assert first is not None
    assert first < 5000  # what earlier runs have used is not of this one
    stat.write_text("usage_usec 1090000000\n")
    now += 10.0
    assert (await whole.measure(limits))[7].cpu == pytest.approx(10_000)
    stat.unlink()
    now += 10.0
    assert ((await whole.measure(limits))[7].cpu or 0.0) < 5000


class Fleeting(LinuxProbe):
    """The child has ended by the time its share is asked for."""

    def __init__(self, leader: int) -> None:
        super().__init__()
        self._leader = leader
        self._asked: set[int] = set()

    def pss(self, pid: int) -> int | None:
        self._asked.add(pid)
        return super().pss(pid) if pid == self._leader else None

    def look(self, pid: int) -> Process | None:
        return None if pid in self._asked else super().look(pid)


async def test_one_that_ends_while_it_is_looked_at_counts_nothing(tree: int) -> None:
    figures = (await Whole(lambda: {7: tree}, time.monotonic, Fleeting(tree), None).measure({7: ALL}))[7]
    assert figures.memory is not None
    assert figures.memory < 60 * MIB  # and not what both hold, twice


class Blind(LinuxProbe):
    """A host that tells neither shares nor descriptors."""

    def pss(self, pid: int) -> int | None:
        return None

    def fds(self, pid: int) -> int | None:
        return None


async def test_what_the_host_does_not_tell_is_left_out(tree: int) -> None:
    figures = (await Whole(lambda: {7: tree}, time.monotonic, Blind(), None).measure({7: ALL}))[7]
    assert figures.fds is None
    assert figures.memory is not None
    assert figures.memory > 60 * MIB
