"""Where one daemon keeps its things. Every process of a home finds the others by these paths.

Imports next to nothing: the one-shot client pays for each import. Paths are plain text for the same reason.

    root/            0711   VISCRIPT_HOME, else $XDG_STATE_HOME/viscript
      state.db              what must outlive a reboot
      keys/identity  0600   the host's secret
      keys/cluster.key      the secret of a cluster that was founded here
      daemon.lock           held by the one daemon
      keeper/        0700   the keeper's lock and journal, and the apps' FIFOs
      state/NAME/           what the app NAME keeps, made by the app
      logs/          0700   SEQ-NAME/ folders of log segments
      log/           0700   the daemon's and the keeper's own logs
      run.path              where the sockets of this home are
    run/             0700   sockets of the daemon and the keeper
    apps/            0711   the socket every app may use

A socket's path holds at most 107 bytes. Where one of ours would exceed `LONGEST_SOCKET`, the socket folders
move to a short folder named by a hash of root; `run.path` tells later processes, whatever their environment.
"""
# pathlib alone takes as long to load as all else the one-shot client does.

import os
from collections.abc import Mapping

LONGEST_SOCKET = 100
_LONGEST_NAME = len("/keeper.sock")


class HomeError(Exception):
    """The home cannot be used as it is: someone else owns it, or it cannot be made."""


class Home:
    """The paths of one home; built by `find_home`, treated as a constant."""

    __slots__ = ("apps", "keeper", "keys", "log", "logs", "root", "run")

    def __init__(self, root: str, run: str, apps: str) -> None:
        self.root = root
        self.run = run
        self.apps = apps
        self.keeper = f"{root}/keeper"
        self.keys = f"{root}/keys"
        self.log = f"{root}/log"
        self.logs = f"{root}/logs"

    def __repr__(self) -> str:
        return f"Home(root={self.root!r}, run={self.run!r}, apps={self.apps!r})"

    @property
    def state(self) -> str:
        """The folder of what must outlive a reboot."""
        return self.root

    @property
    def database(self) -> str:
        """The embedded state store."""
        return f"{self.root}/state.db"

    @property
    def identity(self) -> str:
        """The host's secret key."""
        return f"{self.keys}/identity"

    @property
    def cluster_key(self) -> str:
        """The secret of the cluster, where it was founded."""
        return f"{self.keys}/cluster.key"

    def app_state(self, name: str) -> str:
        """The folder where the app of that name may keep what must outlive it; the app makes it."""
        return f"{self.root}/state/{name}"

    @property
    def history(self) -> str:
        """The lines typed at the prompt."""
        return f"{self.root}/history"

    @property
    def verbs_socket(self) -> str:
        """The daemon's door for verbs."""
        return f"{self.run}/verbs.sock"

    @property
    def keeper_socket(self) -> str:
        """The keeper's door for the daemon."""
        return f"{self.run}/keeper.sock"

    @property
    def bus_socket(self) -> str:
        """The signal bus, for operators."""
        return f"{self.run}/bus.ipc"

    @property
    def peers_socket(self) -> str:
        """The door for the daemons of other hosts, for ways that end on this host."""
        return f"{self.run}/peers.ipc"

    @property
    def joiners_socket(self) -> str:
        """The door for hosts that join over the mesh, while there is an invitation."""
        return f"{self.run}/joiners.sock"

    @property
    def clusters_socket(self) -> str:
        """The door for the gateways of other clusters, for ways that end on this host."""
        return f"{self.run}/clusters.sock"

    @property
    def events_socket(self) -> str:
        """The events of the signal bus."""
        return f"{self.run}/events.ipc"

    @property
    def apps_socket(self) -> str:
        """The signal bus, for apps."""
        return f"{self.apps}/apps.ipc"

    @property
    def daemon_lock(self) -> str:
        """Held by the one daemon of this home."""
        return f"{self.root}/daemon.lock"  # not among the sockets: those folders are cleaned up by others

    @property
    def keeper_lock(self) -> str:
        """Held by the one keeper of this home."""
        return f"{self.keeper}/keeper.lock"

    @property
    def daemon_facts(self) -> str:
        """Pid, configuration and start of the daemon that holds the lock, as JSON."""
        return f"{self.run}/daemon.json"

    @property
    def daemon_log(self) -> str:
        """What the daemon reports of itself."""
        return f"{self.log}/daemon.log"

    @property
    def keeper_log(self) -> str:
        """What the keeper reports of itself."""
        return f"{self.log}/keeper.log"


def find_home(environ: Mapping[str, str]) -> Home:
    """The home that an environment means. Makes nothing."""
    chosen = environ.get("VISCRIPT_HOME")
    root = os.path.abspath(chosen) if chosen else f"{_state_folder(environ)}/viscript"
    run, apps = _recorded(root) or _socket_folders(
        root, None if chosen else _runtime_folder(environ), environ
    )
    return Home(root, run, apps)


def make_home(home: Home) -> None:
    """Create the folders with their modes. Raises `HomeError` when one cannot be made or is not ours."""
    _make_folder(home.root, 0o711, yours=True)
    for folder, mode in (
        (home.keys, 0o700),
        (home.keeper, 0o700),
        (home.logs, 0o700),
        (home.log, 0o700),
        (home.run, 0o700),
        (home.apps, 0o711),
    ):
        _make_folder(folder, mode)
    _record(home)


def is_ours(folder: str) -> bool:
    """Whether `folder` is a real folder that this user owns and nobody else may write to."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return found.st_mode & 0o170022 == 0o040000 and found.st_uid == os.geteuid()


def _state_folder(environ: Mapping[str, str]) -> str:
    given = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):
        return given
    return (environ.get("HOME") or os.path.expanduser("~")) + "/.local/state"


def _runtime_folder(environ: Mapping[str, str]) -> str | None:
    given = environ.get("XDG_RUNTIME_DIR", "")
    return f"{given}/viscript" if os.path.isabs(given) else None


def _socket_folders(root: str, wanted: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    """The run and apps folders: below root, where the system keeps sockets, or short by a hash."""
    run, apps = (wanted, f"{wanted}/apps") if wanted else (f"{root}/run", f"{root}/apps")
    if max(len(os.fsencode(run)), len(os.fsencode(apps))) + _LONGEST_NAME <= LONGEST_SOCKET:
        return run, apps
    import hashlib

    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    short = f"{runtime}/viscript-{name}"
    if not os.path.isabs(runtime) or len(os.fsencode(short)) + len("-apps") + _LONGEST_NAME > LONGEST_SOCKET:
        short = f"/tmp/viscript-{os.geteuid()}-{name}"  # noqa: S108 (its owner is checked before use)
    return short, f"{short}-apps"


def _recorded(root: str) -> tuple[str, str] | None:
    """The socket folders an earlier daemon noted, if they still are what they were.

    The note names the home it is for: a copy or a renamed home must not use the sockets of the first.
    """
    try:
        with open(f"{root}/run.path", encoding="utf-8") as file:
            noted, run, apps = file.read().splitlines()
    except (OSError, ValueError):
        return None
    return (run, apps) if noted == root and is_ours(run) and is_ours(apps) else None


def _record(home: Home) -> None:
    if _recorded(home.root) == (home.run, home.apps):
        return  # a disk that is full or read-only is no hindrance
    draft = f"{home.root}/run.path.{os.getpid()}"
    try:
        with open(draft, "w", encoding="utf-8") as file:
            file.write(f"{home.root}\n{home.run}\n{home.apps}\n")
        os.replace(draft, f"{home.root}/run.path")
    except OSError as exc:
        if os.path.lexists(draft):
            os.unlink(draft)
        raise HomeError(f"cannot write in {home.root}: {exc.strerror}") from exc


def _make_folder(folder: str, mode: int, *, yours: bool = False) -> None:
    """Make sure of one folder. Where the user made it himself (`yours`), its mode stays."""
    made = not os.path.lexists(folder)
    try:
        os.makedirs(folder, mode, exist_ok=True)
    except OSError as exc:
        raise HomeError(f"cannot make the folder {folder}: {exc.strerror}") from exc
    if not is_ours(folder):
        raise HomeError(f"{folder} is not a folder that only this user may write to; fix its owner and mode")
    if (made or not yours) and os.lstat(folder).st_mode & 0o7777 != mode:
        _set_mode(folder, mode)


def _set_mode(folder: str, mode: int) -> None:
    try:
        os.chmod(folder, mode)
    except OSError as exc:
        raise HomeError(f"cannot set the mode of {folder}: {exc.strerror}") from exc
