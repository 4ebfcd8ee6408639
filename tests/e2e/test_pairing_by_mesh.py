"""Two hosts that no address leads to pair by the keys of their visors; both reach a messenger, no more."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hidden import SLOW_S, Hidden, built, rows
from tests.support.hosted import HostedHome, hosted
from tests.support.terminal import ENTER, Terminal
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def hidden() -> Iterator[Hidden]:
    with tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder, hosted(Path(folder)) as world:
        yield built(world)


def words_on(terminal: Terminal) -> str:
    terminal.wait_for("the words:")
    return next(line for line in terminal.lines() if "the words:" in line).partition(":")[2].strip()


def code_on(terminal: Terminal) -> str:
    terminal.wait_for("viscript host join ")
    terminal.wait_for("waiting for it")
    lines = "".join(line.rstrip() for line in terminal.lines())
    return lines.partition("viscript host join ")[2].partition("waiting for it")[0]


def places(home: HostedHome) -> list[str]:
    """What the app that leads there leads others to; nothing while it is away."""
    answer = home.viscript("rpc", "reach", "status", "-o", "json", timeout=SLOW_S)
    return list(answer.json()["places"]) if answer.code == 0 else []


def test_two_hosts_behind_routers_pair_by_key_and_are_one_prompt(hidden: Hidden) -> None:
    alpha, beta = hidden.alpha, hidden.beta
    refused = alpha.viscript("host", "invite", "--mesh", "--no-wait")
    assert (refused.code, "viscript s reach" in refused.err) == (4, True)
    alpha.viscript("s", "reach", timeout=SLOW_S).ok()
    with alpha.terminal("host", "invite", "--mesh", "--for", "beta", "--role", "operate") as here:
        here.deadline_s = SLOW_S
        code = code_on(here)
        alpha.viscript("signal", "reach", "KILL").ok()
        eventually(lambda: "pairing" in places(alpha), deadline_s=SLOW_S)  # of the next one, too
        without = beta.viscript("host", "join", code, timeout=SLOW_S)
        assert (without.code, "viscript s reach" in without.err) == (4, True)
        beta.viscript("s", "reach", timeout=SLOW_S).ok()
        with beta.terminal("host", "join", code) as there:
            there.deadline_s = SLOW_S
            assert words_on(there) == words_on(here)
            for terminal in (here, there):
                terminal.wait_for_input("yes or no:")
                terminal.type(f"yes{ENTER}")
            there.wait_for("this host is beta in the cluster of")
            here.wait_for("beta has joined, with the role operate")
            assert (here.wait_for_exit(), there.wait_for_exit()) == (0, 0)
    eventually(lambda: {row["state"] for row in rows(alpha, "hosts")} == {"up"}, deadline_s=SLOW_S)
    assert {row["path"] for row in rows(alpha, "hosts") if row["label"] == "beta"} == {"relay"}
    assert {row["status"] for row in rows(beta, "on", "@all", "ping", "reach")} == {"ok"}
    eventually(lambda: "pairing" not in (places(alpha) or ["pairing"]), deadline_s=SLOW_S)
