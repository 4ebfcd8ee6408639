"""Two hosts that no address leads to pair by the keys of their visors; both reach a messenger, no more."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.hosted import Hosted, HostedHome, hosted
from tests.support.network import Host
from tests.support.terminal import ENTER, Terminal
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
SERVICES: Final = "10.99.0.1"
SLOW_S: Final = 90.0  # for what goes over the mesh on a busy machine


@dataclass
class Hidden:
    """Two homes, each behind something; `middle` runs the services of the mesh."""

    middle: HostedHome
    alpha: HostedHome
    beta: HostedHome


@pytest.fixture
def hidden() -> Iterator[Hidden]:
    with tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder, hosted(Path(folder)) as world:
        yield built(world)


def built(world: Hosted) -> Hidden:
    """The middle passes no IP on; alpha has a cable to it, beta a router with NAT before that."""
    middle = world.home("middle", f"plugins: {{settings: {{mesh: {{serve: {SERVICES}}}}}}}\n")
    host = host_of(middle)
    host.ip("address", "add", f"{SERVICES}/32", "dev", "lo")
    host.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    middle.viscript("s", "visor", timeout=SLOW_S).ok()
    keys = middle.viscript("mesh", "keys", "-o", "json", timeout=SLOW_S).ok().json()
    mesh = {name: keys[name] for name in ("setup_nodes", "messengers")}
    settings = {"mesh": {**mesh, "node_manager": keys["node_manager"][0]}}
    alpha, beta = (world.home(name, configured(name, settings)) for name in ("alpha", "beta"))
    host_of(alpha).default_route(world.cable(alpha, middle).address(host))
    router = world.network.host("nat")
    outside = world.network.cable(router, host)
    router.default_route(outside.address(host))
    host_of(beta).default_route(world.network.cable(host_of(beta), router).address(router))
    world.network.nat(router, outside)
    return Hidden(middle, alpha, beta)


def configured(name: str, settings: dict[str, Any]) -> str:
    return json.dumps({"cluster": {"label": name}, "plugins": {"settings": settings}})


def host_of(home: HostedHome) -> Host:
    assert home.host is not None
    return home.host


def words_on(terminal: Terminal) -> str:
    terminal.wait_for("the words:")
    return next(line for line in terminal.lines() if "the words:" in line).partition(":")[2].strip()


def code_on(terminal: Terminal) -> str:
    terminal.wait_for("viscript host join ")
    terminal.wait_for("waiting for it")
    lines = "".join(line.rstrip() for line in terminal.lines())
    return lines.partition("viscript host join ")[2].partition("waiting for it")[0]


def rows(home: HostedHome, *argv: str) -> Any:
    return home.viscript(*argv, "-o", "json", timeout=SLOW_S).json()


def test_two_hosts_behind_routers_pair_by_key_and_are_one_prompt(hidden: Hidden) -> None:
    alpha, beta = hidden.alpha, hidden.beta
    refused = alpha.viscript("host", "invite", "--mesh", "--no-wait")
    assert (refused.code, "viscript s reach" in refused.err) == (4, True)
    alpha.viscript("s", "reach", timeout=SLOW_S).ok()
    with alpha.terminal("host", "invite", "--mesh", "--for", "beta", "--role", "operate") as here:
        here.deadline_s = SLOW_S
        code = code_on(here)
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
    shut = eventually(lambda: not rows(alpha, "rpc", "reach", "status")["led"] or "open", deadline_s=SLOW_S)
    assert shut
