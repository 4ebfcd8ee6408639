"""`python -P -m viscript.daemon`: the daemon itself. People start it by `viscript daemon`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from viscript.daemon.daemon import Daemon
from viscript.daemon.lock import DaemonLock
from viscript.daemon.logs import open_log
from viscript.daemon.settings import Options, read_settings
from viscript.errors import ExitCode, VerbError, ViscriptError
from viscript.home import HomeError, find_home, make_home

log = logging.getLogger(__name__)


def options_from(argv: Sequence[str]) -> Options:
    """The command line. Exits with 2 and a usage line when it is wrong."""
    parser = argparse.ArgumentParser(prog="viscript daemon", allow_abbrev=False)
    parser.add_argument("--config", help="the configuration file")
    parser.add_argument("--no-config", action="store_true", help="use no configuration file")
    parser.add_argument(
        "--guarded",
        action="store_true",
        help="nobody watches: log to the file, be started again after a crash",
    )
    given = parser.parse_args(argv)
    return Options(
        config=given.config,
        no_config=given.no_config,
        guarded=given.guarded,
        cwd=str(Path.cwd()),
    )


def main(argv: Sequence[str]) -> int:
    """Run until stopped; the exit code of the contract."""
    os.umask(0o077)
    options = options_from(argv)
    try:
        return _run(options)
    except VerbError as exc:
        print(exc.text, file=sys.stderr)
        return int(exc.code)
    except (ViscriptError, HomeError, OSError) as exc:
        log.exception("the daemon ended")
        print(f"viscript daemon: {exc}", file=sys.stderr)
        return int(ExitCode.FAILED)


def _run(options: Options) -> int:
    home = find_home(os.environ)
    make_home(home)
    loaded = read_settings(options, os.environ, home)
    lock = DaemonLock(home.daemon_lock, home.daemon_facts)
    lock.take(loaded.file)
    open_log(home.daemon_log, loaded.config.logging.level, foreground=not options.guarded)
    log.info("daemon starting pid=%d home=%s config=%s", os.getpid(), home.root, loaded.file or "none")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        asyncio.run(Daemon(home, options, loaded, os.environ).run())
    finally:
        lock.release()
    log.info("daemon ended pid=%d", os.getpid())
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
