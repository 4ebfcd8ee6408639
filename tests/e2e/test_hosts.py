"""Three real daemons in three network namespaces: who is up, frozen, cut, killed, put out."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.support.hosted import Hosted, HostedHome, hosted
from tests.support.network import Cable
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(180)
SLOW_S = 2.5  # that a busy machine may take beyond what is promised; alone it is 4.1 and 14.1 s


class Trio:
    """Three homes, each joined to the others by a cable of its own."""

    def __init__(self, world: Hosted) -> None:
        self.alpha, self.beta, self.gamma = (world.home(name) for name in ("alpha", "beta", "gamma"))
        self.alpha_beta: Cable = world.cable(self.alpha, self.beta)
        self.alpha_gamma: Cable = world.cable(self.alpha, self.gamma)
        self.beta_gamma: Cable = world.cable(self.beta, self.gamma)
        for other, label in ((self.beta, "beta"), (self.gamma, "gamma")):
            pair(self.alpha, other, label)

    @property
    def all(self) -> tuple[HostedHome, HostedHome, HostedHome]:
        return self.alpha, self.beta, self.gamma

    def all_up(self) -> bool:
        return all(set(states(home).values()) == {"up"} and len(states(home)) == 3 for home in self.all)


Row: TypeAlias = dict[str, Any]


def told(home: HostedHome, *argv: str) -> Any:
    return home.viscript(*argv, "-o", "json").ok().json()


def pair(alpha: HostedHome, beta: HostedHome, label: str) -> None:
    code = told(alpha, "host", "invite", "--no-wait", "--for", label)["code"]
    words = told(beta, "host", "join", code, "--no-wait")["words"]
    beta.viscript("host", "approve", words, "--no-wait").ok()
    alpha.viscript("host", "approve", words).ok()


def rows(home: HostedHome) -> dict[str, Row]:
    return {row["label"]: row for row in told(home, "hosts")}


def states(home: HostedHome) -> dict[str, str]:
    return {label: row["state"] for label, row in rows(home).items()}


def seen_after(home: HostedHome, label: str, state: str, since: float) -> float:
    """How long after `since` the daemon of `home` saw a host so."""
    lines = home.viscript("events", "-o", "jsonl").ok().out.splitlines()
    times = [
        event["time"]
        for event in map(json.loads, lines)
        if (event["type"], event["object"]) == (f"host.{state}", f"host/{label}") and event["time"] >= since
    ]
    return float(min(times)) - since


@pytest.fixture(scope="module")
def trio() -> Iterator[Trio]:
    with tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder, hosted(Path(folder)) as world:
        yield Trio(world)


@pytest.fixture(autouse=True)
def settled(trio: Trio) -> None:
    eventually(trio.all_up)


def test_each_knows_all_also_those_it_did_not_pair_with(trio: Trio) -> None:
    found = rows(trio.beta)
    assert {"beta", "gamma"} < set(found)
    assert len(found) == 3
    gamma = found["gamma"]
    assert (gamma["path"], gamma["role"], gamma["skew"], gamma["local"]) == ("direct", "view", False, False)
    assert gamma["memory_bytes"] > 0
    eventually(lambda: rows(trio.beta)["gamma"]["clock_offset_seconds"] is not None)
    assert abs(rows(trio.beta)["gamma"]["clock_offset_seconds"]) < 2


def test_a_frozen_host_and_a_cut_one_are_noticed_in_time_and_found_again(trio: Trio) -> None:
    frozen = trio.gamma.daemon_pid()
    following = subprocess.Popen(
        trio.alpha.command("events", "-f", "--host", "gamma"),
        env=trio.alpha.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    since = time.time()
    os.kill(frozen, signal.SIGSTOP)
    trio.alpha_beta.cut()
    try:
        eventually(lambda: [states(trio.alpha)[one] for one in ("beta", "gamma")] == ["down", "down"])
        for label in ("beta", "gamma"):
            assert seen_after(trio.alpha, label, "suspect", since) < 5 + SLOW_S
            assert seen_after(trio.alpha, label, "down", since) < 15 + SLOW_S
        gone = rows(trio.alpha)["gamma"]
        assert gone["memory_bytes"] > 0
        assert gone["age_seconds"] >= 10
        assert gone["path"] == "none"
        _, said = following.communicate(timeout=30)
        assert following.returncode == 4, said
        asked = time.monotonic()
        answer = trio.alpha.viscript("la", "--host", "gamma")
        assert answer.code == 4
        assert time.monotonic() - asked < 5
    finally:
        os.kill(frozen, signal.SIGCONT)
        trio.alpha_beta.mend()
    back = time.time()
    eventually(trio.all_up)
    assert seen_after(trio.alpha, "beta", "up", back - 1) < 15


@pytest.mark.slow
def test_a_daemon_that_is_killed_is_back_with_its_links(trio: Trio) -> None:
    trio.beta.after_a_kill()
    eventually(trio.all_up)
    assert trio.alpha.viscript("la", "--host", "beta").code == 0


@pytest.mark.slow
def test_a_host_that_is_put_out_is_cut_and_stays_out(trio: Trio) -> None:
    trio.alpha.viscript("host", "forget", "gamma").ok()
    assert "gamma" not in states(trio.alpha)
    eventually(lambda: "gamma" not in states(trio.beta))
    eventually(lambda: trio.gamma.viscript("la", "--host", "beta").code != 0)
    trio.gamma.viscript("host", "leave", "--force")
    pair(trio.alpha, trio.gamma, "gamma")
    eventually(trio.all_up)
