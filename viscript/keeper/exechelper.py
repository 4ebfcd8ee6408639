"""Sets in the new process what only it can set, then becomes the app. Run as a file, imports nothing of ours.

exechelper.py [--listen NAMES] [--user U] [--group G] [--umask N] [--nice N] [--rlimit NAME=SOFT:HARD]...
              [--tied yes] -- PATH ARGV0 ARGS...
"""

import os
import resource
import signal
import sys

FAILED = 126  # as a shell says "found, but could not be executed"
PR_SET_PDEATHSIG = 1


def set_up(options: list[str]) -> None:
    """Carry out the options: limits first (they may need rights), the user last."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    for option, value in zip(options[::2], options[1::2], strict=True):
        if option == "--rlimit":
            set_limit(value)
    if "--nice" in given:
        os.setpriority(os.PRIO_PROCESS, 0, int(given["--nice"]))
    if "--umask" in given:
        os.umask(int(given["--umask"]))
    if "--listen" in given:
        hand_over(given["--listen"])
    become(given.get("--user"), given.get("--group"))
    if "--tied" in given:
        tie()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; who is executed would too
        signal.signal(number, signal.SIG_DFL)


def tie() -> None:
    """Be killed when the parent dies; after the user was changed, which would undo it."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != os.getsid(0):  # the parent leads our session: it was gone before
        os.kill(os.getpid(), signal.SIGKILL)


def hand_over(names: str) -> None:
    """Say which descriptors, from 3 on, listen: it must name the process that becomes the app."""
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(names.count(":") + 1)
    os.environ["LISTEN_FDNAMES"] = names


def set_limit(text: str) -> None:
    """`nofile=1024:4096`; -1 is unlimited. A soft limit never exceeds its hard one."""
    name, _, pair = text.partition("=")
    number = getattr(resource, "RLIMIT_" + name.upper())
    soft, hard = (int(word) for word in pair.split(":"))
    if os.geteuid() != 0:  # a hard limit can only be lowered
        allowed = resource.getrlimit(number)[1]
        if allowed >= 0 and not 0 <= hard <= allowed:
            hard = allowed
            soft = soft if 0 <= soft <= hard else hard
    resource.setrlimit(number, (soft, hard))


def become(user: str | None, group: str | None) -> None:
    """Change group and user for good, with the user's other groups."""
    import grp
    import pwd

    row = None
    uid, gid = os.geteuid(), os.getegid()
    if user is not None:
        number = int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
        row = next((entry for entry in pwd.getpwall() if entry.pw_uid == number), None)
        uid, gid = number, row.pw_gid if row else gid
    if group is not None:
        gid = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    if os.geteuid() == 0 and user is not None:
        if row is not None:
            os.initgroups(row.pw_name, gid)
        else:
            os.setgroups([gid])
    if gid != os.getegid():
        os.setgid(gid)
    if uid != os.geteuid():
        os.setuid(uid)


def main(argv: list[str]) -> int:
    """Never returns when all goes well."""
    cut = argv.index("--")
    path, *rest = argv[cut + 1 :]
    try:
        set_up(argv[:cut])
        os.execv(path, rest)
    except (OSError, ValueError, KeyError) as exc:
        sys.stderr.write(f"viscript: cannot start {path}: {exc}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
