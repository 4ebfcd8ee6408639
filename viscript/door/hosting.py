"""Candidates that stand on other hosts: hosts themselves, and `m2/7` and `m2/web` once a host is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from viscript.cluster.links.api import HostState
from viscript.errors import VerbError
from viscript.render.human import span
from viscript.supervisor.api import World

if TYPE_CHECKING:
    from viscript.cluster.far.far import Far

Candidate = tuple[str, str]  # what is typed, what it is
OLD_S: Final = 5.0


def hosts_of(world: World) -> list[Candidate]:
    """What may stand for hosts: labels, `role=edge`, `@all`."""
    hosts = _hosts(world)
    found = [(host.label, _meta(host)) for host in hosts]
    labels = sorted({f"{name}={value}" for host in hosts for name, value in host.labels.items()})
    found += [(label, "hosts with that label") for label in labels]
    return [*found, ("@all", f"{len(hosts)} hosts")] if hosts else found


def labels_of(world: World) -> list[Candidate]:
    """Each host by its label, this one too."""
    return [(host.label, _meta(host)) for host in _hosts(world)]


def places_of(world: World) -> list[Candidate]:
    """Where the cluster may run an app."""
    found = [one for one in hosts_of(world) if one[0] != "@all"]
    return [*found, ("any", "wherever there is room")] if found else []


def deployed_of(world: World) -> list[Candidate]:
    """The apps that the cluster is to run, as far as this host knows."""
    desired = getattr(world, "desired", None)  # of a daemon only
    if desired is None:
        return []
    side, _ = desired
    known = sorted(side.mirror.deployments().items())
    return [(app, f"{one.count} on {one.place}") for app, one in known if not one.gone]


def peers_of(world: World) -> list[Candidate]:
    """What may stand for hosts of other clusters, where this host speaks with them."""
    gateway = world.peering.gateway if world.peering is not None else None
    if gateway is None:
        return []
    peers = [one for one in gateway.register.all() if one.standing == "peered"]
    return [(f"{one.called}/@all", f"another cluster: {', '.join(one.theirs.apps)}") for one in peers]


def prefixes_of(world: World) -> list[Candidate]:
    """The beginnings of targets elsewhere: `m2/`."""
    return [(f"{host.label}/", _meta(host)) for host in _hosts(world) if not host.local]


def is_other(label: str, world: World) -> bool:
    """Whether that is the label of another host."""
    return bool(label) and _host(label, world) is not None


def targets_of(typed: str, world: World) -> list[Candidate]:
    """The apps of the host that is typed already, in a word such as `m2/w`."""
    host = _host(typed.partition("/")[0], world)
    if host is None:
        return []
    far: Far = world.far
    known = far.operands.known(host)
    age = f", {span(known.age_seconds)} old" if known.age_seconds > OLD_S else ""
    found = [(f"{host.label}/{app.id}", f"{app.name} {app.state}{age}") for app in known.apps]
    found += [(f"{host.label}/{app.name}", f"[{host.label}/{app.id}] {app.state}{age}") for app in known.apps]
    return [*found, (f"{host.label}/all", f"{len(known.apps)} apps{age}")]


async def prepare(words: Sequence[str], world: World) -> None:
    """Have the apps of hosts that these words name known soon; waits some milliseconds at most."""
    others = {host.label: host for host in _hosts(world) if not host.local}
    named = next((others[label] for word in words if (label := word.partition("/")[0]) in others), None)
    if named is not None:
        far: Far = world.far
        await far.operands.prepare(named)


def _host(label: str, world: World) -> HostState | None:
    """The other host of that label."""
    return next((host for host in _hosts(world) if host.label == label and not host.local), None)


def _hosts(world: World) -> list[HostState]:
    if world.far is None:
        return []
    try:
        found: list[HostState] = world.far.hosts()
    except VerbError:
        return []
    return found


def _meta(host: HostState) -> str:
    if host.local:
        return "this host"
    age = (
        f", last heard {span(host.age_seconds)} ago"
        if host.state in ("suspect", "down") and host.age_seconds
        else ""
    )
    return f"{host.state}{age}"
