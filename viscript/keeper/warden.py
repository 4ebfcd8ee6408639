"""The parent of an app that may run on one host only: it ends the app when its lease is not kept.

warden.py FILE -- PROGRAM ARGV0 ARGS...

It does so whoever else is dead or frozen: it needs nobody but the file (see `fence`, which has its layout).
The keeper does the same, and does it first; this is the second line. Run as a file, imports nothing of ours.

* What the app leaves behind becomes the warden's child: below it is the whole tree, however it was made.
* A signal that somebody sends to the warden is passed on; one of the terminal the app has had itself.
* It ends as the app ended, with the same exit status or by the same signal.
* When the warden is killed, the app is killed (`--tied` of the exec helper).
"""

import contextlib
import os
import resource
import signal
import struct
import sys
import time

ASK_S = 6.5  # the keeper asks at 6
KILL_S = 8.0
LOOK_S = 0.25
KILLING_S = 0.02

CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
LAYOUT = struct.Struct(">ddd")
PR_SET_CHILD_SUBREAPER = 36
SENT = (0, -1, -6)  # SI_USER, SI_QUEUE, SI_TKILL: by a process, not by the kernel or a terminal
HELD = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}
FAILED = 126


class Lease:
    """What the file says, as long as it says anything."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.kept = 0.0
        self.asked = 0.0

    def age(self) -> float:
        """Seconds since it was kept, as far as we know; what cannot be read changes nothing."""
        try:
            with open(self.path, "rb") as file:
                first, second, asked = LAYOUT.unpack(file.read(LAYOUT.size))
        except (OSError, struct.error):
            return time.clock_gettime(CLOCK) - self.kept
        if first == second:
            self.kept = first
        self.asked = asked
        return time.clock_gettime(CLOCK) - self.kept


class Warden:
    """Watches one app, its child."""

    def __init__(self, child: int, lease: Lease) -> None:
        self.child = child
        self.lease = lease
        self.status: int | None = None
        self.asked = False

    def run(self) -> int:
        """The wait status of the app, once it may be told."""
        while True:
            self.reap()
            age = self.lease.age()
            if self.status is not None and (0 <= age < ASK_S or not descendants(os.getpid())):
                return self.status
            if age >= KILL_S or age < 0:
                self.kill()
            elif age >= ASK_S:
                self.ask()
            self.wait(LOOK_S if age < KILL_S else KILLING_S)

    def reap(self) -> None:
        """Take notice of all that ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.child:
                    self.status = status

    def ask(self) -> None:
        """SIGTERM to the whole tree, once, unless the keeper has sent it."""
        if self.asked or self.lease.asked == self.lease.kept:
            return
        self.asked = True
        for pid in descendants(os.getpid()):
            send(pid, signal.SIGTERM)
            send(pid, signal.SIGCONT)  # a stopped one takes no signal but this

    def kill(self) -> None:
        """SIGKILL to the whole tree: stopped first, so that nothing new comes while it is read."""
        tree = descendants(os.getpid())
        for pid in tree:
            send(pid, signal.SIGSTOP)
        for pid in [*tree, *descendants(os.getpid())]:
            send(pid, signal.SIGKILL)

    def wait(self, seconds: float) -> None:
        """Until a child ends, somebody sends a signal, or it is time to look again."""
        info = signal.sigtimedwait(HELD, seconds)
        if info is None or info.si_signo == signal.SIGCHLD or info.si_code not in SENT:
            return
        if self.status is None:
            send(self.child, info.si_signo)


def send(pid: int, number: int) -> None:
    """Signal a process that may be gone, or another user's by now."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def descendants(root: int) -> list[int]:
    """All living processes below this one; where there is no /proc, only its children's groups are known."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdecimal() and (parent := parent_of(int(name))):
            parents.setdefault(parent, []).append(int(name))
    found, news = [], [root]
    while news:
        news = [child for parent in news for child in parents.get(parent, ())]
        found += news
    return found


def parent_of(pid: int) -> int:
    """Whose child a process is; 0 for one that ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent = file.read().rpartition(b") ")[2].split()[:2]
    except (OSError, ValueError):
        return 0
    return 0 if state in b"ZX" else int(parent)


def be_parent_of_orphans() -> None:
    """What the app leaves behind is to become our child, where the system can do that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def begin(path: str, argv: list[str]) -> int:
    """The app's process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    child = os.fork()
    if child:
        return child
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execv(path, argv)
    finally:
        os._exit(FAILED)


def let_go() -> None:
    """What the app alone is to have open: its streams, sockets and secrets."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def end_like(status: int) -> int:
    """The exit code for this status; ends by itself for one that tells of a signal."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the app has left its own
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    return 128 + number


def main(argv: list[str]) -> int:
    """How the app ended."""
    file, _, path, *rest = argv
    be_parent_of_orphans()
    child = begin(path, rest)
    let_go()
    return end_like(Warden(child, Lease(file)).run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
