"""What a command of another cluster sees of this host: the shared apps, and nothing else.

A verb reaches the daemon by its `World`. This one has what the few allowed verbs need, each part limited;
all else is not there, so that a mistake ends in an error, not in a leak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from viscript.cluster.peering.allowed import unknown
from viscript.cluster.peering.terms import Share
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import DaemonFacts, Instance, Pong, Started, Stopped, Usage, World

_AD_HOC = "run"  # whoever runs a program gives it any name


def shared(instances: Sequence[Instance], share: Share) -> list[Instance]:
    """Those that are shared, without a word of others."""
    return [_bare(one) for one in instances if one.app in share.apps and one.entry.source != _AD_HOC]


class View:
    """Stands for `viscript.supervisor.api.World`. What is None here no allowed verb needs."""

    book = pairing = store = audit = desired = locks = links = far = plugins = peering = None

    def __init__(self, world: World, share: Share) -> None:
        self._world = world
        self.supervisor = _Supervisor(world, share)
        self.usage = _Usage(world, self.supervisor)

    def facts(self) -> DaemonFacts:
        """The label of this host; the rest is nobody's business."""
        label = self._world.facts().label
        return DaemonFacts(
            pid=0, keeper_pid=0, home="", config="", version="", started_at=0.0, host=label, public_key="",
            label=label,
        )  # fmt: skip

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._world.now()


class _Supervisor:
    """The supervisor's part of it."""

    def __init__(self, world: World, share: Share) -> None:
        self._of = world.supervisor
        self._share = share

    def instances(self, *, ended: bool = False) -> list[Instance]:
        """The shared ones."""
        return shared(self._of.instances(ended=ended), self._share)

    def instance(self, seq: int) -> Instance:
        """One of them. Raises `VerbError` NOT_PERMITTED."""
        for one in self.instances(ended=True):
            if one.seq == seq:
                return one
        raise unknown(str(seq))

    def stop_layers(self, seqs: Sequence[int]) -> list[list[int]]:
        """The order in which to stop them."""
        return self._of.stop_layers([self.instance(seq).seq for seq in seqs])

    def output_changed(self, seq: int, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` soon after it wrote something."""
        return self._of.output_changed(self.instance(seq).seq, changed)

    async def ping(self, seq: int, timeout: float = 2.0) -> Pong:
        """One round trip."""
        return await self._of.ping(self.instance(seq).seq, timeout)

    async def stop(self, seq: int, *, grace: float | None, now: bool, actor: str) -> Stopped:
        """Stop one."""
        item = self.instance(seq)
        try:
            return await self._of.stop(item.seq, grace=grace, now=now, actor=actor)
        except VerbError as exc:
            raise VerbError(exc.code, "it was not stopped; its own cluster can say why") from exc

    async def restart(self, seq: int, *, grace: float | None, actor: str) -> Started:
        """Stop and start one again. Raises `VerbError` when it did not start."""
        item = self.instance(seq)
        try:
            started = await self._of.restart(item.seq, grace=grace, actor=actor)
        except VerbError as exc:
            raise _not_up(item) from exc
        if not started.ok:
            raise _not_up(item)
        return started


class _Usage:
    """Figures of the shared apps."""

    def __init__(self, world: World, supervisor: _Supervisor) -> None:
        self._of = world.usage
        self._supervisor = supervisor

    def quick(self) -> dict[int, tuple[float, int]]:
        """Processor and memory, by id."""
        ids = {one.seq for one in self._supervisor.instances(ended=True)}
        return {seq: figures for seq, figures in self._of.quick().items() if seq in ids}

    async def fresh(self, names: Mapping[int, str]) -> list[Usage]:
        """All figures of those that are named."""
        return await self._of.fresh({self._supervisor.instance(seq).seq: name for seq, name in names.items()})


def _bare(one: Instance) -> Instance:
    """Without reasons: these name what an app waits for, who stopped it, and who holds its port."""
    conditions = tuple(msgspec.structs.replace(fact, reason="") for fact in one.conditions)
    return msgspec.structs.replace(one, reason="", waiting_for=(), conditions=conditions, moved_from=None)


def _not_up(item: Instance) -> VerbError:
    return VerbError(ExitCode.FAILED, f"{item.name} did not start again; its own cluster can say why")
