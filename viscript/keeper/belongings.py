"""What an app has besides its processes: its streams, its group, its listening sockets."""

from typing import Final

from viscript.keeper.ceilings import Ceilings
from viscript.keeper.drain import Move
from viscript.keeper.fences import Fences
from viscript.keeper.groups import Groups
from viscript.keeper.instance import Instance
from viscript.keeper.loop import Loop, Timer
from viscript.keeper.sockets import Sockets
from viscript.keeper.spawn import Ends
from viscript.keeper.streams import Streams, Told

HOLD_S: Final = 60.0  # how long sockets wait for the launch that was to follow a stop


class Belongings:
    """Gives them before a run and takes them back after it."""

    def __init__(
        self,
        folder: str,
        loop: Loop,
        move: Move,
        told: Told,
        groups: Groups,
        fences: Fences,
    ) -> None:
        self.streams: dict[int, Streams] = {}
        self.groups = groups
        self.sockets = Sockets()
        self.fences = fences
        self._holds: dict[int, Timer] = {}
        self._folder = folder
        self._loop = loop
        self._move = move
        self._told = told

    def add(self, instance: Instance) -> None:
        """An app that has nothing yet."""
        if instance.spec.fence is not None or instance.held is not None:
            self.fences.watch()
        self.streams[instance.seq] = Streams(instance.seq, self._folder, self._loop, self._move, self._told)

    def prepare(self, instance: Instance) -> Ends:
        """All that the next run is born with. Raises `Refusal`."""
        self.fences.admit(instance.spec.fence)
        ends = self.streams[instance.seq].prepare(instance.spec)
        self._end_hold(instance.seq)
        sockets = self.sockets.prepare(instance.seq, instance.spec.sockets)
        return ends._replace(sockets=sockets) if sockets else ends

    def put(self, instance: Instance) -> None:
        """Have the new leader in the app's group, if it is to have one."""
        spec = instance.spec
        assert instance.pid is not None
        if spec.cgroup or spec.ceilings is not None or self.groups.for_all:
            instance.group = self.groups.put(instance.seq, instance.pid)
            if spec.ceilings is not None:
                self.hold(instance)

    def hold(self, instance: Instance) -> None:
        """Have the kernel know the ceilings of now."""
        if instance.group is not None:
            self.groups.hold(instance.group, instance.spec.ceilings or Ceilings())

    def settle(self, instance: Instance) -> None:
        """Nothing of it runs, and nothing is to come: the last bytes into the log, everything closed.

        Of a stop that another launch follows, the sockets stay open for a while.
        """
        seq = instance.seq
        self.streams[seq].drain_all()
        self.streams[seq].close(remove=True)
        self._leave_group(instance)
        if instance.plan is not None and instance.plan.hold:
            self._end_hold(seq)
            self._holds[seq] = self._loop.after(HOLD_S, lambda: self.sockets.close(seq))
        else:
            self.release(seq)

    def drop(self, instance: Instance, *, hold: bool = False) -> None:
        """The app is known no more; with `hold`, another with its id follows at once."""
        self.streams.pop(instance.seq).close(remove=True)
        self._leave_group(instance)
        if not hold:
            self.release(instance.seq)

    def release(self, seq: int) -> None:
        """Its sockets refuse connections from now on."""
        self._end_hold(seq)
        self.sockets.close(seq)

    def _end_hold(self, seq: int) -> None:
        timer = self._holds.pop(seq, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """The keeper leaves, what runs goes on."""
        for streams in self.streams.values():
            streams.close(remove=False)
        self.sockets.leave()
        self.groups.close()

    def _leave_group(self, instance: Instance) -> None:
        self.groups.remove(instance.group)
        instance.group = None
