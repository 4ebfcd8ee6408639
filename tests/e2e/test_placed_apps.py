"""Apps of config.yaml that the cluster runs: ordered, changed and taken away by the file, and never twice."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.etcd import Etcd
from tests.support.home import Answer
from tests.support.joined import Host, joined
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(180)
SLOW_S = 60.0


@pytest.fixture(scope="module")
def running() -> Iterator[list[Host]]:
    """Two hosts with an etcd between them."""
    with tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder:
        etcd = Etcd(Path(folder), 1)
        try:
            assert etcd.come_up()
            store = etcd.url("/viscript/test")
            with joined(Path(folder), 2, store) as made:
                for host in made:
                    host.store = store
                yield made
        finally:
            etcd.stop()


@pytest.fixture
def hosts(running: list[Host]) -> Iterator[list[Host]]:
    """With nothing in their files; what a test had the cluster run is taken away."""
    yield running
    for host in running:
        write(host, nothing={"command": ["true"]})
        apply(host)
    running[0].viscript("deploy", "rm", "web", timeout=SLOW_S)
    eventually(lambda: not rows(running[0]), deadline_s=SLOW_S)


def block(seconds: int, **more: object) -> dict[str, object]:
    return {"command": ["sleep", str(seconds)], "autostart": True, **more}


def write(host: Host, **apps: dict[str, object]) -> None:
    host.write_config(json.dumps({"store": host.store, "apps": apps}))


def apply(host: Host, *argv: str) -> Any:  # Any: rows of JSON
    answer = host.viscript("apply", *argv, "-o", "json", timeout=SLOW_S)
    return {row["app"]: (row["action"], row["reason"]) for row in answer.json()}


def rows(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = host.viscript("deploy", "ls", "-o", "json").ok().json()
    return found


def up(host: Host, *, version: int = 0) -> list[dict[str, Any]]:
    """The instances that are up, once all of them are."""

    def found() -> list[dict[str, Any]] | None:
        held = rows(host)
        good = held and all(row["state"] == "running" and row["version"] >= version for row in held)
        return held if good else None

    made = eventually(found, deadline_s=SLOW_S)
    assert made is not None
    return made


def told(host: Host, kind: str) -> list[str]:
    events = host.viscript("events", "-o", "json").ok().json()
    return [event["reason"] for event in events if event["type"] == kind]


def said(host: Host, *argv: str) -> Answer:
    return host.viscript(*argv, timeout=SLOW_S)


def test_a_file_orders_an_app_once_and_takes_it_away(hosts: list[Host]) -> None:
    one, other = hosts
    write(one, web=block(1000, host="h2"))
    assert apply(one, "--dry-run")["web"] == ("add", "new; on h2")
    assert rows(one) == []
    assert apply(one)["web"] == ("add", "new; on h2")
    (row,) = up(one)
    assert row["host"] == "h2"
    one.end_daemon()
    one.start_daemon(one.root / "config.yaml")
    assert apply(one, "--dry-run")["web"] == ("unchanged", "ordered on h2")
    assert [row["version"] for row in up(one)] == [row["version"]]
    same = json.loads((one.root / "config.yaml").read_text())["apps"]
    write(other, **same)
    assert apply(other)["web"] == ("unchanged", "ordered on h2")
    write(other, web=block(2000, host="any"))
    action, reason = apply(other)["web"]
    assert (action, reason) == (
        "unchanged",
        "the file of h1 ordered it first, with another host, exclusive, program; that holds",
    )
    assert told(other, "order.withheld")[-1] == reason
    assert reason in said(other, "config", "check", str(other.root / "config.yaml")).err
    assert reason in said(other, "deploy", "ls").err
    write(one, web=block(1000, host="h2", placement={"count": 2}))
    assert apply(one)["web"] == ("update", "changed: count")
    assert row["id"] in {each["id"] for each in up(one, version=row["version"] + 1)}, "the first runs on"
    write(one, own=block(1000))
    assert apply(one)["web"] == ("stop", "removed from the file")
    again = eventually(lambda: [row for row in rows(one) if row["place"] == "any"], deadline_s=SLOW_S)
    assert again[0]["by"] != row["by"], "the other file's turn has come"


def test_a_file_that_was_changed_while_no_daemon_ran_runs_nothing_twice(hosts: list[Host]) -> None:
    one = hosts[0]
    write(one, web=block(1000))
    apply(one)
    said(one, "daemon", "stop").ok()
    write(one, web=block(1000, host="h2"))
    one.start_daemon(one.root / "config.yaml")
    why = "runs here by itself still; `apply` ends that"
    eventually(lambda: any(why in reason for reason in told(one, "order.withheld")), deadline_s=SLOW_S)
    assert [row["app"] for row in one.viscript("la", "-o", "json").ok().json()] == ["web"]
    assert [row["action"] for row in said(one, "apply", "-o", "json").ok().json()] == ["stop", "add"]
    assert [row["host"] for row in up(one)] == ["h2"]
    assert one.viscript("la", "-o", "json").ok().json() == []


def test_start_orders_what_does_not_start_by_itself(hosts: list[Host]) -> None:
    one, other = hosts
    write(one, web={**block(1000, host="h2", placement={"count": 2}), "autostart": False})
    assert apply(one)["web"] == ("unchanged", "`start web` orders it 2 on h2")
    started = said(one, "s", "web", "-o", "json").ok().json()
    assert (started["host"], started["state"], started["app"]) == ("h2", "running", "web")
    assert len(other.viscript("la", "-o", "json").ok().json()) == 2
    refused = said(one, "s", "web", "--", "2000")
    assert (refused.code, "deploy web" in refused.err) == (2, True)
    said(one, "deploy", "rm", "web").ok()
    assert apply(one)["web"] == ("unchanged", "`start web` orders it 2 on h2")


def test_a_host_alone_says_what_it_lacks(scratch_home: Host) -> None:
    scratch_home.start_daemon(json.dumps({"apps": {"web": block(1000, host="any"), "own": block(1000)}}))
    eventually(lambda: told(scratch_home, "order.withheld"))
    assert "belongs to no cluster" in told(scratch_home, "order.withheld")[0]
    answer = scratch_home.viscript("apply", "-o", "json")
    assert (answer.code, answer.json()[0]["app"], answer.json()[0]["withheld"]) == (1, "web", True)
    assert scratch_home.viscript("s", "web").code == 1
    assert [row["app"] for row in scratch_home.viscript("la", "-o", "json").ok().json()] == ["own"]
