"""How each fault is done and undone. Every one is a context: harm on the way in, mended on the way out."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from bench.cluster.faults.ground import Ground, Place, kill
from tests.support.etcd import EtcdMember

FREEZER: Final = Path("/sys/fs/cgroup/freezer")


Done = Callable[[Ground, Place], AbstractContextManager[None]]


# Members of the engine.


@contextmanager
def killed_members(ground: Ground, members: list[EtcdMember]) -> Iterator[None]:
    for member in members:
        member.kill()
    yield
    for member in members:
        ground.etcd.start(member)


@contextmanager
def frozen_members(ground: Ground, members: list[EtcdMember]) -> Iterator[None]:
    for member in members:
        member.freeze()
    yield
    for member in members:
        member.thaw()


@contextmanager
def cut_members(ground: Ground, members: list[EtcdMember]) -> Iterator[None]:
    cut = {member.host for member in members}
    ground.drop(both_ways(cut, ground.addresses()))
    yield
    ground.drop(())


def both_ways(some: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Each with each, in both directions."""
    others = list(others)
    return [pair for one in some for other in others if other != one for pair in ((one, other), (other, one))]


def _others_of(ground: Ground) -> list[EtcdMember]:
    leader = ground.etcd.leader()
    return [member for member in ground.etcd.members if member is not leader]


WHOM: Final[Mapping[str, Callable[[Ground], list[EtcdMember]]]] = {
    "member": lambda ground: _others_of(ground)[:1],
    "leader": lambda ground: [ground.etcd.leader()],
    "majority": _others_of,
}


def _of_engine(whom: str, do: Callable[[Ground, list[EtcdMember]], AbstractContextManager[None]]) -> Done:
    def done(ground: Ground, _: Place) -> AbstractContextManager[None]:
        return do(ground, WHOM[whom](ground))

    return done


# Hosts.


@contextmanager
def killed_host(ground: Ground, place: Place) -> Iterator[None]:
    """All its processes at once; the others' connections are reset."""
    kill(place)
    yield
    ground.start(place)


@contextmanager
def lost_host(ground: Ground, place: Place) -> Iterator[None]:
    """Its power: nobody is told."""
    ground.drop(both_ways([place.address], ground.addresses()))
    kill(place)
    yield
    ground.drop(())
    ground.start(place)


@contextmanager
def killed_with_leader(ground: Ground, place: Place) -> Iterator[None]:
    """A host and the engine's leader at once."""
    leader = ground.etcd.leader()
    leader.kill()
    kill(place)
    yield
    ground.etcd.start(leader)
    ground.start(place)


@contextmanager
def stopped_host(ground: Ground, place: Place) -> Iterator[None]:
    """SIGSTOP for all its processes."""
    with stopped(place.home.processes):
        yield


@contextmanager
def frozen_host(ground: Ground, place: Place) -> Iterator[None]:
    """All its processes at once, and at once again, by the kernel's freezer: none of them is told."""
    group = FREEZER / f"viscript-{place.label}-{os.getpid()}"
    group.mkdir()
    try:
        known: set[int] = set()
        while fresh := {one.pid for one in place.home.processes()} - known:
            _into(group, fresh)
            known |= fresh
        (group / "freezer.state").write_text("FROZEN")
        _await_frozen(group)
        yield
    finally:
        (group / "freezer.state").write_text("THAWED")
        _emptied(group)


def _into(group: Path, pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, OSError):
            (group / "cgroup.procs").write_text(str(pid))


def _await_frozen(group: Path) -> None:
    end = time.monotonic() + 5
    while (group / "freezer.state").read_text().strip() != "FROZEN" and time.monotonic() < end:
        time.sleep(0.01)


def _emptied(group: Path) -> None:
    """Its processes go back to where all are, and it goes."""
    while pids := (group / "cgroup.procs").read_text().split():
        _into(group.parent, map(int, pids))
    group.rmdir()


Parts = Callable[[Ground, Place], list[tuple[str, str]]]


def _engine_only(ground: Ground, place: Place) -> list[tuple[str, str]]:
    return both_ways([place.address], ground.addresses(hosts=False))


def _hosts_only(ground: Ground, place: Place) -> list[tuple[str, str]]:
    return both_ways([place.address], ground.addresses(engine=False))


CUTS: Final[Mapping[str, Parts]] = {
    "cut": lambda ground, place: both_ways([place.address], ground.addresses()),
    "cut-from-engine": _engine_only,
    "cut-from-hosts": _hosts_only,
    "cut-out": lambda ground, place: [(place.address, other) for other in ground.addresses()],
    "cut-in": lambda ground, place: [(other, place.address) for other in ground.addresses()],
}


def _cut(pairs: Parts) -> Done:
    @contextmanager
    def done(ground: Ground, place: Place) -> Iterator[None]:
        ground.drop(pairs(ground, place))
        yield
        ground.drop(())

    return done


# Processes of one host.


@contextmanager
def stopped(of: Callable[[], list[psutil.Process]]) -> Iterator[None]:
    """SIGSTOP, one by one, until nothing new is found."""
    frozen: dict[int, psutil.Process] = {}
    while fresh := [one for one in of() if one.pid not in frozen]:
        for one in fresh:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGSTOP)
            frozen[one.pid] = one
    try:
        yield
    finally:
        for one in frozen.values():
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGCONT)


def named(place: Place, *words: str) -> list[psutil.Process]:
    """Processes of a home whose command line has one of these words in it."""
    found = []
    for process in place.home.processes():
        with suppress(psutil.NoSuchProcess):
            line = process.cmdline()
            if any(word == part or part.endswith(f"/{word}") for word in words for part in line):
                found.append(process)
    return found


def _killed(*words: str) -> Done:
    """They are not started again here: whoever does that in a real host does it."""

    @contextmanager
    def done(ground: Ground, place: Place) -> Iterator[None]:
        victims = named(place, *words)
        assert victims, f"nothing such runs on {place.label}: {', '.join(words)}"
        for process in victims:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        yield

    return done


@contextmanager
def killed_both(ground: Ground, place: Place) -> Iterator[None]:
    """Daemon and keeper: somebody has to start them again."""
    with _killed("viscript.daemon", "viscript.keeper")(ground, place):
        yield
    ground.start(place)


def _stopped(*words: str) -> Done:
    @contextmanager
    def done(ground: Ground, place: Place) -> Iterator[None]:
        victims = named(place, *words)
        assert victims, f"nothing such runs on {place.label}: {', '.join(words)}"
        with stopped(lambda: victims):
            yield

    return done


@contextmanager
def full_disk(ground: Ground, place: Place) -> Iterator[None]:
    """Of its home."""
    assert place.disk is not None
    place.disk.fill()
    yield
    place.disk.free()


def _jumped(ahead_s: int) -> Done:
    """Daemon and keeper come up anew with a clock that was set meanwhile; once more when it is right."""

    @contextmanager
    def done(ground: Ground, place: Place) -> Iterator[None]:
        ground.set_clock(place, ahead_s)
        with killed_both(ground, place):
            pass
        yield
        ground.set_clock(place, 0)
        with killed_both(ground, place):
            pass

    return done


HOUR_S: Final = 3600
JUMPS: Final = {"+1h": HOUR_S, "-1h": -HOUR_S, "+400d": 400 * 24 * HOUR_S, "-400d": -400 * 24 * HOUR_S}
HARMS: Final[Mapping[tuple[str, str], Done]] = {
    **{
        (whom, fault): _of_engine(whom, do)
        for whom in WHOM
        for fault, do in (("kill", killed_members), ("freeze", frozen_members), ("cut", cut_members))
    },
    ("host", "kill"): killed_host,
    ("host", "power"): lost_host,
    ("host", "kill-with-leader"): killed_with_leader,
    ("host", "stop"): stopped_host,
    ("host", "freeze"): frozen_host,
    **{("host", name): _cut(pairs) for name, pairs in CUTS.items()},
    **{
        (whom, fault): do
        for whom in ("guest", "primary")
        for fault, do in (("kill", killed_host), ("freeze", frozen_host), ("cut", _cut(CUTS["cut"])))
    },
    ("daemon", "kill"): _killed("viscript.daemon"),
    ("daemon", "freeze"): _stopped("viscript.daemon"),
    ("keeper", "kill"): _killed("viscript.keeper"),
    ("keeper", "freeze"): _stopped("viscript.keeper"),
    ("both", "kill"): killed_both,
    ("both", "freeze"): _stopped("viscript.daemon", "viscript.keeper"),
    ("warden", "kill"): _killed("warden.py"),
    ("warden", "freeze"): _stopped("warden.py"),
    ("disk", "full"): full_disk,
    **{("clock", name): _jumped(ahead_s) for name, ahead_s in JUMPS.items()},
}
