"""daemon status, daemon stop, whoami, version."""

import asyncio
import platform

from viscript import __version__
from viscript.fingerprint import fingerprint
from viscript.render.human import span
from viscript.supervisor.api import World
from viscript.verbs.reach import daemon
from viscript.verbs.results import DaemonStatus, Stopping, Version, WhoAmI
from viscript.verbs.table import Call, Option, Outcome, Role, Verb


async def status(call: Call) -> Outcome:
    """Who the daemon is."""
    world = daemon(call)
    facts = world.facts()
    row = DaemonStatus(
        pid=facts.pid,
        keeper_pid=facts.keeper_pid,
        home=facts.home,
        config=facts.config,
        version=facts.version,
        uptime_seconds=max(world.now() - facts.started_at, 0.0),
        apps=len(world.supervisor.instances()),
        store="" if world.store is None else f"{world.store.name}, {world.store.standing()}",
        faults=_faults(world),
    )
    text = (
        f"daemon pid {row.pid}, keeper pid {row.keeper_pid}, "
        f"up {span(row.uptime_seconds)}, version {row.version}\n"
        f"home {row.home}\nconfig {row.config or 'none'}\n{row.apps} apps"
        + (f"\nstore {row.store}" if row.store else "")
    )
    return Outcome(data=row, text=text, notes=row.faults)


def _faults(world: World) -> tuple[str, ...]:
    """What is wrong with plugins and their settings: the daemon came up without them."""
    return tuple(f"{fault.check}: {fault.text}" for fault in world.plugins.faults()) if world.plugins else ()


async def stop(call: Call) -> Outcome:
    """End the daemon once this answer is on its way; the apps go on unless `--stop-all`."""
    world = daemon(call)
    stop_all: bool = call.args["stop_all"]
    row = Stopping(pid=world.facts().pid, stop_all=stop_all)
    await call.desk.carry(world.stop_daemon(stop_all=stop_all))
    what = "the apps were stopped" if stop_all else "the apps go on"
    return Outcome(data=row, text=f"the daemon (pid {row.pid}) ends; {what}")


async def whoami(call: Call) -> Outcome:
    """This host's key and label."""
    facts = daemon(call).facts()
    words = await asyncio.to_thread(fingerprint, facts.public_key)
    row = WhoAmI(
        public_key=facts.public_key,
        words=words,
        label=facts.label,
        version=facts.version,
        bus_key=facts.bus_key,
    )
    return Outcome(data=row)


async def version(call: Call) -> Outcome:
    """Versions of this program and of Python."""
    row = Version(version=__version__, python=platform.python_version())
    return Outcome(data=row, text=f"viscript {row.version} (Python {row.python})")


VERBS = (
    Verb(
        name="daemon status",
        group="daemon",
        summary="pid, home, config, uptime of the daemon",
        result=DaemonStatus,
        name_of=lambda row: str(row.pid),
        handler=status,
    ),
    Verb(
        name="daemon stop",
        group="daemon",
        summary="end the daemon; the apps go on",
        options=(Option(flags=("--stop-all",), name="stop_all", flag=True, help="stop all apps first"),),
        result=Stopping,
        name_of=lambda row: str(row.pid),
        role=Role.ADMIN,
        handler=stop,
    ),
    Verb(
        name="whoami",
        group="daemon",
        summary="this host's key and label",
        result=WhoAmI,
        name_of=lambda row: row.label,
        handler=whoami,
    ),
    Verb(
        name="version",
        aliases=("v",),
        group="daemon",
        summary="version of viscript",
        result=Version,
        name_of=lambda row: row.version,
        where="client",
        handler=version,
    ),
)
