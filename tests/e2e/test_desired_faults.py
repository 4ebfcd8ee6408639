"""Faults of hosts and of the store under exclusive apps. Long trials; test_desired.py is the short one."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.support.etcd import Etcd
from tests.support.joined import Host, Told, joined, newest, running, teller, told
from tests.support.keeper import ROOT
from tests.support.wait import eventually
from viscript.keeper.fence import KILL_S, boottime

pytestmark = pytest.mark.slow

OVERLAP_S = 2.0  # from the thaw of a host to the end of what it had; measured far below


@pytest.fixture(params=[1, 3], ids=["one-member", "three-members"])
def etcd(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Etcd]:
    made = Etcd(tmp_path, request.param)
    try:
        assert made.come_up()
        yield made
    finally:
        made.stop()


@pytest.fixture
def shared(short_tmp: Path) -> Path:
    return short_tmp / "told"


@pytest.fixture
def hosts(short_tmp: Path, shared: Path, etcd: Etcd) -> Iterator[list[Host]]:
    with joined(short_tmp, 3, etcd.url("/viscript/test"), teller(shared)) as made:
        made[0].viscript("deploy", "teller").ok()
        newest(shared)
        running(made[0])
        yield made


def holder(hosts: list[Host], shared: Path) -> Host:
    label = newest(shared).host
    return next(host for host in hosts if host.label == label)


def others(hosts: list[Host], one: Host) -> list[Host]:
    return [host for host in hosts if host is not one]


def moved(shared: Path, first: Told, deadline_s: float = 60.0) -> Told:
    """The first line of a newer fence."""

    def found() -> Told | None:
        return next((one for one in told(shared) if one.fence > first.fence), None)

    line = eventually(found, deadline_s=deadline_s)
    assert line is not None
    return line


def assert_one_at_a_time(shared: Path, *, overlap_s: float = 0.0) -> None:
    """Each fence is one process; an older one ends before a newer begins, but for so long after a thaw."""
    lines = told(shared)
    for fence in {one.fence for one in lines}:
        assert len({(one.host, one.pid) for one in lines if one.fence == fence}) == 1
    ordered = sorted({one.fence for one in lines})
    for older, newer in pairwise(ordered):
        began = min(one.at for one in lines if one.fence == newer)
        after = [one for one in lines if one.fence == older and one.at > began]
        if after:
            assert after[-1].at - after[0].at <= overlap_s, f"{older} told {len(after)} times beside {newer}"


def test_a_frozen_host_is_taken_over_and_on_its_thaw_its_app_is_gone_at_once(
    hosts: list[Host], shared: Path
) -> None:
    first = newest(shared)
    frozen_host = holder(hosts, shared)
    frozen = frozen_host.freeze()
    began = boottime()
    second = moved(shared, first)
    assert second.host != first.host
    assert second.at - began < 20.0
    thawed = boottime()
    frozen_host.thaw(frozen)
    eventually(lambda: not psutil.pid_exists(first.pid) or _is_dead(first.pid))
    late = [one.at - thawed for one in told(shared) if one.fence == first.fence and one.at > thawed]
    print(f"overlap after the thaw: {max(late, default=0.0):.3f} s, {len(late)} lines")
    assert_one_at_a_time(shared, overlap_s=OVERLAP_S)
    eventually(lambda: frozen_host.viscript("deploy", "ls").code == 0, deadline_s=60)
    assert running(frozen_host)["host"] == second.host


def _is_dead(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.parametrize("whom", ["daemon", "keeper", "both"])
def test_a_killed_daemon_or_keeper_comes_back_and_the_app_goes_on_under_its_fence(
    hosts: list[Host], shared: Path, whom: str
) -> None:
    first = newest(shared)
    host = holder(hosts, shared)
    pids = {"daemon": [host.daemon_pid()], "keeper": [host.keeper_pid()]}
    for pid in pids.get(whom, pids["daemon"] + pids["keeper"]):
        os.kill(pid, signal.SIGKILL)
    killed = boottime()
    if whom == "both":
        host.start_daemon(host.root / "config.yaml")
    took = boottime() - killed
    last = newest(shared, after=boottime() + 12)
    assert took > 2.0 or (last.pid, last.fence) == (first.pid, first.fence), f"it was back in {took} s"
    assert running(hosts[0])["fence"] == last.fence
    assert_one_at_a_time(shared)


def test_with_daemon_and_keeper_dead_for_good_the_app_ends_in_time_and_moves(
    hosts: list[Host], shared: Path
) -> None:
    first = newest(shared)
    host = holder(hosts, shared)
    daemon, keeper = host.daemon_pid(), host.keeper_pid()
    killed = boottime()
    for pid in (daemon, keeper):
        os.kill(pid, signal.SIGKILL)
    second = moved(shared, first)
    last = max(one.at for one in told(shared) if one.fence == first.fence)
    assert last - killed < KILL_S + 0.5
    assert last < second.at
    assert_one_at_a_time(shared)


def test_a_store_that_is_away_ends_exclusive_apps_only_and_all_comes_back(
    hosts: list[Host], shared: Path, etcd: Etcd
) -> None:
    hosts[1].viscript("run", "-d", "--", "sleep", "1000")
    first = newest(shared)
    away = boottime()
    for member in etcd.members:
        member.freeze()
    eventually(lambda: boottime() - newest(shared).at > 3.0, deadline_s=60)
    assert newest(shared).at - away < KILL_S + 0.5
    said = hosts[0].viscript("deploy", "teller", "--count", "2")
    assert said.code == 4
    assert "nothing has changed" in said.err
    why = holder(hosts, shared).viscript("why", "1")
    assert "lease" in why.out
    assert hosts[1].viscript("ru", "-o", "json").code in (0, 3)
    for member in etcd.members:
        member.thaw()
    back = newest(shared, after=boottime())
    assert back.fence > first.fence
    assert_one_at_a_time(shared)


def test_a_drained_host_and_a_move_by_hand(hosts: list[Host], shared: Path) -> None:
    first = newest(shared)
    host = holder(hosts, shared)
    rest = others(hosts, host)
    rest[0].viscript("host", "drain", host.label).ok()
    second = moved(shared, first)
    assert second.host != host.label
    there = holder(hosts, shared)
    target = next(one for one in rest if one is not there)
    there.viscript("mv", "teller", target.label).ok()
    third = moved(shared, second)
    assert third.host == target.label
    rest[0].viscript("host", "resume", host.label).ok()
    hosts[0].viscript("deploy", "rm", "teller").ok()
    eventually(lambda: boottime() - newest(shared).at > 1.0, deadline_s=60)
    assert hosts[0].viscript("deploy", "ls", "-o", "json").ok().json() == []
    assert_one_at_a_time(shared)


def test_a_killed_host_that_returns_does_not_take_back(hosts: list[Host], shared: Path) -> None:
    first = newest(shared)
    host = holder(hosts, shared)
    host.kill_all()
    second = moved(shared, first)
    host.start_daemon(host.root / "config.yaml")
    eventually(lambda: host.viscript("deploy", "ls", "-o", "json").code == 0, deadline_s=60)
    until = time.monotonic() + 5
    eventually(lambda: time.monotonic() > until)
    last = newest(shared, after=boottime())
    assert (last.fence, last.host) == (second.fence, second.host)
    assert_one_at_a_time(shared)


def test_the_engines_leader_is_killed_together_with_a_host(
    hosts: list[Host], shared: Path, etcd: Etcd
) -> None:
    if len(etcd.members) == 1:
        etcd.members[0].kill()
        etcd.start(etcd.members[0])
    else:
        etcd.leader().kill()
    first = newest(shared)
    host = holder(hosts, shared)
    host.kill_all()
    killed = boottime()
    second = moved(shared, first)
    print(f"took over after {second.at - killed:.1f} s")
    assert second.at - killed < 25.0
    assert_one_at_a_time(shared)


HOLDER = """
import asyncio, os, sys, time
from signal_bus.client import SignalClient

async def main():
    async with SignalClient.from_env() as bus, bus.lock("only-one") as lock:
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        home = os.path.relpath(os.environ["VISCRIPT_IDENTITY"], os.path.dirname(sys.argv[1])).split("/")[0]
        while True:
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            os.write(file, f"{home} {lock.fence} {os.getpid()} {now:.4f}\\n".encode())
            await asyncio.sleep(0.05)

asyncio.run(main())
"""


def test_a_lock_moves_from_a_killed_host_and_from_one_that_lost_the_store(
    short_tmp: Path, shared: Path, etcd: Etcd
) -> None:
    program = short_tmp / "holder.py"
    program.write_text(HOLDER)
    apps = (
        f"apps:\n  job:\n    command: [{sys.executable}, -P, {program}, {shared}]\n"
        f"    env: {{PYTHONPATH: {ROOT}}}\n    autostart: true\n    restart: {{policy: always}}\n"
    )
    with joined(short_tmp, 2, etcd.url("/viscript/locks"), apps) as hosts:
        first = newest(shared)
        next(host for host in hosts if host.label == first.host).kill_all()
        second = moved(shared, first)
        assert second.host != first.host
        for member in etcd.members:
            member.freeze()
        eventually(lambda: boottime() - newest(shared).at > 3.0, deadline_s=60)
        for member in etcd.members:
            member.thaw()
        assert newest(shared, after=boottime()).fence > second.fence
        assert_one_at_a_time(shared)
