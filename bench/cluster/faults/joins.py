"""Faults of pairing: a daemon is killed at each step of it, and two hosts join at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.cluster.faults.clock import now
from bench.cluster.faults.ground import Place, kill
from signal_bus.identity import load_or_create
from tests.support.home import Answer
from tests.support.hosted import HostedHome
from tests.support.network import Network
from tests.support.wait import eventually

STEPS: Final = ("invited", "words shown", "inviter agreed", "both agreed")
MET_S: Final = 20.0
AWAY: Final = 4


class Homes(NamedTuple):
    """Who invites, and two that join."""

    first: Place
    others: tuple[Place, Place]


@dataclass(frozen=True)
class Joined:
    """What became of one pairing."""

    step: str
    killed: str
    joined: bool
    """In spite of it."""
    half: bool
    """One side called them one cluster and the other did not."""
    again: bool
    """They met in the end, by another invitation where it took one."""
    seconds: float

    def row(self) -> dict[str, Any]:  # Any: JSON
        """As it is kept."""
        return asdict(self)


def join_with_a_kill(homes: Homes, step: str, killed: str) -> Joined:
    """Pair, and kill the daemon of one of the two at a step."""
    first, other = homes.first, homes.others[0]
    victim = first if killed == "inviter" else other

    def strike(reached: str) -> None:
        if reached == step:
            victim.home.after_a_kill()

    began = now()
    joined = met(first, other, patience(paired(first, other, strike)))
    half = not joined and knows(first, other) != knows(other, first)
    again = joined or (paired(first, other) and met(first, other))
    if not again:  # as people do who are told that it is half done
        apart(first, other)
        again = paired(first, other) and met(first, other)
    seconds = now() - began
    apart(first, other)
    return Joined(step, killed, joined, half, again, round(seconds, 1))


def two_at_once(homes: Homes, labels: tuple[str, str]) -> Joined:
    """Both join by codes of their own at the same moment; under one label, one of them is refused."""
    began = now()
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(partial(_paired_as, homes.first), homes.others, labels))
    seen = [met(homes.first, other, patience(yes)) for other, yes in zip(homes.others, said, strict=True)]
    seconds = now() - began
    half = any(knows(homes.first, other) != knows(other, homes.first) for other in homes.others)
    for other in homes.others:
        apart(homes.first, other)
    wanted = len(set(labels))
    return Joined(
        f"two at once, {wanted} names", "nobody", sum(seen) == wanted, half, sum(seen) == wanted,
        round(seconds, 1),
    )  # fmt: skip


def patience(agreed: bool) -> float:
    """How long they are given to meet."""
    return MET_S if agreed else 2.0


def _paired_as(first: Place, other: Place, label: str) -> bool:
    return paired(first, other, label=label)


def _nobody(step: str) -> None:
    """Nothing is done to anybody."""


def paired(first: Place, other: Place, strike: Callable[[str], None] = _nobody, label: str = "") -> bool:
    """Do what two persons do; whether both were told that it is done, or will be."""
    code = told(first, "host", "invite", "--for", label or other.label, "--no-wait", "-o", "name")
    strike(STEPS[0])
    shown = told(other, "host", "join", code.out.strip(), "--no-wait", "-o", "name")
    if code.code or shown.code:
        return False
    strike(STEPS[1])
    agreed = told(first, "host", "approve", shown.out.strip(), "--no-wait")
    strike(STEPS[2])
    last = told(other, "host", "approve", shown.out.strip(), "--no-wait")
    strike(STEPS[3])
    return agreed.code == last.code == 0


def told(place: Place, *argv: str) -> Answer:
    """What a host answers; that it is away, when it does not."""
    try:
        return place.caller.ask(*argv, timeout=20)
    except (OSError, AssertionError, ValueError) as exc:
        return Answer(AWAY, "", str(exc))


def knows(one: Place, other: Place) -> bool:
    """Whether that host counts the other among its cluster."""
    keys = {row["public_key"] for row in one.rows("hosts")}
    return key_of(other) in keys


def key_of(place: Place) -> str:
    """The public key of a host."""
    return load_or_create(place.home.root / "keys" / "identity").public_key.hex()


def met(first: Place, other: Place, deadline_s: float = MET_S) -> bool:
    """Whether each sees the other up in time."""
    keys = {key_of(first), key_of(other)}

    def up() -> bool:
        seen = [
            {row["public_key"] for row in one.rows("hosts") if row["state"] == "up"} for one in (first, other)
        ]
        return all(keys <= hosts for hosts in seen)

    try:
        return eventually(up, deadline_s=deadline_s, interval_s=0.2)
    except AssertionError:
        return False


def apart(first: Place, other: Place) -> None:
    """They are of one cluster no more."""
    for place in (first, other):
        told(place, "host", "refuse")
    told(other, "host", "leave", "--force")
    told(first, "host", "forget", key_of(other)[:16])


@contextmanager
def homes() -> Iterator[Homes]:
    """Three of them, each of the others with a cable to the first; all gone at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="vc", dir="/tmp") as folder,
        Network() as network,
        ExitStack() as stack,
    ):
        places = [_place(Path(folder), network, label) for label in ("alpha", "beta", "gamma")]
        for place in places:
            stack.callback(kill, place)
        for other in places[1:]:
            network.cable(places[0].host, other.host)
        for place in places:
            place.home.start_daemon("apps: {}\n")
        yield Homes(places[0], (places[1], places[2]))


def _place(folder: Path, network: Network, label: str) -> Place:
    host = network.host(label)
    home = HostedHome(folder / label, host=host)
    home.root.mkdir(mode=0o700)
    return Place(home, host, "")


def all_of(rounds: int) -> Iterator[Joined]:
    """Every step with either daemon, and two at once with two names and with one."""
    with homes() as made:
        for _ in range(rounds):
            for step in STEPS:
                for killed in ("inviter", "joiner"):
                    yield join_with_a_kill(made, step, killed)
            yield two_at_once(made, ("beta", "gamma"))
            yield two_at_once(made, ("edge", "edge"))


def table(found: Sequence[Joined]) -> str:
    """Markdown: a line a step, with counts."""
    groups: dict[tuple[str, str], list[Joined]] = {}
    for one in found:
        groups.setdefault((one.step, one.killed), []).append(one)
    lines = [
        "| killed after | whose daemon | rounds | joined anyway | half joined | in the end | slowest s |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for (step, killed), rounds in groups.items():
        counts = [sum(getattr(one, name) for one in rounds) for name in ("joined", "half", "again")]
        cells = [step, killed, len(rounds), *counts, max(one.seconds for one in rounds)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
