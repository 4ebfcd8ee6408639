"""Two clusters with nothing but a messenger between them find one another by key."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.hidden import SLOW_S, Hidden, built, rows
from tests.support.home import Answer
from tests.support.hosted import HostedHome, hosted
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
SLEEP = {"command": ["sleep", "1000"]}
SECRET = {"vault", "sesame", "reach", "visor"}
REFUSED = (["ping", "vault"], ["hosts"], ["run", "--", "id"], ["restart", "all", "--rolling"])
APPS: dict[str, dict[str, Any]] = {
    "alpha": {"web": {**SLEEP, "env": {"TOKEN": "sesame"}}, "vault": SLEEP},
    "beta": {"mail": SLEEP},
}


@pytest.fixture
def hidden() -> Iterator[Hidden]:
    with tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder, hosted(Path(folder)) as world:
        yield built(world, APPS)


def say(home: HostedHome, *argv: str) -> Answer:
    return home.viscript(*argv, timeout=SLOW_S)


def founded(home: HostedHome) -> str:
    """The key of a cluster that begins here, and is found in the mesh."""
    say(home, "host", "invite", "--no-wait").ok()
    say(home, "s", "reach").ok()
    eventually(lambda: rows(home, "peer", "key")["visor"], deadline_s=SLOW_S)
    return str(rows(home, "peer", "key")["public_key"])


def standing(home: HostedHome) -> list[str]:
    return [row["standing"] for row in rows(home, "peer", "ls")]


def become(home: HostedHome, *wanted: str) -> None:
    eventually(lambda: standing(home) == list(wanted), deadline_s=SLOW_S)


def shown(home: HostedHome, cluster: str) -> list[str]:
    """The apps that a cluster shows; none while it cannot be reached."""
    answer = say(home, "on", f"{cluster}/@all", "la", "-o", "json")
    return [app["app"] for row in json.loads(answer.out) for app in row["result"]] if answer.code == 0 else []


def peer(alpha: HostedHome, beta: HostedHome, a: str, b: str) -> None:
    """alpha proposes, by the key alone; beta accepts."""
    say(alpha, "peer", "cluster", b, "--share", "web", "--role", "operate", "--as", "bee").ok()
    become(beta, "asks")
    say(beta, "peer", "accept", a, "--share", "mail").ok()
    for home in (alpha, beta):
        become(home, "peered")


def test_two_clusters_show_one_another_what_they_share_and_no_more(hidden: Hidden) -> None:
    alpha, beta = hidden.alpha, hidden.beta
    with ThreadPoolExecutor(2) as pool:
        a, b = pool.map(founded, (alpha, beta))
    say(alpha, "s", "--no-wait", "vault").ok()
    say(alpha, "s", "web").ok()
    peer(alpha, beta, a, b)

    for argv in (["la"], ["ru", "-o", "json"], ["why", "web"]):
        listed = say(beta, "on", f"{a}/@all", *argv).ok().out
        assert not SECRET & set(listed.replace('"', " ").split()), argv
    assert shown(beta, a) == ["web"]
    for argv in REFUSED:
        refused = say(beta, "on", f"{a}/@all", *argv)
        assert (refused.code, refused.out) == (7, ""), argv
    say(beta, "on", f"{a}/@all", "restart", "web").ok()
    assert rows(alpha, "audit")[-1]["actor"] == b
    assert rows(beta, "audit")[-1]["target"] == a

    asking = beta_asks(beta, a)
    eventually(lambda: "[" in str(rows(alpha, "rpc", "reach", "status")["led"]), deadline_s=SLOW_S)
    say(alpha, "peer", "rm", "bee").ok()
    assert asking.wait(timeout=30) == 7
    become(beta, "refused")
    assert say(beta, "on", f"{a}/@all", "la").code == 7

    peer(alpha, beta, a, b)
    for app in ("reach", "visor"):
        say(alpha, "signal", app, "KILL").ok()
    eventually(lambda: shown(beta, a) == ["web"], deadline_s=SLOW_S)
    alpha.kill_daemon()
    eventually(lambda: shown(beta, a) == ["web"], deadline_s=SLOW_S)


def beta_asks(beta: HostedHome, a: str) -> "subprocess.Popen[bytes]":
    """A command that takes long, under way."""
    words = ("on", "--timeout", "100", f"{a}/@all", "ping", "web", "-c", "1000")
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(beta.command(*words), env=beta.environ, stdout=nowhere, stderr=nowhere)
