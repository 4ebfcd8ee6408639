"""What an app has besides its processes: its streams and its group."""

from viscript.keeper.ceilings import Ceilings
from viscript.keeper.drain import Move
from viscript.keeper.groups import Groups
from viscript.keeper.instance import Instance
from viscript.keeper.loop import Loop
from viscript.keeper.spawn import Ends
from viscript.keeper.streams import Streams, Told


class Belongings:
    """Gives them before a run and takes them back after it."""

    def __init__(self, folder: str, loop: Loop, move: Move, told: Told, groups: Groups) -> None:
        self.streams: dict[int, Streams] = {}
        self.groups = groups
        self._folder = folder
        self._loop = loop
        self._move = move
        self._told = told

    def add(self, instance: Instance) -> None:
        """An app that has nothing yet."""
        self.streams[instance.seq] = Streams(instance.seq, self._folder, self._loop, self._move, self._told)

    def prepare(self, instance: Instance) -> Ends:
        """All that the next run is born with. Raises `Refusal`."""
        return self.streams[instance.seq].prepare(instance.spec)

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
        """Nothing of it runs, and nothing is to come: the last bytes into the log, everything closed."""
        self.streams[instance.seq].drain_all()
        self.streams[instance.seq].close(remove=True)
        self._leave_group(instance)

    def drop(self, instance: Instance) -> None:
        """The app is known no more."""
        self.streams.pop(instance.seq).close(remove=True)
        self._leave_group(instance)

    def close(self) -> None:
        """The keeper leaves, what runs goes on."""
        for streams in self.streams.values():
            streams.close(remove=False)
        self.groups.close()

    def _leave_group(self, instance: Instance) -> None:
        self.groups.remove(instance.group)
        instance.group = None
