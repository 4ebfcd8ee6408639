"""`python -P -m components.visor.pipe [OPTIONS] -- BIN ARGS`: runs one app, and ends with its exit code."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.visor.app import App, AppError, Listener
from components.visor.apps.limits import MAX_NAME
from components.visor.pipe import child, onbus
from components.visor.pipe.host import Host

log = logging.getLogger(__name__)

CANNOT_RUN, NO_VISOR = 126, 69  # exit codes
GRACE_S = 10.0


def options(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="components.visor.pipe", description="Runs an app of Skywire (2019)."
    )
    parser.add_argument("--name", default="", help="what the app must call itself; any, if left out")
    parser.add_argument("--version", default="", help="the version it must have; any, if left out")
    parser.add_argument("--port", type=int, default=0, help="the port it takes connections on; 0: none")
    parser.add_argument("--visor", default=None, help="the visor's address; VISCRIPT_VISOR, if left out")
    parser.add_argument("--raw", action="store_true", help="streams carry bytes only, no bounds of messages")
    parser.add_argument(
        "--log-arg",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="give the app the path of a log as its first argument, as its visor did",
    )
    parser.add_argument("command", nargs="+", metavar="BIN ARGS", help="the app, after --")
    return parser.parse_args(argv)


def called(chosen: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """What the visor calls the app: its own name, as the daemon knows it, or that of its program."""
    known = Path(environ.get("VISCRIPT_STATE", "")).name  # the folder of that app
    return (chosen.name or known or Path(chosen.command[0]).name)[:MAX_NAME]


async def run(chosen: argparse.Namespace) -> int:
    """Run the app to its end: its exit code. Raises `AppError` when the visor refuses."""
    signals = Signals()
    with tempfile.TemporaryDirectory(prefix="pipe-") as scratch:
        program, *rest = chosen.command
        inserted = [str(Path(scratch) / "log.db")] if chosen.log_arg else []
        async with App.connect(chosen.visor, name=called(chosen, os.environ)) as app:
            listener = await app.listen(chosen.port)
            try:
                started = child.start([program, *inserted, *rest])
            except OSError as exc:
                print(f"{program}: {exc.strerror}", file=sys.stderr)
                return CANNOT_RUN
            signals.to(started.process.pid)
            has_visor = await carry(chosen, app, listener, started)
            code = child.exit_code(started.process)
            return code if code or has_visor else NO_VISOR  # its end was not its own wish
    raise AssertionError  # pragma: no cover


async def carry(chosen: argparse.Namespace, app: App, listener: Listener, started: child.Child) -> bool:
    """Until the app has ended; whether it had its visor to the end.

    One that closed its pipes, or whose visor is gone, and that goes on is killed after a while.
    """
    has_visor = True
    try:
        async with asyncio.TaskGroup() as tasks:
            ends = started.read, started.write
            host = Host(app, tasks, *ends, name=chosen.name, version=chosen.version, raw=chosen.raw)
            beside = [tasks.create_task(onbus.serve(app.name, host, started.process.terminate))]
            if not chosen.port:
                beside.append(tasks.create_task(host.watch(listener)))
            log.info("the pipes are closed: %s", await host.run(listener if chosen.port else None))
            has_visor = not host.has_lost_visor
            for task in beside:
                task.cancel()
        async with asyncio.timeout(GRACE_S):
            await ended(started.process.pid)
    except TimeoutError:
        log.warning("killed the app: it closed its pipes and went on")
    finally:
        started.process.kill()
    return has_visor


async def ended(pid: int) -> None:
    """Wait for the end of a process of ours."""
    descriptor = os.pidfd_open(pid)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


class Signals:
    """SIGTERM and SIGINT go on to the app, whose end ends us; before it runs they end us."""

    def __init__(self) -> None:
        self._pid = 0
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.pass_on, number)

    def to(self, pid: int) -> None:
        """The app runs."""
        self._pid = pid

    def pass_on(self, number: int) -> None:
        """One came."""
        if not self._pid:
            raise SystemExit(128 + number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)


def main(argv: Sequence[str]) -> int:
    """Run, and say what is wrong in one line."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        return asyncio.run(run(options(argv)))
    except AppError as exc:
        print(f"pipe: {exc}", file=sys.stderr)
        return NO_VISOR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
