"""A cluster as its people see it: three hosts in namespaces, one behind NAT, and an etcd of three members."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosted import HostedHome
from tests.support.three_hosts import ThreeHosts, kill, rows, three_hosts
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def scene(short_tmp: Path) -> Iterator[ThreeHosts]:
    with three_hosts(short_tmp) as made:
        yield made


def place(home: HostedHome, than: str = "") -> str:
    """On which host `web` runs, as `home` sees it; elsewhere than there."""

    def found() -> str:
        there = [row for row in rows(home, "deploy", "ls") if row["state"] in ("running", "ready")]
        return str(there[0]["host"]) if there and there[0]["host"] != than else ""

    return eventually(found, deadline_s=60)


def test_an_app_moves_off_a_host_that_is_killed_and_off_one_that_is_drained(scene: ThreeHosts) -> None:
    scene.etcd()
    scene.start()
    scene.join()
    by_label = {home.root.name: home for home in scene.homes}
    assert {row["label"]: row["path"] for row in rows(scene.beta, "hosts")}["gamma"] == "direct"
    scene.gamma.viscript("deploy", "web", "--place", "any").ok()
    first = place(scene.alpha)
    lost = by_label[first]
    rest = [home for home in scene.homes if home is not lost]
    kill(lost)
    second = place(rest[0], than=first)
    told = {row["host"]: row["status"] for row in rows(rest[0], "on", "@all", "ru")}
    assert (told[first], sorted(told[home.root.name] for home in rest)) == ("unreachable", ["ok", "ok"])
    scene.start(lost)
    eventually(lambda: scene.states(rest[0]) == {"up"}, deadline_s=60)
    assert not [row for row in rows(lost, "la") if row["name"] == "web" and row["state"] == "running"]
    rest[0].viscript("host", "drain", second, timeout=60).ok()
    third = place(rest[0], than=second)
    assert place(lost) == third
    assert [row["status"] for row in rows(lost, "on", "@all", "ru")] == ["ok"] * 3
