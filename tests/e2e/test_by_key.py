"""Two hosts without an address for one another: their daemons meet over the mesh, by key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Answer
from tests.support.joined import Host, pair
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
CONFIG = """\
apps:
  sleeper: {command: [sleep, "1000"]}
cluster: {listen: []}
plugins:
  settings:
    mesh: {listen: "%s", alone: true}
"""


@pytest.fixture
def hosts(short_tmp: Path) -> Iterator[list[Host]]:
    """Two of one cluster; no port is open but those of their visors, which are linked."""
    made = [Host(short_tmp / name) for name in ("a", "b")]
    for number, host in enumerate(made, 1):
        host.root.mkdir(mode=0o700)
        host.label = f"h{number}"
    pair(made, visors=True)
    try:
        for number, host in enumerate(made, 1):
            host.start_daemon(CONFIG % f"127.0.89.{number}:7777")
            host.viscript("s", "reach", timeout=90).ok()  # and the visor, which it needs
        made[1].viscript("tp", "add", f"{key(made[0])}@127.0.89.1:7777").ok()
        yield made
        for host in made:
            host.end_daemon()
    finally:
        for host in made:
            host.close()


def key(host: Host) -> str:
    return str(host.viscript("whoami", "-o", "json").ok().json()["public_key"])


def row(host: Host, label: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = host.viscript("hosts", "-o", "json").ok().json()
    return next(one for one in rows if one["label"] == label)


def meet(hosts: list[Host]) -> None:
    one, other = hosts
    eventually(lambda: row(one, "h2")["state"] == row(other, "h1")["state"] == "up", deadline_s=60)


def on(host: Host, *argv: str) -> Answer:
    return host.viscript("on", "@all", *argv, "-o", "json", timeout=60)


def managed(one: Host, other: Host) -> None:
    """`one` starts and stops an app of `other`, which notes who did."""
    one.viscript("s", "--host", "h2", "sleeper", timeout=60).ok()
    rows = other.viscript("la", "-o", "json").ok().json()
    (running,) = [app for app in rows if app["app"] == "sleeper"]
    one.viscript("sd", f"h2/{running['id']}").ok()
    rows = json.loads(on(one, "la").out)
    assert {line["host"]: line["status"] for line in rows} == {"h1": "ok", "h2": "ok"}
    audited = other.viscript("audit", "-o", "json").ok().json()
    assert any(entry["actor"] == key(one) for entry in audited)


def test_a_host_is_managed_by_its_key_alone_also_after_what_leads_was_killed(hosts: list[Host]) -> None:
    one, other = hosts
    meet(hosts)
    assert (row(one, "h2")["path"], row(one, "h2")["addresses"]) == ("relay", [])
    managed(one, other)
    for host, app in ((one, "reach"), (other, "reach"), (other, "visor")):
        host.viscript("signal", app, "KILL").ok()
        eventually(lambda: all(on(host, "ping", "reach").code == 0 for host in hosts), deadline_s=90)
    one.kill_daemon()
    eventually(lambda: one.viscript("la").code == 0)
    meet(hosts)
