import asyncio
import errno
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.wait import eventually
from viscript.usage.linux import LinuxProbe
from viscript.usage.portable import PortableProbe
from viscript.usage.probe import Probe
from viscript.usage.process import Detail, Process
from viscript.usage.sampler import FEW, KEPT_S, Sampler

BUSY = "print('up', flush=True)\nwhile True: pass"
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
                         stdin=subprocess.PIPE, start_new_session=True)
sys.stdin.read()
child.kill()
child.wait()
"""


class FakeProbe:
    """Processes as told; one second of life each."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.watched: set[int] = set()
        self.details = 0

    def put(
        self, pid: int, *, cpu: float = 0.0, rss: int = 1 << 20, started: float = 0.0, ppid: int = 1
    ) -> None:
        self.processes[pid] = Process(pid, ppid, pid, started, cpu, rss, 1)

    def watch(self, pid: int) -> Process | None:
        self.watched.add(pid)
        return self.processes.get(pid)

    def unwatch(self, pid: int) -> None:
        self.watched.discard(pid)

    def look(self, pid: int) -> Process | None:
        return self.processes.get(pid)

    def pids(self) -> list[int]:
        return list(self.processes)

    def detail(self, pid: int) -> Detail:
        self.details += 1
        return Detail(fds=self.details)

    def fds(self, pid: int) -> int | None:
        return None

    def pss(self, pid: int) -> int | None:
        return None

    def uptime(self, process: Process) -> float:
        return 1.0

    def close(self) -> None:
        self.watched.clear()


@pytest.fixture
def leaders() -> dict[int, int]:
    return {7: 100}


@pytest.fixture
def probe() -> FakeProbe:
    fake = FakeProbe()
    fake.put(100)
    return fake


@pytest.fixture
def sampler(leaders: dict[int, int], probe: FakeProbe) -> Sampler:
    return Sampler(lambda: leaders, lambda: 10.0, probe=probe, points=5)


def test_quick_gives_the_newest_sample(sampler: Sampler, probe: FakeProbe) -> None:
    assert sampler.quick() == {}
    sampler.tick(10.0)
    probe.put(100, cpu=1.0, rss=2 << 20)
    sampler.tick(12.0)
    assert sampler.quick() == {7: (50.0, 2 << 20)}


def test_the_past_is_kept_to_its_bound_and_over_a_restart(
    sampler: Sampler, probe: FakeProbe, leaders: dict[int, int]
) -> None:
    for beat in range(4):
        sampler.tick(10.0 + beat)
    leaders[7] = 200
    probe.put(200)
    for beat in range(4, 8):
        sampler.tick(10.0 + beat)
    assert [point.at for point in sampler.history(7)] == [13.0, 14.0, 15.0, 16.0, 17.0]
    assert sampler.history(99) == []
    assert probe.watched == {200}


def test_an_app_that_ended_is_forgotten(sampler: Sampler, probe: FakeProbe, leaders: dict[int, int]) -> None:
    sampler.tick(10.0)
    leaders.clear()
    sampler.tick(12.0)
    assert sampler.quick() == {}
    assert sampler.history(7) == []
    assert probe.watched == set()


def test_a_dead_leader_has_no_figures(sampler: Sampler, probe: FakeProbe) -> None:
    sampler.tick(10.0)
    probe.processes.clear()
    sampler.tick(12.0)
    assert sampler.quick() == {}
    assert sampler.full([7]) == []


def test_a_pid_with_a_new_owner_starts_anew(sampler: Sampler, probe: FakeProbe) -> None:
    probe.put(100, cpu=50.0)
    sampler.tick(10.0)
    probe.put(100, cpu=0.5, started=11.0)
    sampler.tick(12.0)
    assert sampler.quick()[7][0] == pytest.approx(50.0)  # half a second in its one second of life


def test_some_apps_can_be_sampled_more_often(
    sampler: Sampler, probe: FakeProbe, leaders: dict[int, int]
) -> None:
    leaders[8] = 200
    probe.put(200)
    sampler.tick(10.0, [8, 99])
    assert sampler.quick().keys() == {8}


def test_full_leaves_out_what_does_not_run(sampler: Sampler) -> None:
    assert [usage.id for usage in sampler.full([99, 7])] == [7]


def test_full_knows_whose_processes_they_are(sampler: Sampler, probe: FakeProbe) -> None:
    probe.put(101, ppid=100)
    (usage,) = sampler.full([7])
    assert usage.children == 1
    assert sampler.owners() == {100: 7, 101: 7}
    assert sampler.trees()[7].processes == 2


class Many:
    """More apps than few, and a clock."""

    def __init__(self) -> None:
        self.now = 10.0
        self.probe = FakeProbe()
        self.leaders = {seq: seq + 100 for seq in range(1, FEW + 2)}
        for pid in self.leaders.values():
            self.probe.put(pid)
        self.sampler = Sampler(lambda: self.leaders, lambda: self.now, probe=self.probe)


async def test_dear_figures_of_many_apps_are_kept_for_a_while_and_say_so() -> None:
    many = Many()
    names = dict.fromkeys(many.leaders, "web")
    first = await many.sampler.fresh(names)
    assert {(row.name, row.kept_seconds) for row in first} == {("web", 0.0)}
    many.now += KEPT_S - 0.5
    many.probe.put(101, rss=5 << 20)
    second = await many.sampler.fresh(names)
    assert [row.fds for row in second] == [row.fds for row in first]
    assert (second[0].rss_bytes, second[0].kept_seconds) == (5 << 20, KEPT_S - 0.5)
    many.now += 1.0
    third = await many.sampler.fresh(names)
    assert {row.kept_seconds for row in third} == {0.0}
    assert many.probe.details == 2 * len(names)


async def test_everything_of_a_few_apps_is_of_this_moment() -> None:
    many = Many()
    await many.sampler.fresh(dict.fromkeys(many.leaders, ""))
    many.now += 0.5
    (row,) = await many.sampler.fresh({1: "web"})
    assert (row.fds, row.kept_seconds) == (FEW + 2, 0.0)


async def test_a_new_process_never_shows_dear_figures_of_the_one_before() -> None:
    many = Many()
    await many.sampler.fresh(dict.fromkeys(many.leaders, ""))
    many.now += 0.5
    many.probe.put(101, started=10.1)
    rows = await many.sampler.fresh(dict.fromkeys(many.leaders, ""))
    assert many.probe.details == FEW + 2
    assert rows[0].fds == FEW + 2


async def test_an_app_that_ends_during_a_look_is_left_out() -> None:
    many = Many()
    detail = many.probe.detail

    def ending(pid: int) -> Detail:
        many.leaders.pop(5, None)
        many.sampler.tick(many.now)
        return detail(pid)

    many.probe.detail = ending  # type: ignore[method-assign]  # one look that takes long
    rows = await many.sampler.fresh(dict.fromkeys(many.leaders, ""))
    assert [row.id for row in rows] == [seq for seq in range(1, FEW + 2) if seq != 5]


async def test_run_samples_again_and_again(leaders: dict[int, int], probe: FakeProbe) -> None:
    sampler = Sampler(lambda: leaders, time.monotonic, probe=probe)
    async with asyncio.TaskGroup() as group, asyncio.timeout(10):
        task = group.create_task(sampler.run(0.001))
        while len(sampler.history(7)) < 7:
            await asyncio.sleep(0.001)
        task.cancel()
    assert sampler.trees().keys() == {7}
    sampler.close()
    assert probe.watched == set()


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("kind", [LinuxProbe, PortableProbe])
def test_a_busy_process_is_measured_as_psutil_measures_it(
    busy: subprocess.Popen[bytes], kind: type[Probe]
) -> None:
    sampler = Sampler(lambda: {1: busy.pid}, time.monotonic, probe=kind())
    theirs = psutil.Process(busy.pid)
    sampler.tick(time.monotonic())
    theirs.cpu_percent()
    begin = time.monotonic()
    eventually(lambda: time.monotonic() - begin > 1.5)
    (usage,) = sampler.full([1])
    assert usage.cpu_percent == pytest.approx(theirs.cpu_percent(), rel=0.05, abs=2.0)
    assert usage.rss_bytes == pytest.approx(theirs.memory_info().rss, rel=0.05)
    assert usage.tree is not None
    assert usage.tree.cpu_percent == pytest.approx(usage.cpu_percent, rel=0.2)
    assert usage.uptime_seconds == pytest.approx(
        time.time() - theirs.create_time(), abs=1.5
    )  # psutil knows the boot to a second
    sampler.close()


def test_a_child_in_its_own_session_counts() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        sampler = Sampler(lambda: {1: parent.pid}, time.monotonic)
        (usage,) = sampler.full([1])
        (child,) = psutil.Process(parent.pid).children(recursive=True)
        rss = psutil.Process(parent.pid).memory_info().rss + child.memory_info().rss
        assert usage.children == 1
        assert usage.tree is not None
        assert usage.tree.rss_bytes == pytest.approx(rss, rel=0.05)
        sampler.close()
        parent.communicate()


async def test_without_a_descriptor_to_spare_it_goes_on_later(
    probe: FakeProbe, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def none_left(pid: int) -> Process | None:
        tries.append(pid)
        raise OSError(errno.EMFILE, "Too many open files", "/proc")

    monkeypatch.setattr(probe, "watch", none_left)
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        running = group.create_task(sampler.run(0.001))
        while len(tries) < 2:
            await asyncio.sleep(0.001)
        monkeypatch.undo()
        while 7 not in sampler.quick():
            await asyncio.sleep(0.001)
        running.cancel()
