"""A program in our own place: it gets our terminal, input and output, and its exit code is ours.

Alone on a command line we become it, so that nothing stands between it and its pipes. At the prompt it runs
as a child, which Ctrl-C reaches and the prompt outlives.
"""

import os

from viscript.errors import ExitCode
from viscript.local.client import Client
from viscript.local.door import Door

CANNOT_RUN = 126


def run(client: Client, door: Door, argv: object) -> int:
    """Run the program that a daemon named; the exit code, if we are still there to tell it."""
    if door.owner() not in (0, os.geteuid()):  # root may look at other users' daemons, and not run for them
        text = "this daemon is run by another user, whose programs are not run here"
        return client.fail(ExitCode.NOT_PERMITTED, text)
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return client.fail(ExitCode.UNREACHABLE, "the daemon named no program to run; is it of this version?")
    door.close()
    if client.mode == "oneshot" and not client.depth:
        return _become(client, argv)
    return _beside(client, argv)


def _become(client: Client, argv: list[str]) -> int:
    for descriptor in (0, 1, 2):
        os.set_inheritable(descriptor, True)  # not so where we had to open one of them ourselves
    try:
        os.execve(argv[0], argv, dict(client.environ))
    except OSError as exc:
        return _cannot(client, argv, exc)


def _beside(client: Client, argv: list[str]) -> int:
    """As a child; what the terminal sends reaches it as it reaches us, and is meant for it."""
    import signal
    import subprocess

    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run(argv, env=dict(client.environ), check=False).returncode
    except OSError as exc:
        return _cannot(client, argv, exc)
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code


def _cannot(client: Client, argv: list[str], exc: OSError) -> int:
    client.screen.complain(f"viscript: cannot run {argv[0]}: {exc.strerror}\n")
    return CANNOT_RUN
