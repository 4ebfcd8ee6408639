"""A cgroup (v2) for an app: nothing of its tree can leave it unseen, and one write kills all of it.

    MOUNT/OWN/viscript-HOME/SEQ   MOUNT: see /proc/self/mountinfo, OWN: the keeper's group, HOME: five digits

Groups come on top of tags, sessions and descent, they replace none of them. Whatever fails here, because
nothing is mounted, may not be written or was taken away, costs the group and nothing else. An app gets one
when its spec asks for it; every app does where the keeper's group was handed over (systemd's Delegate=).
"""

import errno
import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from viscript.keeper.ceilings import Ceilings, files_of

LEAF: Final = "viscript-keeper"
_PREFIX: Final = "viscript-"
_CONTROLLERS: Final = ("cpu", "memory", "pids")
_MARKS: Final = ("user.delegate", "trusted.delegate")  # systemd sets them on what it hands over
_BLOCK: Final = 1 << 16


class Place(NamedTuple):
    """Where the groups of a home go: below `own`, in `base`."""

    own: str
    base: str


def mount_in(mountinfo: str) -> tuple[str, str] | None:
    """Which part of the hierarchy is mounted, and where; None without cgroup v2."""
    for line in mountinfo.splitlines():
        fields, _, kind = line.partition(" - ")
        words = fields.split()
        if kind.split()[:1] == ["cgroup2"] and len(words) > 4:
            return _unescaped(words[3]), _unescaped(words[4])
    return None


def own_in(cgroup: str) -> str | None:
    """The v2 group in the text of /proc/PID/cgroup."""
    found = [line[3:] for line in cgroup.splitlines() if line.startswith("0::/")]
    return found[0] if found else None


def place(mountinfo: str, cgroup: str, home: int) -> Place | None:
    """Where this home's groups go; None where our own group cannot be seen."""
    mount, own = mount_in(mountinfo), own_in(cgroup)
    if mount is None or own is None:
        return None
    root, point = mount
    above = root.rstrip("/") + "/"
    if not (own + "/").startswith(above):
        return None
    base = f"{_PREFIX}{home:05x}"
    words = [word for word in (own + "/")[len(above) :].split("/") if word]
    if base in words:  # we were started from within one of our own apps
        words = words[: words.index(base)]
    if words[-1:] == [LEAF]:
        words.pop()
    folder = "/".join((point.rstrip("/"), *words))
    return Place(folder, f"{folder}/{base}")


def _unescaped(word: str) -> str:
    """A path of mountinfo, in which blanks are `\\040`."""
    head, *rest = word.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def find(home: int, earlier: str = "") -> "Groups":
    """The groups of this home; where an earlier keeper made them, as long as they can be reached there."""
    found = place(_text("/proc/self/mountinfo"), _text("/proc/self/cgroup"), home)
    if earlier and os.path.isdir(earlier):
        found = Place(os.path.dirname(earlier), earlier)
    if found is None or not _may_write(found.own):
        return Groups(None)
    groups = Groups(found)
    if groups.owner(os.getpid()) is not None:
        _try_to_write(f"{found.own}/cgroup.procs", str(os.getpid()))  # else the app's end would be ours
    return groups


class Groups:
    """Makes, asks, kills and removes the groups of one home; without a place it has none."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._controllers: tuple[str, ...] = ()
        self._settled = False
        self.for_all = place is not None and is_delegated(place.own)
        self.fault = ""  # why there is no group where there should be one

    @property
    def base(self) -> str:
        """The folder of all groups; empty without any."""
        return self._place.base if self._place is not None else ""

    def put(self, seq: int, pid: int) -> str | None:
        """Have a process in its app's group; the group's folder, None when it is in none."""
        if self._place is None:
            return None
        folder = f"{self._place.base}/{seq}"
        try:
            self._make(folder)
            _write(f"{folder}/cgroup.procs", str(pid))
            for early in _descendants(pid):  # what it made before it was in
                _try_to_write(f"{folder}/cgroup.procs", str(early))
        except ProcessLookupError:
            return folder  # it ended already; what it left meanwhile is found by its tag
        except OSError as exc:
            self.fault = f"{folder}: {exc.strerror}"
            return None
        self.fault = ""
        return folder

    def hold(self, folder: str, ceilings: Ceilings) -> None:
        """Have the kernel hold an app below its ceilings, where it was given the means."""
        for name, text in files_of(ceilings):
            if os.path.exists(f"{folder}/{name}"):
                _try_to_write(f"{folder}/{name}", text)

    def pids(self, folder: str | None) -> list[int]:
        """Every living process of a group, and of those made inside it."""
        return pids_in(folder)

    def owner(self, pid: int) -> int | None:
        """The app in whose group a process is."""
        if self._place is None:
            return None
        return owner_in(_text(f"/proc/{pid}/cgroup"), os.path.basename(self._place.base))

    def kill(self, folder: str | None) -> None:
        """End every process of a group at once, also those that are just being made."""
        if folder is None:
            return
        if not _try_to_write(f"{folder}/cgroup.kill", "1"):
            _try_to_write(f"{folder}/cgroup.freeze", "1")  # before Linux 5.14; a frozen one can be killed

    def thaw(self, folder: str | None) -> None:
        """Undo what `kill` did where it could only freeze."""
        if folder is not None and not os.path.exists(f"{folder}/cgroup.kill"):
            _try_to_write(f"{folder}/cgroup.freeze", "0")

    def remove(self, folder: str | None) -> bool:
        """Take a group away, with those made inside it; whether it is gone."""
        if folder is None:
            return True
        for inner in reversed(_folders(folder)):
            try:
                os.rmdir(inner)
            except FileNotFoundError:
                continue
            except OSError:
                return False  # something lives there; the next keeper looks again
        return True

    def known(self) -> Mapping[int, str]:
        """The groups that are there, by app."""
        names = _names(self.base) if self.base else []
        return {int(name): f"{self.base}/{name}" for name in names if name.isdecimal()}

    def close(self) -> None:
        """Take the home's folder away, if no app is in it."""
        if self.base and not self.known():
            self.remove(self.base)

    def _make(self, folder: str) -> None:
        assert self._place is not None
        if not self._settled or not os.path.isdir(self._place.base):
            os.makedirs(self._place.base, 0o755, exist_ok=True)
            self._take_controllers()
            self._settled = True
        try:
            os.mkdir(folder, 0o755)
        except FileExistsError:
            _try_to_write(f"{folder}/cgroup.freeze", "0")  # a run before may have stopped all that is in it

    def _take_controllers(self) -> None:
        """They reach only groups below one without processes: of a group that is all ours we step out."""
        assert self._place is not None
        own, base = self._place
        offered = [name for name in _CONTROLLERS if name in _text(f"{own}/cgroup.controllers").split()]
        wanted = " ".join(f"+{name}" for name in offered)
        if wanted and self.for_all:
            _step_aside(own)
            _try_to_write(f"{own}/cgroup.subtree_control", wanted)
        offered = [name for name in _CONTROLLERS if name in _text(f"{base}/cgroup.controllers").split()]
        if offered:
            _try_to_write(f"{base}/cgroup.subtree_control", " ".join(f"+{name}" for name in offered))


def pids_in(folder: str | None) -> list[int]:
    """Every living process of a group, and of those made inside it."""
    found: list[int] = []
    for inner in _folders(folder) if folder is not None else ():
        found += map(int, _text(f"{inner}/cgroup.procs").split())
    return [pid for pid in found if pid]  # 0: of another pid namespace


def cpu_seconds_of(folder: str) -> float | None:
    """What all processes that ever were in a group have used; None where the kernel does not say."""
    lines = [line.split() for line in _text(f"{folder}/cpu.stat").splitlines()]
    found = [int(words[1]) for words in lines if words[:1] == ["usage_usec"] and len(words) == 2]
    return found[0] / 1e6 if found else None


def group_of(pid: int, seq: int, home: int) -> str | None:
    """The folder of an app's group by its leader; None when the leader is in no group of that app."""
    cgroup = _text(f"/proc/{pid}/cgroup")
    base = f"{_PREFIX}{home:05x}"
    if owner_in(cgroup, base) != seq:
        return None
    found = place(_text("/proc/self/mountinfo"), cgroup, home)  # our own group is another
    return None if found is None else f"{found.base}/{seq}"


def owner_in(cgroup: str, base: str) -> int | None:
    """The app whose group below `base` the text of /proc/PID/cgroup names."""
    words = (own_in(cgroup) or "").split("/")
    after = words[words.index(base) + 1 :] if base in words else []
    return int(after[0]) if after and after[0].isdecimal() else None


def is_delegated(folder: str) -> bool:
    """Whether the service manager handed a group over for good."""
    return any(_mark(folder, name) == b"1" for name in _MARKS)


def _mark(folder: str, name: str) -> bytes:
    try:
        return os.getxattr(folder, name)
    except (OSError, AttributeError):
        return b""


def _step_aside(own: str) -> None:
    try:
        os.makedirs(f"{own}/{LEAF}", 0o755, exist_ok=True)
    except OSError:
        return  # then there are groups without controllers
    _try_to_write(f"{own}/{LEAF}/cgroup.procs", str(os.getpid()))


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for thread in _names(f"/proc/{parent}/task"):
            found += map(int, _text(f"/proc/{parent}/task/{thread}/children").split())
    return found[1:]


def _may_write(own: str) -> bool:
    return os.access(own, os.W_OK) and os.access(f"{own}/cgroup.procs", os.W_OK)


def _folders(folder: str) -> list[str]:
    """A group and all below it, outer ones first."""
    found = [folder]
    for above in found:
        found += [f"{above}/{name}" for name in _names(above)]
    return found


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        data = b""
        while piece := os.read(fd, _BLOCK):
            data += piece
    except OSError:
        return ""
    finally:
        os.close(fd)
    return data.decode(errors="replace")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        if os.write(fd, text.encode()) != len(text):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    finally:
        os.close(fd)


def _try_to_write(path: str, text: str) -> bool:
    try:
        _write(path, text)
    except OSError:
        return False
    return True
