"""The state store of real daemons: an etcd that loses its majority, and the store of another host."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.etcd import Etcd, etcd_cluster, free_port
from tests.support.home import ScratchHome
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(180)
APPS = "apps: {nap: {command: sleep 1000, autostart: true}}\n"


@pytest.fixture(scope="module")
def etcd() -> Iterator[Etcd]:
    with etcd_cluster() as cluster:
        yield cluster


def status(home: ScratchHome) -> Any:
    return home.viscript("store", "status", "-t", "1s", "-o", "json").json()


def told(home: ScratchHome, kind: str) -> list[str]:
    """The reasons of all events of that kind."""
    lines = home.viscript("events", "-o", "json").ok().json()
    return [event["reason"] for event in lines if event["type"] == kind]


def naps(home: ScratchHome) -> list[int]:
    rows = home.viscript("la", "-o", "json").ok().json()
    return [row["pid"] for row in rows if row["name"] == "nap" and row["state"] == "running"]


def test_a_daemon_runs_its_apps_whatever_becomes_of_its_etcd(scratch_home: ScratchHome, etcd: Etcd) -> None:
    scratch_home.start_daemon(f"store: {etcd.url('/e2e')}\n{APPS}")
    (pid,) = eventually(lambda: naps(scratch_home))
    eventually(lambda: status(scratch_home)["ok"])
    assert len(status(scratch_home)["members"]) == 3

    two = etcd.members[:2]
    for member in two:
        member.freeze()
    try:
        assert scratch_home.viscript("store", "status", "-t", "1s").code == 1
        (reason,) = told(scratch_home, "store.away")
        assert "etcd is away" in reason
        assert naps(scratch_home) == [pid]
        assert scratch_home.viscript("run", "--", "sleep", "1001").code == 0

        scratch_home.viscript("daemon", "stop").ok()  # and one that comes up without its store
        scratch_home.start_daemon(scratch_home.root / "config.yaml")
        assert eventually(lambda: naps(scratch_home)) == [pid]
        checks = scratch_home.viscript("doctor", "-o", "json").json()
        (found,) = [check for check in checks if check["check"] == "state store"]
        assert found["status"] == "fail"
    finally:
        for member in two:
            member.thaw()
    eventually(lambda: status(scratch_home)["ok"], deadline_s=60)
    assert told(scratch_home, "store.back")
    assert naps(scratch_home) == [pid]


def test_a_store_is_moved_while_the_daemon_is_away(scratch_home: ScratchHome, etcd: Etcd) -> None:
    url = etcd.url("/moved")
    refused = scratch_home.viscript("store", "migrate", url, "sqlite://")
    assert refused.code == 0, refused
    assert "0 keys copied" in refused.out
    scratch_home.start_daemon("apps: {}\n")
    beside = scratch_home.viscript("store", "migrate", url, "sqlite://")
    assert beside.code == 1
    assert "a daemon of this home runs" in beside.err


@pytest.fixture
def beta(short_tmp: Path) -> Iterator[ScratchHome]:
    home = ScratchHome(short_tmp / "b")
    home.root.mkdir(mode=0o700)
    yield home
    try:
        home.end_daemon()
    finally:
        home.close()


def config(label: str) -> str:
    door = f"tcp://127.0.0.1:{free_port()}"
    return (
        f"store: host://alpha\ncluster: {{label: {label}, listen: ['{door}'], advertise: ['{door}']}}\n{APPS}"
    )


def answer(home: ScratchHome, *argv: str) -> Any:
    return home.viscript(*argv, "-o", "json").ok().json()


def pair(alpha: ScratchHome, beta: ScratchHome) -> None:
    invited = alpha.viscript(
        "host", "invite", "--no-wait", "--for", "beta", "--addr", "127.0.0.1", "-o", "json"
    )
    joined = beta.viscript("host", "join", invited.ok().json()["code"], "--no-wait", "-o", "json")
    words = joined.ok().json()["words"]
    beta.viscript("host", "approve", words, "--no-wait").ok()
    alpha.viscript("host", "approve", words).ok()


def test_hosts_share_the_store_of_one_of_them_over_their_link(
    scratch_home: ScratchHome, beta: ScratchHome
) -> None:
    alpha = scratch_home
    pid = alpha.start_daemon(config("alpha"))
    beta.start_daemon(config("beta"))
    assert "joined no cluster" in status(beta)["text"]
    pair(alpha, beta)
    for home in (alpha, beta):
        eventually(lambda home=home: status(home)["ok"], deadline_s=60)  # type: ignore[misc] # bound at once
    eventually(lambda: status(alpha)["members"] == status(beta)["members"])  # the revision goes on
    (nap,) = eventually(lambda: naps(beta))
    before = len(told(beta, "store.away"))  # before it had joined
    beta.viscript("daemon", "upgrade").ok()
    eventually(lambda: status(beta)["ok"], deadline_s=60)
    assert len(told(beta, "store.away")) == before  # a link that is coming is waited for

    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: len(told(beta, "store.away")) == before + 1, deadline_s=60)
        assert not status(beta)["ok"]
        assert naps(beta) == [nap]
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: status(beta)["ok"], deadline_s=60)
    assert naps(beta) == [nap]
