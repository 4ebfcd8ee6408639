"""Two clusters of two hosts each: any host asks, all hosts answer, by the gateways of both."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.home import Answer
from tests.support.joined import Host, pair
from tests.support.wait import eventually
from viscript.home import find_home

pytestmark = pytest.mark.timeout(240)
CONFIG = """\
apps:
  web: {command: [sleep, "1000"]}
  vault: {command: [sleep, "1000"]}
"""


@pytest.fixture
def clusters(short_tmp: Path) -> Iterator[tuple[list[Host], list[Host]]]:
    """The first host of each has the cluster's key."""
    with ExitStack() as stack:
        found = []
        for place, name in ((91, "a"), (92, "b")):
            hosts = [Host(short_tmp / f"{name}{number}") for number in (1, 2)]
            for host in hosts:
                host.root.mkdir(mode=0o700)
                host.label = host.root.name
                stack.callback(host.close)
                stack.callback(host.end_daemon)
            at = [f"tcp://127.0.{place}.{number}:7791" for number in (1, 2)]
            pair(hosts, addresses=at)
            key = Path(find_home(hosts[0].environ).cluster_key)
            shutil.copy(hosts[0].root / "test-cluster.key", key)
            key.chmod(0o600)
            files = [
                f"{CONFIG}cluster: {{listen: ['{address}'], label: {host.label}}}\n"
                for host, address in zip(hosts, at, strict=True)
            ]
            with ThreadPoolExecutor() as pool:
                list(pool.map(Host.start_daemon, hosts, files))
            found.append(hosts)
        yield found[0], found[1]


def say(host: Host, *argv: str) -> Answer:
    return host.viscript(*argv, timeout=60)


def meet(host: Host) -> None:
    """Until it is connected to the other."""

    def states() -> list[str]:
        return [row["state"] for row in say(host, "hosts", "-o", "json").json()]

    eventually(lambda: states() == ["up", "up"], deadline_s=60)


def key_of(host: Host) -> str:
    return say(host, "peer", "key", "-o", "name").ok().out.strip()


def hosts_of(answer: Answer) -> list[str]:
    return sorted(row["host"] for row in json.loads(answer.out)) if answer.code == 0 else []


def test_any_host_asks_and_all_that_have_it_answer(clusters: tuple[list[Host], list[Host]]) -> None:
    (a1, a2), (b1, b2) = clusters
    say(a2, "s", "--no-wait", "vault").ok()
    say(a2, "s", "web").ok()
    for one in (a1, b1):
        meet(one)
    (way, *_) = say(a1, "peer", "listen", "-o", "json").ok().json()["addresses"]
    port = way.rpartition(":")[2]
    a = key_of(a1)
    assert say(b2, "peer", "ls").code == 1
    say(b1, "peer", "cluster", a, "--as", "ay", "--at", f"tcp://127.0.0.1:{port}").ok()
    say(a1, "peer", "accept", key_of(b1), "--share", "web", "--role", "operate").ok()
    eventually(lambda: say(b1, "peer", "ls", "-o", "json").json()[0]["standing"] == "peered", deadline_s=60)

    for asker in (b1, b2):
        answer = say(asker, "on", "ay/@all", "la", "-o", "json").ok()
        assert hosts_of(answer) == ["ay/a2"]
        assert "vault" not in answer.out
        assert say(asker, "on", "ay/@all", "ping", "vault").code == 7
        assert say(asker, "on", f"{a[:12]}/a1", "la").out.count("\n") <= 1
    say(a1, "s", "web").ok()
    eventually(lambda: hosts_of(say(b2, "on", "ay/@all", "la", "-o", "json")) == ["ay/a1", "ay/a2"])
    say(b2, "on", "ay/a2", "restart", "web").ok()
    (asked,) = [row for row in say(a2, "audit", "-o", "json").json() if row["verb"] == "restart"]
    assert (asked["actor"], asked["state"]) == (key_of(b1), "done")
    assert say(b2, "audit", "-o", "json").json()[-1]["target"] == "ay"

    frozen = a2.freeze()
    began = say(b1, "on", "--timeout", "2", "ay/@all", "la", "-o", "json")
    a2.thaw(frozen)
    assert began.code == 1
    statuses = {row["host"]: row["status"] for row in json.loads(began.out)}
    assert statuses == {"ay/a1": "ok", "ay/a2": "unreachable"}
    a1.kill_daemon()
    eventually(lambda: say(b2, "on", "ay/@all", "la").code == 0, deadline_s=60)
    say(a1, "peer", "rm", key_of(b1)[:8]).ok()
    assert say(b2, "on", "ay/@all", "la").code == 7
