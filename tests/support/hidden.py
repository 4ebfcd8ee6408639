"""Two homes that no address leads to, on hosts of their own: each reaches a messenger, no more."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.support.hosted import Hosted, HostedHome
from tests.support.network import Host

SERVICES: Final = "10.99.0.1"
SLOW_S: Final = 90.0  # for what goes over the mesh on a busy machine


@dataclass
class Hidden:
    """Two homes, each behind something; `middle` runs the services of the mesh."""

    middle: HostedHome
    alpha: HostedHome
    beta: HostedHome


def built(world: Hosted, apps: dict[str, dict[str, Any]] | None = None) -> Hidden:
    """The middle passes no IP on; alpha has a cable to it, beta a router with NAT before that.

    `apps` are those in the configuration of each.
    """
    middle = world.home("middle", f"plugins: {{settings: {{mesh: {{serve: {SERVICES}}}}}}}\n")
    host = host_of(middle)
    host.ip("address", "add", f"{SERVICES}/32", "dev", "lo")
    host.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    middle.viscript("s", "visor", timeout=SLOW_S).ok()
    keys = middle.viscript("mesh", "keys", "-o", "json", timeout=SLOW_S).ok().json()
    mesh = {name: keys[name] for name in ("setup_nodes", "messengers")}
    settings = {"mesh": {**mesh, "node_manager": keys["node_manager"][0]}}
    own = apps or {}
    names = ("alpha", "beta")
    alpha, beta = (world.home(name, configured(name, settings, own.get(name, {}))) for name in names)
    host_of(alpha).default_route(world.cable(alpha, middle).address(host))
    router = world.network.host("nat")
    outside = world.network.cable(router, host)
    router.default_route(outside.address(host))
    host_of(beta).default_route(world.network.cable(host_of(beta), router).address(router))
    world.network.nat(router, outside)
    return Hidden(middle, alpha, beta)


def configured(name: str, settings: dict[str, Any], apps: dict[str, Any]) -> str:
    """The configuration of a home, as JSON."""
    return json.dumps({"apps": apps, "cluster": {"label": name}, "plugins": {"settings": settings}})


def host_of(home: HostedHome) -> Host:
    """Where it is."""
    assert home.host is not None
    return home.host


def rows(home: HostedHome, *argv: str) -> Any:  # Any: JSON
    """What a verb answers, as data."""
    return home.viscript(*argv, "-o", "json", timeout=SLOW_S).json()
