"""The program `python -P -m viscript.daemon`: its command line, its lock, its log, its exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from signal_bus.errors import BusError
from viscript.daemon.daemon import Daemon
from viscript.daemon.descriptors import raise_file_limit
from viscript.daemon.lock import DaemonLock
from viscript.daemon.logs import LogFile, open_log
from viscript.daemon.settings import Options, chosen_file
from viscript.errors import ExitCode, VerbError, ViscriptError
from viscript.home import HomeError, find_home, make_home

log = logging.getLogger(__name__)

THREAD_TURN_S: Final = 0.0005  # a thread that computes holds the loop no longer than that (Python: 5 ms)

USAGE: Final = "usage: viscript daemon [--config FILE | --no-config] [--guarded]"


def options_from(argv: Sequence[str]) -> Options:
    """The command line, by hand: `argparse` takes half a MB. Exits with 2 and a usage line if it is wrong."""
    words = iter(argv)
    config, flags = None, set()
    for word in words:
        name, equals, value = word.partition("=")
        if name == "--config":
            config = (value if equals else next(words, "")) or _wrong("--config takes a file")
        elif word in ("--no-config", "--guarded"):
            flags.add(word)
        else:
            _wrong(f"{word} is not known")
    return Options(
        config=config,
        no_config="--no-config" in flags,
        guarded="--guarded" in flags,
        cwd=str(Path.cwd()),
    )


def _wrong(text: str) -> NoReturn:
    print(f"viscript daemon: {text}\n{USAGE}", file=sys.stderr)
    raise SystemExit(int(ExitCode.USAGE))


def main(argv: Sequence[str]) -> int:
    """Run until stopped; the exit code of the contract."""
    os.umask(0o077)
    sys.setswitchinterval(THREAD_TURN_S)
    options = options_from(argv)
    try:
        return _run(options)
    except BaseExceptionGroup as group:
        return _told(_first(group))
    except (ViscriptError, BusError, HomeError, OSError) as exc:
        return _told(exc)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault behind the task groups it came through."""
    fault: BaseException = group
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault


def _told(fault: BaseException) -> int:
    """Say why the daemon does not run, in one line; the exit code for it."""
    if isinstance(fault, VerbError):
        print(fault.text, file=sys.stderr)
        return int(fault.code)
    log.error("the daemon ended", exc_info=fault)
    print(f"viscript daemon: {_words(fault)}", file=sys.stderr)
    return int(ExitCode.FAILED)


def _words(fault: BaseException) -> str:
    if isinstance(fault, OSError) and fault.filename is not None:
        return f"{os.fsdecode(fault.filename)}: {fault.strerror}"
    return str(fault)


def _run(options: Options) -> int:
    home = find_home(os.environ)
    make_home(home)
    file = chosen_file(options, os.environ, home)
    lock = DaemonLock(home.daemon_lock, home.daemon_facts, home.verbs_socket)
    lock.take(file)
    lines = open_log(home.daemon_log, foreground=not options.guarded)
    log.info("daemon starting pid=%d home=%s config=%s", os.getpid(), home.root, file or "none")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    _watch_children_by_pidfd()
    raise_file_limit()
    try:
        daemon = Daemon(home, options, file, os.environ)
        asyncio.run(_served(daemon, lines))
    finally:
        lock.release()
    log.info("daemon ended pid=%d", os.getpid())
    if daemon.again:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "viscript.daemon", *sys.argv[1:]])
    return int(ExitCode.DONE)


async def _served(daemon: Daemon, lines: LogFile) -> None:
    with lines.gathered(asyncio.get_running_loop().call_soon):
        await daemon.run()


def _watch_children_by_pidfd() -> None:
    """Python 3.11 would start a thread for each child; later ones use pidfds by themselves."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
