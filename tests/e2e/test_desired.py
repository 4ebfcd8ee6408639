"""Hosts with an etcd between them: a killed host's apps come up elsewhere, and never two count at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.etcd import Etcd
from tests.support.joined import Host, joined, newest, running, teller, told
from viscript.keeper.fence import boottime


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    made = Etcd(tmp_path, 1)
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
        yield made


def test_a_killed_hosts_app_runs_elsewhere_within_twenty_seconds_and_never_twice(
    hosts: list[Host], shared: Path
) -> None:
    hosts[0].viscript("deploy", "teller").ok()
    first = newest(shared)
    running(hosts[0])
    lost = next(host for host in hosts if host.label == first.host)
    rest = [host for host in hosts if host is not lost]
    lost.kill_all()
    killed = boottime()
    second = newest(shared, after=killed + 0.5)
    assert second.host != first.host
    assert second.fence > first.fence
    began = next(one.at for one in told(shared) if one.fence == second.fence)
    assert began - killed < 20.0
    last = max(one.at for one in told(shared) if one.fence == first.fence)
    assert last < began
    row = running(rest[0], than=first.fence)
    assert row["moved_from"] == f"{lost.label}/1"
    assert row["host"] == second.host
