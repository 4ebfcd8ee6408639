"""Runs one `@app` function as a process: `python -P -m viscript.plugin_run FILE-OR-MODULE NAME [ARGS...]`.

Under a daemon it joins the signal bus, which answers ping and shutdown; started by hand it runs until
Ctrl-C. A function that waits for `ctx.stopped()` (or looks at `ctx.stopping`) ends by itself; any other
is cancelled when it has to stop.
Exit codes: 0 the function returned or was stopped, 1 it raised, 2 unknown name or wrong arguments.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from signal_bus.client import SignalClient
from signal_bus.errors import BusError, NotSupervised
from viscript.pluginhost import appform
from viscript.pluginhost.appcontext import AppContext
from viscript.pluginhost.loaded import import_file

SETTINGS: Final = "VISCRIPT_SETTINGS"


def find(location: str, name: str) -> appform.Run:
    """The `@app` function of that name in a file or module. Raises `ValueError` when there is none."""
    module = import_file(Path(location)) if location.endswith(".py") else importlib.import_module(location)
    named = {appform.name_of(function): function for function in appform.functions_of(module)}
    if name not in named:
        raise ValueError(f"{location} has no app {name!r}; it has {', '.join(sorted(named)) or 'none'}")
    return named[name]


def settings_of(environ: Mapping[str, str]) -> dict[str, Any]:  # Any: as config.yaml has it
    """The plugin's settings, as the daemon put them into the environment."""
    settings = json.loads(environ.get(SETTINGS, "{}"))
    return settings if isinstance(settings, dict) else {}


async def run(function: appform.Run, values: Sequence[object], context: AppContext) -> None:
    """Run the function until it returns, or until the context is told to stop."""
    raised: list[Exception] = []

    async def call() -> None:
        try:
            await function(context, *values)
        except Exception as exc:  # noqa: BLE001 (raised again below, where no group wraps it)
            raised.append(exc)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(call())
        watch = group.create_task(_watch(task, context))
        await asyncio.wait([task])
        watch.cancel()
    if raised:
        raise raised[0]


async def _watch(task: asyncio.Task[None], context: AppContext) -> None:
    """Cancel a function that does not look whether it should stop."""
    await context.asked()
    if not context.heeds:
        task.cancel()


async def serve(function: appform.Run, values: Sequence[object], name: str) -> None:
    """Run the function on the bus if a daemon started us, else by itself."""
    settings = settings_of(os.environ)
    try:
        client = SignalClient.from_env(name=name)
    except NotSupervised:
        context = AppContext(name, settings=settings)
        _heed_signals(context)
        await run(function, values, context)
        return
    async with client as bus:
        context = AppContext(name, settings=settings, bus=bus)
        finished = asyncio.Event()

        @bus.on_shutdown
        async def stop() -> None:
            context.stop()
            await finished.wait()

        _heed_signals(context)
        try:
            await run(function, values, context)
        finally:
            finished.set()


def _heed_signals(context: AppContext) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, context.stop)


def main(words: Sequence[str]) -> int:
    """Run the app the words name; the answer is the exit code."""
    if len(words) < 2:
        print("usage: python -P -m viscript.plugin_run FILE-OR-MODULE NAME [ARGS...]", file=sys.stderr)
        return 2
    location, name, *rest = words
    try:
        function = find(location, name)
        values = appform.bind(function, rest)
    except (ValueError, ImportError, OSError) as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        return 2
    try:
        asyncio.run(serve(function, values, name))
    except BusError as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        return 1
    except Exception:  # noqa: BLE001 (the app's own code failed: its traceback belongs on its stderr)
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
